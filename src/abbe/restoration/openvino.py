"""OpenVINO as a plug-in of ONNX Runtime: an execution provider that its own wheel brings as a library.

https://onnxruntime.ai/docs/execution-providers/plugin-ep-libraries/ - registered once per process, then picked by device.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import onnxruntime as ort

PROVIDER = "OpenVINOExecutionProvider"


@cache
def _register() -> tuple[list[Any], str]:
    """(CPU devices of the plug-in, why there are none)."""
    try:
        import onnxruntime_ep_openvino as plugin
    except ImportError:
        return [], "the package onnxruntime-ep-openvino is not installed; wheels exist for Linux and Windows on x86-64"
    try:
        ort.set_default_logger_severity(4)  # a failure comes back as an exception; its log lines are not for users
        ort.register_execution_provider_library(PROVIDER, plugin.get_library_path())
        found = [d for d in ort.get_ep_devices() if d.ep_name == PROVIDER and d.device.type == ort.OrtHardwareDeviceType.CPU]
    except Exception as problem:  # whatever a foreign library raises, there is another engine
        return [], (str(problem).strip() or type(problem).__name__).splitlines()[0]
    return found, "" if found else "its plug-in sees no CPU that it can use"


def devices() -> list[Any]:
    """The CPU as the plug-in sees it."""
    return _register()[0]


def works() -> bool:
    return bool(devices())


def failure() -> str:
    """Why OpenVINO cannot be used here; empty when it can."""
    return _register()[1]


def version() -> str:
    found = devices()
    return str(found[0].ep_metadata.get("version", "")).partition("+")[0] if found else ""

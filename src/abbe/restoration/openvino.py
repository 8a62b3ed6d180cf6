"""OpenVINO: a runtime of its own, faster than ONNX Runtime's own CPU code on every x86-64 CPU and two to six times where it has bfloat16.

As a plug-in of ONNX Runtime it sees Intel's CPUs alone; the same library, loaded directly, serves AMD's and ARM's too
(docs/design/engines.md).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
#: code for so many layers, each for one size of image, that a session keeps for images of that size to come. By default it is 5000: in a
#: batch of images that all differ in size a process grew from 0.35 to 1.15 GB with 160 of them, and on. Images of a few sizes that take
#: turns are as fast with 30 as with 5000
KEPT = 100
#: the provider that a recipe names
PROVIDER = "OpenVINO"


class Port(NamedTuple):
    """An input or output, as ONNX Runtime's sessions have them."""

    name: str


class Session:
    """A compiled model with the part of ONNX Runtime's interface that a runner uses. Not for several threads at once."""

    def __init__(self, content: bytes, threads: int, exact: bool) -> None:
        """Raises what OpenVINO raises for a model that it cannot run."""
        core = _load()[0]
        assert core is not None
        settings: dict[str, object] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": str(KEPT),
            **({"INFERENCE_PRECISION_HINT": "f32"} if exact else {}),
        }
        self._model = core.compile_model(core.read_model(io.BytesIO(content)), "CPU", settings)
        self._request = self._model.create_infer_request()

    def get_inputs(self) -> list[Port]:
        return [_port(port) for port in self._model.inputs]

    def get_outputs(self) -> list[Port]:
        return [_port(port) for port in self._model.outputs]

    def run(self, names: Sequence[str] | None, feed: Mapping[str, Float32]) -> list[Float32]:
        """Copies of the outputs of these names (None: of all) for arrays by input name."""
        self._request.infer({name: np.ascontiguousarray(array) for name, array in feed.items()})
        wanted = [port.name for port in self.get_outputs()] if names is None else names
        return [np.array(self._request.get_tensor(name).data, np.float32) for name in wanted]

    def release(self) -> None:
        """The memory that is held for the next run."""
        self._model.release_memory()


def _port(port: Any) -> Port:
    """By the name that the file gives it: one that the model converts at once has the name of what is converted too."""
    own = str(port.get_node().get_friendly_name()).partition("/sink_port")[0]
    return Port(own if own in port.get_names() else port.get_any_name())


@contextmanager
def _no_usage_reports() -> Iterator[None]:
    """While openvino is imported, its package that sends usage reports to Google Analytics, unasked, is not there.

    openvino looks for that package once, when it is imported, and does without where there is none.
    """
    name = "openvino_telemetry"
    if name in sys.modules or "openvino" in sys.modules:
        yield  # somebody else in this process decided
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


@cache
def _load() -> tuple[Any, str]:
    """(its core, or None and why)."""
    try:
        with _no_usage_reports():
            import openvino
        core = openvino.Core()
        devices = core.available_devices
    except ModuleNotFoundError:
        return None, "the package openvino is not installed; its wheels exist for Linux, Windows and macOS"
    except Exception as problem:  # whatever a foreign library raises, there is another engine
        return None, (str(problem).strip() or type(problem).__name__).splitlines()[0]
    return (core, "") if "CPU" in devices else (None, "it sees no CPU that it can use")


def works() -> bool:
    return _load()[0] is not None


def failure() -> str:
    """Why OpenVINO cannot be used here; empty when it can."""
    return _load()[1]


def version() -> str:
    if not works():
        return ""
    import openvino

    return str(openvino.__version__).partition("-")[0]

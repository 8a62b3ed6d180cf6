"""`abbe doctor`: what abbe finds on this machine, and whether it works. Its output is what a report of a problem should bring."""

from __future__ import annotations

import importlib.util
import platform
import tempfile
import time
from collections.abc import Iterator

import onnxruntime as ort

from abbe._version import __version__
from abbe.cli.frame import EXTRAS
from abbe.cli.model import check_run
from abbe.cli.speech import say
from abbe.errors import AbbeError
from abbe.restoration import openvino
from abbe.restoration.engine import PROVIDERS, Engine, available, cores, engine, measured_precision
from abbe.restoration.room import free_disk, in_words, memory
from abbe.zoo import damaged, models


def command() -> None:
    """Check this installation: machine, engines, models, optional parts."""
    say(*_machine())
    problems = [*_engines(), *_models()]
    say(_extras())
    if problems:
        raise AbbeError(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}: {'; '.join(problems)}")
    say("all is well")


def _extras() -> str:
    """Which optional parts are here; of one that is here in part, as after an update, what it lacks."""
    here, absent = [], []
    for extra in dict.fromkeys(EXTRAS.values()):
        packages = [package for package, brought in EXTRAS.items() if brought == extra]
        lacks = [package for package in packages if importlib.util.find_spec(package) is None]
        if packages[0] in lacks:
            absent.append(extra)
        else:
            here.append(f'{extra} (without {", ".join(lacks)}: pip install "abbe[{extra}]")' if lacks else extra)
    return f"optional parts: {', '.join(here) or 'none'}" + (f"; not installed: {', '.join(absent)}" if absent else "")


def _machine() -> Iterator[str]:
    yield f"abbe {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    there = memory()
    yield f"{cores()} CPU cores, {in_words(there) if there else 'unknown'} memory"
    folder = tempfile.gettempdir()
    free = free_disk(folder)
    yield f"scratch files in {folder}: {'unknown' if free is None else in_words(free)} free"


def _engines() -> Iterator[str]:
    """Say how each engine does on a real convolution; yield what is wrong."""
    chosen = engine("auto").name
    say(f"ONNX Runtime {ort.__version__}")
    for name in PROVIDERS:
        mark = " (chosen by auto)" if name == chosen else ""
        if name not in available():
            if name == "openvino":
                say(f"engine {name}: not available: {openvino.failure()}")
            continue
        start = time.perf_counter()
        try:
            precision = measured_precision(Engine(name))
            exact = measured_precision(Engine(name, exact=True))
        except Exception as problem:  # whatever a provider raises is what the doctor is asked for
            say(f"engine {name}{mark}: fails: {(str(problem).splitlines() or ['no reason given'])[0]}")
            if name == chosen:
                yield f"the engine {name} does not run; use --engine cpu"
            continue
        took = time.perf_counter() - start
        version = f" {openvino.version()}" if name == "openvino" else ""
        say(f"engine {name}{version}{mark}: computes in {precision}, exact in {exact}, ready in {1000 * took:.0f} ms")


def _models() -> Iterator[str]:
    """Say how each model is; yield what is wrong."""
    for problem in damaged():
        yield str(problem)
    known = models()
    if not known:
        yield "there is no model; install abbe again"
    for model in known:
        try:
            check_run(model)
        except AbbeError as problem:
            yield str(problem)
            continue
        say(f"model {model.card.name} {model.card.version}: whole, sha256 {model.card.digest[:16]}...")

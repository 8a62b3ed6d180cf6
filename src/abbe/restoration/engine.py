"""The inference engine: what computes, how exactly, and the sessions it keeps.

"auto" takes an NVIDIA card where ONNX Runtime was built for one, else OpenVINO where it is installed and works, else ONNX Runtime's own
CPU code. OpenVINO computes in bfloat16 where the CPU does (2 to 6 times faster there); `exact=True` asks for float32. Same input, same
recipe, same engine: same bytes.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from abbe import recipe
from abbe.errors import EngineError, ModelError, ParameterError
from abbe.restoration import openvino
from abbe.zoo import Model
from abbe.zoo.halves import halves

Precision = Literal["fp32", "bf16", "fp16"]
Float32 = npt.NDArray[np.float32]

#: name for users -> provider: ONNX Runtime's, or OpenVINO itself
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "openvino": openvino.PROVIDER,
    "cpu": "CPUExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
#: environment variable with the number of cores to use, for several processes beside one another
CORES = "ABBE_CORES"
_AUTOMATIC = ("cuda", "openvino", "cpu")


class ProviderError(Exception):
    """A provider failed on a model that it had accepted. Never reaches a user: the run starts again on the CPU provider."""


@dataclass(frozen=True)
class Engine:
    """A provider and a precision. Make one with `engine()`."""

    name: str
    exact: bool = False

    @property
    def provider(self) -> str:
        return PROVIDERS[self.name]

    @cached_property
    def precision(self) -> Precision:
        """What it computes in; measured where a provider may choose."""
        return "fp32" if self.exact or self.name == "cpu" else measured_precision(self)

    def account(self) -> recipe.Engine:
        """For the recipe."""
        version = f"openvino {openvino.version()}" if self.name == "openvino" else f"onnxruntime {ort.__version__}"
        return recipe.Engine(name=self.name, version=version, provider=self.provider, precision=self.precision, exact=self.exact)

    def session(self, content: bytes) -> Any:
        """A session for the bytes of a model. Raises what the runtime raises."""
        if self.name == "openvino":
            return openvino.Session(content, cores(), self.exact)
        options = ort.SessionOptions()
        options.enable_cpu_mem_arena = False  # the arena keeps the peak of every shape: twice the memory, no time gained
        options.enable_mem_pattern = False
        options.use_deterministic_compute = True
        options.intra_op_num_threads = cores()
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave a shared machine alone
        wanted: list[Any] = [self.provider]
        if self.name == "cuda" and self.exact:
            wanted = [(self.provider, {"use_tf32": "0"})]
        session = ort.InferenceSession(content, options, providers=[*wanted, *(["CPUExecutionProvider"] if self.name != "cpu" else [])])
        if self.provider not in session.get_providers():
            raise ProviderError(f"{self.provider} could not be set up")
        return session


@cache
def measured_precision(engine: Engine) -> Precision:
    """Which numbers a provider computes with, told from how it rounds 1 + 2^-9 + 2^-20 in a convolution.

    float32 keeps it, float16 (11 significant bits) drops the last term, bfloat16 (8 bits) both.
    """
    from importlib.resources import files

    content = files("abbe.restoration").joinpath("probe.onnx").read_bytes()
    answer = engine.session(content).run(None, {"observed": np.ones((1, 16, 32, 32), np.float32)})[0]
    excess = float(np.median(answer)) - 1
    if abs(excess - (2**-9 + 2**-20)) < 2**-22:
        return "fp32"
    return "fp16" if excess > 2**-10 else "bf16"


def cores() -> int:
    """CPU cores that this process may use: those it is bound to, or as many as the environment variable ABBE_CORES says."""
    if (wanted := os.environ.get(CORES, "")).isdecimal() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available() -> tuple[str, ...]:
    """Engines that work here, best first."""
    built = ort.get_available_providers()
    return tuple(name for name in PROVIDERS if (openvino.works() if name == "openvino" else PROVIDERS[name] in built))


def engine(name: str = "auto", exact: bool = False) -> Engine:
    """The engine of this name. Raises `ParameterError` for an unknown name, `EngineError` for one that is not available here."""
    if name != "auto" and name not in PROVIDERS:
        raise ParameterError(f"wanted an engine of auto, {', '.join(PROVIDERS)}, got {name!r}")
    here = available()
    if name == "auto":
        return Engine(next(candidate for candidate in _AUTOMATIC if candidate in here), exact)
    if name not in here:
        reason = f" ({openvino.failure()})" if name == "openvino" else ""
        raise EngineError(f"wanted the engine {name!r}, which is not available here{reason}; there are: auto, {', '.join(here)}")
    return Engine(name, exact)


#: a stretch of input pixels along each axis
Region: TypeAlias = tuple[slice, slice]
#: input pixels beyond those of its own grid that the part of a super-resolving network that makes the finer image sees: what keeps the
#: light where it is (6), one for its mean, one for enlarging, one for the last convolution
EXIT_SEES = 9
#: input pixels of a band in which that part runs: its features on the finer grid take 0.6 kB each
BAND = 2**17
#: sides of what that part runs on are multiples of this many pixels: fewer different sizes to compile for
EXIT_QUANTUM = 16


class Runner:
    """One model on one engine. `run` may be called from several threads."""

    def __init__(self, model: Model, engine: Engine) -> None:
        self.card = model.card
        self.engine = engine
        content = model.weights()
        parts = halves(content) if self.card.scale > 1 else None
        self._features = "" if parts is None else parts.features
        self._results: tuple[str, ...] = ("restored",) if parts is None else parts.results
        try:
            self._sessions = [engine.session(part) for part in ((content,) if parts is None else (parts.body, parts.exit))]
        except MemoryError:
            raise
        except Exception as problem:
            if engine.name != "cpu":
                raise ProviderError(str(problem)) from problem
            if _is_memory(problem):
                raise MemoryError(str(model.path)) from problem
            raise ModelError(f"wanted a network that ONNX Runtime can run, got {model.path}: {_line(problem)}") from problem
        self._lock = threading.Lock()
        self._check_inputs()

    def _check_inputs(self) -> None:
        wanted = {"observed"} | ({"context"} if self.card.context else set()) | ({"told"} if self.card.told else set())
        inputs = {entry.name for session in self._sessions for entry in session.get_inputs()} - {self._features}
        outputs = [entry.name for entry in self._sessions[-1].get_outputs()]
        if inputs != wanted or outputs != list(self._results):
            raise ModelError(
                f"wanted a network with inputs {', '.join(sorted(wanted))} and output restored, got {', '.join(sorted(inputs))} and "
                f"{', '.join(outputs)} in {self.card.name}; the card and the weights do not belong together"
            )

    def run(
        self, observed: Float32, told: Mapping[str, float] | None = None, context: Float32 | None = None, kept: Region | None = None
    ) -> Float32:
        """(N, C, H, W) float32 in, (N, 2, H * scale, W * scale) float32 out: estimate and spread.

        Args:
            kept: the input pixels whose result is wanted (default: all); what is given for others may be anything.

        Raises `ModelError` for a model that does not do what its card says.
        """
        n, _, h, w = observed.shape
        feed: dict[str, Float32] = {"observed": observed}
        if self.card.context:
            feed["context"] = np.zeros((n, 1, h, w), np.float32) if context is None else context
        if self.card.told:
            feed["told"] = np.tile(np.array([[_known(told, name) for name in self.card.told]], np.float32), (n, 1))
        try:
            with self._lock:
                restored = self._whole(feed) if len(self._sessions) == 1 else self._in_bands(feed, kept or (slice(0, h), slice(0, w)))
                self._release()
        except Exception as problem:
            if self.engine.name != "cpu":
                raise ProviderError(str(problem)) from problem
            if _is_memory(problem):
                raise MemoryError(f"{self.card.name} on {h} x {w} pixels") from problem
            raise ModelError(f"wanted {self.card.name} to restore {h} x {w} pixels, but it failed: {_line(problem)}") from problem
        wanted = (n, 2, h * self.card.scale, w * self.card.scale)
        if restored.shape != wanted:
            raise ModelError(f"wanted {wanted} from {self.card.name}, got {restored.shape}; its card and weights do not belong together")
        return restored

    def _whole(self, feed: Mapping[str, Float32]) -> Float32:
        restored: Float32 = self._sessions[0].run(["restored"], feed)[0]
        return restored

    def _in_bands(self, feed: Mapping[str, Float32], kept: Region) -> Float32:
        """The features on the network's own grid, then the finer image of what is kept, some rows at a time."""
        body, last = self._sessions
        features: Float32 = body.run([self._features], {entry.name: feed[entry.name] for entry in body.get_inputs()})[0]
        self._release()
        (n, _, h, w), scale = feed["observed"].shape, self.card.scale
        step = h // features.shape[2]
        more = {entry.name: feed[entry.name] for entry in last.get_inputs() if entry.name in feed}
        restored = np.zeros((n, 2, h * scale, w * scale), np.float32)
        across = _window(kept[1].start, kept[1].stop, w, step)
        rows = kept[0].stop - kept[0].start
        count = max(1, round(rows * (across.stop - across.start) / BAND))
        high = -(-rows // (count * step)) * step
        for top in range(kept[0].start, kept[0].stop, high):
            bottom = min(top + high, kept[0].stop)
            down = _window(top, bottom, h, step, high)
            y, x = (slice(part.start // step, part.stop // step) for part in (down, across))
            here = {self._features: features[..., y, x]}
            here |= {name: a if name == "told" else a[..., down, across] for name, a in more.items()}
            made = last.run(self._results, here)
            place = (slice(top * scale, bottom * scale), slice(kept[1].start * scale, kept[1].stop * scale))
            offsets = down.start * scale, across.start * scale
            cut = tuple(slice(part.start - offset, part.stop - offset) for part, offset in zip(place, offsets))
            for which, one in enumerate(made):
                restored[(slice(None), which, *place)] = one[(slice(None), 0, *cut)]
        return restored

    def _release(self) -> None:
        """What sessions hold for their next run; else every model of a chain keeps what it needed in between."""
        for session in self._sessions:
            if isinstance(session, openvino.Session):
                session.release()


def _window(start: int, stop: int, length: int, step: int, usual: int | None = None) -> slice:
    """What the last part of a network has to see of an axis of `length` pixels for [start, stop) of it, on its grid of `step` pixels.

    As long for every stretch of at most `usual` pixels, since a provider compiles a network anew for each size.
    """
    margin = -(-(EXIT_SEES + step) // step) * step
    quantum = math.lcm(EXIT_QUANTUM, step)
    side = min(length, -(-((usual or stop - start) + 2 * margin + step) // quantum) * quantum)
    first = min(max(0, (start - margin) // step * step), length - side)
    return slice(first, first + side)


def _known(told: Mapping[str, float] | None, name: str) -> float:
    if told is None or name not in told:
        offered = ", ".join(told or {}) or "nothing"
        raise ModelError(f"wanted a model that is told {offered}, got one that wants to know {name!r}; update abbe")
    return told[name]


def _is_memory(problem: BaseException) -> bool:
    """ONNX Runtime tells of memory that is not there in the words of C++ and of its own allocator alone."""
    return isinstance(problem, MemoryError) or any(words in str(problem) for words in ("bad_alloc", "Failed to allocate memory"))


def _line(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0][:300] if str(problem).strip() else type(problem).__name__


#: sessions stay ready between calls: a second image costs no set-up. The key has the digests, so that a changed file is a new session.
_RUNNERS: dict[tuple[str, float, bool, Engine], Runner] = {}
_KEPT = 12
_RUNNERS_LOCK = threading.Lock()


def runner(model: Model, engine: Engine) -> Runner:
    """The model on the engine; made once per process."""
    key = (model.card.digest, model.realism, model.mosaic, engine)
    with _RUNNERS_LOCK:
        found = _RUNNERS.get(key)
        if found is None or found.card != model.card:
            while len(_RUNNERS) >= _KEPT:
                del _RUNNERS[next(iter(_RUNNERS))]
            found = _RUNNERS[key] = Runner(model, engine)
        return found

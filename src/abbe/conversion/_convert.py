"""`convert`: a model of the zoo, written in another form, with what that form costs."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from abbe.conversion.bioimageio import write_bioimageio
from abbe.conversion.coreml import write_coreml
from abbe.conversion.forms import DEFAULT, Form, form
from abbe.conversion.mil import read_coreml
from abbe.conversion.onnx_forms import as_onnx
from abbe.conversion.parity import Difference, Run, difference, runtime, samples
from abbe.errors import ParameterError
from abbe.storage import check_target, write_whole, write_whole_folder
from abbe.zoo import Card, Model

Progress: TypeAlias = Callable[[float, str], None]


def _silence(fraction: float, what: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written."""

    path: Path
    form: Form
    #: bytes on the disk
    size: int
    #: against single precision; None where it was not measured
    difference: Difference | None
    #: how the difference was found
    measured_by: str
    #: other files that were written beside it
    beside: tuple[Path, ...] = ()
    #: why it is another precision than the usual one; empty where it is not
    remark: str = ""


def convert(
    model: Model,
    target: str | os.PathLike[str],
    *,
    to: str = "onnx",
    precision: str | None = None,
    overwrite: bool = False,
    measure: bool = True,
    progress: Progress = _silence,
) -> Converted:
    """Write `model` to `target` as ONNX (.onnx, its card as .json beside it), CoreML (.mlpackage) or a bioimage.io package (.zip).

    Args:
        precision: "fp32", "fp16" or "palettised8". None: half precision, or single where half changed the light of structure by more
            than 1 % on the test images.
        overwrite: replace what is there.
        measure: run the result beside single precision on simulated images (a few seconds). Without, and without a precision, nothing
            guards the choice of half precision.
        progress: called with the fraction done and a word for what is next.

    Returns:
        What was written, with its difference from single precision as measured on the file itself.

    Raises:
        ParameterError: an unknown form, or a file name whose ending is another's.
        MissingExtraError: the form needs a part that is not installed.
        ModelError: the weights are not those of the card.
        ExistsError, StorageError: the target is there, or cannot be written.
    """
    wanted = form(to, precision or DEFAULT)
    path = Path(target)
    if path.suffix.lower() != wanted.suffix:
        raise ParameterError(f"wanted a name that ends in {wanted.suffix} for {wanted.to}, got {path.name!r}")
    for name in (path, *_beside(wanted, path)):
        check_target(name, overwrite)
    work = _Work(model.card, model.weights(), path, overwrite, measure, progress, particular=precision is not None)
    progress(0.0, "converting")
    left = (
        f"{model.card.name}'s weights for red and blue of colour cameras stay behind: other programs get its own"
        if model.card.mosaic
        else ""
    )
    try:
        return replace(work.write(wanted), remark=left)
    except _ShiftError as problem:
        why = f"{wanted.precision} changed the light of structure by {problem.shift:.1%}, so single precision was taken"
        return replace(replace(work, particular=True).write(form(to, "fp32")), remark="; ".join(part for part in (why, left) if part))


class _ShiftError(Exception):
    """A form that nobody asked for in particular changes brightness too much. Nothing was written."""

    def __init__(self, shift: float) -> None:
        super().__init__(shift)
        self.shift = shift


@dataclass(frozen=True, slots=True)
class _Work:
    """One conversion."""

    card: Card
    content: bytes
    path: Path
    overwrite: bool
    measure: bool
    progress: Progress
    #: this form was asked for, whatever it costs
    particular: bool

    def write(self, wanted: Form) -> Converted:
        return self._coreml(wanted) if wanted.to == "coreml" else self._onnx(wanted)

    def _coreml(self, wanted: Form) -> Converted:
        with write_whole_folder(self.path, self.overwrite, sign="Manifest.json") as part:
            write_coreml(self.card, self.content, wanted.precision, part)
            cost = self._cost(lambda: runtime(read_coreml(part), as_written=True))
        size = sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())
        return Converted(self.path, wanted, size, cost, "reading the package back; CoreML itself runs on Apple systems alone")

    def _onnx(self, wanted: Form) -> Converted:
        weights = as_onnx(self.content, wanted.precision)
        cost = self._cost(lambda: runtime(weights))
        beside = _beside(wanted, self.path)
        if wanted.to == "bioimageio":
            with write_whole(self.path, self.overwrite) as part:
                write_bioimageio(self.card, weights, part)
        else:
            with ExitStack() as stack:
                card, file = (stack.enter_context(write_whole(name, self.overwrite)) for name in (*beside, self.path))
                card.write_text(self.card.of(weights).to_json(), encoding="utf-8")
                file.write_bytes(weights)
        return Converted(self.path, wanted, self.path.stat().st_size, cost, "ONNX Runtime's CPU provider", beside)

    def _cost(self, run: Callable[[], Run]) -> Difference | None:
        """Beside the model's own file, whose half-precision weights are computed with in single precision."""
        if not self.measure:
            return None
        self.progress(0.5, "comparing")
        cost = difference(runtime(self.content), run(), samples(self.card))
        if not (self.particular or cost.small):
            raise _ShiftError(cost.shift)
        return cost


def _beside(wanted: Form, path: Path) -> tuple[Path, ...]:
    """An ONNX file's card, where abbe looks for it."""
    return (path.with_suffix(".json"),) if wanted.to == "onnx" else ()

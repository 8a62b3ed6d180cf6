"""The forms that a model can take: for which program, and with which numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from abbe.errors import ParameterError

Target: TypeAlias = Literal["onnx", "coreml", "bioimageio"]
Precision: TypeAlias = Literal["fp32", "fp16", "palettised8"]


@dataclass(frozen=True, slots=True)
class Form:
    """A target and a precision."""

    to: Target
    precision: Precision
    #: how the weights are stored, and what the arithmetic is done in
    weights: str
    arithmetic: str

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.to]

    @property
    def title(self) -> str:
        return f"{TITLES[self.to]}, weights in {self.weights}, arithmetic in {self.arithmetic}"

    def __str__(self) -> str:
        return f"{self.to} {self.precision}"


SUFFIXES: dict[Target, str] = {"onnx": ".onnx", "coreml": ".mlpackage", "bioimageio": ".zip"}
TITLES: dict[Target, str] = {"onnx": "ONNX", "coreml": "CoreML mlprogram", "bioimageio": "bioimage.io package with ONNX weights"}
_SINGLE, _HALF, _PALETTE = "single precision", "half precision", "8 bit (a palette of 256 half-precision values per kernel)"

#: ONNX keeps single-precision arithmetic whatever the weights are stored as; CoreML's half precision is half throughout
FORMS: tuple[Form, ...] = (
    Form("onnx", "fp32", _SINGLE, _SINGLE),
    Form("onnx", "fp16", _HALF, _SINGLE),
    Form("onnx", "palettised8", _PALETTE, _SINGLE),
    Form("coreml", "fp32", _SINGLE, _SINGLE),
    Form("coreml", "fp16", _HALF, _HALF),
    Form("coreml", "palettised8", _PALETTE, _HALF),
    Form("bioimageio", "fp32", _SINGLE, _SINGLE),
    Form("bioimageio", "fp16", _HALF, _SINGLE),
    Form("bioimageio", "palettised8", _PALETTE, _SINGLE),
)
#: the precision that is taken when none is asked for, where it shifts intensities by no more than `parity.LARGEST_SHIFT`
DEFAULT: Precision = "fp16"


def form(to: str, precision: str) -> Form:
    """The form of these names. Raises `ParameterError` with the names there are."""
    for known in FORMS:
        if (known.to, known.precision) == (to, precision):
            return known
    targets = ", ".join(dict.fromkeys(f.to for f in FORMS))
    precisions = ", ".join(dict.fromkeys(f.precision for f in FORMS))
    raise ParameterError(f"wanted a form of {targets} with a precision of {precisions}, got {to!r} with {precision!r}")

"""What a reader finds in a file, and the one Protocol that every format speaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from abbe.errors import AbbeError, ParameterError
from abbe.image import Notice, Optics, PixelSize
from abbe.image.pixels import Pixels


@dataclass(frozen=True, slots=True)
class Found:
    """An image as its file has it, before abbe's conventions are applied (`abbe.formats.convention`).

    Attributes:
        pixels: axes TCZYX, native byte order, any number type.
        format: the format's name, for people.
        pixel_size: (z, y, x) in um, None where the file does not say.
        channels: names, None where the file has none; empty: none at all.
        rgb: the channels are the red, green and blue (and alpha) samples of a colour picture.
        facts: other facts of the file, as text.
        images: of a file that holds several, what each is called: "Pos001", "scene 2".
        account: what abbe wrote into the file about how the image came to be (see `abbe.formats.account`).
        indices: of a picture whose colours stand in a palette, the place of each pixel's in it.
    """

    pixels: Pixels
    format: str
    pixel_size: PixelSize = (None, None, None)
    channels: tuple[str | None, ...] = ()
    colors: tuple[str | None, ...] = ()
    bits: int | None = None
    time_step: float | None = None
    optics: Optics = field(default_factory=Optics)
    acquired: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    rgb: bool = False
    account: str | None = None
    images: tuple[str, ...] = ()
    indices: Pixels | None = None

    def as_labels(self) -> Found:
        """Of a palette the indices: where each is an object's number, the colours are there to tell neighbours apart."""
        return self if self.indices is None else replace(self, pixels=self.indices, channels=(None,), colors=(None,), rgb=False)


def pick(number: int, count: int, name: str) -> int:
    """`number`, if an image of a file of `count` images has it. Raises `ParameterError` in words of what there is."""
    if number < count:
        return number
    there = f"the images {name}#0 to #{count - 1}" if count > 1 else f"{name} alone, which holds one image"
    raise ParameterError(f"wanted {there}, got {name}#{number}")


@contextmanager
def among(images: Sequence[str]) -> Iterator[None]:
    """What goes wrong within is the matter of one of these images of a file: the error says so, for the others can be opened."""
    try:
        yield
    except AbbeError as problem:
        problem.images = tuple(images) if len(images) > 1 else ()
        raise


class Format(Protocol):
    """One format. `claims` looks at the content, never at the name alone."""

    @property
    def name(self) -> str: ...

    def claims(self, head: bytes, path: Path) -> bool:
        """Is this mine? `head` is the first bytes of the file, empty for a folder."""
        ...

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        """The image at `path`; its pixels stay there until they are read.

        `axes`, where given, names the axes of the pixels as the file stores them, a letter each; `number` says which image, of a file
        of several: they count from 0 (`pick`). Formats that hold one alone leave it aside.
        Raises `NotAnImageError` when the content is damaged.
        """
        ...

"""`Image`: pixels, and everything that must stay with them."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from abbe.errors import AxesError, LimitError, ParameterError
from abbe.image.axes import ORDER, check_size, to_tczyx
from abbe.image.grid import Grid
from abbe.image.inspection import Inspection, fill_non_finite, inspect
from abbe.image.metadata import Optics, PixelSize, Provenance
from abbe.image.notice import Notice, join
from abbe.image.pixels import Array, ArrayPixels, CroppedPixels, MaskPixels, Pixels, Region, SelectedPixels, Shape, mask_of, part_of, whole
from abbe.limits import LIMITS


class Account(Protocol):
    """What was done to get an image (a `Recipe`, two floors up)."""

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels with axes TCZYX, read when needed, and their pixel size, channels, warnings and origin.

    Frozen: whatever changes an image gives a new one. `np.asarray(image)` reads all pixels, axes TCZYX.

    Attributes:
        pixels: where the pixels are.
        pixel_size: (z, y, x) in um, None where unknown.
        channels: a name per channel.
        colors: "#rrggbb" per channel, None where the file has none.
        bits: significant bits of an integer image (a 12-bit camera in a 16-bit file has 12); None for float.
        time_step: seconds between frames, None where unknown.
        optics: the microscope, as far as known.
        provenance: the file and what was done since.
        mask: True where the input had no finite value (filled from the nearest neighbour) or nothing was measured; `np.asarray` reads it.
        original: the image that this one was computed from.
        recipe: how it was computed.
        interval: (lower, upper) images of the per-pixel 90 % interval.
        trust: image in [0, 1]; low where structure is not supported by the data.
    """

    pixels: Pixels
    pixel_size: PixelSize = (None, None, None)
    channels: tuple[str, ...] = ()
    colors: tuple[str | None, ...] = ()
    bits: int | None = None
    time_step: float | None = None
    optics: Optics = field(default_factory=Optics)
    provenance: Provenance = field(default_factory=Provenance)
    notices: tuple[Notice, ...] = ()
    mask: Pixels | None = None
    original: Image | None = None
    recipe: Account | None = None
    interval: Interval | None = None
    trust: Image | None = None

    def __post_init__(self) -> None:
        check_size(self.pixels.shape)
        count = self.pixels.shape[1]
        names = tuple(str(name)[: LIMITS.name] for name in self.channels) or tuple(f"channel {k}" for k in range(count))
        if len(names) != count:
            raise AxesError(f"wanted a name for each of the {count} channels, got {len(names)}: {', '.join(names)}")
        colors = tuple(self.colors) or (None,) * count
        if len(colors) != count:
            raise AxesError(f"wanted a colour for each of the {count} channels, got {len(colors)}")
        object.__setattr__(self, "channels", names)
        object.__setattr__(self, "colors", colors)
        object.__setattr__(self, "pixel_size", _clean_size(_full_size(self.pixel_size)))
        if self.mask is not None and not isinstance(self.mask, MaskPixels):
            object.__setattr__(self, "mask", MaskPixels(mask_of(self.mask, self.pixels.shape)))

    # ------------------------------------------------------------------------------------------ making one
    @classmethod
    def from_array(
        cls,
        array: npt.ArrayLike,
        axes: str | None = None,
        pixel_size: Sequence[float | None] | float | None = None,
        channels: Sequence[str] | None = None,
        **more: Any,
    ) -> Image:
        """An image around an array; the array is not copied unless it must be.

        Args:
            array: booleans, integers or floats. Booleans become 0 and 1; float64 and float16 become float32.
            axes: a letter of TCZYX per axis; None: YX for two axes, ZYX for three.
            pixel_size: um; (z, y, x), or (y, x), or one number for y and x.
            channels: a name per channel.
            more: other attributes of `Image`. A `mask` as an array is of the axes TCZYX, or of those of `array`.

        Raises:
            AxesError: the axes are unclear or do not fit, or a mask does not. A bare (Y, X, 3) array is refused.
            LimitError: beyond `abbe.limits`, or values beyond float32.
            ParameterError: no numbers.
        """
        a = _as_array(array)
        notices: list[Notice] = list(more.pop("notices", ()))
        a, converted = standard_type(to_tczyx(a, axes))
        if converted:
            notices.append(Notice("converted", converted))
        filled, mask = fill_non_finite(a)
        if mask is not None:
            notices.append(_non_finite(int(mask.sum()), mask.size))
        known = more.pop("mask", None)
        if isinstance(known, np.ndarray) and known.ndim < len(ORDER):
            known = to_tczyx(known, axes)
        if known is not None and mask is not None:
            mask |= np.asarray(mask_of(known, filled.shape).read(whole(filled.shape)), bool)
        return cls(
            ArrayPixels(filled),
            pixel_size=_full_size(pixel_size),
            channels=tuple(channels or ()),
            notices=tuple(notices),
            mask=known if mask is None else ArrayPixels(mask),
            **more,
        )

    def replace(self, **changes: Any) -> Image:
        """This image with some attributes changed. Pixels and mask may be arrays, with axes TCZYX."""
        if isinstance(changes.get("pixels"), np.ndarray):  # with all that `from_array` does and says
            made = Image.from_array(changes["pixels"], ORDER, mask=changes.get("mask", self.mask))
            notices = join((*changes.get("notices", self.notices), *made.notices))
            changes |= {"pixels": made.pixels, "mask": made.mask, "notices": notices}
        return dataclasses.replace(self, **changes)

    # ------------------------------------------------------------------------------------------ looking at it
    @property
    def shape(self) -> Shape:
        """Length of the axes TCZYX."""
        return self.pixels.shape

    @property
    def axes(self) -> str:
        return ORDER

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels.dtype

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def range(self) -> tuple[float, float]:
        """The values that the pixel type can hold, (0, 4095) for 12 bits; for float pixels the values that occur."""
        if self.dtype.kind == "f":
            return self.inspection.minimum, self.inspection.maximum
        if self.dtype.kind == "i":
            info = np.iinfo(self.dtype)
            return float(info.min), float(info.max)
        return 0.0, float(2 ** (self.bits or self.dtype.itemsize * 8) - 1)

    @cached_property
    def inspection(self) -> Inspection:
        """Minimum, maximum, mean and saturation per channel: one pass over the pixels, when first asked for."""
        return inspect(self.pixels, self.bits)

    def inspect(self, progress: Callable[[float, str], object] | None = None) -> Inspection:
        """`inspection`, with progress told where the pixels were not read yet: a large image takes a while."""
        if "inspection" not in vars(self):
            vars(self)["inspection"] = inspect(self.pixels, self.bits, progress)
        return self.inspection

    @cached_property
    def warnings(self) -> tuple[Notice, ...]:
        """What to know before believing the image; reads the pixels once."""
        measured = list(self.inspection.notices(self.channels)) if self.recipe is None else []
        known = {notice.code for notice in self.notices}
        return join(self.notices, tuple(notice for notice in measured if notice.code not in known))

    def __repr__(self) -> str:
        sizes = " x ".join(f"{a}{n}" for a, n in zip(ORDER, self.shape) if n > 1 or a in "YX")
        z, _, x = self.pixel_size
        scale = "" if x is None else f", {x:g} um" + ("" if z is None else f", z-step {z:g} um")
        return f"<abbe.Image {sizes} {self.dtype}{scale}, {', '.join(self.channels)}>"

    # ------------------------------------------------------------------------------------------ reading pixels
    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        if self.nbytes > 2**36:
            raise LimitError(f"wanted an image that fits in memory, got {self.nbytes / 2**30:.0f} GiB; read it by regions: image.read(...)")
        array = self.pixels.read(whole(self.shape))
        if dtype is not None and np.dtype(dtype) != array.dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def read(self, region: Region) -> Array:
        """One region (five slices, TCZYX) as an array."""
        return self.pixels.read(region)

    def plane(self, t: int = 0, c: int = 0, z: int = 0) -> Array:
        """One plane, (Y, X)."""
        y, x = self.shape[3:]
        plane: Array = self.pixels.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), slice(0, y), slice(0, x)))[0, 0, 0]
        return plane

    def stack(self, t: int = 0, c: int = 0) -> Array:
        """One channel of one frame, (Z, Y, X)."""
        z, y, x = self.shape[2:]
        stack: Array = self.pixels.read((slice(t, t + 1), slice(c, c + 1), slice(0, z), slice(0, y), slice(0, x)))[0, 0]
        return stack

    def planes(self) -> Iterator[tuple[tuple[int, int, int], Array]]:
        """Every plane with its (t, c, z), in C order."""
        for t in range(self.shape[0]):
            for c in range(self.shape[1]):
                for z in range(self.shape[2]):
                    yield (t, c, z), self.plane(t, c, z)

    # ------------------------------------------------------------------------------------------ parts of it
    def select(self, channels: Sequence[int | str] | int | str) -> Image:
        """Some channels, by index or name, in the order given. Raises `ParameterError` for none, and for one that is not there."""
        picked = tuple(self.channel(c) for c in ([channels] if isinstance(channels, int | str | np.integer) else channels))
        if not picked:
            raise ParameterError(f"wanted one or more channels of this image ({', '.join(self.channels)[:200]}), got none")
        lines = self.optics

        def pick(values: tuple[float | None, ...]) -> tuple[float | None, ...]:
            return tuple(values[k] for k in picked) if len(values) == self.shape[1] else ()

        return self.replace(
            pixels=SelectedPixels(self.pixels, picked),
            mask=None if self.mask is None else SelectedPixels(self.mask, picked),
            channels=tuple(self.channels[k] for k in picked),
            colors=tuple(self.colors[k] for k in picked),
            optics=dataclasses.replace(lines, emission=pick(lines.emission), excitation=pick(lines.excitation)),
            interval=None if self.interval is None else Interval(*(i.select(picked) for i in self.interval)),
            trust=None if self.trust is None else self.trust.select(picked),
        )

    def channel(self, key: int | str) -> int:
        """The index of a channel given by index or name. Raises `ParameterError` with the names there are."""
        if isinstance(key, (int, np.integer)) and 0 <= key < len(self.channels):
            return int(key)
        if isinstance(key, str) and key in self.channels:
            return self.channels.index(key)
        names = ", ".join(f"{k} {name}" for k, name in enumerate(self.channels))
        raise ParameterError(f"wanted a channel of this image ({names}), got {key!r}")

    def crop(self, y: slice, x: slice, z: slice | None = None) -> Image:
        """A box of it, in pixels.

        Its interval, its trust and its original are of the same field; where the box cuts pixels of the original, there is none.
        """
        t, c, full_z, _, _ = whole(self.shape)
        z, y, x = (part_of(part, n, name) for part, n, name in zip((z or full_z, y, x), self.shape[2:], "ZYX"))
        box = (t, c, z, y, x)
        interval = None if self.interval is None else Interval(*(side.crop(y, x, z) for side in self.interval))
        field = self._field_of_original(box[2:])
        provenance = self.provenance
        if self.original is not None and field is None:  # a ROI in pixels still counts in those of the original
            provenance = dataclasses.replace(provenance, step=Grid.of(self).original)
        return self.replace(
            pixels=CroppedPixels(self.pixels, box),
            mask=None if self.mask is None else CroppedPixels(self.mask, box),
            interval=interval,
            trust=None if self.trust is None else self.trust.crop(y, x, z),
            original=None if self.original is None or field is None else self.original.crop(field[1], field[2], field[0]),
            provenance=provenance,
        )

    def _field_of_original(self, box: tuple[slice, ...]) -> tuple[slice, slice, slice] | None:
        """The (z, y, x) part of the original in the same place, where it consists of whole pixels of that."""
        if self.original is None:
            return None
        field = []
        for axis, part, n, m in zip("ZYX", box, self.shape[2:], self.original.shape[2:]):
            finer = 1 if axis == "Z" else max(1, n // m)  # planes are points in depth: a part of them fits only where there are as many
            if (part.start, part.stop) == (0, n):
                field.append(slice(0, m))
            elif n == finer * m and part.start % finer == 0 and part.stop % finer == 0:
                field.append(slice(part.start // finer, part.stop // finer))
            else:
                return None
        z, y, x = field
        return z, y, x

    def warn(self, *notices: Notice) -> Image:
        """This image with more warnings."""
        return self.replace(notices=join(self.notices, notices))


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Per-pixel 90 % interval: unpacks as `lower, upper`; as an array it is (2, T, C, Z, Y, X)."""

    lower: Image
    upper: Image

    def __iter__(self) -> Iterator[Image]:
        return iter((self.lower, self.upper))

    def __getitem__(self, index: int) -> Image:
        return (self.lower, self.upper)[index]

    def __len__(self) -> int:
        return 2

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.stack([self.lower.__array__(dtype), self.upper.__array__(dtype)])


def as_image(source: Image | npt.ArrayLike) -> Image:
    """An `Image` as it is; a bare 2-D (YX) or 3-D (ZYX) array wrapped."""
    return source if isinstance(source, Image) else Image.from_array(source)


def _as_array(array: npt.ArrayLike) -> Array:
    """Raises `ParameterError` for what cannot be pixels."""
    if array is None or isinstance(array, str | bytes | os.PathLike):
        given = "None" if array is None else f"{os.fsdecode(array)[:200]!r}"
        raise ParameterError(f"wanted an image or an array, got {given}; open a file first: abbe.open(path)")
    if np.ma.is_masked(array):
        raise ParameterError("wanted plain numbers, got masked pixels; fill them first: array.astype(float).filled(np.nan)")
    try:
        a = np.asarray(array)
    except (TypeError, ValueError) as problem:
        raise ParameterError(f"wanted an array of numbers with rows of one length, got a {type(array).__name__} that is none") from problem
    if a.dtype.kind not in "buif":
        raise ParameterError(f"wanted numbers as pixels, got an array of {a.dtype}; convert it (complex: take np.abs) first")
    return a


def standard_type(a: Array) -> tuple[Array, str | None]:
    """The array as one of uint8, uint16, uint32, int8, int16, int32, float32 in native byte order, and what was changed.

    Raises `LimitError` for numbers beyond float32.
    """
    kind, size = a.dtype.kind, a.dtype.itemsize
    if kind == "b":
        return a.astype(np.uint8), "true and false were read as 1 and 0"
    if kind == "f":
        if size == 4:
            return a.astype(np.float32, copy=False), None
        with np.errstate(over="ignore"):
            narrow = a.astype(np.float32)
        beyond = int(np.count_nonzero(np.isinf(narrow) & np.isfinite(a)))
        if beyond:
            raise LimitError(f"wanted values up to {np.finfo(np.float32).max:.2g}, got {beyond} pixels beyond that; divide by a number")
        return narrow, f"{a.dtype.name} was read as float32"
    if size == 8:
        low, high = (int(a.min()), int(a.max())) if a.size else (0, 0)
        for candidate in (np.uint16, np.uint32, np.int32):
            info = np.iinfo(candidate)
            if info.min <= low and high <= info.max:
                return a.astype(candidate), f"{a.dtype.name} was read as {np.dtype(candidate).name}, which holds every value"
        return a.astype(np.float32), f"{a.dtype.name} was read as float32, exact to 7 digits"
    return a.astype(a.dtype.newbyteorder("="), copy=False), None


def _non_finite(count: int, of: int) -> Notice:
    return Notice(
        "non_finite", f"{count} of {of} pixels are not finite numbers; they are masked, and filled from their neighbours for display"
    )


def _full_size(size: object) -> PixelSize:
    if size is None:
        return None, None, None
    if isinstance(size, int | float | Real):
        return None, float(size), float(size)
    parts = tuple(size) if isinstance(size, Iterable) and not isinstance(size, str) else ()
    if len(parts) == 2:
        return None, parts[0], parts[1]
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    raise ParameterError(f"wanted a pixel size as (z, y, x), (y, x) or one number, in um, got {size!r}")


def _clean_size(size: PixelSize) -> PixelSize:
    for value in size:
        if value is not None and not (isinstance(value, int | float | Real) and math.isfinite(value) and value > 0):
            raise ParameterError(f"wanted pixel sizes above 0 um, or None where unknown, got {size!r}")
    z, y, x = (None if v is None else float(v) for v in size)
    return z, y, x

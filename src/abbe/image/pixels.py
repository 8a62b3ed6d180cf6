"""Where pixels live: in memory, in a scratch file, in a file of the user's, or behind a computation.

Everything that holds pixels speaks one Protocol, `Pixels`: five axes in the order TCZYX, and a `read` that returns one
region. Nothing that works through it needs to know the size of the whole.
"""

from __future__ import annotations

import errno
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from abbe.errors import AxesError, LimitError, ParameterError, StorageError
from abbe.limits import LIMITS
from abbe.positioned import read_into, write_at

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, int, int, int, int]
#: a region: five slices with explicit, non-negative start and stop, and step 1
Region: TypeAlias = tuple[slice, slice, slice, slice, slice]


@runtime_checkable
class Pixels(Protocol):
    """Pixels with axes TCZYX that are read a region at a time. `read` may be called from several threads."""

    @property
    def shape(self) -> Shape: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def read(self, region: Region) -> Array:
        """The region as an array of five axes and this dtype. The caller may not write to it."""
        ...


def whole(shape: Shape) -> Region:
    """The region that covers `shape`."""
    t, c, z, y, x = (slice(0, n) for n in shape)
    return t, c, z, y, x


def region_shape(region: Region) -> Shape:
    t, c, z, y, x = (s.stop - s.start for s in region)
    return t, c, z, y, x


def blocks(shape: Shape, limit: int = 2**22) -> Iterator[Region]:
    """Regions that cover `shape` once, in C order: whole planes where they fit in `limit` pixels, else bands of rows."""
    t, c, z, y, x = shape
    rows = max(1, min(y, limit // max(x, 1)))
    for i in range(t):
        for j in range(c):
            for k in range(z):
                for r in range(0, y, rows):
                    yield slice(i, i + 1), slice(j, j + 1), slice(k, k + 1), slice(r, min(y, r + rows)), slice(0, x)


@dataclass(frozen=True, slots=True)
class ArrayPixels:
    """Pixels in memory: `array` has the axes TCZYX."""

    array: Array

    @property
    def shape(self) -> Shape:
        t, c, z, y, x = self.array.shape
        return t, c, z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def read(self, region: Region) -> Array:
        view = self.array[region]
        view.flags.writeable = False
        return view


class ScratchPixels:
    """Pixels in an unnamed scratch file that vanishes with this object; written and read by position.

    Plain reads and writes are used rather than a memory map: mapped pages count as the process's resident memory, and
    a full disk would come as SIGBUS instead of an error.
    """

    def __init__(self, shape: Shape, dtype: npt.DTypeLike, folder: str | os.PathLike[str] | None = None) -> None:
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._folder = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix="abbe-")  # noqa: SIM115 - closed by the finalizer
            self._file.truncate(int(np.prod(shape, dtype=np.int64)) * self._dtype.itemsize)
        except OSError as problem:
            raise _no_scratch(f"a scratch file for {' x '.join(map(str, shape))} pixels", folder, problem) from problem
        self._close = weakref.finalize(self, self._file.close)

    def __reduce__(self) -> str:
        raise StorageError(
            f"{' x '.join(map(str, self._shape))} computed pixels lie in a scratch file that belongs to this process; save them, and open "
            "the file in the other"
        )

    @classmethod
    def adopt(cls, descriptor: int, shape: Shape, dtype: npt.DTypeLike) -> ScratchPixels:
        """Pixels that another process wrote into an unnamed scratch file; the descriptor now belongs to the result.

        Raises `ValueError` when the file has not the size of the pixels.
        """
        pixels = cls.__new__(cls)
        pixels._shape, pixels._dtype = shape, np.dtype(dtype)
        pixels._file = os.fdopen(descriptor, "r+b")
        pixels._close = weakref.finalize(pixels, pixels._file.close)
        if os.fstat(descriptor).st_size != int(np.prod(shape, dtype=np.int64)) * pixels._dtype.itemsize:
            raise ValueError("the scratch file has another size than its pixels")
        return pixels

    @property
    def shape(self) -> Shape:
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    def _spans(self, region: Region) -> Iterator[tuple[tuple[int, int, int], int, int]]:
        """For each plane of the region: its index within the region, the file position of its first row, bytes a row."""
        _, channels, z, y, x = self._shape
        size = self._dtype.itemsize
        for i, t_ in enumerate(range(region[0].start, region[0].stop)):
            for j, c_ in enumerate(range(region[1].start, region[1].stop)):
                for k, z_ in enumerate(range(region[2].start, region[2].stop)):
                    plane = ((t_ * channels + c_) * z + z_) * y
                    yield (i, j, k), (plane + region[3].start) * x * size, x * size

    def read(self, region: Region) -> Array:
        out = np.empty(region_shape(region), self._dtype)
        width, size = self._shape[4], self._dtype.itemsize
        for index, start, row in self._spans(region):
            plane = out[index]
            if plane.shape[1] == width:
                _read_into(self._file.fileno(), memoryview(plane).cast("B"), start)
                continue
            for r in range(plane.shape[0]):
                _read_into(self._file.fileno(), memoryview(plane[r]).cast("B"), start + r * row + region[4].start * size)
        return out

    def write(self, region: Region, values: Array) -> None:
        """Put `values` (the region's shape) into the region. Raises `LimitError` when the disk is full."""
        data = np.ascontiguousarray(values, self._dtype)
        width, size = self._shape[4], self._dtype.itemsize
        try:
            for index, start, row in self._spans(region):
                plane = data[index]
                if plane.shape[1] == width:
                    write_at(self._file.fileno(), memoryview(plane).cast("B"), start)
                    continue
                for r in range(plane.shape[0]):
                    write_at(self._file.fileno(), memoryview(plane[r]).cast("B"), start + r * row + region[4].start * size)
        except OSError as problem:
            raise _no_scratch("to keep an intermediate image in a scratch file", self._folder, problem) from problem


def _no_scratch(wanted: str, folder: str | os.PathLike[str] | None, problem: OSError) -> LimitError:
    """The folder is named: it may be on another disk than all that the user thinks of."""
    try:
        place = os.fspath(folder or tempfile.gettempdir())
    except OSError:  # none can be written to
        place = "the folder of temporary files"
    error = LimitError(
        f"wanted {wanted} in {place}, got: {problem.strerror or problem}; free some disk, or point the environment variable TMPDIR at a "
        "disk with room"
    )
    error.full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return error


def _read_into(descriptor: int, view: memoryview, position: int) -> None:
    done = 0
    while done < len(view):
        n = read_into(descriptor, view[done:], position + done)
        if n == 0:
            raise LimitError("a scratch file ended early; was it cut by a clean-up of the temporary folder? Run again")
        done += n


def scratch(shape: Shape, dtype: npt.DTypeLike) -> ArrayPixels | ScratchPixels:
    """Room for a result: in memory up to `limits.in_memory`, in a scratch file beyond."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size <= LIMITS.in_memory:
        return ArrayPixels(np.zeros(shape, dtype))
    return ScratchPixels(shape, dtype)


def put(target: ArrayPixels | ScratchPixels, region: Region, values: Array) -> None:
    """Write `values` into a region of what `scratch` gave."""
    if isinstance(target, ArrayPixels):
        target.array[region] = values
    else:
        target.write(region, values)


@dataclass(frozen=True, slots=True)
class MappedPixels:
    """Pixels computed when they are read: `function(*regions)` of sources that all have one shape."""

    function: Callable[..., Array]
    sources: Sequence[Pixels]
    dtype: np.dtype[Any]

    @property
    def shape(self) -> Shape:
        return self.sources[0].shape

    def read(self, region: Region) -> Array:
        return self.function(*(source.read(region) for source in self.sources)).astype(self.dtype, copy=False)


@dataclass(frozen=True, slots=True)
class MaskPixels:
    """Pixels as true and false; `np.asarray` reads all of them."""

    source: Pixels

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.bool_)

    def read(self, region: Region) -> Array:
        return self.source.read(region).astype(bool, copy=False)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self.read(whole(self.shape)).astype(dtype or bool, copy=bool(copy))


def part_of(part: object, n: int, axis: str) -> slice:
    """`part` of an axis of `n` pixels with its ends. Raises `ParameterError` for what is no slice without a step, or reaches beyond."""
    ends = (part.start, part.stop, part.step) if isinstance(part, slice) else ()
    if not ends or any(isinstance(end, bool) or not isinstance(end, int | np.integer | None) for end in ends) or ends[2] not in (None, 1):
        raise ParameterError(f"wanted a slice of whole numbers without a step along {axis}, such as slice(0, {n}), got {part!r}")
    start, stop = 0 if ends[0] is None else int(ends[0]), n if ends[1] is None else int(ends[1])
    if not 0 <= start < stop <= n:
        raise ParameterError(f"wanted a part of 0 to {n} along {axis}, got {start} to {stop}")
    return slice(start, stop)


def mask_of(mask: Pixels | npt.ArrayLike, shape: tuple[int, ...]) -> Pixels:
    """A mask of pixels of such a `shape`, given as pixels or as an array. Raises `AxesError` for one of another shape."""
    pixels: Pixels = ArrayPixels(np.asarray(mask)) if isinstance(mask, np.ndarray | list) else mask  # type: ignore[assignment]
    given = np.shape(mask) if isinstance(pixels, ArrayPixels) and pixels.array.ndim != len(shape) else pixels.shape
    if tuple(given) != tuple(shape):
        raise AxesError(f"wanted a mask with axes TCZYX of the shape {tuple(shape)} of its image, got {tuple(given)}")
    return pixels


@dataclass(frozen=True, slots=True)
class SelectedPixels:
    """A view of some channels, in the order given, of other pixels."""

    source: Pixels
    channels: tuple[int, ...]

    @property
    def shape(self) -> Shape:
        t, _, z, y, x = self.source.shape
        return t, len(self.channels), z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        t, c, z, y, x = region
        parts = [self.source.read((t, slice(k, k + 1), z, y, x)) for k in self.channels[c]]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


@dataclass(frozen=True, slots=True)
class CroppedPixels:
    """A view of a box of other pixels."""

    source: Pixels
    box: Region

    @property
    def shape(self) -> Shape:
        return region_shape(self.box)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        t, c, z, y, x = (slice(b.start + r.start, b.start + r.stop) for b, r in zip(self.box, region))
        return self.source.read((t, c, z, y, x))


@dataclass(frozen=True, slots=True)
class TurnedPixels:
    """A view of other pixels with their axes in another order: axis k is their axis `order[k]`."""

    source: Pixels
    order: tuple[int, ...]

    @property
    def shape(self) -> Shape:
        t, c, z, y, x = (self.source.shape[k] for k in self.order)
        return t, c, z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        t, c, z, y, x = (region[self.order.index(k)] for k in range(5))
        return self.source.read((t, c, z, y, x)).transpose(self.order)


@dataclass(frozen=True, slots=True)
class StackedPixels:
    """Several sources of one dtype after one another along the channel axis."""

    sources: tuple[Pixels, ...]

    @property
    def shape(self) -> Shape:
        t, _, z, y, x = self.sources[0].shape
        return t, sum(s.shape[1] for s in self.sources), z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(*(s.dtype for s in self.sources))

    def read(self, region: Region) -> Array:
        t, c, z, y, x = region
        parts, first = [], 0
        for source in self.sources:
            n = source.shape[1]
            start, stop = max(c.start, first), min(c.stop, first + n)
            if start < stop:
                parts.append(source.read((t, slice(start - first, stop - first), z, y, x)))
            first += n
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return joined.astype(self.dtype, copy=False)

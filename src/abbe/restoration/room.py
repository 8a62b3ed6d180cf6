"""Is there room for a result? Asked before a run starts, rather than found out at its end."""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from abbe.errors import LimitError
from abbe.image import Image
from abbe.image.axes import check_size
from abbe.image.pixels import Shape
from abbe.limits import LIMITS
from abbe.restoration.resampling import even_planes
from abbe.restoration.result import Grid

#: free bytes below which a disk is full: with more, an image that does not fit is a large one, and others may fit
FULL = 2**30


def output_shape(image: Image, grid: Grid) -> Shape:
    """(T, C, Z, Y, X) of the result."""
    t, c, z, y, x = image.shape
    return t, c, z if grid.ratio is None else even_planes(z, grid.ratio), y * grid.factor, x * grid.factor


def scratch_bytes(image: Image, chosen: tuple[int, ...], grid: Grid, shared: bool = False, deep: bool = False) -> int:
    """Bytes of scratch files that a run needs at most: estimate and spread, the estimate of the step before, and one deblurred stack; for
    super-resolution its result on the image's pixels, and three planes; for frames that share their light each of them denoised for itself,
    with its spread, and what they share, of how many frames; for planes that do (`deep`) those, and the noise left."""
    t, _, z, y, x = output_shape(image, grid)
    own = t * len(chosen) * image.shape[2] * image.shape[3] * image.shape[4] if deep else 0
    final = t * len(chosen) * z * y * x
    between = t * len(chosen) * z * image.shape[3] * image.shape[4]
    stack = 4 * z * image.shape[3] * image.shape[4] if grid.ratio is not None else 0
    finer = (4 * between, *(3 * (4 * image.shape[3] * image.shape[4],))) if grid.factor > 1 else ()
    series = (4 * between, 2 * between, 4 * between, 2 * between) if shared else ()
    arrays = (4 * final, 2 * final, 4 * between, stack, 4 * own, 2 * own, *finer, *series)
    return sum(size for size in arrays if size > LIMITS.in_memory)


def check_room(image: Image, chosen: tuple[int, ...], grid: Grid, shared: bool = False, deep: bool = False) -> None:
    """Raise `LimitError` when the result is beyond `abbe.limits`, or its scratch files beyond the free disk."""
    shape = output_shape(image, grid)
    check_size(shape)
    needed = scratch_bytes(image, chosen, grid, shared, deep)
    folder = tempfile.gettempdir()
    free = free_disk(folder)
    if needed and free is not None and needed > free:
        raise LimitError(
            f"wanted {in_words(needed)} of scratch files in {folder} for a result of {' x '.join(map(str, shape))} pixels, got "
            f"{in_words(free)} free; free some disk, choose fewer channels, or point the environment variable TMPDIR at a disk with room"
        )


def free_disk(folder: str | os.PathLike[str]) -> int | None:
    """Free bytes where `folder` is or will be; None where nobody knows."""
    place = Path(folder).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def no_room(folder: str | os.PathLike[str], needed: int, for_what: str, remedy: str) -> LimitError | None:
    """What is to be raised where so many bytes do not fit on `folder`'s disk; it counts as full below `FULL`."""
    free = free_disk(folder)
    if free is None or needed <= free:
        return None
    error = LimitError(f"wanted {in_words(needed)} for {for_what}, got {in_words(free)} free; {remedy}")
    error.full = free < FULL
    return error


def memory() -> int | None:
    """Bytes of memory that there are, or that a container or a scheduler of jobs allows; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
    return min(physical, *allowed_memory())


def free_memory(said: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes of it that can be had without taking them from other programs (Linux, MemAvailable); elsewhere half of what there is."""
    there = memory()
    if there is None:
        return None
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in said.read_text("ascii", "replace").splitlines() if line.startswith("MemAvailable:"))
        return min(there, int(line.split()[1]) * 1024)
    return there // 2


def allowed_memory(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """Limits of the control groups that this process is in (Linux, "Control Group v2" and "v1": memory.max, memory.limit_in_bytes)."""
    limits = [2**63]
    with suppress(OSError, ValueError):
        for line in groups.read_text("ascii", "replace").splitlines():
            _, kinds, own = line.split(":", 2)
            if kinds and "memory" not in kinds.split(","):
                continue
            top, name = (root / "memory", "memory.limit_in_bytes") if kinds else (root, "memory.max")
            inner = top / own.strip("/")
            for folder in (inner, *inner.parents):
                with suppress(OSError, ValueError):  # "max", or not seen from within a container
                    limits.append(int((folder / name).read_text("ascii")))
                if folder == top:
                    break
    return limits


def in_words(size: float) -> str:
    """1536 -> "1.5 KB" (powers of 1000, as disks are sold)."""
    if size < 1000:
        return f"{size:.0f} B"
    power = min(int(math.log10(size) // 3), 5)
    return f"{size / 1000**power:.3g} {('B', 'KB', 'MB', 'GB', 'TB', 'PB')[power]}"

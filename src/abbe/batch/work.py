"""One image of a batch, from its file to files that wait for their names. Runs in a process of its own, or on another machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from abbe.batch.settings import Settings
from abbe.errors import AbbeError, CancelledError, LimitError
from abbe.formats import open as open_image
from abbe.formats import save
from abbe.formats.naming import maps_of
from abbe.formats.saving import check_fit
from abbe.formats.tiff.sets import first_file
from abbe.image import Image
from abbe.recipe import Recipe
from abbe.restoration import correct_background, enhance, verdict
from abbe.restoration.request import axial_ratio, named_channels
from abbe.restoration.result import Grid
from abbe.restoration.room import free_disk, in_words, output_shape

#: `report(fraction)`: how much of the image is done
Report = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Task:
    """An image, and the folder in which the files of its result are to lie."""

    key: str
    source: Path
    attempt: Path
    #: name of the result
    name: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a task: files in the attempt's folder, the result last; or why there is none."""

    files: tuple[str, ...] = ()
    verdict: str | None = None
    reason: str | None = None
    notices: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    pixel_size: tuple[float | None, ...] | None = None
    engine: str | None = None
    seconds: float = 0.0
    #: the file that holds the image of which this one is a part
    part_of: str | None = None
    error: str | None = None
    #: the process ended before it could say anything
    died: bool = False


def do(task: Task, report: Report) -> Made:
    """Restore one image. What goes wrong is told, not raised, but for `CancelledError`: the attempt's folder is gone, nobody wants it."""
    began = time.monotonic()
    try:
        return _restore(task, report, began)
    except CancelledError:
        raise
    except AbbeError as problem:
        error = str(problem)
    except MemoryError:
        error = "wanted more memory than there is; use fewer --workers, or work on a part of the image"
    except Exception as problem:
        if not task.attempt.is_dir():
            raise CancelledError("the batch was stopped") from problem
        line = (str(problem).strip().splitlines() or [""])[0]
        error = f"{type(problem).__name__}: {line} - this is a bug in abbe; run `abbe enhance` on this file with --debug and report it"
    return Made(error=error, seconds=time.monotonic() - began)


def _restore(task: Task, report: Report, began: float) -> Made:
    def told(start: float, stop: float) -> Callable[[float, str], None]:
        def tell(fraction: float, _: str = "") -> None:
            if not task.attempt.is_dir():
                raise CancelledError("the batch was stopped")
            report(start + (stop - start) * fraction)

        return tell

    settings, target = task.settings, task.attempt / task.name
    if (first := part_of(task.source)) is not None:
        return Made(part_of=first, seconds=time.monotonic() - began)
    image = open_image(task.source, axes=settings.axes, pixel_size=settings.pixel_size)
    channels = None if settings.channels is None else named_channels(settings.channels, image)
    check_fit(image, target, settings.dtype)
    needed = 4 * math.prod(output_shape(image, _grid(image, settings))) * (4 if settings.maps else 1)
    free = free_disk(task.attempt)
    if free is not None and needed > free:
        raise LimitError(f"wanted {in_words(needed)} for the result, got {in_words(free)} free; free some, and run again")
    more = {"model": settings.model, "engine": settings.engine, "exact": settings.exact, "realism": settings.realism}
    if settings.workflow == "A":
        result = enhance(image, settings.steps, channels, progress=told(0, 0.8), passes=settings.passes, psf=settings.psf, **more)  # type: ignore[arg-type]
    else:
        result = correct_background(image, channels, progress=told(0, 0.8), passes=settings.passes, **more)  # type: ignore[arg-type]
    judged = verdict(result)
    files = _save_maps(result, target, settings, told(0.8, 0.9)) if settings.maps else []
    saved = save(result, target, dtype=settings.dtype, progress=told(0.9, 1.0))
    used = result.recipe.engine if isinstance(result.recipe, Recipe) else None
    return Made(
        files=(*files, task.name),
        verdict=judged.word,
        reason=judged.reason,
        notices=tuple(dict.fromkeys(notice.message for notice in (*result.notices, *saved.notices))),
        shape=tuple(result.shape),
        pixel_size=tuple(result.pixel_size),
        engine=None if used is None else f"{used.version or used.name}, {used.precision}",
        seconds=time.monotonic() - began,
    )


def _grid(image: Image, settings: Settings) -> Grid:
    steps = settings.steps if settings.workflow == "A" else ()
    return Grid(3 if "super_resolve" in steps else 1, axial_ratio(image) if "axial" in steps else None)


def _save_maps(result: Image, target: Path, settings: Settings, report: Callable[[float, str], None]) -> list[str]:
    names = []
    for _, path, image, dtype in maps_of(result, target, settings.dtype):
        save(image, path, dtype=dtype, progress=report)
        names.append(path.name)
    return names


def part_of(source: Path) -> str | None:
    """Of an OME-TIFF that is one of several files of one image: the name of the first of them, where it is beside this one."""
    if source.is_dir() or source.suffix.lower() not in (".tif", ".tiff", ".btf", ".tf2", ".tf8"):
        return None
    with suppress(Exception):  # whatever is wrong with it, opening it as an image says so
        first = first_file(source)
        if first.name != source.name and first.parent.resolve() == source.parent.resolve():
            return first.name
    return None

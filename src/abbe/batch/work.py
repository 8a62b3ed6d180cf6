"""One image of a batch, from its file to files that wait for their names. Runs in a process of its own, or on another machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from abbe.alignment.moving import moved_in_words
from abbe.batch.beads import BeadsChangedError, stated_size
from abbe.batch.finding import LOOKED, together
from abbe.batch.laying import Laying
from abbe.batch.parts import parts_of
from abbe.batch.settings import Settings
from abbe.errors import AbbeError, CancelledError, ParameterError
from abbe.formats import save
from abbe.formats.naming import maps_of
from abbe.formats.opening import by_number, sole
from abbe.formats.saving import check_fit
from abbe.image import Image
from abbe.recipe import Recipe
from abbe.restoration import correct_background, enhance, verdict
from abbe.restoration.request import axial_ratio, named_channels
from abbe.restoration.result import Grid
from abbe.restoration.room import no_room, output_shape
from abbe.restoration.sampling import resolved

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
    #: which image of a file of several; None for a file of which nobody knows yet whether it is one
    number: int | None = None
    #: why it is not to be done if it is the only image of its file
    refused: str = ""
    #: digest of the beads that the batch began with
    beads: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a task: files in the attempt's folder, the result last; or why there is none."""

    files: tuple[str, ...] = ()
    verdict: str | None = None
    reason: str | None = None
    notices: tuple[str, ...] = ()
    #: the result's; of an image that was refused, what it would have
    shape: tuple[int, ...] | None = None
    pixel_size: tuple[float | None, ...] | None = None
    engine: str | None = None
    seconds: float = 0.0
    #: how many images the file holds, where that is known; of a file of several that was not known to be one, nothing else was done
    images: int | None = None
    #: what the file calls this one of several
    called: str | None = None
    #: the file that holds the image of which this one is a part
    part_of: str | None = None
    #: of an image in several files the others, and (files, bytes, last change) of them before they were read
    parts: tuple[str, ...] = ()
    inside: tuple[int, int, int] | None = None
    error: str | None = None
    #: there was no room for it on the disk, nor is there for the next
    full: bool = False
    #: nor can any other be done as the batch began
    over: bool = False
    #: the process ended before it could say anything
    died: bool = False


def do(task: Task, report: Report) -> Made:
    """Restore one image, or find that its file holds several.

    What goes wrong is told, not raised, but for `CancelledError`: the attempt's folder is gone, nobody wants it.
    """
    began, seen, full, over = time.monotonic(), _Seen(), False, False
    try:
        return seen.add_to(_restore(task, report, seen), began)
    except CancelledError:
        raise
    except AbbeError as problem:
        error, full, over = str(problem), problem.full, isinstance(problem, BeadsChangedError)
    except MemoryError:
        error = "wanted more memory than there is; use fewer --workers, or work on a part of the image"
    except Exception as problem:
        if not task.attempt.is_dir():
            raise CancelledError("the batch was stopped") from problem
        line = (str(problem).strip().splitlines() or [""])[0]
        error = f"{type(problem).__name__}: {line} - this is a bug in abbe; run `abbe enhance` on this file with --debug and report it"
    return seen.add_to(Made(error=error, shape=seen.shape, full=full, over=over), began)


@dataclass(slots=True)
class _Seen:
    """What is known of a task's image before it is restored, and where that fails."""

    images: int | None = None
    called: str | None = None
    shape: tuple[int, ...] | None = None
    parts: tuple[str, ...] = ()
    inside: tuple[int, int, int] | None = None

    def note(self, task: Task, others: tuple[str, ...]) -> None:
        """Files that the image lies in besides its own, as they are now."""
        if others:
            self.parts, self.inside = others, together(task.source.parent, others)

    def add_to(self, made: Made, began: float) -> Made:
        seconds = time.monotonic() - began
        return replace(made, images=self.images, called=self.called, parts=self.parts, inside=self.inside, seconds=seconds)


def _opened(task: Task, seen: _Seen) -> Image | Made:
    """The image; or how many the file holds, or of which one it is a part."""
    settings, there = task.settings, parts_of(task.source)
    if task.number is not None:
        own = there[task.number if task.number < len(there) else 0]
        if own.first != task.source.name:
            return Made(part_of=own.first)
        seen.note(task, own.others)
        image, seen.called = by_number(task.source, task.number, settings.axes, settings.pixel_size)
        return image
    seen.note(task, there[0].others)
    known = len(there) > 1 or there[0].first != task.source.name
    found = None if known else sole(task.source, settings.axes, settings.pixel_size)
    seen.images = len(there) if found is None else len(found) if isinstance(found, tuple) else 1
    with suppress(OSError):  # the attempt's folder is gone
        (task.attempt / LOOKED).touch()
    if isinstance(found, tuple) or seen.images > 1:
        return Made()
    if found is None:
        return Made(part_of=there[0].first)
    if task.refused:
        seen.shape = tuple(output_shape(found, _grid(found, settings)))
        raise ParameterError(task.refused)
    return found


def _restore(task: Task, report: Report, seen: _Seen) -> Made:
    def told(start: float, stop: float) -> Callable[[float, str], None]:
        def tell(fraction: float, _: str = "") -> None:
            if not task.attempt.is_dir():
                raise CancelledError("the batch was stopped")
            report(start + (stop - start) * fraction)

        return tell

    settings, target = task.settings, task.attempt / task.name
    image = _opened(task, seen)
    if isinstance(image, Made):
        return image
    laying = Laying.of(image, settings, stated_size(task.source, task.number, settings), task.beads)
    check_fit(image, target, settings.dtype)
    size = image.dtype.itemsize if settings.workflow == "align" else 4
    needed = size * math.prod(output_shape(image, _grid(image, settings))) * (4 if settings.maps else 1)
    if (problem := no_room(task.attempt, needed, "the result", "free some, and run again")) is not None:
        raise problem
    already = resolved(image) if settings.workflow == "A" else None
    result, used, word, reason = image, None, None, None
    if settings.workflow != "align":
        result = _computed(image, settings, told(0, 0.8))
        used = result.recipe.engine if isinstance(result.recipe, Recipe) else None
        judged = verdict(result)
        word, reason = judged.word, judged.reason
    if laying is not None:
        result = laying.lay(result)
        reason = reason if word else moved_in_words(result)
    files = _save_maps(result, target, settings, told(0.8, 0.9)) if settings.maps else []
    saved = save(result, target, dtype=settings.dtype, progress=told(0.9, 1.0))
    advised = [] if already is None else [f"Workflow B is advised for it: {already}"]
    said = (*advised, *(notice.message for notice in (*result.notices, *saved.notices)))
    return Made(
        files=(*files, task.name),
        verdict=word,
        reason=reason,
        notices=tuple(dict.fromkeys(said)),
        shape=tuple(result.shape),
        pixel_size=tuple(result.pixel_size),
        engine=None if used is None else f"{used.version or used.name}, {used.precision}",
    )


def _computed(image: Image, settings: Settings, report: Callable[[float, str], None]) -> Image:
    """The result of Workflow A or B."""
    channels = None if settings.channels is None else named_channels(settings.channels, image)
    more = {"model": settings.model, "engine": settings.engine, "exact": settings.exact, "realism": settings.realism}
    if settings.workflow == "A":
        own = {name: getattr(settings, name) for name in ("passes", "psf", "frames", "planes", "mosaic")}
        return enhance(image, settings.steps, channels, progress=report, **own, **more)  # type: ignore[arg-type]
    return correct_background(image, channels, progress=report, passes=settings.passes, **more)  # type: ignore[arg-type]


def _grid(image: Image, settings: Settings) -> Grid:
    steps = settings.steps if settings.workflow == "A" else ()
    return Grid(3 if "super_resolve" in steps else 1, axial_ratio(image) if "axial" in steps else None)


def _save_maps(result: Image, target: Path, settings: Settings, report: Callable[[float, str], None]) -> list[str]:
    names = []
    for _, path, image, dtype in maps_of(result, target, settings.dtype):
        save(image, path, dtype=dtype, progress=report)
        names.append(path.name)
    return names

"""What a person knows of an image and its file does not: pixel size, z-step, time between frames, what its planes are, channels' names."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from abbe.errors import AxesError, ConflictError, ParameterError
from abbe.image import Image, Notice, Order, PixelSize, arranged
from abbe.image.arranging import STORED
from abbe.server.cabinet import id_of
from abbe.server.leftovers import DELETED
from abbe.server.opening import create
from abbe.server.service import Service
from abbe.session import Session

#: warnings that are settled when somebody says what the file does not
SETTLED_BY_SIZE, SETTLED_BY_PLANES = "pixel_size", "axes_guessed"


@dataclass(frozen=True, slots=True)
class Properties:
    """What is to be true of an image. None: as it is."""

    #: (z, y, x) in um, each None where unknown
    pixel_size: PixelSize | None = None
    #: seconds between frames
    time_step: float | None = None
    #: (channels, planes, frames)
    planes: tuple[int, int, int] | None = None
    order: Order = STORED
    channels: tuple[str, ...] | None = None


def correct(here: Service, session_id: str, wanted: Properties) -> str:
    """The id of a session around the original as it is told now.

    A session in which nothing was done yet is replaced by it, under its name; any other stays as it is, for what was measured in it was
    measured of the image as it was, and the corrected image gets a session of its own beside it.

    Raises `ParameterError` where all is so already, and for what no image can be; `ConflictError` while a job works on it.
    """
    session = here.cabinet.get(session_id)
    image = corrected(session.image(session.original.id), wanted)
    if here.queue.busy(session_id):
        raise ConflictError("abbe is working on this image; wait until it is done, or cancel it, then correct it")
    place = here.cabinet.folder(session_id)
    made = place.with_name(create(place.parent, place.stem, image))
    if session.read_only is None and untouched(session) and not here.queue.busy(session_id) and place.is_dir():
        here.cabinet.forget(session_id)
        _take_place(place, made)
        here.cabinet.get(session_id)  # another lies there now: the pages that show it are told
        made = place
    folder = made.parent.relative_to(here.cabinet.root)
    here.hub.publish("folder", {"path": folder.as_posix().removeprefix(".")})
    return id_of((folder / made.name).as_posix())


def untouched(session: Session) -> bool:
    """Was nothing done in it: no version but the original, no region, no comment, nothing measured, and nothing of it taken back?"""
    session.refresh()
    return len(session.versions) == 1 and not session.can_undo and not session.can_redo and not session.rois and not session.comments


def _take_place(place: Path, made: Path) -> None:
    gone = place.with_name(f"{DELETED}{secrets.token_hex(8)}")
    os.rename(place, gone)
    try:
        os.rename(made, place)
    except OSError:
        with contextlib.suppress(OSError):
            os.rename(gone, place)
        raise
    shutil.rmtree(gone, ignore_errors=True)


def corrected(image: Image, wanted: Properties) -> Image:
    """`image` as it is told, with a word on what its file says. Raises `ParameterError` where there is nothing to correct."""
    said: list[str] = []
    settled: set[str] = set()
    now = image
    if wanted.planes is not None:
        channels, planes, frames = wanted.planes
        try:
            now = arranged(image, channels=channels, planes=planes, frames=frames, order=wanted.order)
        except AxesError as problem:
            raise ParameterError(str(problem)) from problem
        settled.add(SETTLED_BY_PLANES)
        if now is not image:
            order = f", {wanted.order} from the fastest to the slowest" if sum(n > 1 for n in wanted.planes) > 1 else ""
            said.append(f"{_planes(now)}{order} (the file: {_planes(image)})")
    if wanted.pixel_size is not None and wanted.pixel_size != image.pixel_size:
        now = now.replace(pixel_size=wanted.pixel_size)
        said += [
            f"{name} {_size(told)} (the file: {_size(own)})"
            for name, told, own in zip(("z-step", "pixel height", "pixel width"), wanted.pixel_size, image.pixel_size)
            if told != own
        ]
        if None not in wanted.pixel_size[1:]:
            settled.add(SETTLED_BY_SIZE)
    if wanted.time_step is not None and wanted.time_step != image.time_step:
        now = now.replace(time_step=wanted.time_step)
        before = "not known" if image.time_step is None else f"{image.time_step:g} s"
        said.append(f"a frame every {wanted.time_step:g} s (the file: {before})")
    if wanted.channels is not None and wanted.channels != now.channels:
        before = ", ".join(image.channels)
        now = now.replace(channels=_named(wanted.channels, now))
        said.append(f"channels {', '.join(now.channels)} (the file: {before})")
    left = tuple(notice for notice in now.notices if notice.code not in settled)
    if not said and left == now.notices:
        raise ParameterError("wanted something to correct, and all of it is so already")
    told = (Notice("told", f"told by hand: {'; '.join(said)}"),) if said else ()
    return now.replace(notices=(*left, *told))


def _named(names: tuple[str, ...], image: Image) -> tuple[str, ...]:
    if len(names) != image.shape[1]:
        raise ParameterError(f"wanted a name for each of the {image.shape[1]} channels, got {len(names)}")
    clean = tuple(" ".join(name.split()) or f"channel {k}" for k, name in enumerate(names))
    if len(set(clean)) != len(clean):
        raise ParameterError(f"wanted channels of different names, got {', '.join(clean)}")
    return clean


def _size(value: float | None) -> str:
    return "not known" if value is None else f"{value:.6g} um"


def _planes(image: Image) -> str:
    t, c, z = image.shape[:3]
    return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((c, "channel"), (z, "plane"), (t, "frame")))

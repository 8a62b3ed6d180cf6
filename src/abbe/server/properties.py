"""What a person knows of an image and its file does not: pixel size, z-step, time between frames, what its planes are, channels' names."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass

from abbe.errors import AxesError, ConflictError, ParameterError, StorageError
from abbe.image import Image, Notice, Order, PixelSize, arranged
from abbe.image.arranging import STORED
from abbe.image.computed import is_result
from abbe.server.cabinet import id_of
from abbe.server.leftovers import DELETED, held
from abbe.server.opening import create
from abbe.server.service import Service
from abbe.session import Session
from abbe.session.saving import is_being_written
from abbe.storage import storage_error

#: warnings that are settled when somebody says what the file does not
SETTLED_BY_SIZE, SETTLED_BY_PLANES = "pixel_size", "axes_guessed"
#: the warning that an image's pixels give of each channel
PER_CHANNEL = "saturated"


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

    Raises `ParameterError` where all is so already, and for what no image can be; `ConflictError` while a job works on it, or where
    another device corrected it meanwhile.
    """
    place = here.cabinet.folder(session_id)
    seen = here.cabinet.get(session_id).original.folder
    with here.folders.opening.alone(place):
        session = here.cabinet.get(session_id)
        if session.original.folder != seen:
            raise ConflictError("another device corrected this image meanwhile; look at it again, then correct it")
        image = corrected(session.image(session.original.id), wanted)
        if here.queue.busy(session_id):
            raise ConflictError("abbe is working on this image; wait until it is done, or cancel it, then correct it")
        made = place
        if not untouched(session) or not _replaced(here, session_id, image, wanted.planes is None):
            made = place.with_name(create(place.parent, place.stem, image))
    folder = made.parent.relative_to(here.cabinet.root)
    here.hub.publish("folder", {"path": folder.as_posix().removeprefix(".")})
    return id_of((folder / made.name).as_posix())


def untouched(session: Session) -> bool:
    """Was nothing done in it, be it taken back or not, and does nobody write in it?"""
    session.refresh()
    return session.read_only is None and session.path.is_dir() and session.revision == 1 and not is_being_written(session.path)


def _replaced(here: Service, session_id: str, image: Image, same_planes: bool) -> bool:
    """Put a session around `image` in place of an untouched one; with its colours and contrast, where its planes are the same.

    False where that cannot be: something was done in it meanwhile, or a program has its files open (Windows). It is then as it was.
    """
    place = here.cabinet.folder(session_id)
    session = here.cabinet.get(session_id)
    aside = place.with_name(f"{DELETED}{secrets.token_hex(8)}")
    made, before = aside / place.name, aside / "before"
    try:
        aside.mkdir()
    except OSError as problem:
        raise storage_error(place, problem) from problem
    try:
        with held(aside):
            try:
                with Session.create(made, image) as new:
                    if same_planes and session.view:
                        new.set_view(session.view)
            except StorageError as problem:
                raise type(problem)(str(problem).replace(str(made), place.name)) from problem
            if not untouched(session) or here.queue.busy(session_id):
                return False
            here.cabinet.forget(session_id)
            try:
                os.rename(place, before)
                os.rename(made, place)
            except OSError:
                if not place.exists():
                    os.rename(before, place)
                return False
    finally:
        if place.exists():  # else what was there lies in it
            shutil.rmtree(aside, ignore_errors=True)
    here.cabinet.get(session_id)  # another lies there now: the pages that show it are told
    return True


def corrected(image: Image, wanted: Properties) -> Image:
    """`image` as it is told, with a word on what its file says. Raises `ParameterError` where there is nothing to correct."""
    said: list[str] = []
    settled: set[str] = set()
    now = image
    source = "before" if any(notice.code == "told" for notice in image.notices) else "the file"
    if wanted.planes is not None:
        channels, planes, frames = wanted.planes
        try:
            now = arranged(image, channels=channels, planes=planes, frames=frames, order=wanted.order)
        except AxesError as problem:
            raise ParameterError(str(problem)) from problem
        settled.add(SETTLED_BY_PLANES)
        if now is not image:
            order = f", {wanted.order} from the fastest to the slowest" if sum(n > 1 for n in wanted.planes) > 1 else ""
            said.append(f"{_planes(now)}{order} ({source}: {_planes(image)})")
    if wanted.pixel_size is not None and wanted.pixel_size != image.pixel_size:
        now = now.replace(pixel_size=wanted.pixel_size)
        said += [
            f"{name} {_size(told)} ({source}: {_size(own)})"
            for name, told, own in zip(("z-step", "pixel height", "pixel width"), wanted.pixel_size, image.pixel_size)
            if told != own
        ]
        if None not in wanted.pixel_size[1:]:
            settled.add(SETTLED_BY_SIZE)
    if wanted.time_step is not None and wanted.time_step != image.time_step:
        now = now.replace(time_step=wanted.time_step)
        before = "not known" if image.time_step is None else f"{image.time_step:g} s"
        said.append(f"a frame every {wanted.time_step:g} s ({source}: {before})")
    if wanted.channels is not None and wanted.channels != now.channels:
        before = ", ".join(image.channels)
        now = now.replace(channels=_named(wanted.channels, now))
        said.append(f"channels {', '.join(now.channels)} ({source}: {before})")
    if (now.pixels is not image.pixels or now.channels != image.channels) and not is_result(image):
        settled.add(PER_CHANNEL)  # which is looked for again: it is told by the channel's name
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

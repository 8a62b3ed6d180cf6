"""A preview: the region in view alone, restored within a second or two, kept in memory."""

from __future__ import annotations

import json
import secrets
from typing import Any

import numpy as np

from abbe.errors import StorageError
from abbe.image import Image
from abbe.image.pixels import CroppedPixels
from abbe.server.derived import Picture
from abbe.server.service import Service


def preview(here: Service, session_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The restored region as a picture, with its id and its place: corner (x, y) and pixels of the version per pixel of the picture."""
    session = here.cabinet.get(session_id)
    version = session.version(wanted["version"])
    image, corner = region(session.image(version.id), wanted, here.settings.limits.preview)
    key = (session_id, "preview", version.id, json.dumps(wanted, sort_keys=True))
    picture = here.derived.picture(key, lambda: _restored(image, wanted, corner))
    handle = picture.about["preview"]
    here.derived.keep((session_id, "preview", handle), picture, 0)
    return picture.to_dict()


def find(here: Service, session_id: str, handle: str) -> Picture:
    found: Picture | None = here.derived.look_up((session_id, "preview", handle))
    if found is None:
        raise StorageError("this preview is not there any more; make it again")
    return found


def region(image: Image, wanted: dict[str, Any], side: int) -> tuple[Image, tuple[int, int]]:
    """One plane's region of at most `side` pixels around the point wanted, within the image, and its corner (y, x)."""
    frames, channels, planes, height, width = image.shape
    h, w = min(side, height), min(side, width)
    top = min(max(0, wanted["y"] - h // 2), height - h)
    left = min(max(0, wanted["x"] - w // 2), width - w)
    t, z = min(wanted["t"], frames - 1), min(wanted["z"], planes - 1)
    box = (slice(t, t + 1), slice(0, channels), slice(z, z + 1), slice(top, top + h), slice(left, left + w))
    part = Image.from_array(
        CroppedPixels(image.pixels, box).read(tuple(slice(0, s.stop - s.start) for s in box)),  # type: ignore[arg-type]
        axes="TCZYX",
        pixel_size=(None, *image.pixel_size[1:]),
        channels=image.channels,
        bits=image.bits,
        optics=image.optics,
    ).replace(provenance=image.provenance)  # whose history says whether the optics still hold
    return part, (top, left)


def _restored(part: Image, wanted: dict[str, Any], corner: tuple[int, int]) -> Picture:
    from abbe.restoration import correct_background, enhance

    how = {name: wanted[name] for name in ("realism", "passes", "exact")}
    if wanted["kind"] == "enhance":
        result = enhance(part, steps=tuple(wanted["steps"]), model=wanted["model"], psf=wanted["psf"], **how)
    else:
        result = correct_background(part, channels=tuple(wanted["channels"] or range(part.shape[1])), **how)
    array = np.asarray(result)[0, :, 0].astype(np.float32, copy=False)
    about = {
        "preview": secrets.token_hex(8),
        "corner": {"y": corner[0], "x": corner[1]},
        "size": {"y": part.shape[3], "x": part.shape[4]},
        "scale": array.shape[2] / part.shape[4],
    }
    return Picture.of(np.ascontiguousarray(array), about)

"""A preview: the region in view alone, restored within a second or two, kept in memory."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from abbe.errors import StorageError
from abbe.image import Image
from abbe.image.pixels import Array, CroppedPixels
from abbe.server.derived import Picture
from abbe.server.service import Service
from abbe.server.statistics import HIGH, LOW

if TYPE_CHECKING:
    from abbe.restoration.sharing import Sharing

#: planes above and below the one in view that are restored with it, where the run works on the whole stack: with 4 what comes out is that
#: of the run to r = 0.98 and better (vesicles, yeast mitochondria, nuclei); the plane alone would lose half of its light and more. As many
#: are those that a plane shares its light with
NEIGHBOURS = 4
#: how much shorter the sides of the region are then: each row and column is a slice along z that is restored for itself, and of four
#: channels the whole took a minute and more
SMALLER = 2


def preview(here: Service, session_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The restored region as a picture, with its id and its place: corner (x, y) and pixels of the version per pixel of the picture."""
    session = here.cabinet.get(session_id)
    version = session.version(wanted["version"])
    whole = session.image(version.id)
    image, (t, z, *corner) = region(whole, wanted, here.settings.limits.preview)
    key = (session_id, "preview", version.id, json.dumps(wanted, sort_keys=True))
    picture = here.derived.picture(key, lambda: _restored(image, wanted, (t, z), corner, _mosaics(whole, wanted)))
    handle = picture.about["preview"]
    here.derived.keep((session_id, "preview", handle), picture, 0)
    return picture.to_dict()


def find(here: Service, session_id: str, handle: str) -> Picture:
    found: Picture | None = here.derived.look_up((session_id, "preview", handle))
    if found is None:
        raise StorageError("this preview is not there any more; make it again")
    return found


def region(image: Image, wanted: dict[str, Any], side: int) -> tuple[Image, tuple[int, int, int, int]]:
    """The region of at most `side` pixels around the point wanted, within the image, and its corner (y, x).

    One plane of one frame, or several where the run would look at those beside it too; the numbers before the corner are those of the frame
    and the plane wanted among them.
    """
    frames, channels, planes, height, width = image.shape
    deep = _along_z(image, wanted)
    side = side // SMALLER if deep and planes > 1 else side
    h, w = min(side, height), min(side, width)
    top = min(max(0, wanted["y"] - h // 2), height - h)
    left = min(max(0, wanted["x"] - w // 2), width - w)
    t, z = min(wanted["t"], frames - 1), min(wanted["z"], planes - 1)
    sharing = _sharing(image, wanted)
    reach = NEIGHBOURS if deep or sharing.planes else 0
    low, high = max(0, z - reach), min(planes, z + reach + 1)
    begin, end = max(0, t - sharing.frames), min(frames, t + sharing.frames + 1)
    box = (slice(begin, end), slice(0, channels), slice(low, high), slice(top, top + h), slice(left, left + w))
    part = Image.from_array(
        CroppedPixels(image.pixels, box).read(tuple(slice(0, s.stop - s.start) for s in box)),  # type: ignore[arg-type]
        axes="TCZYX",
        pixel_size=(image.pixel_size[0] if high - low > 1 else None, *image.pixel_size[1:]),
        channels=image.channels,
        bits=image.bits,
        optics=image.optics,
    ).replace(provenance=image.provenance)  # whose history says whether the optics still hold
    return part, (t - begin, z - low, top, left)


def _mosaics(whole: Image, wanted: dict[str, Any]) -> tuple[bool, ...] | None:
    """Which channels a run of the whole image would take for red or blue of a colour camera: of a small region nobody can tell."""
    from abbe.restoration.mosaic import mosaics_in

    return mosaics_in(whole) if wanted["kind"] == "enhance" and "denoise" in wanted["steps"] else None


def _restored(
    part: Image, wanted: dict[str, Any], place: tuple[int, int], corner: Sequence[int], mosaic: tuple[bool, ...] | None
) -> Picture:
    from abbe.restoration import correct_background
    from abbe.restoration.sharing import with_shared_light

    how = {name: wanted[name] for name in ("realism", "passes", "exact")}
    t, z = place
    if wanted["kind"] == "enhance":
        sharing, lone = _sharing(part, wanted), part
        if sharing.frames or (sharing.planes and not _along_z(part, wanted)):
            at = t if sharing.frames else z
            lone = with_shared_light(part, at, sharing, wanted["model"], wanted["realism"], wanted["exact"], mosaic)
        result = _enhanced(lone, z, wanted, how, mosaic)
    else:
        result = correct_background(part, channels=tuple(wanted["channels"] or range(part.shape[1])), **how)
    array = np.asarray(result)[0, :, 0].astype(np.float32, copy=False)
    about = {
        "preview": secrets.token_hex(8),
        "corner": {"y": corner[0], "x": corner[1]},
        "size": {"y": part.shape[3], "x": part.shape[4]},
        "scale": array.shape[2] / part.shape[4],
        "before": _ends(np.asarray(part)[t, :, z]),
        "after": _ends(array),
    }
    return Picture.of(np.ascontiguousarray(array), about)


def _along_z(image: Image, wanted: dict[str, Any]) -> bool:
    """Would the run look at several planes at once."""
    step, _, size = image.pixel_size
    return wanted["kind"] == "enhance" and "axial" in wanted["steps"] and step is not None and size is not None


def _sharing(image: Image, wanted: dict[str, Any]) -> Sharing:
    """What the run would share. Raises `ParameterError`."""
    from abbe.restoration.sharing import ALONE, Sharing

    if wanted["kind"] != "enhance":
        return ALONE
    return Sharing.of(image, wanted["steps"], wanted.get("frames", 0), wanted.get("planes"))


def _ends(planes: Array) -> list[tuple[float, float]]:
    """Of each channel what the automatic contrast shows as black and in full colour: what was there, and what became of it."""
    return [(float(low), float(high)) for low, high in (np.percentile(plane, (LOW, HIGH)) for plane in planes)]


def _enhanced(part: Image, z: int, wanted: dict[str, Any], how: dict[str, Any], mosaic: tuple[bool, ...] | None) -> Image:
    """The plane `z` of `part` after all steps. Of several planes only those steps see all that look at several."""
    from abbe.restoration import enhance
    from abbe.zoo import find

    steps, model = tuple(wanted["steps"]), wanted["model"]
    if part.shape[2] == 1:
        return enhance(part, steps=steps, model=model, psf=wanted["psf"], mosaic=mosaic, **how)
    fine = steps[-1] == "super_resolve"
    for_fine = fine and model is not None and find(model).card.task == "super_resolve"
    before, of_those = (steps[:-1], None) if for_fine else (steps[:-1] if fine else steps, model)
    deep = enhance(part, steps=before, model=of_those, planes=wanted.get("planes"), mosaic=mosaic, **how)
    step, _, size = part.pixel_size
    assert step is not None, "see `region`"
    assert size is not None, "see `region`"
    k = round(z * step / size)
    plane = deep.crop(slice(0, part.shape[3]), slice(0, part.shape[4]), slice(k, k + 1))
    return enhance(plane, steps=("super_resolve",), model=model if for_fine else None, psf=wanted["psf"], **how) if fine else plane

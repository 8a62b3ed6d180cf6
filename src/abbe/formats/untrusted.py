"""Opening a file that somebody else chose: decoded whole in a bounded child process, into a scratch file.

What comes back needs no decoder any more, so that reading it is as safe as reading an array.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from abbe.errors import NotAnImageError
from abbe.formats.listing import Listed, from_child, listed
from abbe.formats.naming import numbered
from abbe.formats.opening import digester, open, open_labels, sole
from abbe.image import Image, Notice, Optics, Provenance
from abbe.image.axes import check_size
from abbe.image.pixels import ArrayPixels, Pixels, ScratchPixels, Shape, blocks
from abbe.limits import LIMITS
from abbe.storage import path_text, run_in_child

#: the part of the free disk that one decoded image may take
SHARE = 0.5


def open_untrusted(
    path: str | os.PathLike[str],
    *,
    axes: str | None = None,
    labels: bool = False,
    seconds: float = LIMITS.decode_seconds,
    memory: int = LIMITS.decode_memory,
) -> Image:
    """As `open`, or as `open_labels`, for files that may be hostile; `seconds` and `memory` bound the decoder.

    Raises what `open` raises, and `LimitError` when the decoder needs more than it may.
    """
    image = _decoded(path, {"axes": axes, "labels": labels}, seconds, memory)
    if isinstance(image, tuple):
        raise NotAnImageError(f"{Path(path_text(path)).name} could not be decoded (it has no pixels)")
    return image


def open_sole(
    path: str | os.PathLike[str], *, seconds: float = LIMITS.decode_seconds, memory: int = LIMITS.decode_memory
) -> Image | tuple[Listed, ...]:
    """The image of a file of one, as `open_untrusted`; of a file of several what there is to choose from, and no pixels."""
    return _decoded(path, {"axes": None, "sole": True}, seconds, memory)


def glance(path: str | os.PathLike[str], side: int, *, seconds: float = LIMITS.decode_seconds, memory: int = LIMITS.decode_memory) -> Image:
    """The middle plane of the first frame alone, every so many pixels of it, so that about `side` are left: for a small picture."""
    image = _decoded(path, {"axes": None, "side": side}, seconds, memory)
    if isinstance(image, tuple):
        raise NotAnImageError(f"{Path(path_text(path)).name} could not be decoded (it has no pixels)")
    return image


def _decoded(path: str | os.PathLike[str], wanted: Mapping[str, Any], seconds: float, memory: int) -> Image | tuple[Listed, ...]:
    source = Path(path_text(path))
    free = int(shutil.disk_usage(tempfile.gettempdir()).free * SHARE)
    with tempfile.TemporaryFile(prefix="abbe-") as pixels, tempfile.TemporaryFile(prefix="abbe-") as mask:
        said = run_in_child(
            "abbe.formats.untrusted:decode",
            {"path": str(source), **wanted},
            [pixels, mask],
            seconds=seconds,
            memory=memory,
            disk=free,
        )
        if "images" in said:
            return from_child(said["images"])
        return _image(said, pixels.fileno(), mask.fileno(), source)


# ------------------------------------------------------------------------------------------------------ in the child
def decode(arguments: Mapping[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
    """Write pixels, and the mask if there is one, to the descriptors; return everything else."""
    found: Image | tuple[str, ...]
    if arguments.get("labels"):
        found = open_labels(arguments["path"])
    else:
        found = sole(arguments["path"]) if arguments.get("sole") else open(arguments["path"], axes=arguments["axes"])
    if isinstance(found, tuple):
        return {"images": [one.to_dict() for one in listed(Path(arguments["path"]), None, found)]}
    image = _thinned(found, arguments["side"]) if "side" in arguments else found
    _write(image.pixels, descriptors[0])
    if image.mask is not None:
        _write(image.mask, descriptors[1])
    return {
        "shape": list(image.shape),
        "dtype": image.dtype.str,
        "masked": image.mask is not None,
        "pixel_size": list(image.pixel_size),
        "channels": list(image.channels),
        "colors": list(image.colors),
        "bits": image.bits,
        "time_step": image.time_step,
        "optics": image.optics.to_dict(),
        "provenance": image.provenance.to_dict() | {"digest": None, "step": image.provenance.step},
        "notices": [notice.to_dict() for notice in image.notices],
    }


def _thinned(image: Image, side: int) -> Image:
    step = max(1, min(image.shape[3:]) // side)
    planes = [image.plane(0, c, image.shape[2] // 2)[::step, ::step] for c in range(image.shape[1])]
    return image.replace(pixels=ArrayPixels(np.stack(planes)[None, :, None]), mask=None)


def _write(pixels: Pixels, descriptor: int) -> None:
    with os.fdopen(os.dup(descriptor), "wb") as file:
        for region in blocks(pixels.shape, 2**20):
            file.write(np.ascontiguousarray(pixels.read(region)).tobytes())


# ----------------------------------------------------------------------------------------------------- in the parent
def _image(said: Mapping[str, Any], pixels: int, mask: int, source: Path) -> Image:
    """The image that the child described; its words are checked, for a decoder that was taken over may say anything."""
    try:
        shape = _shape(said["shape"])
        dtype = np.dtype(str(said["dtype"]))
        if dtype.str[1:] not in ("u1", "u2", "u4", "i1", "i2", "i4", "f4"):
            raise ValueError("pixel type")
        optics = dict(said["optics"])
        optics.update(emission=tuple(optics["emission"]), excitation=tuple(optics["excitation"]))
        origin = dict(said["provenance"])
        origin.update(history=tuple(origin["history"]), source=str(source), digest=digester(numbered(source)[0]))
        z, y, x = said["pixel_size"]
        return Image(
            ScratchPixels.adopt(os.dup(pixels), shape, dtype),
            pixel_size=(z, y, x),
            channels=tuple(str(name) for name in said["channels"]),
            colors=tuple(said["colors"]),
            bits=said["bits"],
            time_step=said["time_step"],
            optics=Optics(**optics),
            provenance=Provenance(**origin),
            notices=tuple(Notice(str(n["code"]), str(n["message"])) for n in said["notices"]),
            mask=ScratchPixels.adopt(os.dup(mask), shape, np.dtype(np.bool_)) if said["masked"] else None,
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise NotAnImageError(f"{source.name} could not be decoded ({problem})") from problem


def _shape(values: Sequence[Any]) -> Shape:
    t, c, z, y, x = (int(v) for v in values)
    if min(t, c, z, y, x) < 1:
        raise ValueError("shape")
    check_size((t, c, z, y, x))
    return t, c, z, y, x

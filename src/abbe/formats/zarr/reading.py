"""OME-Zarr images: the largest level of the first multiscale (ngff.openmicroscopy.org, versions 0.4 and 0.5)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from abbe.errors import LimitError, NotAnImageError, StorageError
from abbe.formats import account
from abbe.formats.colours import told_apart
from abbe.formats.damage import decoding
from abbe.formats.found import Found, among, pick
from abbe.formats.units import micrometres, positive, seconds
from abbe.image import Notice
from abbe.image.axes import check_size
from abbe.image.pixels import Array, Region, Shape
from abbe.limits import LIMITS

#: files one of which a Zarr folder has
SIGNS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
#: codecs that run code of the file's choosing
DANGEROUS = {"pickle"}


@dataclass(frozen=True, slots=True)
class Zarr:
    """The format, for `abbe.formats.opening`."""

    name: str = "OME-Zarr"

    def claims(self, head: bytes, path: Path) -> bool:
        return path.is_dir() and any((path / sign).is_file() for sign in SIGNS)

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        there = _images(path)
        names = tuple(one.name for one in there) if len(there) > 1 else ()
        one = there[pick(number, len(there), path.name) if names else 0]
        folder = path / one.place
        with among(names), decoding(path.name):
            words = _attributes(folder)
            scales = words.get("multiscales")
            if not isinstance(scales, list) or len(scales) <= one.scale:
                raise NotAnImageError(f"{_named(path, one)} is a Zarr folder without the description of an image (multiscales)")
            rest = len(scales) if one.place and len(scales) > 1 else 0
            notices = [Notice("dropped", f"the folder holds {rest} images; the first was opened")] if rest else []
            return replace(_found(folder, words, scales[one.scale], notices, axes), images=names)


@dataclass(frozen=True, slots=True)
class _One:
    """An image: its folder within that which was named, which of the folder's images it is, and its name."""

    place: str
    scale: int
    name: str


def _images(path: Path) -> list[_One]:
    """The images below a folder: of a plate well by well; the converter bioformats2raw puts images into folders 0, 1, ..."""
    words = _attributes(path)
    scales = words.get("multiscales")
    if isinstance(scales, list) and scales:
        return [_One("", k, str(one.get("name") or f"image {k}") if isinstance(one, dict) else "") for k, one in enumerate(scales)]
    if "plate" in words:
        wells = _paths(words["plate"], "wells", path)
        places = [f"{well}/{field}" for well in wells for field in _fields(path / well)]
    elif "well" in words:
        places = _paths(words["well"], "images", path)
    elif is_array(path / "0"):
        places = []  # levels of an image whose description is lost
    else:
        places = list(itertools.takewhile(lambda name: (path / name).is_dir(), map(str, itertools.count())))
    if not places:
        what = "a plate without any image" if "plate" in words or "well" in words else "a Zarr folder without the description of an image"
        raise NotAnImageError(f"{path.name} is {what} (multiscales); open another")
    return [_One(place, 0, place) for place in places]


def is_array(folder: Path) -> bool:
    if not (folder / "zarr.json").is_file():
        return (folder / ".zarray").is_file()
    try:
        words = _json(folder / "zarr.json")
    except NotAnImageError:
        return False  # which opening it says
    return isinstance(words, dict) and words.get("node_type") == "array"


def _fields(well: Path) -> list[str]:
    try:
        return _paths(_attributes(well).get("well"), "images", well)
    except NotAnImageError:
        return ["0"]  # which opening it says, and the other wells are there


def _paths(words: Any, key: str, path: Path) -> list[str]:
    """Paths of a plate's wells, or of a well's images."""
    listed = words.get(key) if isinstance(words, dict) else None
    found = [str(one["path"]) for one in listed or [] if isinstance(one, dict) and "path" in one]
    for name in found:
        _check_inside(name, path)
    return found


def _check_inside(name: str, path: Path) -> None:
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise NotAnImageError(f"{path.name} names pixels outside itself ({name[:200]})")


def _named(path: Path, one: _One) -> str:
    return f"{path.name}/{one.place}" if one.place else path.name


def _attributes(folder: Path) -> Mapping[str, Any]:
    """OME attributes of a group, of version 0.5 (zarr.json) or 0.4 (.zattrs)."""
    for name, place in (("zarr.json", ("attributes", "ome")), (".zattrs", ())):
        file = folder / name
        if not file.is_file():
            continue
        data: Any = _json(file)
        for key in place:
            data = data.get(key, {}) if isinstance(data, dict) else {}
        return data if isinstance(data, dict) else {}
    return {}


def _json(file: Path) -> Any:
    if file.stat().st_size > LIMITS.metadata:
        raise LimitError(f"wanted at most {LIMITS.metadata} bytes of metadata, got {file.stat().st_size} in {file.name}")
    try:
        return json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise NotAnImageError(f"{file.parent.name}/{file.name} is damaged ({problem})") from problem


def _found(folder: Path, words: Mapping[str, Any], scale: Mapping[str, Any], notices: list[Notice], wanted: str | None) -> Found:
    dataset = scale["datasets"][0]
    name = str(dataset["path"])
    _check_inside(name, folder)
    array = _array(folder / name)
    described = scale.get("axes") or [{"name": a} for a in "tczyx"[-len(array.shape) :]]
    stored = (wanted or "".join(str(a["name"] if isinstance(a, dict) else a) for a in described)).upper()
    if len(stored) != len(array.shape) or len(set(stored)) != len(stored) or not {"Y", "X"} <= set(stored) <= set("TCZYX"):
        raise NotAnImageError(f"{folder.name} has the axes {stored} for {len(array.shape)} dimensions, which abbe cannot sort")
    if 0 in array.shape:
        raise NotAnImageError(f"{folder.name} holds no pixels: its shape is {' x '.join(map(str, array.shape))}")
    sizes = dict(zip(stored, array.shape))
    shape: Shape = (sizes.get("T", 1), sizes.get("C", 1), sizes.get("Z", 1), sizes["Y"], sizes["X"])
    check_size(shape)
    factors = _factors(scale, dataset, len(described))
    steps = _steps(factors, described)
    channels = words.get("omero", {}).get("channels", []) if isinstance(words.get("omero"), dict) else []
    channels = channels if len(channels) == shape[1] else []
    own = words.get(account.NAMESPACE)
    return Found(
        ZarrPixels(shape, np.dtype(array.dtype).newbyteorder("="), array, stored),
        format="OME-Zarr",
        pixel_size=(steps.get("Z"), steps.get("Y"), steps.get("X")),
        channels=tuple(str(c["label"]) if c.get("label") else None for c in channels),
        colors=told_apart([_colour(c.get("color")) for c in channels]),
        bits=_bits(words),
        time_step=steps.get("T"),
        notices=(*notices, *_without_unit(factors, described)),
        facts={"name": str(scale["name"])} if scale.get("name") else {},
        account=own if isinstance(own, str) else None,
    )


def _array(folder: Path) -> Any:
    """The Zarr array in a folder, after a look at what would decode it."""
    import zarr

    file = folder / "zarr.json" if (folder / "zarr.json").is_file() else folder / ".zarray"
    if not file.is_file():
        raise StorageError(f"{folder.parent.name} is incomplete: its pixels ({folder.name}) are missing; copy it again from its source")
    words = _json(file)
    codecs = [words.get("compressor"), *(words.get("filters") or []), *(words.get("codecs") or [])]
    names = {str(c.get("id", c.get("name"))).removeprefix("numcodecs.") for c in codecs if isinstance(c, dict)}
    if names & DANGEROUS:
        raise NotAnImageError(f"{folder.parent.name} would run code of its own when it is read (codec {', '.join(names & DANGEROUS)})")
    chunk = words.get("chunks") or words.get("chunk_grid", {}).get("configuration", {}).get("chunk_shape") or [1]
    if int(np.prod([int(n) for n in chunk], dtype=np.float64)) > LIMITS.segment:
        raise LimitError(f"wanted chunks of at most {LIMITS.segment} pixels, got {' x '.join(map(str, chunk))}")
    array = zarr.open_array(str(folder), mode="r")
    if int(np.prod(array.chunks, dtype=np.float64)) * np.dtype(array.dtype).itemsize > LIMITS.segment:
        raise LimitError(f"wanted chunks of at most {LIMITS.segment} bytes, got {' x '.join(map(str, array.chunks))} of {array.dtype}")
    return array


def _factors(scale: Mapping[str, Any], dataset: Mapping[str, Any], count: int) -> Array:
    """The products of the scales of the level and of the whole, along each of `count` axes."""
    factors: Array = np.ones(count)
    for transforms in (dataset.get("coordinateTransformations"), scale.get("coordinateTransformations")):
        for transform in transforms or []:
            if transform.get("type") == "scale" and len(transform.get("scale", ())) == count:
                factors *= np.asarray(transform["scale"], np.float64)
    return factors


def _steps(factors: Array, axes: Sequence[Any]) -> dict[str, float | None]:
    """Step along each axis in um or s."""
    found: dict[str, float | None] = {}
    for axis, factor in zip(axes, factors):
        if not isinstance(axis, dict) or not axis.get("unit"):
            continue
        letter = str(axis["name"]).upper()
        found[letter] = (seconds if letter == "T" else micrometres)(factor, str(axis["unit"]))
    return found


def _without_unit(factors: Array, axes: Sequence[Any]) -> tuple[Notice, ...]:
    """The word about steps whose unit nobody named: many programs write them so, and mean um."""
    names = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
    steps = {str(a["name"]).upper(): float(step) for a, step in zip(names, factors) if not a.get("unit")}
    bare = [f"{steps[a]:.4g}" for a in "ZYX" if a in steps]
    if all(steps.get(a, 1.0) == 1.0 for a in "ZYX"):
        return ()
    said = (
        f"the file gives the pixel size {' x '.join(bare)} without its unit; if that is um, say so (pixel_size={bare[-1]} or --pixel-size)"
    )
    return (Notice("pixel_size", said),)


def _colour(value: object) -> str | None:
    text = str(value or "").removeprefix("#").lower()
    return f"#{text[:6]}" if len(text) in (6, 8) and all(c in "0123456789abcdef" for c in text) else None


def _bits(words: Mapping[str, Any]) -> int | None:
    bits = positive(words.get("abbe.bits"))
    return int(bits) if bits else None


@dataclass(frozen=True, slots=True)
class ZarrPixels:
    """Pixels of a Zarr array whose axes are `stored`."""

    shape: Shape
    dtype: np.dtype[Any]
    array: Any
    stored: str

    def read(self, region: Region) -> Array:
        wanted = dict(zip("TCZYX", region))
        with decoding("the Zarr folder"):
            block = np.asarray(self.array[tuple(wanted[a] for a in self.stored)])
        ordered = block.transpose([self.stored.index(a) for a in "TCZYX" if a in self.stored])
        full = tuple(s.stop - s.start if a in self.stored else 1 for a, s in wanted.items())
        return ordered.reshape(full).astype(self.dtype, copy=False)

"""Do two images belong together? A report is about one image: regions of another would be drawn where they do not lie."""

from __future__ import annotations

from collections.abc import Iterator

from abbe.image import Image
from abbe.image.digest import pixel_digest
from abbe.image.pixels import Pixels
from abbe.reporting.case import chain


def akin(one: Image, other: Image) -> bool:
    """Are both the same image, parts of it, or made from the same? Files and pixels are read only where nothing else tells."""
    first, second = chain(one), chain(other)
    if _sources(first) & _sources(second) or _files(first) & _files(second):
        return True
    alike = ((a.pixels, b.pixels) for a in first for b in second if (a.shape, a.dtype) == (b.shape, b.dtype))
    return any(pixel_digest(a) == pixel_digest(b) for a, b in alike)


def _sources(images: list[Image]) -> set[int]:
    return {id(pixels) for image in images for pixels in _below(image.pixels)}


def _files(images: list[Image]) -> set[str]:
    """The digests of the files that the images were opened from; of several images in a file each is its own."""
    found = ((image.provenance.digest, image.provenance.source) for image in images)
    return {f"{digest} {source}" for digest, source in found if digest and source}


def _below(pixels: Pixels) -> Iterator[Pixels]:
    """The pixels, and those that they are a view of or are computed from."""
    yield pixels
    for source in (getattr(pixels, "source", None), *getattr(pixels, "sources", ())):
        if hasattr(source, "read"):
            yield from _below(source)

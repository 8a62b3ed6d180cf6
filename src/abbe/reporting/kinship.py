"""Do two images belong together? A report is about one image: regions of another would be drawn where they do not lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abbe.comparison.recorded import recorded
from abbe.image import Image
from abbe.image.digest import pixel_digest
from abbe.image.pixels import Pixels
from abbe.recipe import Input, Recipe
from abbe.reporting.case import chain


def akin(one: Image, other: Image) -> bool:
    """Are both the same image, parts of it, or made from the same? Files and pixels are read only where nothing else tells."""
    first, second = chain(one), chain(other)
    if _sources(first) & _sources(second) or _files(first) & _files(second):
        return True
    if {i.digest for i in _inputs(first)} & {i.digest for i in _inputs(second)}:
        return True
    if any(_was(entry, image) for a, b in ((first, second), (second, first)) for entry in _inputs(a) for image in b):
        return True
    alike = ((a, b) for a in _wholes(first) for b in _wholes(second) if (a.shape, a.dtype) == (b.shape, b.dtype))
    return any(pixel_digest(a) == pixel_digest(b) for a, b in alike)


def tied(image: Image, others: Sequence[Image]) -> Image:
    """The image with its original, which is one of the others where its file says that it was made from that; else as it is."""
    made = recorded(image) if image.original is None else None
    before = next(
        (other for other in others if made is not None and other is not image and any(_was(entry, other) for entry in made.inputs[:1])),
        None,
    )
    return image if before is None else image.replace(original=before, recipe=made)


def _inputs(images: list[Image]) -> list[Input]:
    """What the images were made from, as their files tell."""
    recipes = [recorded(image) for image in images]
    return [entry for recipe in recipes if isinstance(recipe, Recipe) for entry in recipe.inputs if entry.digest]


def _was(entry: Input, image: Image) -> bool:
    """Are these the pixels that the recipe tells of?"""
    told = tuple(entry.shape), entry.dtype
    return bool(entry.digest) and told == (image.shape, image.dtype.name) and pixel_digest(image.pixels) == entry.digest


def _wholes(images: list[Image]) -> list[Pixels]:
    """The pixels of the images, and of those that were merged into them."""
    found = {id(pixels): pixels for image in images for pixels in (image.pixels, *(p for p in _below(image.pixels) if not _sources_of(p)))}
    return list(found.values())


def _sources(images: list[Image]) -> set[int]:
    return {id(pixels) for image in images for pixels in _below(image.pixels)}


def _files(images: list[Image]) -> set[str]:
    """The digests of the files that the images were opened from; of several images in a file each is its own."""
    found = ((image.provenance.digest, image.provenance.source) for image in images)
    return {f"{digest} {source}" for digest, source in found if digest and source}


def _below(pixels: Pixels) -> Iterator[Pixels]:
    """The pixels, and those that they are a view of or are computed from."""
    yield pixels
    for source in _sources_of(pixels):
        yield from _below(source)


def _sources_of(pixels: Pixels) -> list[Pixels]:
    return [source for source in (getattr(pixels, "source", None), *getattr(pixels, "sources", ())) if hasattr(source, "read")]

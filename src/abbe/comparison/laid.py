"""Original and result, where the result's channels were moved since: channels that were laid right are not called displaced."""

from __future__ import annotations

from abbe.comparison.recorded import aligned_by
from abbe.image import Image, Notice
from abbe.image.computed import ALIGNED


def laid_alike(original: Image, transformed: Image) -> tuple[Image, Image, tuple[Notice, ...]]:
    """Both with their channels as they lie in the one, and what to say of that.

    The original's channels are moved as those of `transformed` were, where they are not yet, in whole pixels of its own; by what is left of
    that, less than one of its pixels, those of `transformed` are moved back.
    """
    recipe = aligned_by(transformed)
    if recipe is None or original.channels != transformed.channels:
        return original, transformed, ()
    from abbe.alignment.moving import evened, laid_as, moved_by  # it measures by this room's registration

    told: tuple[Notice, ...] = ()
    if moved_by(original) is None:
        if any(line.startswith(ALIGNED) for line in original.provenance.history):
            return original, transformed, ()
        laid = laid_as(original, transformed, recipe)
        if laid is original:
            return original, transformed, ()
        said = "the channels of the transformed image were moved onto one another, as it says itself; the original's were moved by as much"
        original, told = laid, (Notice("aligned", said),)
    return original, evened(transformed, original, recipe), told

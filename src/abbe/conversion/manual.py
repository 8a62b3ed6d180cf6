"""How a model is fed and read outside abbe, in the words that every package carries."""

from __future__ import annotations

from abbe.restoration.levels import COARSEST, DEEPEST
from abbe.zoo import Card

#: what a network may be told, by name
TOLD = {
    "anisotropy": "z-step over pixel size",
    "psf_known": "1 where the width of the point-spread function is known, else 0",
    "psf_width": "octaves of that width (standard deviation in pixels, held between 0.4 and 4) from 0.85 pixels, 0 where it is unknown",
    "psf_width_squared": "psf_width times itself",
    "level": f"how often the grid was halved, at most {DEEPEST}",
    "coarser": "1 where the context is a coarser result, 0 where there is none",
}


def takes_background(card: Card) -> bool:
    """Is the background of the result 0, and no longer that of the image."""
    return card.task in ("background", "axial_plane")


def context_is(card: Card) -> str:
    """What goes into the second input."""
    if card.levels:
        return "the model's own estimate on a grid half as fine, enlarged to this one, as it came out; zeros on the coarsest grid"
    if card.task == "axial_stack":
        return "the slice to restore out of the stack deblurred along z (Richardson-Lucy), scaled as the image itself"
    return "what the steps before this one made of the image, scaled as the image itself; the image where there were none"


def told_is(card: Card) -> str:
    """What the numbers are, in order."""
    return "; ".join(f"{name}: {TOLD.get(name, 'see its card')}" for name in card.told)


def estimate_is(card: Card) -> str:
    """From outputs to counts. The span is that between the two percentiles."""
    if takes_background(card):
        return "the estimate times the span is counts above the background, which is 0 (so is what is negative); no percentile is added"
    return "the estimate times the span, plus the low percentile, is counts"


def spread_is(card: Card) -> str:
    """The second channel in counts."""
    return f"the spread times the span is counts, with nothing added; estimate +- {card.interval_factor:g} x spread is the 90 % interval"


def levels_are(card: Card) -> str:
    """How a model of several levels is run; empty for others."""
    if not card.levels:
        return ""
    return f"""The model restores an image on ever finer grids, each with the result of the one before:

1. Scale the image once, by the percentiles of the whole of it.
2. Halve it (means of 2 x 2 pixels; a last row or column that is alone counts twice) until its longer side is at most {COARSEST} pixels.
3. Run the coarsest grid as a whole, with `context` zeros, `level` how often it was halved (at most {DEEPEST}) and `coarser` 0.
4. Run every finer grid, in tiles if need be, with the estimate (channel 0) of the grid before as `context`, as it came out and enlarged to
   twice its size by linear interpolation between the centres of its pixels; `level` as above, 0 on the finest, and `coarser` 1.

The output on the finest grid is the result. An image of at most {COARSEST} pixels has one grid: `level` 0, `coarser` 0, `context` zeros.
"""

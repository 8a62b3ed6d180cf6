"""How a model is fed and read outside abbe, in the words that every package carries."""

from __future__ import annotations

import math

from abbe.restoration.level import CELL
from abbe.restoration.levels import COARSEST, DEEPEST
from abbe.restoration.planes import BEFORE_OTHERS, CAUTION, FINE, REACH, SMALLEST, SURE, UNSURE
from abbe.restoration.tiles import MARGIN, QUANTUM
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


def afterwards(card: Card) -> str:
    """What abbe does around the network of a single plane: who leaves it out gets other pixels than abbe. Empty for stacks."""
    if card.task == "axial_stack":
        return ""
    margin = -(-MARGIN // card.multiple) * card.multiple
    around = f"""A plane goes on beyond its edges as its own mirror image (outermost pixels once), {margin} pixels of it at
  each end and, at the last, as many more as make a multiple of {math.lcm(QUANTUM, card.multiple)}; the result is cut back to its size."""
    passes = """The network sees a plane more than once (`--passes`), each time moved by some pixels and turned; the mean is taken."""
    if takes_background(card):
        taken = f"- {_part_taken()}\n" if card.task == "axial_plane" else ""
        return f"- {around}\n- {passes}\n{taken}- What is below 0 becomes 0.\n"
    finer = f" ({card.scale} times as many pixels a side in the result)" if card.scale > 1 else ""
    others = (
        "\n- Red and blue of a colour camera abbe may restore by other weights (`--no-mosaic`: by these), which are not in this package."
        if card.task == "denoise"
        else ""
    )
    darkest = "" if card.levels else "\n- No pixel of the result is left darker than the darkest of the plane."
    agrees = "\n- Where a step before changed the image, the result is made to agree with the raw image at each spatial frequency."
    return f"""- {around}
- {passes}{others}{darkest}{agrees if card.scale > 1 else ""}
- The network may give more or less light than came in, most of all where a camera clipped it; abbe gives the light back where it was. In
  cells of {CELL} x {CELL} pixels of the image{finer}: the mean of the image minus that of the result, averaged over
  neighbouring cells (1/4, 1/2, 1/4 along y and along x, the outermost going on beyond the edges). This surface, by linear interpolation
  between the cells' centres, is added, and with it as much of the same surface made of the squares of those differences as makes the
  plane's mean that of the image. A cell that the plane's end cuts off has its mean, and its centre where a whole one has it.
"""


def _part_taken() -> str:
    """What `abbe.restoration.planes.taken` does."""
    return f"""Of the haze that the network takes away abbe takes a part: H is what the network sees minus its estimate, B what it sees,
  both scaled as for the network and smoothed by a Gaussian (sigma {FINE:g} pixels, cut off at {REACH});
  p is (H / B - {UNSURE:g}) / {SURE - UNSURE:g}, no less than 0 and no more than 1 (B is {SMALLEST:g} at least).
  {1 - CAUTION:g} (1 - p^2 (3 - 2 p)) H is added to the estimate.
  Where another step follows, the result is what the network sees minus {BEFORE_OTHERS:g} H instead."""


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

"""Which page of a TIFF, and which of its samples, holds plane (t, c, z)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from abbe.errors import AxesError, NotAnImageError
from abbe.formats.found import pick
from abbe.image import Notice
from abbe.image.pixels import Shape

#: an axis that nobody names counts as channels up to this length, as depth beyond: stacks of four planes or fewer are rare
FEW = 4

#: what steps along other axes are called
_PLACES = {"R": "position", "P": "phase", "M": "tile", "A": "angle", "V": "view"}


@dataclass(frozen=True, slots=True)
class Where:
    """(plane, sample) of (t, c, z), from how many planes each step along T, C and Z is: a thing that goes from process to process."""

    t: int
    c: int
    z: int
    samples: int = 1
    #: plane of (0, 0, 0)
    first: int = 0

    def __call__(self, t: int, c: int, z: int) -> tuple[int, int]:
        return self.first + t * self.t + (c // self.samples) * self.c + z * self.z, c % self.samples


@dataclass(frozen=True, slots=True)
class Layout:
    """The axes of the stored array and where they go.

    Attributes:
        shape: TCZYX.
        where: (plane, sample) of (t, c, z).
        notices: axes that were guessed.
        parts: what the images are called that lie along axes that abbe has not, positions above all; none where there is one.
    """

    shape: Shape
    where: Callable[[int, int, int], tuple[int, int]]
    notices: tuple[Notice, ...]
    parts: tuple[str, ...] = ()


def lay_out(axes: str, shape: Sequence[int], inner: str, wanted: str | None, name: str, part: int = 0) -> Layout:
    """Lay out a stored array.

    Args:
        axes, shape: of the stored array, outermost first; "S" are samples of a pixel, letters beyond TCZYXS are of unknown meaning.
        inner: the last letters of `axes`, which one page holds: "YX", "YXS" or "SYX".
        wanted: the user's own letters for `axes`, or None.
        name: of the file, for messages.
        part: which of the images that lie along other axes.
    """
    if 0 in shape:
        raise NotAnImageError(f"{name} holds no pixels: its shape is {' x '.join(map(str, shape))}")
    notices: list[Notice] = []
    lead = axes[: len(axes) - len(inner)]
    if wanted is not None:
        lead, inner = _as_wanted(axes, shape, inner, wanted)
    else:
        lead, guessed = _guess(lead, shape, "S" in inner)
        if guessed:
            notices.append(guessed)
    sizes = dict(zip(lead + inner, shape))
    extra = [a for a in lead if a not in "TCZ" and sizes[a] > 1]
    places = list(product(*(range(sizes[a]) for a in extra)))
    place = places[pick(part, len(places), name)]
    strides = {a: math.prod(shape[i + 1 : len(lead)]) for i, a in enumerate(lead)}
    samples = sizes.get("S", 1)
    full: Shape = (sizes.get("T", 1), sizes.get("C", 1) * samples, sizes.get("Z", 1), sizes["Y"], sizes["X"])
    first = sum(k * strides[a] for k, a in zip(place, extra))
    where = Where(strides.get("T", 0), strides.get("C", 0), strides.get("Z", 0), samples, first)
    names = tuple(", ".join(f"{_PLACES.get(a, a)} {k}" for a, k in zip(extra, place)) for place in places)
    return Layout(full, where, tuple(notices), names if extra else ())


def _guess(lead: str, shape: Sequence[int], has_samples: bool) -> tuple[str, Notice | None]:
    """`lead` with a letter of TCZ for each axis that has none, and the word about it."""
    letters = list(lead)
    unknown = [i for i, a in enumerate(lead) if a in "QI" and shape[i] > 1]
    guesses = []
    for i in sorted(unknown, key=lambda i: shape[i]):
        free = [a for a in "CZT" if a not in letters]
        if has_samples or shape[i] > FEW:
            free = [a for a in free if a != "C"]
        if not free:
            continue
        letters[i] = free[0]
        guesses.append(f"{shape[i]} {({'C': 'channels', 'Z': 'planes of depth', 'T': 'frames'})[free[0]]}")
    if not guesses:
        return "".join(letters), None
    stored = "".join("?" if a in "QI" else a for a in lead) + "YX"
    message = (
        f"the file does not say what its axes {stored} are; taken as {' and '.join(guesses)}. If that is wrong, name them "
        "(axes= or --axes), or tell it on the page (Correct, under Channels)"
    )
    return "".join(letters), Notice("axes_guessed", message)


def turn(axes: str, shape: Sequence[int], wanted: str) -> tuple[int, ...] | None:
    """Where pages hold other axes than Y, X, as the user's letters say: which axis of an array laid out as if they held these becomes T, C,
    Z, Y, X. None where they do hold them.
    """
    letters = _checked(axes, shape, wanted)
    if letters.endswith("YX"):
        return None
    first = len("TCZYX") - len(letters)
    free = iter(range(first))
    return tuple(first + letters.index(a) if a in letters else next(free) for a in "TCZYX")


def _checked(axes: str, shape: Sequence[int], wanted: str) -> str:
    letters = wanted.upper()
    if len(letters) != len(axes) or len(set(letters)) != len(letters) or not set(letters) <= set("TCZYX") or not {"Y", "X"} <= set(letters):
        raise AxesError(
            f"wanted a letter of TCZYX, each once, for each of the {len(axes)} axes of the stored shape {' x '.join(map(str, shape))}, "
            f"got axes={wanted!r}"
        )
    return letters


def _as_wanted(axes: str, shape: Sequence[int], inner: str, wanted: str) -> tuple[str, str]:
    """The user's letters, split into those of the pages and those within a page."""
    letters = _checked(axes, shape, wanted)
    own = letters[len(axes) - len(inner) :]
    stored = "".join("S" if a not in "YX" else a for a in own)
    if stored != inner or ("S" in inner and own.replace("C", "S") != inner):
        raise AxesError(f"a page of this file holds the axes {inner.replace('S', 'C')}, got axes={wanted!r}; it must end in these")
    return letters[: len(axes) - len(inner)], inner

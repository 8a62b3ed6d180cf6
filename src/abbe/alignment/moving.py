"""`align`: channels moved onto one another by whole pixels, so that every number stays one that was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from abbe.alignment.beads import Beads, same_size
from abbe.alignment.shifts import ChannelShift
from abbe.comparison.recorded import computed_by
from abbe.errors import ParameterError
from abbe.image import Grid, Image, Interval, Notice, as_image
from abbe.image.pixels import Array, CroppedPixels, Pixels, Region, Shape
from abbe.recipe import Input, Recipe, Step

#: (z, y, x) in whole pixels by which a channel lies behind, below and right of the reference
Moves: TypeAlias = tuple[tuple[int, int, int], ...]
#: of channels by index or name, (y, x) or (z, y, x) in pixels
Given: TypeAlias = Mapping[int, Sequence[float]] | Mapping[str, Sequence[float]] | Mapping[int | str, Sequence[float]]
#: of the planes, rows and columns: farther, too little is left. Lenses leave colours some planes apart, however few a stack has
FARTHEST = (0.5, 0.25, 0.25)
#: pixels by which a shift differs from one side of the field to the other that are worth a word
UNEVEN = 1.5


@dataclass(frozen=True, slots=True)
class AlignedPixels:
    """Pixels of which each channel is read at another place; beyond the edges the outermost pixels go on, and `AlignedMask` says so."""

    source: Pixels
    moves: Moves

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        return np.concatenate([self._channel(region, k) for k in range(region[1].start, region[1].stop)], axis=1)

    def _channel(self, region: Region, k: int) -> Array:
        places = [np.clip(np.arange(part.start, part.stop) + d, 0, n - 1) for part, d, n in _axes(region, self.moves[k], self.shape)]
        z, y, x = (slice(int(at[0]), int(at[-1]) + 1) for at in places)
        block = self.source.read((region[0], slice(k, k + 1), z, y, x))
        for axis, at in enumerate(places, start=2):
            block = block.take(at - at[0], axis)
        return block


@dataclass(frozen=True, slots=True)
class AlignedMask:
    """True where a pixel has no counterpart in the channel that was moved, or it was masked there."""

    source: Pixels | None
    shape: Shape
    moves: Moves

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.bool_)

    def read(self, region: Region) -> Array:
        parts = []
        for k in range(region[1].start, region[1].stop):
            beyond = np.zeros((region[2].stop - region[2].start, region[3].stop - region[3].start, region[4].stop - region[4].start), bool)
            for axis, (part, d, n) in enumerate(_axes(region, self.moves[k], self.shape)):
                at = np.arange(part.start, part.stop) + d
                beyond |= ((at < 0) | (at >= n)).reshape([-1 if a == axis else 1 for a in range(3)])
            parts.append(np.broadcast_to(beyond, (region[0].stop - region[0].start, 1, *beyond.shape)))
        missing = np.concatenate(parts, axis=1)
        if self.source is not None:
            missing = missing | AlignedPixels(self.source, self.moves).read(region).astype(bool)
        return missing


def _axes(region: Region, move: tuple[int, int, int], shape: Shape) -> list[tuple[slice, int, int]]:
    """Along z, y and x: the pixels wanted, how far off they lie, and how many there are."""
    return list(zip(region[2:], move, shape[2:]))


def align(image: Image, shifts: Given | None = None, *, reference: int | str = 0, beads: Image | Beads | None = None) -> Image:
    """An image whose channels lie on one another.

    Channels are moved by whole pixels, so that their numbers stay those recorded and their noise stays what it was; what is left of a
    shift is half a pixel at most. After super-resolution, whose pixels are a third as large, it is a sixth of the camera's.

    Args:
        image: two channels or more.
        shifts: of channels, by index or name, (y, x) or (z, y, x) in pixels of `image` by which each lies below and right of (and planes
            behind) the reference; channels that are not named stay. None: as measured.
        reference: the channel that stays.
        beads: where shifts are measured: an image of the same channels, taken with the same microscope, of something that shines in all.
            None: on `image` itself. Where its pixels are of another size, its shifts are in um; channels with names are found by them.
            `Beads(image)` is measured once for many images.

    Returns:
        The image, of the same size. Pixels without a counterpart are masked: they go on as the outermost ones do, and are not measured.

    Raises:
        ParameterError: one channel; a shift that cannot be told, or is too far; beads of other channels.
    """
    image = as_image(image)
    beads = beads if beads is None or isinstance(beads, Beads) else Beads(beads)
    if image.shape[1] < 2:
        raise ParameterError("wanted an image with two channels or more to align, got one")
    first = image.channel(reference)
    if shifts is not None and beads is not None:
        raise ParameterError("wanted shifts or an image of beads to measure them on, got both")
    measured: tuple[ChannelShift, ...] = ()
    if shifts is None:
        measured = measured_on(image, image if beads is None else beads, first)
        wanted = _as_measured(measured)
    else:
        wanted = _as_given(image, shifts, first)
    moves: Moves = tuple((round(z), round(y), round(x)) for z, y, x in wanted)
    _check(image, moves)
    recipe = _recipe(image, first, moves, wanted, measured, beads if shifts is None else "given")
    history = (*image.provenance.history, _sentence(image, recipe, moves))
    said = _said(image, first, moves, measured)
    said += [Notice("aligned", text) for text in ([] if beads is None else beads_in_words(image, beads))]
    return repeated(image, recipe).replace(provenance=replace(image.provenance, history=history)).warn(*said)


def repeated(image: Image, recipe: Recipe) -> Image:
    """The image with the channels moved as a recipe says."""
    return _moved(image, _moves(recipe)).replace(recipe=recipe, original=original_of_aligned(image, recipe))


def _moved(image: Image, moves: Moves) -> Image:
    """With its interval and trust, moved by the same; what it was computed from is not."""
    return image.replace(
        pixels=AlignedPixels(image.pixels, moves),
        mask=AlignedMask(image.mask, image.shape, moves) if any(any(move) for move in moves) else image.mask,
        interval=None if image.interval is None else Interval(*(_moved(side, moves) for side in image.interval)),
        trust=None if image.trust is None else _moved(image.trust, moves),
        original=None,
    )


def original_of_aligned(before: Image, recipe: Recipe | None) -> Image | None:
    """What an aligned result was computed from, with the same channels moved by as much, in whole pixels of its own.

    None of a recorded image, which was laid right and not computed, and where the original's channels are others.
    """
    if recipe is None or before.original is None:
        return None
    return None if before.original.channels != before.channels else laid_as(before.original, before, recipe)


def laid_as(original: Image, aligned: Image, recipe: Recipe) -> Image:
    """The original with its channels moved as the recipe says of `aligned`, in whole pixels of its own; as it is, where there is nothing to
    move, or the recipe is of other channels."""
    moves = _sound_moves(original, recipe)
    if not any(map(any, moves)):
        return original
    ratio = _ratio(aligned, original)
    fewer = [tuple(round(d / r) for d, r in zip(move, ratio)) for move in moves]
    return _moved(original, tuple((z, y, x) for z, y, x in fewer))


def evened(aligned: Image, laid: Image, recipe: Recipe) -> Image:
    """What was aligned by the recipe, with its channels moved back by what whole pixels of the coarser `laid` could not follow."""
    done = moved_by(laid)
    if done is None:
        return aligned
    ratio, moves = _ratio(aligned, laid), _sound_moves(aligned, recipe)
    beyond = [tuple(round(r * o) - d for d, o, r in zip(move, own, ratio)) for move, own in zip(moves, done)]
    return _moved(aligned, tuple((z, y, x) for z, y, x in beyond)) if any(map(any, beyond)) else aligned


def moved_by(image: Image) -> Moves | None:
    """By how much channels are moved in an image that was not computed since, be it cropped; None where none are."""
    pixels = image.pixels
    while isinstance(pixels, CroppedPixels):
        pixels = pixels.source
    return pixels.moves if isinstance(pixels, AlignedPixels) else None


def _ratio(fine: Image, coarse: Image) -> list[float]:
    return [n / m for n, m in zip(fine.shape[2:], coarse.shape[2:])]


def _sound_moves(image: Image, recipe: Recipe) -> Moves:
    """None for a recipe that is of other channels: a file may say anything."""
    try:
        moves = _moves(recipe)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return ()
    within = all(abs(d) < n for move in moves for d, n in zip(move, image.shape[2:])) if len(moves) == image.shape[1] else False
    return moves if within else ()


def _moves(recipe: Recipe) -> Moves:
    return tuple((int(z), int(y), int(x)) for z, y, x in recipe.steps[0].parameters["moves"])


def measured_on(image: Image, source: Image | Beads, reference: int | str = 0) -> tuple[ChannelShift, ...]:
    """Where the channels of `source`, beads or `image` itself, lie off one another, in pixels of `image`; of a plane no planes.

    Raises:
        ParameterError: no such channel; beads of other channels.
    """
    beads = source if isinstance(source, Beads) else Beads(source)
    found, source = beads.shifts(image, reference), beads.image
    (_, y, x), (_, one, other) = Grid.of(image).original, Grid.of(source).original
    finer = one / y, other / x  # an enlarged image's pixels are parts of those that were recorded
    if None not in (*image.pixel_size[1:], *source.pixel_size[1:]):
        finer = tuple(b / a for a, b in zip(image.pixel_size[1:], source.pixel_size[1:]))  # type: ignore[operator, assignment]
    deeper = 1.0
    if image.pixel_size[0] is not None and source.pixel_size[0] is not None:
        deeper = source.pixel_size[0] / image.pixel_size[0]
    return tuple(
        replace(
            shift,
            planes=None if shift.planes is None or image.shape[2] == 1 else shift.planes * deeper,
            shift=None if shift.shift is None else (shift.shift[0] * finer[0], shift.shift[1] * finer[1]),
            scatter=None if shift.scatter is None else shift.scatter * finer[0],
            across=None if shift.across is None else (shift.across[0] * finer[0], shift.across[1] * finer[1]),
        )
        for shift in found
    )


def beads_in_words(image: Image, beads: Beads) -> list[str]:
    """What the user should know of how beads were taken for an image: other sizes of pixels, channels in their order."""
    return [text for text in (_scaled(image, beads), beads.in_order(image)) if text]


def _scaled(image: Image, beads: Beads) -> str:
    """That shifts on the beads count in um, since their pixels are not those of the image as it was recorded; empty where they are."""
    own = [None if um is None else um / part for um, part in zip(image.pixel_size, Grid.of(image).original)]
    theirs = [None if um is None else um / part for um, part in zip(beads.image.pixel_size, Grid.of(beads.image).original)]
    if None in (*own[1:], *theirs[1:]) or all(same_size(a, b) for a, b in zip(own[1:], theirs[1:])):
        return ""
    ratio = float(theirs[2]) / float(own[2])  # type: ignore[arg-type]
    return (
        f"the beads' pixels are {theirs[2]:.4g} um wide and the image's {own[2]:.4g} um, so shifts in pixels are {ratio:.3g} times those "
        "on the beads; where both were taken alike, give both one pixel size"
    )


def check_told(image: Image, source: Image | Beads, reference: int | str = 0) -> None:
    """Raises `ParameterError` where the shift of a channel cannot be told, as `align` does."""
    _as_measured(measured_on(image, source, reference))


def moved_in_words(aligned: Image) -> str:
    """What `align` did to an image: "moved (down, right) tubulin by -3, +2"."""
    moves = _moves(aligned.recipe) if isinstance(aligned.recipe, Recipe) else ()
    moved = ", ".join(
        f"{name} by {-y:+d}, {-x:+d}" + (f" and {-z:+d} plane{'s' * (abs(z) != 1)}" if z else "")
        for name, (z, y, x) in zip(aligned.channels, moves)
        if any((z, y, x))
    )
    return f"moved (down, right) {moved}" if moved else "nothing to move: channels lie within half a pixel"


def _as_measured(measured: Sequence[ChannelShift]) -> list[tuple[float, float, float]]:
    out = []
    for found in measured:
        if found.shift is None:
            raise ParameterError(
                f"wanted to measure where {found.name} lies, and cannot: {found.reason}. Measure it on an image of beads, or give the "
                "shift (0, 0 leaves the channel where it is)"
            )
        out.append((found.planes or 0.0, *found.shift))
    return out


def _as_given(image: Image, shifts: Given, first: int) -> list[tuple[float, float, float]]:
    out = [(0.0, 0.0, 0.0)] * image.shape[1]
    for key, shift in shifts.items():
        k = image.channel(key)
        try:
            numbers = [float(part) for part in shift]
        except (TypeError, ValueError):
            numbers = []
        if len(numbers) not in (2, 3) or not np.isfinite(numbers).all():
            raise ParameterError(f"wanted the shift of {image.channels[k]} as (y, x) or (z, y, x) in pixels, got {shift!r}")
        z, y, x = [0.0, *numbers][-3:]
        out[k] = (z, y, x)
    if any(out[first]):
        raise ParameterError(f"wanted shifts against {image.channels[first]}, which stays, got one of it; name another reference")
    return out


def _check(image: Image, moves: Moves) -> None:
    for name, move in zip(image.channels, moves):
        for axis, d, n, most in zip("zyx", move, image.shape[2:], FARTHEST):
            if abs(d) > most * n:
                share, unit = ("half", "planes") if axis == "z" else ("a quarter", "pixels")
                raise ParameterError(
                    f"wanted shifts of at most {share} of the image, got {d} of {n} {unit} along {axis} for {name}; is the unit {unit}?"
                )


def _recipe(
    image: Image,
    first: int,
    moves: Moves,
    wanted: list[tuple[float, float, float]],
    measured: Sequence[ChannelShift],
    source: Beads | str | None,
) -> Recipe:
    """`source`: the beads; None: the image itself; else a word."""
    said: dict[str, Any] = {
        "reference": first,
        "moves": [list(move) for move in moves],
        "shifts": [[round(part, 3) for part in shift] for shift in wanted],
    }
    if isinstance(source, Beads):
        said["on"] = "image" if source.image is image else "original" if source.image is image.original else "beads"
        if said["on"] == "beads":
            said["beads"] = source.told.model_dump(mode="json")
    else:
        said["on"] = source or "image"
    if measured:
        said["measured"] = [one.to_dict() for one in measured]
    computed = computed_by(image)
    before = {} if computed is None else {"before": computed.to_dict()}
    return Recipe(operation="align", inputs=(Input.of(image),), steps=(Step(name="align", parameters=said),), parameters=before)


def _sentence(image: Image, recipe: Recipe, moves: Moves) -> str:
    """One line of the image's history."""
    done = [f"{name} from {', '.join(map(str, move))} pixels off (z, y, x)" for name, move in zip(image.channels, moves) if any(move)]
    return f"align: {', '.join(done) or 'nothing to move'}; {recipe.software}"


def _said(image: Image, first: int, moves: Moves, measured: Sequence[ChannelShift]) -> list[Notice]:
    out = []
    for k, (name, (z, y, x)) in enumerate(zip(image.channels, moves)):
        if (z, y, x) != (0, 0, 0):
            deep = f"{abs(z)} plane{'s' * (abs(z) != 1)} {'forward' if z > 0 else 'back'}, " if z else ""
            up, left = f"{abs(y)} pixel{'s' * (abs(y) != 1)} {'up' if y > 0 else 'down'}", f"{abs(x)} {'left' if x > 0 else 'right'}"
            out.append(
                Notice(
                    "aligned",
                    f"{name} was moved by {deep}{up} and {left} onto {image.channels[first]}; pixels at the edges that have no counterpart "
                    "are masked and not measured",
                )
            )
        across = measured[k].across if measured else None
        if across is not None and max(map(abs, across)) > UNEVEN:
            out.append(
                Notice(
                    "aligned",
                    f"{name}: the shift grows by {across[0]:.1f} pixels from top to bottom and by {across[1]:.1f} from left to right: "
                    "another magnification, which moving the channel does not take away",
                )
            )
    return out

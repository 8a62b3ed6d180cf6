"""Aligning channels as the widget runs it: where they lie is what `abbe.channel_shifts` finds, and the result is that of `abbe.align`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from abbe.alignment import Beads, ChannelShift, align
from abbe.alignment.moving import UNEVEN, measured_on, moved_in_words, repeated
from abbe.errors import ParameterError
from abbe.image import Image, Notice
from abbe.image.computed import is_result
from abbe.image.notice import join
from abbe.image.pixels import Array, Pixels, Region, Shape
from abbe.napari.description import Description
from abbe.napari.layers import layers
from abbe.napari.measuring import Row, Shown
from abbe.napari.sheet import Sheet, sheet, together
from abbe.napari.tasks import Progress
from abbe.recipe import Recipe

ITSELF = "the image itself"
#: share of a run that is looking at pixels; the rest is looking at what contrast shows the result
LOOKING = 0.95
#: titles of several images that name the result
NAMED = 3


@dataclass(frozen=True, slots=True)
class HeedingPixels:
    """Pixels that tell of every part that is read of them, so that work which has no progress of its own can be stopped there."""

    source: Pixels
    tell: Callable[[int], object]

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        found = self.source.read(region)
        self.tell(found.size)
        return found


@dataclass(frozen=True)
class Aligning:
    """What is told of a sheet.

    Attributes:
        reference: the channel that stays, among those chosen.
        channels: of the sheet's image, two or more; the others are left out. None: all.
    """

    reference: int = 0
    channels: tuple[int, ...] | None = None

    def measure(self, whole: Sheet, beads: Sheet | None, progress: Progress) -> Shown:
        """How far each channel lies off the reference, in pixels of the sheet; measured on beads, or None: on the image itself.

        A channel of which that cannot be told has a row too. Raises `ParameterError` for one channel, or beads in other channels.
        """
        image = self._chosen(whole).image
        on = _beads_for(image, whole.image, self.channels, beads)
        own, source = _heeded(image, on, progress, 1)
        found = measured_on(own, own if source is None else source, self.reference)
        name = image.channels[self.reference]
        head, rows = _table(image, found, name, None)
        return Shown([], f"{_summary(found, name)}; measured on {_said(beads)}", head, rows, _warnings(found))

    def run(self, whole: Sheet, beads: Sheet | None, progress: Progress) -> Shown:
        """The same, with the aligned image as layers in the place of the sheet.

        Raises `ParameterError` as `measure` does, and where the shift of a channel cannot be told, or is too far.
        """
        chosen = self._chosen(whole)
        image = chosen.image
        on = _beads_for(image, whole.image, self.channels, beads)
        own, source = _heeded(image, on, progress, 2)
        measuring = None if source is None else Beads(source)
        try:
            made = align(own, reference=self.reference, beads=measuring)
        except ParameterError:
            _check_told(measured_on(own, own if measuring is None else measuring, self.reference))
            raise
        recipe = made.recipe
        assert isinstance(recipe, Recipe)
        # of the image's own pixels: those that were looked at belong to this run alone
        result = repeated(image, recipe).replace(provenance=made.provenance, notices=made.notices)
        progress(LOOKING, "looking at the result")
        said = recipe.steps[0].parameters
        found = [_shift_of(one) for one in said["measured"]]
        head, rows = _table(image, found, image.channels[self.reference], said["moves"])
        shown = tuple(layers(result, chosen.seat, chosen.title, "aligned"))
        line = f"{moved_in_words(result)}; measured on {_said(beads)}"
        return Shown([], line, head, rows, join(result.notices), layers=shown)

    def _chosen(self, whole: Sheet) -> Sheet:
        chosen = whole if self.channels is None else some(whole, self.channels)
        if chosen.image.shape[1] < 2:
            raise ParameterError(f"wanted two channels or more to align, got one of {whole.title}; choose several layers")
        return chosen


def some(whole: Sheet, picked: tuple[int, ...]) -> Sheet:
    """Channels of a sheet. Raises `ParameterError` for a part of a result, whose recipe counts its channels."""
    image = whole.image
    if picked == tuple(range(image.shape[1])):
        return whole
    if is_result(image):
        raise ParameterError(
            f"wanted all {image.shape[1]} channels of {whole.title} in their order, as the recipe of this result counts them, got "
            f"{', '.join(image.channels[c] for c in picked)}; tick all, or align the image that it was made from, and process that"
        )
    return replace(whole, image=image.select(picked))


def gathered(chosen: Sequence[tuple[Description, int]]) -> Sheet:
    """Channels of several layers as one image; the same layer is taken once.

    Raises `ParameterError` or `MergeError` where they do not lie in the same place.
    """
    made = {id(layer): sheet(layer) for layer, _ in chosen}
    picked = [(made[id(layer)], c) for layer, c in chosen]
    first = picked[0][0]
    if all(one.image is first.image for one, _ in picked):
        return some(first, tuple(c for _, c in picked))
    whole = together(picked)
    names, image = [one.image.channels[c] for one, c in picked], whole.image
    titles = list(dict.fromkeys(one.title for one, _ in picked))
    if len(set(names)) < len(names) and len(titles) == len(names) and image.original is None:
        image = image.replace(channels=tuple(titles))  # files that name no channels name them all alike
    title = " + ".join(titles[:NAMED]) + (" + ..." if len(titles) > NAMED else "")
    return replace(whole, image=image, title=title)


def _beads_for(image: Image, whole: Image, picked: tuple[int, ...] | None, beads: Sheet | None) -> Image | None:
    """Beads in the channels that are aligned: where these are known by their order, the same ones are left out. None: the image itself."""
    if beads is None or beads.image is whole:
        return None
    if image is whole or picked is None:
        return beads.image
    own = beads.image.channels
    by_order = len(own) == whole.shape[1] and (own == whole.channels or not set(image.channels) <= set(own))
    return beads.image.select(picked) if by_order else beads.image


def _heeded(image: Image, beads: Image | None, progress: Progress, times: int) -> tuple[Image, Image | None]:
    """Both images, of which every read is told as progress, and ends where that raises; `times`: about how often all is read."""
    total = times * sum(int(np.prod(one.shape, dtype=np.int64)) for one in (image, beads) if one is not None)
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        progress(LOOKING * min(1.0, done / total), "looking where the channels lie")

    progress(0.0, "looking where the channels lie")
    source = None if beads is None else beads.replace(pixels=HeedingPixels(beads.pixels, tell))
    changes: dict[str, Any] = {"pixels": HeedingPixels(image.pixels, tell)}
    if beads is not None and beads is image.original:
        changes["original"] = source  # so that the recipe says what it was measured on
    return image.replace(**changes), source


def _check_told(found: Sequence[ChannelShift]) -> None:
    for one in found:
        if one.shift is None:
            raise ParameterError(
                f"wanted to measure where {one.name} lies, and cannot: {one.reason}. Measure it on an image of beads, or take away "
                "the channel's tick"
            )


def _shift_of(told: Mapping[str, Any]) -> ChannelShift:
    """What a recipe tells of one channel."""
    pairs = {key: None if told[key] is None else tuple(told[key]) for key in ("shift", "across")}
    return ChannelShift(**{**told, **pairs, "reason": told["reason"] or ""})


def _said(beads: Sheet | None) -> str:
    return ITSELF if beads is None else beads.title


def _table(
    image: Image, found: Sequence[ChannelShift], reference: str, moves: Sequence[Sequence[int]] | None
) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """A row for each channel; the pointer that rests on it is told all of it, in um too."""
    deep = any(one.planes is not None for one in found)
    behind = ("planes behind",) if deep else ()
    head = ("channel", "below", "right", *behind, "places", "scatter", *(() if moves is None else ("moved down, right",)))
    rows = []
    for k, one in enumerate(found):
        if one.shift is None:
            cells = [one.name, "?", "?", *("?" for _ in behind), f"{one.places} of {one.of}", ""]
            tip = f"cannot be told: {one.reason}"
        elif one.of == 0:
            cells, tip = [one.name, "stays", "", *("" for _ in behind), "", ""], "the reference, from which the others are measured"
        else:
            y, x = one.shift
            planes = "" if one.planes is None else f"{one.planes:+.1f}"
            cells = [one.name, f"{y:+.2f}", f"{x:+.2f}", *(planes for _ in behind), f"{one.places} of {one.of}", f"{one.scatter:.2f}"]
            tip = _in_words(image, one, reference)
        if moves is not None:
            down, right = -moves[k][1], -moves[k][2]
            back = f", {-moves[k][0]:+d} planes" if moves[k][0] else ""
            cells.append(f"{down:+d}, {right:+d}{back}" if any(moves[k]) else "")
        rows.append(Row(tuple(cells), tip))
    return head, tuple(rows)


def _in_words(image: Image, one: ChannelShift, reference: str) -> str:
    assert one.shift is not None
    y, x = one.shift
    size = [None if step is None else abs(shift) * step for shift, step in zip(one.shift, image.pixel_size[1:])]
    um = "" if None in size else f" ({size[0]:.3f} and {size[1]:.3f} um)"
    where = f"{abs(y):.2f} pixels {'above' if y < 0 else 'below'} and {abs(x):.2f} {'left' if x < 0 else 'right'} of {reference}{um}"
    grown = (
        "" if one.across is None else f"; it grows by {one.across[0]:+.2f} from top to bottom, by {one.across[1]:+.2f} from left to right"
    )
    return f"{where}, in {one.places} of {one.of} places over the field, which scatter by {one.scatter:.2f}{grown}"


def _summary(found: Sequence[ChannelShift], reference: str) -> str:
    """One line of where the channels lie."""
    told = [one for one in found if one.of and one.shift is not None]
    if not told:
        return f"where the channels lie against {reference} cannot be told"
    far = max(told, key=lambda one: float(np.hypot(*(one.shift or (0.0, 0.0)))))
    behind = [one for one in told if round(one.planes or 0.0)]
    if all(one.whole == (0, 0) for one in told) and not behind:
        rest = "" if len(told) == len(found) - 1 else ", where that can be told"
        return f"channels lie within half a pixel of {reference}{rest}: nothing to move"
    deep = "" if not behind else f", {', '.join(f'{one.name} {one.planes:+.1f} planes behind' for one in behind)}"
    return (
        f"{far.name} lies {np.hypot(*(far.shift or (0.0, 0.0))):.2f} pixels off {reference}{'' if len(told) == 1 else ', the most'}{deep}"
    )


def _warnings(found: Sequence[ChannelShift]) -> tuple[Notice, ...]:
    said = []
    for one in found:
        if one.shift is None:
            said.append(Notice("shifted", f"where {one.name} lies cannot be told: {one.reason}; an image of beads tells it best"))
        elif one.across is not None and max(map(abs, one.across)) > UNEVEN:
            down, right = one.across
            said.append(
                Notice(
                    "shifted",
                    f"{one.name}: the shift grows by {down:.1f} pixels from top to bottom and by {right:.1f} from left to right: another "
                    "magnification, which moving the channel does not take away",
                )
            )
    return tuple(said)

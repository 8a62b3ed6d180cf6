"""What the widgets do: each task is plain data, runs without Qt, and gives layers, sentences and numbers to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from abbe.image import Image, Notice
from abbe.image.notice import join
from abbe.image.pixels import CroppedPixels, whole
from abbe.napari.layers import TRUST, LayerData, layers, map_layers
from abbe.napari.seat import Seat
from abbe.napari.sheet import Sheet, in_units
from abbe.restoration.request import STEPS

#: progress(fraction, what); raises `CancelledError` to stop
Progress = Callable[[float, str], None]

#: side of the part that a preview restores, in pixels
PREVIEW = 256
#: planes above and below that a plane shares its light with
NEIGHBOURS = 4
#: share of a run that is restoring; the rest is looking at the result and at what contrast shows it
RESTORING = 0.92


@dataclass(frozen=True, eq=False)
class Made:
    """What a task gives.

    Attributes:
        layers: to add to the viewer.
        line: one line on what came out.
        notices: what to know before believing it.
        image: the result.
    """

    layers: list[LayerData]
    line: str
    notices: tuple[Notice, ...] = ()
    image: Image | None = None


@dataclass(frozen=True)
class View:
    """What a preview is of, in pixels of the image: centre and side (y, x), frame and plane (t, z)."""

    centre: tuple[int, int]
    plane: tuple[int, int] = (0, 0)
    side: tuple[int, int] = (PREVIEW, PREVIEW)

    @classmethod
    def at(cls, seat: Seat, point: Sequence[float], size: tuple[float, float] | None = None, units: Sequence[str] = ()) -> View:
        """Around a point of napari's world, whose axes end with the layer's.

        `size` (y, x) in the world; None: as large as usual, otherwise at most twice as large. `units`: of the world's axes; none: as the
        layer has them.
        """
        index = {}
        in_own = [1.0] * len(seat.axes)
        for k, letter in enumerate(seat.axes):
            own = k - len(seat.axes) + len(point)
            if 0 <= own < len(units):
                in_own[k] = in_units(units[own], seat.units[k])
            index[letter] = round((point[own] * in_own[k] - seat.translate[k]) / seat.scale[k]) if own >= 0 else 0
        side = (PREVIEW, PREVIEW)
        if size is not None:
            wanted = [round(length * in_own[seat.axes.index(letter)] / seat.along(letter)[0]) for length, letter in zip(size, "YX")]
            side = min(max(wanted[0], 32), 2 * PREVIEW), min(max(wanted[1], 32), 2 * PREVIEW)
        return cls((index["Y"], index["X"]), (index.get("T", 0), index.get("Z", 0)), side)


@dataclass(frozen=True)
class Restoring:
    """What Workflow A (steps) or B (none) can be told; None: as the models' cards say, and as often as usual.

    Attributes:
        steps: of Workflow A; empty: Workflow B.
        psf, frames, planes: as in `abbe.enhance`.
        maps: "trust", "interval": shown as layers too.
    """

    steps: tuple[str, ...] = STEPS
    channels: tuple[int, ...] | None = None
    model: str | None = None
    realism: float | None = None
    passes: int | None = None
    psf: str | None = None
    frames: int = 0
    planes: bool | None = None
    exact: bool = False
    maps: tuple[str, ...] = field(default=("trust",))

    @property
    def word(self) -> str:
        """What a result is called."""
        return "background corrected" if not self.steps else "denoised" if self.steps == ("denoise",) else "enhanced"

    def run(self, sheet: Sheet, progress: Progress) -> Made:
        """The result as layers in the place of the original, with a verdict."""
        from abbe.restoration import advise, verdict

        image = sheet.image
        progress(0.0, "looking at the image")
        workflow: Literal["A", "B"] = "A" if self.steps else "B"
        shared: dict[str, Any] = {"frames": self.frames, "planes": self.planes} if self.steps else {}
        advice = advise(image, self.steps or STEPS, self.channels, workflow=workflow, **shared)
        result = self.restore(image, part(progress, 0.0, RESTORING))
        progress(RESTORING, "looking at the result")
        judged = verdict(result)
        shown = list(range(image.shape[1])) if self.channels is None else list(self.channels)
        seat = sheet.seat.moved(image, result)
        found = layers(result, seat, sheet.title, self.word, shown)
        said = tuple(Notice("doubtful", remark) for remark in advice.remarks)
        z, _, x = result.pixel_size
        size = "" if x is None else f", pixels of {x:.4g} um" + ("" if z is None or result.shape[2] == 1 else f", z-step {z:.4g} um")
        shape = " x ".join(str(n) for k, n in enumerate(result.shape) if n > 1 and k != 1) or "1"
        line = f"{judged.word}: {judged.reason}. {shape} pixels{size}"
        return Made([*self._maps(result, sheet, shown), *found], line, join(said, result.notices), result)

    def restore(self, image: Image, progress: Progress, mosaic: tuple[bool, ...] | None = None) -> Image:
        """The call itself; `mosaic` as for `enhance`."""
        from abbe.restoration import correct_background, enhance

        how: dict[str, Any] = {"model": self.model, "realism": self.realism, "passes": self.passes, "exact": self.exact}
        if not self.steps:
            return correct_background(image, self.channels, progress=progress, **how)
        how |= {"psf": self.psf, "frames": self.frames, "planes": self.planes, "mosaic": mosaic}
        return enhance(image, self.steps, self.channels, progress=progress, **how)

    def _maps(self, result: Image, sheet: Sheet, shown: Sequence[int]) -> list[LayerData]:
        seat, title = sheet.seat.moved(sheet.image, result), f"{sheet.title} {self.word}"
        found: list[LayerData] = []
        if "trust" in self.maps and result.trust is not None:
            found += map_layers(result.trust, seat, title, "trust", shown, **TRUST)
        if "interval" in self.maps and result.interval is not None:
            for side, what in zip(result.interval, ("lower end of 90 %", "upper end of 90 %")):
                found += map_layers(side, seat, title, what, shown)
        return found

    def preview(self, sheet: Sheet, view: View, progress: Progress) -> Made:
        """A part of one plane alone, restored within a second or two."""
        from abbe.restoration.mosaic import mosaics_in
        from abbe.restoration.sharing import ALONE, Sharing, with_shared_light

        sharing = Sharing.of(sheet.image, self.steps, self.frames, self.planes) if self.steps else ALONE
        part_, corner, at = region(sheet.image, view, sharing.frames, NEIGHBOURS if sharing.planes else 0)
        plane = view.plane
        # as a run of the whole would take them: of a small region nobody can tell
        mosaic = mosaics_in(sheet.image) if "denoise" in self.steps else None
        if sharing.any:
            part_ = with_shared_light(part_, at, sharing, self.model, self.realism, self.exact, mosaic)
        own = mosaic if mosaic is None or self.channels is None else tuple(mosaic[c] for c in sorted(self.channels))
        result = self.restore(part_, progress, own)
        seat = sheet.seat.moved(sheet.image, part_, corner, plane).moved(part_, result)
        shown = list(range(result.shape[1])) if self.channels is None else list(self.channels)
        found = layers(result, seat, sheet.title, "preview", shown)
        return Made(found, f"a preview of {part_.shape[4]} x {part_.shape[3]} pixels of one plane", result.notices, result)


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Progress of a part of the work, told as progress of the whole."""
    return lambda fraction, what: progress(start + (stop - start) * fraction, what)


def region(image: Image, view: View, beside: int = 0, around: int = 0) -> tuple[Image, tuple[int, int], int]:
    """One plane's part around the centre of the view, within the image, its corner (y, x), and the number of the frame on view, or of the
    plane, among those that came with it: as many on each side as `beside`, or `around`, says."""
    frames, channels, planes, height, width = image.shape
    h, w = min(view.side[0], height), min(view.side[1], width)
    top = min(max(0, view.centre[0] - h // 2), height - h)
    left = min(max(0, view.centre[1] - w // 2), width - w)
    t, z = min(max(view.plane[0], 0), frames - 1), min(max(view.plane[1], 0), planes - 1)
    first, last = max(0, t - beside), min(frames, t + beside + 1)
    low, high = max(0, z - around), min(planes, z + around + 1)
    box = (slice(first, last), slice(0, channels), slice(low, high), slice(top, top + h), slice(left, left + w))
    pixels = CroppedPixels(image.pixels, box)
    part_ = Image.from_array(
        pixels.read(whole(pixels.shape)).copy(),
        axes="TCZYX",
        pixel_size=(image.pixel_size[0] if around else None, *image.pixel_size[1:]),
        channels=image.channels,
        colors=image.colors,
        bits=image.bits,
        optics=image.optics,
        provenance=image.provenance,  # whose history says whether the optics still hold
    )
    return part_, (top, left), z - low if around else t - first

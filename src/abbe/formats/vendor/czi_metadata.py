"""The XML of a CZI: scaling, channels, objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from abbe.formats import ome
from abbe.formats.units import micrometres, positive
from abbe.image import Optics, PixelSize
from abbe.image.pixels import Shape


@dataclass(frozen=True, slots=True)
class Words:
    """What the XML says."""

    pixel_size: PixelSize = (None, None, None)
    channels: tuple[str | None, ...] = ()
    colors: tuple[str | None, ...] = ()
    bits: int | None = None
    time_step: float | None = None
    optics: Optics = field(default_factory=Optics)
    acquired: str | None = None
    #: per channel: of transmitted light?
    transmitted: tuple[bool, ...] = ()


def parse(xml: str, shape: Shape) -> Words:
    """For an image of shape TCZYX."""
    if not xml.strip():
        return Words()
    root = ome.tree(xml)
    image = root.find(".//Information/Image")
    channels = root.findall(".//Information/Image/Dimensions/Channels/Channel")
    shown = root.findall(".//DisplaySetting/Channels/Channel")
    channels = channels if len(channels) == shape[1] else []
    shown = shown if len(shown) == shape[1] else []
    scale = {e.get("Id"): micrometres(e.findtext("Value"), "m") for e in root.findall(".//Scaling/Items/Distance")}
    bits = positive(image.findtext("ComponentBitCount")) if image is not None else None
    return Words(
        pixel_size=(scale.get("Z") if shape[2] > 1 else None, scale.get("Y"), scale.get("X")),
        channels=_names(channels, shown),
        colors=_colors(channels, shown),
        bits=int(bits) if bits else None,
        time_step=_time_step(root, shape[0]),
        optics=_optics(root, channels),
        transmitted=tuple(c.findtext("IlluminationType") == "Transmitted" for c in channels),
        acquired=(image.findtext("AcquisitionDateAndTime") if image is not None else None) or None,
    )


def scenes(xml: str, starts: Sequence[int]) -> tuple[str, ...]:
    """What the scenes with these numbers are called."""
    found = ome.tree(xml).findall(".//Information/Image/Dimensions/S/Scenes/Scene") if xml.strip() else []
    names = {e.get("Index"): (e.get("Name") or "").strip() for e in found}
    return tuple(names.get(str(start)) or f"scene {start}" for start in starts)


def _time_step(root: Element, frames: int) -> float | None:
    """Seconds: the interval that was kept, or the mean of the offsets that came."""
    places = root.find(".//Information/Image/Dimensions/T/Positions")
    if frames < 2 or places is None:
        return None
    kept = positive(places.findtext("Interval/Increment"))
    try:
        offsets = [float(text) for text in (places.findtext("List/Offsets") or "").split()]
    except ValueError:
        offsets = []
    return kept or (positive((offsets[-1] - offsets[0]) / (frames - 1)) if len(offsets) == frames else None)


def _names(channels: list[Element], shown: list[Element]) -> tuple[str | None, ...]:
    for group in (channels, shown):
        names = tuple(c.get("Name") for c in group)
        if any(names):
            return names
    return ()


def _colors(channels: list[Element], shown: list[Element]) -> tuple[str | None, ...]:
    """As the user chose them to be shown, else as recorded; "#AARRGGBB"."""
    for group in (shown, channels):
        texts = [(c.findtext("Color") or "").strip() for c in group]
        if any(texts):
            return tuple(f"#{t[-6:].lower()}" if t.startswith("#") and len(t) in (7, 9) else None for t in texts)
    return ()


def _optics(root: Element, channels: list[Element]) -> Optics:
    settings = root.find(".//Information/Image/ObjectiveSettings")
    reference = settings.find("ObjectiveRef") if settings is not None else None
    lenses = root.findall(".//Information/Instrument/Objectives/Objective")
    wanted = reference.get("Id") if reference is not None else None
    lens = next((e for e in lenses if e.get("Id") == wanted), lenses[0] if len(lenses) == 1 else None)
    index = positive(settings.findtext("RefractiveIndex")) if settings is not None else None
    modes = {ome.MODES[m] for m in (c.findtext("AcquisitionMode") or "" for c in channels) if m in ome.MODES}
    return Optics(
        numerical_aperture=positive(lens.findtext("LensNA")) if lens is not None else None,
        magnification=positive(lens.findtext("NominalMagnification")) if lens is not None else None,
        refractive_index=index or (ome.IMMERSION.get((lens.findtext("Immersion") or "").lower()) if lens is not None else None),
        modality=modes.pop() if len(modes) == 1 else None,
        emission=_waves(channels, "EmissionWavelength"),
        excitation=_waves(channels, "ExcitationWavelength"),
    )


def _waves(channels: list[Element], name: str) -> tuple[float | None, ...]:
    waves = tuple(positive(c.findtext(name)) for c in channels)
    return waves if any(waves) else ()

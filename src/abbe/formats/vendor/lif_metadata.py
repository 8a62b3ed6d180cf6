"""The XML of one image of a LIF: lens, light and detectors of each channel.

Three layouts are in use. Scanning microscopes write blocks ATLConfocalSettingDefinition, one per sequential scan, with detectors, bands and
laser lines; cameras write ATLCameraSettingDefinition with a WideFieldChannelInfo per channel; LAS AF wrote, beside these or alone, a flat
list of records of every part of the microscope (FilterSettingRecord, ScannerSettingRecord), where the lens is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

from abbe.formats.ome import IMMERSION
from abbe.formats.units import positive
from abbe.image import Optics

#: refractive indices of the media that Leica names, beside OME's
_MEDIA = {**IMMERSION, "dry": 1.0, "imm": None, "glyc": IMMERSION["glycerol"], "w": IMMERSION["water"]}
#: "HC PL APO CS2 63x/1.40 OIL", "HCX APO U-V-I  40.0x0.75 DRY  UV"
_LENS = re.compile(r"(?P<magnification>\d+(?:[.,]\d+)?)\s*x\s*/?\s*(?P<aperture>[01][.,]\d+)\s*(?P<medium>[a-z]*)", re.IGNORECASE)
#: laser lines from here on excite by two photons what glows at shorter wavelengths (nm)
_INFRARED = 680.0
#: what DataSourceType says
_SOURCES = {"0": "confocal", "1": "widefield", "2": "light sheet"}
#: ContrastingMethodName of light that goes through the specimen, beside those that begin with TL
_THROUGH = {"BF", "DIC", "PH", "POL", "DF", "IMC"}
#: the detector of transmitted light, where detectors have numbers alone
_TRANSMITTED = "100"


@dataclass(frozen=True, slots=True)
class Band:
    """What a detector is open to (nm), and the dye that the user had in mind."""

    left: float
    right: float
    dye: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """How one channel was recorded; wavelengths in nm."""

    name: str | None = None
    emission: float | None = None
    excitation: float | None = None
    transmitted: bool = False
    modality: str | None = None


@dataclass(frozen=True, slots=True)
class Detector:
    """One that was on: its number, its name and its place in the path of light."""

    channel: str
    name: str = ""
    route: str | None = None

    @property
    def transmitted(self) -> bool:
        return "trans" in self.name.lower() or (not self.name and self.channel == _TRANSMITTED)


@dataclass(frozen=True, slots=True)
class Scan:
    """One pass over the specimen: detectors that were on, bands by detector number, laser lines (nm) that shone."""

    detectors: Sequence[Detector]
    bands: Mapping[str, Band]
    lines: Sequence[float]
    depleted: bool = False
    pinhole: float | None = None

    def recorded(self, detector: Detector) -> Recorded:
        """By one of the detectors."""
        if detector.transmitted:
            return Recorded(name=detector.name or None, transmitted=True)
        band = self.bands.get(detector.channel)
        middle = None if band is None else (band.left + band.right) / 2
        below = [line for line in self.lines if middle is None or line <= middle]
        infrared = [line for line in self.lines if line >= _INFRARED and (band is None or line > band.right)]
        many = not [line for line in below if line < _INFRARED] and len(infrared) > 0 and not self.depleted
        lit = infrared if many else below
        # with several lines on, that beside the band; lines beyond the band deplete, or are for other detectors
        line = max(lit) if lit and (middle is not None or len(lit) == 1) else None
        modality = "sted" if self.depleted else "multiphoton" if many else "confocal"
        return Recorded(None if band is None else band.dye, middle, line, False, modality)


@dataclass(frozen=True, slots=True)
class Words:
    """What the XML says."""

    channels: tuple[str | None, ...] = ()
    optics: Optics = field(default_factory=Optics)
    acquired: str | None = None
    #: per channel: of transmitted light?
    transmitted: tuple[bool, ...] = ()


def parse(element: Element, count: int) -> Words:
    """For an image of `count` channels."""
    image = element.find("./Data/Image")
    if image is None:
        return Words()
    described = [_properties(d) for d in image.findall("./ImageDescription/Channels/ChannelDescription")]
    described = described if len(described) == count else [{}] * count
    scans = _scans(image, count)
    channels = _by_camera(image, count) or _by_name(scans, described) or _in_order(scans, count) or [Recorded()] * count
    names = [(p.get("DyeName") or "").strip() or c.name for p, c in zip(described, channels)]
    modes = {c.modality for c in channels if c.modality}
    if not modes:
        modes = {kind for kind in (_source(image) or ("confocal" if scans else None),) if kind}
    pinholes = {round(s.pinhole, 3) for s in scans if s.pinhole} if modes & {"confocal", "sted"} else set()
    return Words(
        channels=tuple(names) if any(names) else (),
        optics=Optics(
            **_lens(image),
            # an image of which one channel was depleted is sharper than the microscope's plain one: that is the safer word for all
            modality="sted" if "sted" in modes else modes.pop() if len(modes) == 1 else None,
            emission=_waves([c.emission for c in channels]),
            excitation=_waves([c.excitation for c in channels]),
            pinhole=pinholes.pop() if len(pinholes) == 1 else None,
        ),
        acquired=_acquired(image),
        transmitted=tuple(c.transmitted for c in channels),
    )


def _waves(values: list[float | None]) -> tuple[float | None, ...]:
    return tuple(values) if any(values) else ()


def _properties(description: Element) -> dict[str, str]:
    return {p.findtext("Key") or "": p.findtext("Value") or "" for p in description.iter("ChannelProperty")}


def _on(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true")


def _shines(intensity: str | None) -> bool:
    """Is a laser line on? -1 says that the microscope has none there."""
    return positive(intensity) is not None and not (intensity or "").lstrip().startswith("-")


# ------------------------------------------------------------------------------------------------- which channel is which
def _by_camera(image: Element, count: int) -> list[Recorded]:
    infos = list(image.iter("WideFieldChannelInfo"))
    if len(infos) != count:
        return []
    found = []
    for info in infos:
        method = (info.get("ContrastingMethodName") or "").strip().upper()
        through = method.startswith("TL") or method in _THROUGH
        name = next((n.strip() for n in (info.get("UserDefName"), info.get("FluoCubeName")) if n and n.strip()), None)
        waves = (None, None) if through else (positive(info.get("EmissionWavelength")), positive(info.get("ExcitationWavelength")))
        found.append(Recorded(name, *waves, through, None if through else "widefield"))
    return found


def _by_name(scans: Sequence[Scan], described: Sequence[Mapping[str, str]]) -> list[Recorded]:
    """As the channels themselves name scan and detector; nothing unless each does."""
    found = []
    for words in described:
        number = words.get("SequentialSettingIndex", "0")
        scan = scans[int(number)] if number.isdecimal() and int(number) < len(scans) else None
        detectors = () if scan is None else scan.detectors
        name, route = words.get("DetectorName"), words.get("BeamRoute")
        named = [d for d in detectors if name and d.name == name]
        placed = [d for d in detectors if route and d.route == route]
        match = next((group[0] for group in (placed, named) if len(group) == 1), None)
        if scan is None or match is None:
            return []
        found.append(scan.recorded(match))
    return found


def _in_order(scans: Sequence[Scan], count: int) -> list[Recorded]:
    """Channels lie in the order of the scans, and within one of the detectors."""
    found = [scan.recorded(detector) for scan in scans for detector in scan.detectors]
    return found if len(found) == count else []


def _scans(image: Element, count: int) -> list[Scan]:
    """Those that made the image. A master block beside sequential ones holds what all share, and was not scanned."""
    names = _detector_names(image)
    listed = [_scan(s, names) for s in image.iterfind(".//LDM_Block_Sequential_List/ATLConfocalSettingDefinition")]
    in_blocks = {id(s) for tag in ("List", "Master") for s in image.iterfind(f".//LDM_Block_Sequential_{tag}/ATLConfocalSettingDefinition")}
    alone = [_scan(s, names) for s in image.iter("ATLConfocalSettingDefinition") if id(s) not in in_blocks]
    records = [_of_records(s) for s in image.iter("HardwareSetting") if s.find(".//FilterSettingRecord") is not None]
    groups = [group for group in (listed, alone, records or [_of_records(image)]) if any(scan.detectors for scan in group)]
    return next((group for group in groups if sum(len(scan.detectors) for scan in group) == count), groups[0] if groups else [])


def _scan(setting: Element, names: Mapping[str, str]) -> Scan:
    """A block ATLConfocalSettingDefinition."""
    detectors = [
        Detector(channel, (d.get("Name") or names.get(channel, "")).strip(), d.get("BeamRoute"))
        for d in setting.iterfind("./DetectorList/Detector")
        if _on(d.get("IsActive")) and (channel := d.get("Channel", ""))
    ]
    bands = {}
    for band in setting.iterfind("./Spectro/MultiBand"):
        left, right = positive(band.get("LeftWorld")), positive(band.get("RightWorld"))
        if left and right and left < right:
            bands[band.get("Channel", "")] = Band(left, right, (band.get("DyeName") or "").strip() or None)
    shining = [e for e in setting.iter("LaserLineSetting") if _shines(e.get("IntensityDev")) and not _on(e.get("IsLineDeactivated"))]
    lines = [line for e in shining if (line := positive(e.get("LaserLine")))]
    return Scan(detectors, bands, lines, _on(setting.get("IsSTEDActive")), positive(setting.get("PinholeAiry")))


def _records(parent: Element, kind: str) -> Iterable[Element]:
    return (r for r in parent.iter("FilterSettingRecord") if r.get("ClassName") == kind)


def _detector_names(image: Element) -> dict[str, str]:
    """Name of each detector by its number."""
    return {r.get("Data", ""): r.get("ObjectName", "") for r in _records(image, "CDetectionUnit") if r.get("Attribute") == "State"}


def _of_records(parent: Element) -> Scan:
    """The flat list of LAS AF."""
    states = [r for r in _records(parent, "CDetectionUnit") if r.get("Attribute") == "State" and r.get("Variant") == "Active"]
    edges: dict[str, dict[str, float]] = {}
    dyes = {}
    for record in _records(parent, "CSpectrophotometerUnit"):
        number = re.search(r"\d+$", record.get("ObjectName", ""))
        edge = re.search(r"\((left|right)\)", record.get("Description", ""))
        value = positive(record.get("Variant"))
        if number and edge and value and record.get("Attribute") == "Wavelength":
            edges.setdefault(number[0], {})[edge[1]] = value
        elif number and record.get("Attribute") == "Stain":
            dyes[number[0]] = (record.get("Variant") or "").strip() or None
    bands = {n: Band(e["left"], e["right"], dyes.get(n)) for n, e in edges.items() if len(e) == 2 and e["left"] < e["right"]}
    intensities = [r for r in _records(parent, "CAotf") if r.get("Attribute") == "Intensity" and _shines(r.get("Variant"))]
    # beam splitters count their lines from 0 in the same place
    lines = sorted({line for r in intensities if (line := positive(r.get("Data"))) and line > 300})
    airy = (r.get("Variant") for r in parent.iter("ScannerSettingRecord") if r.get("Identifier") == "dblPinholeAiry")
    detectors = [Detector(r.get("Data", ""), r.get("ObjectName", "").strip()) for r in states]
    return Scan(detectors, bands, lines, pinhole=positive(next(airy, None)))


# ---------------------------------------------------------------------------------------------------- what all channels share
def _source(image: Element) -> str | None:
    """The kind of microscope, where no detector tells."""
    kinds = {_SOURCES.get(a.get("DataSourceType", "")) for a in image.iter("Attachment")} - {None}
    if len(kinds) == 1:
        return kinds.pop()
    systems = {r.get("Variant", "") for r in image.iter("ScannerSettingRecord") if r.get("Identifier") == "SystemType"}
    if any(system.upper().startswith("TCS") for system in systems):
        return "confocal"
    return "widefield" if image.find(".//ATLCameraSettingDefinition") is not None else None


def _lens(image: Element) -> dict[str, float | None]:
    """From the first settings that have it, else from the records of the turret, else from the name that the lens has in either."""
    settings = [s for tag in ("ATLConfocalSettingDefinition", "ATLCameraSettingDefinition") for s in image.iter(tag)]
    turret = {r.get("Attribute", ""): r.get("Variant", "") for r in _records(image, "CTurret")}
    names = [turret.get("Objective"), *(s.get("ObjectiveName") for s in settings)]
    name = next((found for text in names if (found := _LENS.search(text or ""))), None)

    def said(key: str) -> float | None:
        return next((v for text in (*(s.get(key) for s in settings), turret.get(key)) if (v := positive(text))), None)

    media = [*(s.get("Immersion") or "" for s in settings), name["medium"] if name else ""]
    medium = next((text.strip().lower() for text in media if text.strip()), "")
    return {
        "numerical_aperture": said("NumericalAperture") or (positive(name["aperture"].replace(",", ".")) if name else None),
        "magnification": said("Magnification") or (positive(name["magnification"].replace(",", ".")) if name else None),
        "refractive_index": said("RefractionIndex") or _MEDIA.get(medium),
    }


def _acquired(image: Element) -> str | None:
    """Of the first frame, UTC: steps of 100 ns since 1601."""
    stamps = image.find("./TimeStampList")
    if stamps is None:
        return None
    first = stamps.find("./TimeStamp")
    try:
        if first is None:
            ticks = int(((stamps.text or "").split() or ["0"])[0], 16)
        else:
            ticks = (int(first.get("HighInteger", "0")) << 32) + int(first.get("LowInteger", "0"))
        moment = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment.year > 1980 else None

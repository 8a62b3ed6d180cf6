"""OME-XML, the part of it that abbe keeps: sizes, channels, colours, optics, and abbe's own account as an annotation.

Schema: www.openmicroscopy.org/Schemas/OME/2016-06.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field, replace

from abbe.errors import LimitError, NotAnImageError
from abbe.formats import account, colours, dates
from abbe.formats.units import micrometres, nanometres, positive, seconds
from abbe.image import Image, Optics, PixelSize
from abbe.image.pixels import Shape
from abbe.limits import LIMITS

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"

#: refractive indices of the immersion media that OME names
IMMERSION = {"oil": 1.515, "water": 1.333, "waterdipping": 1.333, "air": 1.0, "glycerol": 1.47}

#: OME's AcquisitionMode -> abbe's word
MODES = {
    "WideField": "widefield",
    "LaserScanningConfocalMicroscopy": "confocal",
    "SpinningDiskConfocal": "spinning disk",
    "SlitScanConfocal": "confocal",
    "MultiPhotonMicroscopy": "multiphoton",
    "StructuredIllumination": "structured illumination",
    "TotalInternalReflection": "tirf",
    "TIRF": "tirf",
    "STED": "sted",
    "PALM": "palm",
    "STORM": "storm",
    "SingleMoleculeImaging": "single molecule",
    "SPIM": "light sheet",
}

#: OME's ContrastMethod of light that goes through the specimen
TRANSMITTED = {"Brightfield", "Phase", "DIC", "HoffmanModulation", "ObliqueIllumination", "PolarizedLight"}


@dataclass(frozen=True, slots=True)
class Ome:
    """What OME-XML says of one image."""

    pixel_size: PixelSize = (None, None, None)
    channels: tuple[str | None, ...] = ()
    colors: tuple[str | None, ...] = ()
    bits: int | None = None
    time_step: float | None = None
    optics: Optics = field(default_factory=Optics)
    acquired: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    account: str | None = None
    #: per channel: of transmitted light?
    transmitted: tuple[bool, ...] = ()


def tree(xml: str) -> ET.Element:
    """The root of OME-XML, without the tricks that XML allows.

    Raises `NotAnImageError` for text that is no XML or brings its own entities, `LimitError` for too much of it.
    """
    if len(xml) > LIMITS.metadata:
        raise LimitError(f"wanted at most {LIMITS.metadata} bytes of metadata, got {len(xml)}; save the image with less")
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise NotAnImageError("the metadata of the file define entities of their own, which abbe does not follow; save the image anew")
    try:
        root = ET.fromstring(xml.strip().strip("\0"))
    except (ET.ParseError, ValueError) as problem:
        raise NotAnImageError(f"the OME metadata of the file are damaged ({problem})") from problem
    _strip(root)
    return root


def _strip(root: ET.Element) -> None:
    """Take the namespaces off: files use six versions of them."""
    pending = [(root, 0)]
    while pending:
        element, depth = pending.pop()
        if depth > LIMITS.nesting:
            raise LimitError(f"wanted metadata nested at most {LIMITS.nesting} deep, got more")
        element.tag = element.tag.rpartition("}")[2]
        pending += [(child, depth + 1) for child in element]


def parse(xml: str, file: str | None = None, uuid: str | None = None, place: int = 0) -> Ome:
    """What the XML says of an image that has planes in the file of that name or UUID; None: in the one that the XML is of.

    `place` says which of these.
    """
    root = tree(xml)
    images = root.findall("Image")
    if not images:
        return Ome()
    own = {file, uuid or root.get("UUID")} - {None}
    there = [i for i in images if _has_planes(i, own)] or images
    image = there[min(place, len(there) - 1)]
    pixels = image.find("Pixels")
    if pixels is None or place >= len(there):
        return Ome()
    get = pixels.attrib.get
    size = tuple(micrometres(get(f"PhysicalSize{a}"), get(f"PhysicalSize{a}Unit", "µm")) for a in "ZYX")
    channels = pixels.findall("Channel")
    bits = positive(get("SignificantBits"))
    return Ome(
        pixel_size=(size[0], size[1], size[2]),
        channels=_names(channels),
        colors=_colors(channels),
        bits=int(bits) if bits else None,
        time_step=seconds(get("TimeIncrement"), get("TimeIncrementUnit", "s")) or _mean_step(pixels),
        optics=_optics(root, image, channels),
        acquired=(image.findtext("AcquisitionDate") or "").strip() or None,
        facts=_facts(image),
        account=_account(root),
        transmitted=tuple(_is_transmitted(c) for c, count in zip(channels, _samples(channels)) for _ in range(count)),
    )


def _has_planes(image: ET.Element, files: set[str | None]) -> bool:
    """Lies any plane of the image in one of `files`, or in the one that describes it?"""
    for data in image.iterfind("Pixels/TiffData"):
        other = data.find("UUID")
        if other is None or other.get("FileName") in files or (other.text or "").strip() in files:
            return True
    return False


def pointer(xml: str) -> tuple[str, str | None] | None:
    """(name of the file that describes this one, own UUID), where the XML says no more than that."""
    if "BinaryOnly" not in xml:
        return None
    root = tree(xml)
    found = root.find("BinaryOnly")
    return None if found is None else (found.get("MetadataFile", ""), root.get("UUID"))


def _samples(channels: list[ET.Element]) -> list[int]:
    """Stored channels of each OME Channel: the samples of a colour picture are channels of their own."""
    return [int(min(max(positive(c.get("SamplesPerPixel")) or 1, 1), LIMITS.channels)) for c in channels]


def _names(channels: list[ET.Element]) -> tuple[str | None, ...]:
    """Name, else dye, of each stored channel. One colour picture has none: its samples are red, green and blue."""
    samples = _samples(channels)
    if len(channels) == 1 and samples[0] > 1:
        return ()
    found: list[str | None] = []
    for channel, count in zip(channels, samples):
        name = channel.get("Name") or channel.get("Fluor")
        parts = colours.RGB_NAMES if count == 3 else tuple(map(str, range(count)))
        found += [name] if count == 1 else [f"{name or channel.get('ID', '')} {part}".strip() for part in parts]
    return tuple(found)


def _colors(channels: list[ET.Element]) -> tuple[str | None, ...]:
    found: list[str | None] = []
    for channel, count in zip(channels, _samples(channels)):
        own = colours.from_ome(channel.get("Color")) if channel.get("Color") else None
        found += [own] if count == 1 else colours.RGB_COLOURS if count == 3 else [None] * count
    return () if len(channels) == 1 and len(found) > 1 else colours.told_apart(found)


def _mean_step(pixels: ET.Element) -> float | None:
    """Seconds between frames as they came: the mean, from the clock readings of the first plane of each."""
    planes = [p for p in pixels.iterfind("Plane") if p.get("TheC", "0") == "0" and p.get("TheZ", "0") == "0"]
    clock = {}
    for plane in planes:
        try:
            clock[int(plane.get("TheT", ""))] = float(plane.get("DeltaT", ""))
        except ValueError:
            continue
    first, last = min(clock, default=0), max(clock, default=0)
    if first == last:
        return None
    return seconds((clock[last] - clock[first]) / (last - first), planes[0].get("DeltaTUnit", "s"))


def _optics(root: ET.Element, image: ET.Element, channels: list[ET.Element]) -> Optics:
    settings = image.find("ObjectiveSettings")
    wanted = None if settings is None else settings.get("ID")
    objectives = {o.get("ID"): o for o in root.iter("Objective")}
    lens = objectives.get(wanted) if wanted else next(iter(objectives.values())) if len(objectives) == 1 else None
    index = positive(settings.get("RefractiveIndex")) if settings is not None else None
    modes = {MODES[m] for m in (c.get("AcquisitionMode", "") for c in channels) if m in MODES}
    optics = Optics(
        refractive_index=index,
        modality=modes.pop() if len(modes) == 1 else None,
        emission=_waves(channels, "EmissionWavelength"),
        excitation=_waves(channels, "ExcitationWavelength"),
    )
    if lens is None:
        return optics
    return replace(
        optics,
        numerical_aperture=positive(lens.get("LensNA")),
        magnification=positive(lens.get("CalibratedMagnification")) or positive(lens.get("NominalMagnification")),
        refractive_index=index or IMMERSION.get(lens.get("Immersion", "").lower()),
    )


def _waves(channels: list[ET.Element], name: str) -> tuple[float | None, ...]:
    waves = tuple(nanometres(c.get(name), c.get(f"{name}Unit", "nm")) for c in channels)
    return waves if any(waves) else ()


def _is_transmitted(channel: ET.Element) -> bool:
    seen = channel.get("IlluminationType") == "Transmitted" or channel.get("ContrastMethod") in TRANSMITTED
    return seen and positive(channel.get("EmissionWavelength")) is None


def _facts(image: ET.Element) -> dict[str, str]:
    found = {"name": image.get("Name"), "description": image.findtext("Description")}
    return {key: value.strip()[: LIMITS.name] for key, value in found.items() if value and value.strip()}


def _account(root: ET.Element) -> str | None:
    for annotation in root.iter("CommentAnnotation"):
        if annotation.get("Namespace") == account.NAMESPACE:
            return annotation.findtext("Value")
    return None


# ---------------------------------------------------------------------------------------------------------- writing
#: numpy -> OME
_TYPES = {"u1": "uint8", "u2": "uint16", "u4": "uint32", "i1": "int8", "i2": "int16", "i4": "int32", "f4": "float"}
_OME_MODES = {word: mode for mode, word in reversed(MODES.items())}
_IMMERSIONS = {1.515: "Oil", 1.333: "Water", 1.0: "Air", 1.47: "Glycerol"}


def write(image: Image, shape: Shape, dtype: str, name: str, story: str) -> str:
    """OME-XML for one image whose planes lie in the order C fastest, then Z, then T. `dtype` is numpy's short name, "u2"."""
    root = ET.Element("OME", {"xmlns": SCHEMA, "Creator": "abbe"})
    lens = _write_instrument(root, image.optics)
    element = ET.SubElement(root, "Image", {"ID": "Image:0", "Name": _xml_text(name)})
    acquired = dates.iso(image.provenance.acquired)  # readers that keep to the schema open no file with another form
    if acquired:
        ET.SubElement(element, "AcquisitionDate").text = acquired
    if image.provenance.facts.get("description"):
        ET.SubElement(element, "Description").text = _xml_text(image.provenance.facts["description"])
    if lens:
        settings = {"ID": lens}
        if image.optics.refractive_index:
            settings["RefractiveIndex"] = repr(image.optics.refractive_index)
        ET.SubElement(element, "ObjectiveSettings", settings)
    _write_pixels(element, image, shape, dtype)
    annotations = ET.SubElement(root, "StructuredAnnotations")
    comment = ET.SubElement(annotations, "CommentAnnotation", {"ID": "Annotation:0", "Namespace": account.NAMESPACE})
    ET.SubElement(comment, "Value").text = story
    return '<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(root, encoding="unicode")


def _write_instrument(root: ET.Element, optics: Optics) -> str | None:
    if optics.numerical_aperture is None and optics.magnification is None:
        return None
    instrument = ET.SubElement(root, "Instrument", {"ID": "Instrument:0"})
    attributes = {"ID": "Objective:0"}
    if optics.numerical_aperture is not None:
        attributes["LensNA"] = repr(optics.numerical_aperture)
    if optics.magnification is not None:
        attributes["NominalMagnification"] = repr(optics.magnification)
    if optics.refractive_index in _IMMERSIONS:
        attributes["Immersion"] = _IMMERSIONS[optics.refractive_index]
    ET.SubElement(instrument, "Objective", attributes)
    return "Objective:0"


def _write_pixels(parent: ET.Element, image: Image, shape: Shape, dtype: str) -> None:
    frames, count, depth, height, width = shape
    attributes = {
        "ID": "Pixels:0",
        "DimensionOrder": "XYCZT",
        "Type": _TYPES[dtype],
        "SizeX": str(width),
        "SizeY": str(height),
        "SizeC": str(count),
        "SizeZ": str(depth),
        "SizeT": str(frames),
    }
    if image.bits and dtype[0] in "ui" and image.bits <= int(dtype[1]) * 8:
        attributes["SignificantBits"] = str(image.bits)
    for letter, size in zip("ZYX", image.pixel_size):
        if size is not None:
            attributes[f"PhysicalSize{letter}"] = repr(size)
            attributes[f"PhysicalSize{letter}Unit"] = "µm"
    if image.time_step is not None:
        attributes["TimeIncrement"] = repr(image.time_step)
    pixels = ET.SubElement(parent, "Pixels", attributes)
    for k in range(count):
        _write_channel(pixels, image, k)
    ET.SubElement(pixels, "TiffData", {"IFD": "0", "PlaneCount": str(frames * count * depth)})


def _write_channel(pixels: ET.Element, image: Image, k: int) -> None:
    optics = image.optics
    attributes = {"ID": f"Channel:0:{k}", "Name": _xml_text(image.channels[k]), "SamplesPerPixel": "1"}
    color = image.colors[k]
    if color is not None:
        attributes["Color"] = str(colours.to_ome(color))
    for name, waves in (("EmissionWavelength", optics.emission), ("ExcitationWavelength", optics.excitation)):
        wave = waves[k] if k < len(waves) else None
        if wave is not None:
            attributes[name] = repr(wave)
            attributes[f"{name}Unit"] = "nm"
    if optics.modality in _OME_MODES:
        attributes["AcquisitionMode"] = _OME_MODES[optics.modality]
    ET.SubElement(pixels, "Channel", attributes)


def _xml_text(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff"))

"""Which items of the published checklists for image figures and image analysis this report fulfils.

Schmied C et al., "Community-developed checklists for publishing images and image analyses", Nat Methods 21:170-181 (2024), doi
10.1038/s41592-023-01987-9: the checklists for image figures (minimal, recommended, ideal) and for image-analysis workflows with machine
learning. Items are given here in short words of our own.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator, Sequence

from abbe.reporting.case import Case
from abbe.reporting.figures.panels import colors as panel_colors
from abbe.reporting.figures.panels import scale_is_legible
from abbe.reporting.model import Section, Table
from abbe.reporting.sections.methods import model_name
from abbe.reporting.sections.pictures import MOST as SHOWN

SOURCE = "Schmied C et al. Nat Methods 21:170-181 (2024), doi 10.1038/s41592-023-01987-9"
YES, OPEN, NONE = "fulfilled", "for the author", "not applicable"
#: names that channels of a picture in colour have, where nobody named them
PRIMARIES = ("red", "green", "blue")
_Item = tuple[str, str, str, str]


def checklist(case: Case) -> Section:
    rows = [*_figures(case), *_analysis(case)]
    count = sum(row[2] == YES for row in rows)
    left = sum(row[2] == OPEN for row in rows)
    text = f"Items of {SOURCE}: {count} fulfilled by this report, {left} left to the author, {len(rows) - count - left} not applicable."
    return Section(
        "checklist",
        "Checklist for image figures and image analysis",
        paragraphs=(text,),
        tables=(Table.of("checklist", "Items", ["item", "level", "state", "how"], [[item, level, *rest] for level, item, *rest in rows]),),
    )


def _figures(case: Case) -> Iterator[_Item]:
    image = case.before.image
    changed = case.after is not None
    detail = min(image.shape[3:]) >= 120
    yield (
        "minimal",
        "images cropped and rotated only so that the relevant content shows",
        YES,
        "cropped as the methods say, not rotated" if any(recipe.operation == "crop" for recipe in case.recipes) else "whole fields",
    )
    yield ("minimal", "images separated from each other", YES, "white gaps between panels")
    yield ("minimal", "an example of each image that numbers come from", *_shown(case))
    yield ("minimal", "the range of the phenotype shown", OPEN, "one field cannot show it")
    yield ("minimal", "position of each zoomed view marked", YES if detail else NONE, "yellow box" if detail else "no detail is shown")
    yield (
        "minimal",
        "channels named (stain, marker)",
        YES if not any(name.startswith("channel ") or name in PRIMARIES for name in image.channels) else OPEN,
        "as the file names them",
    )
    yield ("minimal", "brightness and contrast adjusted linearly, and said how", YES, "limits in every caption, no gamma")
    yield (
        "minimal",
        "images that are compared adjusted by the same rule",
        YES if changed else NONE,
        "same percentiles for before and after; limits stated",
    )
    yield (
        "minimal",
        "colours that colour-blind readers tell apart",
        *_colors(case),
    )
    yield ("minimal", "scale given", *_scale(case))
    yield ("minimal", "annotations explained, legible, and not over the data", YES, "explained in captions; scale bar in the corner")
    yield ("minimal", "figures kept without loss", YES, "PNG in this report; the pixels lossless in the session")
    yield ("recommended", "each channel also in grey", *_grey(image.shape[1]))
    yield ("recommended", "grey or colour scales with their values", YES, "limits in captions; colour bars on maps and scattergrams")
    yield ("recommended", "time and depth annotated", YES if image.shape[0] * image.shape[2] > 1 else NONE, "frame and planes in captions")
    yield ("recommended", "image files available", OPEN, "deposit the session folder: OME-Zarr, opens without abbe")
    yield ("ideal", "images in a dedicated archive (BioImage Archive, IDR)", OPEN, "with the accession number in the paper")


def _shown(case: Case) -> tuple[str, str]:
    """State, and how: are all measured channels among those that have pictures?"""
    if not case.colocalizations and not case.comparisons:
        return NONE, "nothing was measured"
    count = case.before.image.shape[1]
    measured = {c for one in case.colocalizations for c in one.data["channels"]} | set(range(count) if case.comparisons else ())
    left_out = sorted(c + 1 for c in measured if c >= SHOWN)
    if left_out:
        which = f"channel {left_out[0]}" if len(left_out) == 1 else f"channels {', '.join(map(str, left_out[:12]))}"
        return OPEN, f"pictures are of the first {SHOWN} of {count} channels; add some of {which}, which {_were(left_out)} measured, too"
    return YES, "the measured images are those shown"


def _were(found: Sequence[int]) -> str:
    return "was" if len(found) == 1 else "were"


def _grey(count: int) -> tuple[str, str]:
    """State, and how, of so many channels."""
    if count == 1:
        return NONE, "one channel"
    if count > SHOWN:
        return OPEN, f"one row per channel for the first {SHOWN} of {count}; add the others"
    return YES, "one row per channel"


#: more colours than this, added up, are told apart by nobody; hues (degrees) that are red and green to most, and one to some readers
COLORS, RED, GREEN = 3, (-25, 40), (70, 160)


def _scale(case: Case) -> tuple[str, str]:
    if case.before.image.pixel_size[2] is None:
        return OPEN, "the pixel size is not known"
    if all(scale_is_legible(side.image) for side in (case.before, case.after) if side is not None):
        return YES, "scale bar with its length"
    return OPEN, "an image is too thin for a scale bar with its length; captions say it"


def _colors(case: Case) -> tuple[str, str]:
    """State, and how."""
    image = case.before.image
    if image.shape[1] == 1:
        return NONE, "grey"
    if image.shape[1] > COLORS:
        also = "each channel" if image.shape[1] <= SHOWN else f"each of the first {SHOWN}"
        return OPEN, f"{image.shape[1]} colours added up cannot be told apart; {also} is shown in grey, too"
    hues = [_hue(color) for color in panel_colors(image)]
    if any(_within(hue, RED) for hue in hues) and any(_within(hue, GREEN) for hue in hues):
        return OPEN, "the file asks for red and green; each channel is shown in grey, too"
    return YES, "as the file asks" if all(image.colors) else "magenta and green"


def _hue(color: str) -> float | None:
    """In degrees, red at 0; None for grey and white."""
    hue, _, saturation = colorsys.rgb_to_hls(*(int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)))
    return 360 * hue if saturation > 0.2 else None


def _within(hue: float | None, between: tuple[int, int]) -> bool:
    return hue is not None and any(between[0] <= hue + turn <= between[1] for turn in (-360, 0))


def _analysis(case: Case) -> Iterator[_Item]:
    models = dict.fromkeys(model_name(step) for recipe in case.recipes for step in recipe.steps if step.model)
    learned, imported = bool(models or case.headless), bool(case.imported)
    unknown = "what made the imported version is not recorded here"
    yield (
        "minimal",
        "workflow and software cited with their versions",
        OPEN if imported else YES,
        f"{unknown}; add the program and its version" if imported else "methods paragraph",
    )
    yield (
        "minimal",
        "all settings and manual steps given",
        OPEN if imported else YES,
        f"{unknown}; add its settings and manual steps" if imported else "recipe, thresholds, regions; embedded for abbe rerun",
    )
    yield (
        "minimal",
        "regions chosen by hand available",
        YES if case.regions else NONE,
        _regions(case),
    )
    both = "this result, and its original, which was not at hand" if case.headless else "the session holds both; deposit it"
    yield ("minimal", "example input and output available", OPEN, both)
    yield (
        "minimal",
        "machine learning: exact model named and available",
        OPEN if imported else YES if models else OPEN if learned else NONE,
        _named(models, learned) if learned or not imported else "whether one made the imported version is not known; name it if so",
    )
    yield (
        "recommended",
        "machine learning: validated on the data at hand",
        _validated(case, learned or imported),
        "control of success: RSP, RSE, error map, interval",
    )
    yield ("recommended", "the workflow can be repeated", *_repeated(case))
    how = "see the model's card" if learned or not imported else "if a model made the imported version"
    yield ("ideal", "training data and code of the model available", OPEN if learned or imported else NONE, how)


def _repeated(case: Case) -> tuple[str, str]:
    """State, and how."""
    if case.imported:
        return OPEN, "abbe rerun cannot make the imported version again; deposit it, and say how it was made"
    again = "abbe rerun with this report (HTML) or the session"
    if case.headless:
        return OPEN, f"measurements: {again}; the steps: from the original, as the methods say"
    return YES, again


def _regions(case: Case) -> str:
    """Where the outlines of the regions are."""
    listed, unlisted = case.rois, case.unlisted
    if not listed and not unlisted:
        return "no region was chosen"
    kept, beside = "in the session, exportable as ImageJ ROI and GeoJSON", "outlined on the pictures; in the data of this report as HTML"
    return f"{kept}; those that were measured without being in it: {beside}" if listed and unlisted else beside if unlisted else kept


def _named(models: Iterable[str], learned: bool) -> str:
    """The models of all steps; of steps that a file's history alone tells of there is no digest."""
    if not learned:
        return "no model was used"
    return f"{', '.join(models)}; SHA-256 of the weights in the methods" if models else "as the file's history names them, without digests"


def _validated(case: Case, learned: bool) -> str:
    if not learned:
        return NONE
    return YES if case.comparisons else OPEN

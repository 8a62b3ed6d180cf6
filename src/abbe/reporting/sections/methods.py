"""A methods paragraph for a paper, the references that it needs, and the recipes behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abbe._version import __version__
from abbe.colocalization.definitions import DEFINITIONS
from abbe.colocalization.extent import part
from abbe.image import Image
from abbe.image.computed import is_result
from abbe.recipe import Engine, Input, Recipe, Step
from abbe.reporting.case import Ancestor, Case
from abbe.reporting.figures.planes import HIGH, LOW
from abbe.reporting.inert import inert, short
from abbe.reporting.model import Cell, Section, Table
from abbe.reporting.sections import compared
from abbe.reporting.sections.summary import file_name, nanometres

ABBE = f"abbe, version {__version__}, The abbe developers (Apache-2.0), https://abbe.readthedocs.io"
PROTOCOL = "Zinchuk V, Grossenbacher-Zinchuk O. Protocol Exchange (2021), doi 10.21203/rs.3.pex-1721/v1"
STEENSEL = "van Steensel et al., J Cell Sci 109:787, 1996"
#: what a step of a recipe did, in the words of a methods section
STEPS = {
    "denoise": "denoised",
    "axial": "restored along the optical axis",
    "super_resolve": "super-resolved to three times as many pixels along x and y",
    "background": "freed from background and noise",
}
#: what the axial step does to a single plane
OF_A_PLANE = "freed from light of other planes"


def methods(case: Case) -> Section:
    paragraph = " ".join([*_opened(case), *_processed(case), *_measured(case), *_displayed(case)])
    references = "References: " + "; ".join(f"[{number}] {text}" for number, text in enumerate(_references(case), 1)) + "."
    tables = [
        Table.of(
            "recipe", "Steps", ["version", "step", "model", "version of the model", "weights (SHA-256)", "parameters"], list(_steps(case))
        )
    ]
    tables.append(Table.of("engine", "Software and inputs", ["", ""], list(_engine(case))))
    return Section("methods", "Methods", paragraphs=(inert(paragraph), inert(references)), tables=tuple(t for t in tables if t.rows))


def _opened(case: Case) -> Iterator[str]:
    if _restored(case):
        yield f"Images were processed with abbe {__version__} [1], following a published protocol [2]."
    else:
        yield f"Images were {'measured' if case.colocalizations or case.comparisons else 'displayed'} with abbe {__version__} [1]."
    if case.headless:
        yield from _without_original(case)
        return
    image = case.first
    yield f"The original image ({_what(image)})"
    how = f"was recorded by {image.optics.modality} microscopy" if image.optics.modality else "was used as recorded"
    before = [line for line in image.provenance.history if line.startswith("align:")]
    if before:
        how += f", its channels moved onto one another before ({short(before[-1], 200)})"
    yield how + (f" (NA {image.optics.numerical_aperture:g})." if image.optics.numerical_aperture else ".")


def _restored(case: Case) -> bool:
    """Was anything done that the protocol is about?"""
    return case.headless or bool(case.earlier) or any(recipe.operation not in ("crop", "align") for recipe in case.recipes)


def _without_original(case: Case) -> Iterator[str]:
    """Of a result that was opened: what its file says of the original and of what was done to it."""
    recipe, file = case.recorded, file_name(case.first.provenance.source)
    what = "" if recipe is None else f" ({_what(recipe.inputs[0])}; {file_name(recipe.inputs[0].source)})"
    yield f"The image that was opened ({_what(case.first)}; {file}) is a result. Its original{what} was not at hand:"
    software = "" if recipe is None else f" ({short(recipe.software, 40)})"
    yield f"what was done to it is told as the file of the result records it{software}."
    if case.told:
        yield f"Recorded{'' if recipe is None else ' as earlier steps'}: {'; '.join(short(line, 200) for line in case.told[-20:])}."


def _what(image: Image | Input) -> str:
    """Channels, size and pixels."""
    channels = ", ".join(short(name, 30) for name in image.channels[:12])
    size = f"{image.shape[4]} × {image.shape[3]} pixels{_of(nanometres(image))}"
    step, pause = image.pixel_size[0], getattr(image, "time_step", None)
    if image.shape[2] > 1:
        size += f", {image.shape[2]} planes" + (f" {1000 * step:.4g} nm apart" if step else "")
    if image.shape[0] > 1:
        size += f", {image.shape[0]} frames" + (f" {pause:.6g} s apart" if pause else "")
    return f"{channels}; {size}, {short(getattr(image.dtype, 'name', image.dtype), 20)}"


def _of(nm: str) -> str:
    return ", pixel size not known" if nm == "not known" else f" of {nm} nm"


def _processed(case: Case) -> Iterator[str]:
    if case.after is None and not case.headless:
        yield "No restoration was applied."
    if case.earlier:
        yield f"Before its channels were moved, this was done: {'; '.join(short(line, 200) for line in case.earlier[-20:])}."
    for made in case.made:
        if isinstance(made, Ancestor):
            yield _imported(case, made.image)
        elif made.operation == "crop":
            yield _cropped(made)
        elif made.operation == "align":
            yield _aligned(made)
        else:
            yield from _computed(made)
    if case.after is None:
        return
    after = case.after.image
    planes = f" and {after.shape[2]} planes" if after.shape[2] > 1 else ""
    yield f"The result has {after.shape[4]} × {after.shape[3]} pixels{_of(nanometres(after))}{planes}."


def _imported(case: Case, image: Image) -> str:
    """Of an image that was given, not made here: that, and what its file says of it."""
    name = next((named.name for named in (*case.versions, case.after) if named is not None and named.image.pixels is image.pixels), "")
    file = "" if image.provenance.source is None else f" from {file_name(image.provenance.source)}"
    what = f"The version{f' {short(name, 30)}' if name else ''} ({_what(image)}) was imported{file}"
    if is_result(image):
        return f"{what}, which tells how it was made: {'; '.join(short(line, 200) for line in image.provenance.history[-20:])}."
    return f"{what}: it was made outside abbe, by means that are not recorded here."


def _computed(recipe: Recipe) -> Iterator[str]:
    """What the steps of a recipe did, to which channels, and what became of the others."""
    source, picked = recipe.inputs[0], recipe.steps[0].channels if recipe.steps else None
    which = "All channels were" if picked is None else f"Channels {', '.join(short(source.channels[c], 30) for c in picked)} were"
    flat = all(given.shape[2] == 1 for given in recipe.inputs)
    yield f"{which} " + ", then ".join(_step(step, flat) for step in recipe.steps) + "."
    others = [] if picked is None else [name for c, name in enumerate(source.channels) if c not in picked]
    if others:
        names = ", ".join(short(name, 30) for name in others[:12]) + (f" and {len(others) - 12} more" if len(others) > 12 else "")
        steps = {step.name for step in recipe.steps}
        finer = "super_resolve" in steps or ("axial" in steps and not flat)
        kept = "only brought to the grid of the result, by plain linear interpolation" if finer else "left as they were"
        yield f"The other channels ({names}) were {kept}."
    if recipe.engine is not None:
        provider = f" ({recipe.engine.provider})" if recipe.engine.provider else ""
        exact = ", exact mode" if recipe.engine.exact else ""
        yield f"Inference ran in {recipe.engine.precision} with {_engine_name(recipe.engine)}{provider}{exact}."


def _engine_name(engine: Engine) -> str:
    """Name and version; a version may begin with the name."""
    version = engine.version or ""
    return version if version.startswith(engine.name) else f"{engine.name} {version}".strip()


def _cropped(recipe: Recipe) -> str:
    box = recipe.steps[0].parameters
    (top, bottom), (left, right) = box["y"], box["x"]
    return f"Rows {top + 1} to {bottom} and columns {left + 1} to {right} of it were cut out."


def _aligned(recipe: Recipe) -> str:
    said, names = recipe.steps[0].parameters, [short(name, 30) for name in recipe.inputs[0].channels]
    moved = [
        f"{name} by {-y:+d} (y) and {-x:+d} (x)" + (f" and {-z:+d} planes" if z else "")
        for name, (z, y, x) in zip(names, said["moves"])
        if any((z, y, x))
    ]
    beads = said["beads"].get("source") if isinstance(said.get("beads"), dict) else None
    how = {
        "given": "as given",
        "beads": f"as measured on an image of beads{f' ({short(beads, 60)})' if beads else ''} by cross-correlation",
        "original": "as measured on the image as recorded by cross-correlation in several places",
    }.get(str(said["on"]), "as measured on the image itself by cross-correlation in several places")
    if not moved:
        return f"Channels were checked against {names[said['reference']]}, {how}, and lay on one another within half a pixel."
    return f"Channels were moved onto {names[said['reference']]} by whole pixels, {how}: {', '.join(moved)}."


def _step(step: Step, flat: bool) -> str:
    """`flat`: done to single planes, which cannot be made sharper along the axis."""
    done = OF_A_PLANE if flat and step.name == "axial" else STEPS.get(step.name, short(step.name, 30))
    if step.model is None:
        return done
    realism = step.parameters.get("realism")
    mixed = f", realism {realism:g}" if isinstance(realism, (int, float)) else ""
    passes = step.parameters.get("passes", 1)
    averaged = f", mean of {passes} passes over moved and turned tiles" if isinstance(passes, int) and passes > 1 else ""
    return f"{done} (model {model_name(step)}{mixed}{averaged}{_mosaics(step)}{_frames(step)}{_planes(step)}{_lens(step)})"


def model_name(step: Step) -> str:
    """Name and version: denoise 0.1.0."""
    return f"{short(step.model, 40)} {short(step.model_version or '', 20)}".strip()


def _mosaics(step: Step) -> str:
    """In how many channels a denoiser took its weights for colour cameras."""
    found = step.parameters.get("mosaic")
    if not isinstance(found, list) or not any(found):
        return ""
    where = "" if all(found) else f" in {sum(map(bool, found))} of {len(found)} channels"
    return f",{where} with its weights for red and blue of colour cameras"


def _frames(step: Step) -> str:
    """How many frames of a series shared their light."""
    count = step.parameters.get("frames")
    if not isinstance(count, int) or count < 1:
        return ""
    return (
        f", after fine detail was averaged over up to {count} frame{'s' * (count > 1)} before and after each one where they show the same"
    )


def _planes(step: Step) -> str:
    """That the planes of a stack shared their light, where that took away a hundredth of the noise."""
    left = step.parameters.get("planes")
    if not isinstance(left, list) or not any(isinstance(share, (int, float)) and share < 0.995 for share in left):
        return ""
    return ", after each plane was averaged along z with those around it, as far as they overlap"


def _lens(step: Step) -> str:
    """How wide the PSF was that super-resolution was told."""
    psf = step.parameters.get("psf")
    known = psf.get("fwhm_pixels", []) if isinstance(psf, dict) else []
    if not isinstance(psf, dict) or not any(known) or not all(width is None or isinstance(width, (int, float)) for width in known):
        return ""
    widths = ", ".join("unknown" if width is None else f"{width:g}" for width in (known if len(set(known)) > 1 else known[:1]))
    by = {"file": ", by the optics", "pixel size": ", by the pixel size alone"}.get(str(psf.get("from")), "")
    return f", told a point-spread function {widths} pixels wide (FWHM{by})"


def _measured(case: Case) -> Iterator[str]:
    references = _references(case)
    for measured in case.colocalizations:
        data = measured.data
        first, second = (short(name, 30) for name in data["names"])
        version = "the original" if measured.name == "original" else short(measured.name, 30)
        where = "the whole image" if data["region"]["roi"] is None else f"the region {short(data['region']['name'], 30)}"
        where += part(data["region"], measured.image)
        t, before = data["thresholds"], data.get("original")
        beside = " and on the original" if before else ""
        yield f"Colocalization of {first} with {second} was measured in {where} on {version}{beside}"
        how = f"{t['first']:.6g} and {t['second']:.6g}" if t["method"] == "given" else t["variant"]
        yield f"(thresholds: {t['method']}, {how}; background: {_background(data['background'], before and before['background'])})."
        yield from _further(data, before)
    if sources := _sources(case):
        yield f"The coefficients are those of [{', '.join(str(references.index(source) + 1) for source in sources)}]."
    yield from compared.sentences(case, references)


def _background(found: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    """What was subtracted, and from the original where that was something else: each has its own mode, and its own mean of a ROI."""
    if found["method"] == "none":
        return "none"
    levels = f"{found['first']:.6g} and {found['second']:.6g} subtracted"
    then = before and f"{before['first']:.6g} and {before['second']:.6g} subtracted"
    return f"{found['method']}, {levels}" + (f", on the original {then}" if then and then != levels else "")


def _further(data: Mapping[str, Any], before: Mapping[str, Any] | None) -> Iterator[str]:
    """What else was measured, and how."""
    drawn, objects, shift = data.get("randomisation"), data.get("objects"), data.get("shift")
    if drawn is not None and drawn["p"] is not None:
        then = (before or {}).get("randomisation") or drawn
        blocks, others = (f"{found['blocks']} blocks of {found['block']} × {found['block']} pixels" for found in (drawn, then))
        yield (
            f"Costes' P is from {len(drawn['values'])} images in which {blocks} of the second channel changed places"
            f"{'' if others == blocks or then['p'] is None else f' (on the original {others})'} "
            f"(block from {drawn['block_from']}; seed {drawn['seed']})."
        )
    if objects is not None and not objects.get("undefined"):
        yield (
            f"Objects are pixels at or over the thresholds that touch, {objects['smallest_object']} at least; chance is "
            f"{objects['shifts']} random shifts of the second channel (seed {objects['seed']})."
        )
    if shift is not None:
        reach = max(shift["van_steensel"]["shifts"])
        yield f"Cross-correlation: the second channel was shifted along x by up to {reach} pixels ({STEENSEL}), and in y and x at once."


def _displayed(case: Case) -> Iterator[str]:
    yield f"For display, grey values were scaled linearly between the {LOW} and {HIGH} percentiles of each picture, without gamma."


def _references(case: Case) -> list[str]:
    found = [ABBE, PROTOCOL] if _restored(case) else [ABBE]
    return found + compared.literature(case) + _sources(case)


def _sources(case: Case) -> list[str]:
    """Where the coefficients that papers quote were defined."""
    keys = {key for measured in case.colocalizations for key in measured.data["definitions"]}
    return sorted({DEFINITIONS[key].source for key in ("pearson", "spearman", "tm1", "icq") if key in keys})


def _steps(case: Case) -> Iterator[list[object]]:
    for number, recipe in enumerate(case.recipes, 1):
        for place, step in enumerate(recipe.steps, 1):
            parameters = "; ".join(
                f"{key} {_brief(value)}" for key, value in step.parameters.items() if not isinstance(value, (dict, list))
            )
            yield [
                f"{number}.{place} {recipe.operation}",
                step.name,
                step.model,
                step.model_version,
                _in_groups(step.model_digest),
                parameters,
            ]


def _in_groups(digest: str | None) -> object:
    """A digest in groups of 16, so that a line can break between them."""
    return Cell(" ".join(inert(digest or "–")[k : k + 16] for k in range(0, len(digest or "–"), 16)))


def _brief(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _engine(case: Case) -> Iterator[list[object]]:
    yield ["software", f"abbe {__version__}"]
    if _restored(case):
        yield ["protocol", "doi 10.21203/rs.3.pex-1721/v1"]
    engines = [recipe.engine for recipe in case.recipes if recipe.engine is not None]
    for e in dict.fromkeys(engines):
        yield ["engine", f"{_engine_name(e)}, {e.provider or 'own provider'}, {e.precision}{', exact' if e.exact else ''}"]
    for source in case.recipes[0].inputs if case.recipes else ():
        yield ["input file", file_name(source.source)]
        yield ["digest of the input's pixels (SHA-256)", _in_groups(source.digest)]
    yield ["all parameters", "in the data of this report as HTML, which abbe rerun reads, and in the session"]

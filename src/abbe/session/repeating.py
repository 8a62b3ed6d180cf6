"""Doing a run again from its report or session, and saying whether the numbers agree."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abbe.alignment.moving import repeated
from abbe.colocalization.extent import part
from abbe.errors import AbbeError, AxesError, EngineError, ParameterError
from abbe.image import ROI, Image, arranged
from abbe.image.arranging import ORDERS
from abbe.image.digest import pixel_digest
from abbe.limits import LIMITS
from abbe.recipe import Recipe, Step
from abbe.reporting.building import REPEAT_FORMAT, build
from abbe.reporting.renderers.html import repeat_data
from abbe.restoration.psf import Psf
from abbe.session._session import Session
from abbe.session.agreement import differences
from abbe.session.companions import as_kept
from abbe.session.crop import crop, original_of_crop
from abbe.session.multiscale import Progress
from abbe.session.plain import plain

#: what a measurement may be told; nothing else of a report is handed on
PARAMETERS = {
    "colocalizations": (
        *("channels", "roi", "threshold", "background", "frames", "planes"),
        *("extras", "ranked", "randomisations", "block", "seed"),
    ),
    "comparisons": ("data_range", "border", "frc_threshold"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of repeating a run.

    Attributes:
        numbers: how many numbers, verdicts and words for them were compared; 0 where nothing was measured, or nothing could be repeated.
        differing: "what: before, now" for each that differs; a number that was undefined and is not, or the other way round, does.
        identical: are all pixels computed the same, byte for byte?
        notes: what to know: another version of abbe, another engine, steps that could not be repeated.
    """

    numbers: int
    differing: tuple[str, ...]
    identical: bool
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.differing


def rerun(source: str | os.PathLike[str], image: str | os.PathLike[str] | None = None, progress: Progress | None = None) -> Outcome:
    """Compute everything again that a report (HTML) or a session tells of.

    Of a report the data inside it are compared, with all their digits, not the text of the tables that it shows.

    Args:
        source: the report or the session.
        image: where the original image is now; by default where the report says, or in the session.
        progress: called with the fraction done and a word.

    Raises:
        ParameterError: no report or session, or the original is not the one that was reported.
    """
    path = Path(source)
    data = _data_of(path)
    found = _original(data, path, image)
    notes, differ = list[str](), list[str]()
    computed, identical = [found], True
    for number, step in enumerate(data["steps"]):
        if step["recipe"] is None and step["digest"] == pixel_digest(computed[-1].pixels):
            computed.append(computed[-1].replace(original=computed[-1]))  # a duplicate
            continue
        if step["recipe"] is None:
            raise ParameterError(f"wanted a recipe for each step, got none for step {number + 1}: it was imported, not computed by abbe")
        recipe = Recipe.from_dict(step["recipe"])
        made = repeat(recipe, computed[-1], progress)
        if recipe.operation == "crop":
            made = made.replace(original=original_of_crop(computed[-1], recipe))
        if data.get("kept"):
            made = as_kept(made)
        differ += list(_differences(recipe, made))
        identical = identical and pixel_digest(made.pixels) == step["digest"]
        computed.append(made)
    differing: list[str] = []
    numbers = 0
    for kind in ("colocalizations", "comparisons"):
        for measured in data[kind]:
            on = computed[measured["step"]]
            if (why := _alone(kind, measured, on)) is not None:
                notes.append(why)
                continue
            between = differences(measured["results"], _measured(kind, measured, on), _name(kind, measured, on))
            numbers += between.compared
            differing += between.differing
    if not numbers:
        measured_any = any(data[kind] for kind in ("colocalizations", "comparisons"))
        why = "no measurement could be made again" if measured_any else "nothing was measured"
        notes.append(f"{why}, so there was nothing to compare but the pixels")
    if not identical:
        why = "" if differ else "; the engine computes them otherwise on this machine than on that of the report"
        notes.append(f"the pixels differ in some bytes from those reported{why}")
    return Outcome(numbers, tuple(differing), identical, tuple(dict.fromkeys((*differ, *notes))))


def repeat(recipe: Recipe, image: Image, progress: Progress | None = None) -> Image:
    """Do what a recipe says to an image. Raises `ParameterError` for one that abbe cannot repeat."""
    from abbe.restoration import correct_background, enhance

    names = tuple(step.name for step in recipe.steps)
    channels = recipe.steps[0].channels if recipe.steps else None
    exact = recipe.engine.exact if recipe.engine else False
    models = {step.name: step.model for step in recipe.steps if step.model}
    engine = _engine(recipe)
    # one share for all steps; those whose models have no partner recorded 0
    realism = max((float(step.parameters.get("realism") or 0) for step in recipe.steps if step.model), default=0.0)
    passes = {step.name: int(step.parameters["passes"]) for step in recipe.steps if "passes" in step.parameters}
    if recipe.operation == "enhance":
        return enhance(
            image, names, channels,
            model=models, realism=realism, engine=engine, exact=exact, progress=progress, passes=passes, psf=_psf(recipe),
            frames=next((int(step.parameters.get("frames", 0)) for step in recipe.steps if step.name == "denoise"), 0),
            planes=any(step.name == "denoise" and "planes" in step.parameters for step in recipe.steps),
            mosaic=next((step.parameters["mosaic"] for step in recipe.steps if "mosaic" in step.parameters), False),
        )  # fmt: skip
    if recipe.operation == "background":
        return correct_background(
            image, channels, model=models, engine=engine, exact=exact, progress=progress, realism=realism, passes=passes
        )
    if recipe.operation == "crop":
        box = recipe.steps[0].parameters
        return crop(image, tuple(box["y"]), tuple(box["x"]))[0].replace(original=image)
    if recipe.operation == "align":
        return repeated(image, recipe)
    raise ParameterError(f"wanted a recipe of enhance, background, crop or align, got {recipe.operation!r}, which abbe cannot repeat")


def _psf(recipe: Recipe) -> Psf | None:
    """The widths that super-resolution was told; earlier versions of abbe told none. None without that step."""
    for step in recipe.steps:
        if step.name == "super_resolve":
            told = step.parameters.get("psf")
            known = told.get("fwhm_pixels") if isinstance(told, dict) else None
            return [None if width is None else f"{width}px" for width in known] if isinstance(known, list) and known else "unknown"
    return None


def _engine(recipe: Recipe) -> str:
    """The engine of the run where this machine has it; else what this machine has, of which a note tells."""
    from abbe.restoration.engine import engine

    if recipe.engine is None:
        return "auto"
    try:
        return engine(recipe.engine.name, recipe.engine.exact).name
    except (EngineError, ParameterError):
        return "auto"


def _data_of(path: Path) -> dict[str, Any]:
    if path.is_file() and path.suffix.lower() in (".html", ".htm"):
        if path.stat().st_size > LIMITS.segment:
            raise ParameterError(f"wanted a report, got a file of {path.stat().st_size} bytes")
        data = repeat_data(path.read_text(encoding="utf-8", errors="replace"))
    elif path.suffix.lower() in (".pdf", ".xlsx", ".txt", ".csv", ".tsv"):
        raise ParameterError(f"wanted a report as HTML or a session, got {path.name}; a {path.suffix} holds no recipes: name the session")
    else:
        with Session.open(path) as session:
            data = build(session.case()).repeat
    version = data.get("format")
    if not isinstance(version, int) or version > REPEAT_FORMAT or not isinstance(data.get("steps"), list):
        raise ParameterError(f"wanted a report of format {REPEAT_FORMAT} or older, got {version!r}; update abbe")
    return data


def _original(data: Mapping[str, Any], path: Path, given: str | os.PathLike[str] | None) -> Image:
    """The original, known by the digest of its pixels, from where it may be."""
    tried = []
    for place in _places(data, path, given):
        try:
            for image in _readings(_opened(place, data["original"]["digest"]), data["original"]):
                if pixel_digest(image.pixels) == data["original"]["digest"]:
                    return _as_reported(image, data["original"])
        except (AbbeError, OSError) as problem:
            tried.append(f"{place}: {problem}")
            continue
        tried.append(f"{place}: another image")
    names = {Path(str(source)).name for source in (data.get("source"), data["original"].get("source")) if source}
    raise ParameterError(
        f"wanted {' or '.join(sorted(names)) or 'the original image'}, of which {path.name} is, got none ({'; '.join(tried)[:500]}); "
        "put it beside the report, or name it with --input"
    )


def _readings(image: Image, original: Mapping[str, Any]) -> Iterator[Image]:
    """The image as it is, and then with its planes as the report has them, in each order that makes others of them."""
    yield image
    shape = original.get("shape")
    if not isinstance(shape, list) or [type(n) for n in shape] != [int] * 5:
        return
    frames, channels, planes = shape[:3]
    for order in ORDERS:
        with suppress(AxesError):
            other = arranged(image, channels=channels, planes=planes, frames=frames, order=order)
            if other is not image:
                yield other


def _as_reported(image: Image, original: Mapping[str, Any]) -> Image:
    """With the pixel size and the names of channels that it had: whoever made the report may have told them where the file does not."""
    names = original.get("channels")
    if isinstance(names, list) and len(names) == image.shape[1] and all(isinstance(name, str) for name in names):
        image = image.replace(channels=tuple(names))
    told = original.get("pixel_size")
    if not isinstance(told, list) or len(told) != 3:
        return image
    z, y, x = (size if isinstance(size, (int, float)) else own for size, own in zip(told, image.pixel_size))
    return image.replace(pixel_size=(z, y, x))


def _places(data: Mapping[str, Any], path: Path, given: str | os.PathLike[str] | None) -> Iterator[Path]:
    if given is not None:
        yield Path(given)
        return
    known = [source for source in (data.get("source"), data["original"].get("source")) if source]
    # as the report names them: from its own folder, or from here; and beside it, where it went with them
    for source in known:
        yield from dict.fromkeys((path.parent / source, Path(source), path.parent / Path(source).name))


def _opened(place: Path, digest: str) -> Image:
    """The image of a file; of a session the version with these pixels, where it has one."""
    if place.is_dir() or place.suffix == ".zip":
        session = Session.open(place, read_only=True)
        wanted = next((version for version in session.versions if version.digest == digest), session.original)
        return session.image(wanted.id).replace(original=None)
    from abbe.formats import open as open_image

    found: Image = open_image(place)
    return found


def _differences(recipe: Recipe, made: Image) -> Iterator[str]:
    now = made.recipe
    if not isinstance(now, Recipe):
        return
    if recipe.software != now.software:
        yield f"the report was made by {recipe.software}, this is {now.software}"
    if recipe.engine != now.engine:
        yield "the engine differs from the one of the report"
    for before, after in zip(recipe.steps, now.steps, strict=False):
        if before.model_digest != after.model_digest:
            yield f"the model of {before.name} differs: {_model(before)}, now {_model(after)}"
        elif before.parameters.get("partner_digest") != after.parameters.get("partner_digest"):
            yield f"the adversarial partner of {before.model}, which {before.name} mixed in, differs"
        elif before.parameters.get("mosaic_digest") != after.parameters.get("mosaic_digest"):
            yield f"the weights of {before.model} for colour cameras, which {before.name} took in some channels, differ"


def _model(step: Step) -> str:
    """With the beginning of its digest: a model that was trained further keeps name and version."""
    return f"{step.model} {step.model_version} ({(step.model_digest or 'unknown')[:8]})"


def _measured(kind: str, measured: Mapping[str, Any], image: Image) -> Any:
    given: dict[str, Any] = {key: measured["parameters"][key] for key in PARAMETERS[kind] if key in measured["parameters"]}
    given = {key: ROI.from_dict(value) if isinstance(value, dict) else value for key, value in given.items()}
    if kind == "colocalizations":
        from abbe.colocalization import colocalize

        return plain(colocalize(image, **given))
    from abbe.comparison import compare

    if image.original is None:
        raise ParameterError("wanted a comparison of a processed image, got one of an original; the report is damaged")
    return plain(compare(image.original, image, **given).to_dict(resolution="resolution" in measured["results"]))


def _alone(kind: str, measured: Mapping[str, Any], image: Image) -> str | None:
    """Why a measurement cannot be made again from what a report holds; None where it can."""
    parameters, results = measured["parameters"], measured["results"]
    if kind == "colocalizations":
        if "channels" in parameters or measured["step"] == 0 or results["channels"] == [0, 1]:
            return None
        return f"{_name(kind, measured, image)} was left out: the report does not say with which settings it was measured"
    with_truth = "truth" in parameters or any(channel.get("reference") == "truth" for channel in results.get("channels", ()))
    pair = any(isinstance(r.get("frc_two_frames", {}).get("transformed"), float) for r in results.get("resolution", ()))
    if not with_truth and not pair and not parameters.get("repeats"):
        return None
    needed = "truth" if with_truth else "second acquisition"
    return f"the comparison was left out: it needs the {needed} that it was made with, which no report holds"


def _name(kind: str, measured: Mapping[str, Any], image: Image) -> str:
    if kind == "colocalizations":
        region = measured["results"]["region"]
        return f"{' with '.join(measured['results']['names'])}, {region['name']}{part(region, image)}"
    return "comparison"

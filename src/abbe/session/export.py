"""Export: images, pictures, data and report into a folder, with a word on whatever is left out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from abbe.colocalization.revealed import Revealed
from abbe.errors import ExistsError, ParameterError
from abbe.formats import save
from abbe.formats.saving import FOR_PICTURES
from abbe.image import ROI, Image
from abbe.reporting.building import build
from abbe.reporting.case import Case, Named
from abbe.reporting.face import RENDERERS
from abbe.reporting.model import Report
from abbe.reporting.portable import portable
from abbe.session import preferences
from abbe.session.choices import FORMATS, JPEG, PARTS, PICTURES, REMEMBERED, Choices, choose, fitting
from abbe.session.multiscale import Progress
from abbe.session.parts import Part, inside, measured_pair, pair_name
from abbe.session.progress import part as within
from abbe.session.standing import without_numbers
from abbe.storage import storage_error, write_whole

if TYPE_CHECKING:
    from abbe.reporting.figures.panels import Detail, Panels
    from abbe.session._session import Session


T = TypeVar("T")

#: share of the measuring in the part that asks for it first
MEASURING = 0.8
#: a channel in this colour adds nothing to a picture, so it is left out of it and of its legend
BLACK = "#000000"
#: most pixels along a side of a picture of the whole view
LARGEST = 8192


@dataclass(frozen=True, slots=True)
class Exported:
    """Files written, what was left out and why, and what to know about the files; `failed` is what of `left_out` was wanted."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    notices: tuple[str, ...]
    failed: tuple[str, ...] = ()


def export(session: Session, folder: Path, wanted: Mapping[str, Any], overwrite: bool, progress: Progress | None) -> Exported:
    """Write the chosen parts; a part that cannot be written in its format is left out, and said to be.

    Remembered are the formats of what was written, so that one that could not be written is not tried again in every export to come.
    """
    choices = choose(session, wanted)
    work = _Work(session, folder, choices, overwrite, named=frozenset(wanted.get("parts") or ()))
    parts = [part for part in PARTS if part in choices.parts]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise storage_error(folder, problem) from problem
    report = progress or (lambda fraction, word: None)
    for number, part in enumerate(parts):
        work.do(part, within(report, number / len(parts), (number + 1) / len(parts), part))
    before = {key: value for key, value in preferences.remembered(session._store.place).items() if key in REMEMBERED}
    preferences.remember(session._store, before | {key: value for key, value in asdict(choices).items() if key in work.worked()})
    left = [f"{part}: not chosen ({what})" for part, what in PARTS.items() if part not in choices.parts]
    report(1.0, "exported")
    return Exported(tuple(work.files), (*work.left_out, *left), tuple(dict.fromkeys(work.notices)), tuple(work.failed))


class _Work:
    """One export: gathers files and what is left out."""

    def __init__(self, session: Session, folder: Path, choices: Choices, overwrite: bool, named: frozenset[str] = frozenset()) -> None:
        self.files: list[Path] = []
        self.left_out: list[str] = []
        self.failed: list[str] = []
        self.notices: list[str] = []
        self._named = named  # by whoever asked; the others are written by default
        self._did: dict[str, bool] = {}
        self._session, self._folder, self._choices, self._overwrite = session, folder, choices, overwrite
        self._version = session.version(choices.version)
        self._image = session.image(self._version.id)
        self._colors = fitting(choices.colors, self._image)
        self._stem = f"{safe(session.name)}_{self._version.id}"
        self._kept: tuple[Case, Report] | None = None
        self._progress: Progress = lambda fraction, word: None

    def do(self, part: str, progress: Progress) -> None:
        """Write one part. `progress` is that of this part; whoever writes it says how far it is."""
        self._progress = progress
        progress(0.0, part)
        steps: dict[str, Callable[[], None]] = {
            "image": lambda: self._save(self._image, self._stem),
            "original": self._original,
            "whole": self._whole,
            "rois": self._rois,
            "revealed": self._revealed,
            "scattergram": self._scattergrams,
            "figure": self._figure,
            "data": lambda: self._documents(self._choices.data, "data"),
            "report": lambda: self._documents(self._choices.report, "report"),
            "session": self._packed,
        }
        files, told, failed = len(self.files), len(self.left_out), len(self.failed)
        try:
            steps[part]()
        except (ExistsError, MemoryError):
            raise
        except ParameterError as problem:
            said = str(problem).replace(FOR_PICTURES, "for a picture in colour, export the whole view")  # this is an export of a session
            self._fail(f"{part}: {said}")
        if len(self.failed) > failed:
            self._did[part] = False
        elif len(self.files) > files:
            self._did[part] = True
        elif part in self._named:
            self.failed += self.left_out[told:]

    def _fail(self, what: str) -> None:
        self.left_out.append(what)
        self.failed.append(what)

    def worked(self) -> set[str]:
        """Which choices of formats are good: something was written by them, and nothing failed."""
        formats = {FORMATS[part]: True for part, done in self._did.items() if part in FORMATS and done}
        return {*formats} - {FORMATS[part] for part, done in self._did.items() if part in FORMATS and not done}

    # ------------------------------------------------------------------------------------------ images
    def _save(self, image: Image, stem: str, channels: Sequence[int] | None = None) -> None:
        """`channels`: which those of the image are in the version; None: all."""
        saved = save(
            self._tinted(image, channels), self._path(stem, self._choices.images), overwrite=self._overwrite, progress=self._progress
        )
        self.files.append(saved.path)
        self.notices += [notice.message for notice in saved.notices]
        if self._choices.images == "jpg":
            self.notices.append(JPEG)

    def _tinted(self, image: Image, channels: Sequence[int] | None) -> Image:
        """With the chosen colours as those of its channels, for programs that show them.

        One that is hidden keeps its own, or gets one that no other has: white, as it is shown else, would cover all others.
        """
        from abbe.reporting.figures.tables import COLORS, MAPS

        tints = [self._colors[c] for c in channels] if channels is not None and self._colors else self._colors
        plain = len(tints) == 1 and tints[0] in (BLACK, "#FFFFFF", *MAPS)
        if plain or self._choices.images in ("png", "jpg") or len(tints) != image.shape[1]:
            return image
        spare = (color for color in COLORS.values() if color.upper() not in (*tints, BLACK, "#FFFFFF"))
        named = [None if tint == BLACK else tint for tint in tints]
        colors = [
            (own or next(spare, None)) if tint is None or (own or "").upper() == tint else tint
            for own, tint in zip(image.colors, named, strict=True)
        ]
        return image.replace(colors=tuple(colors))

    def _path(self, stem: str, suffix: str) -> Path:
        """A name that nothing of this export has: ROIs may share a name, and a pair may have been measured twice."""
        names = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
        return next(path for path in (self._folder / f"{name}.{suffix}" for name in names) if path not in self.files)

    def _save_part(self, image: Image, stem: str, channels: Sequence[int], part: Part) -> None:
        """With its grey values; as a picture in colour where the format has no room for all channels, which are these of the version."""
        try:
            self._save(image, stem, channels)
        except ParameterError:
            if self._choices.images not in PICTURES or image.shape[0] * image.shape[2] > 1:
                raise
            self._picture_of_part(image, stem, channels, part)

    def _picture_of_part(self, image: Image, stem: str, channels: Sequence[int], part: Part) -> None:
        """Between the limits of the whole view, so that parts can be compared with each other and with the whole."""
        from abbe.reporting.figures.captions import PERCENTILES, grey_values, scales, unscaled
        from abbe.reporting.figures.panels import Panels
        from abbe.reporting.figures.scalebar import ON_SCREEN

        seen = [k for k, c in enumerate(channels) if not self._colors or self._colors[c] != BLACK]
        tints = tuple(self._colors[channels[k]] for k in seen) if self._colors else ()
        seen = seen or list(range(len(channels)))  # hidden elsewhere; these were asked for
        ends = [(self._whole_view.limits(channels[k]), part.background[k] if part.background else 0) for k in seen]
        between = tuple((low - background, high - background) for (low, high), background in ends)
        shown = image if len(seen) == image.shape[1] else image.select(seen)
        panel = Panels(Named("", part.name, shown), (), max(image.shape[3:]), tints, 0, between, ON_SCREEN)
        how = "as set for the whole view" if self._whole_view.between else f"{PERCENTILES} of the whole view"
        how += ", less the background" if any(part.background) else ""
        drawn = panel.marked(panel.merged())
        self._write_picture(drawn, stem, self._choices.images, f"{grey_values([panel], how)}; {scales([panel])}")
        kind = "colour" if len(seen) > 1 or tints else "grey"
        self.notices.append(f"ROIs and revealed pixels are shown in {kind}: a {self._choices.images} has no room for all grey values")
        self.notices.append(grey_values([replace(panel, named=Named("", part.kind, shown))], how))
        self.notices += [line for line in (unscaled([panel]),) if line]

    @cached_property
    def _whole_view(self) -> Panels:
        """All channels of the version, as a picture of the whole of it shows them."""
        from abbe.reporting.figures.panels import Panels

        named = self._case.after or self._case.before
        return Panels(named, (), min(max(self._image.shape[3:]), LARGEST), (), self._frame, self._contrast(named))

    @property
    def _frame(self) -> int:
        return min(max(0, self._choices.frame), self._image.shape[0] - 1)

    def _contrast(self, named: Named) -> tuple[tuple[float, float], ...]:
        """What was set for a version, per channel; nothing where it does not fit."""
        every = self._choices.contrast.get(named.key, ())
        return tuple(every) if len(every) == named.image.shape[1] else ()

    def _original(self) -> None:
        first = self._session.original
        self._save(self._session.image(first.id), f"{safe(self._session.name)}_{first.id}")

    def _rois(self) -> None:
        regions = list(self._session.rois)
        if not regions:
            self.left_out.append("rois: none were drawn")
        for region in self._each(regions):
            try:
                found = inside(self._image, self._case.rois[regions.index(region)])
                part = Part("regions of interest", f"region {region.name}")
                self._save_part(found, f"{self._stem}_{safe(region.name)}", range(found.shape[1]), part)
            except ParameterError as problem:
                self._fail(f"ROI {region.name[:60]}: {problem}")

    def _revealed(self) -> None:
        if not self._case.colocalizations:
            self.left_out.append("revealed: the image has no channel pair")
        for measured in self._each(self._case.colocalizations):
            t = measured.data["thresholds"]
            if t["first"] is None or t["second"] is None:
                self.left_out.append(f"revealed pixels of {pair_name(measured)}: there are no thresholds ({t['undefined']})")
                continue
            shown = Revealed(measured_pair(measured), t["first"], t["second"])
            kind, level = f"revealed pixels of {' and '.join(measured.data['names'])}", measured.data["background"]
            name = kind if measured.data["region"]["roi"] is None else f"{kind} in {measured.data['region']['name']}"
            part = Part(kind, name, (level["first"] or 0.0, level["second"] or 0.0))
            self._save_part(shown.image, f"{self._stem}_revealed_{safe(pair_name(measured))}", measured.data["channels"], part)

    # ------------------------------------------------------------------------------------------ pictures
    def _write_picture(self, drawn: Any, stem: str, suffix: str | None = None, said: str = "") -> None:
        """`said` goes into the file, where programs that show its properties find it."""
        path = self._path(stem, suffix or self._choices.pictures)
        kind = {"png": "PNG", "tif": "TIFF", "jpg": "JPEG"}[suffix or self._choices.pictures]
        more: dict[str, Any] = (
            {"quality": 95, "subsampling": 0} if kind == "JPEG" else ({"compression": "tiff_deflate"} if kind == "TIFF" else {})
        )
        more |= described(kind, said) if said else {}
        with write_whole(path, self._overwrite) as part:
            drawn.save(part, kind, dpi=(300, 300), **more)
        self.files.append(path)
        if kind == "JPEG":
            self.notices.append(JPEG)

    def _whole(self) -> None:
        from abbe.reporting.figures.scalebar import ON_SCREEN

        side = max(self._image.shape[3:])
        if side > LARGEST:
            self.notices.append(f"the picture of the whole view is reduced from {side} to {LARGEST} pixels; the image has all of them")
        panels = self._panels([self._case.after or self._case.before], min(side, LARGEST), ON_SCREEN)
        drawn = panels[0].marked(panels[0].merged() if self._colored else panels[0].grey(0))
        self._write_picture(drawn, f"{self._stem}_whole", said=self._said("whole view", panels))

    def _panels(self, named: list[Named], side: int, legible: int, rois: tuple[ROI, ...] = ()) -> list[Panels]:
        """What was chosen to be seen of the images: frame, contrast, and the channels that are not black."""
        from abbe.reporting.figures.panels import Panels

        kept = [c for c in range(self._image.shape[1]) if not self._colors or self._colors[c] != BLACK]
        if not kept:
            raise ParameterError("wanted a channel that is shown, got none: all are hidden, or black")
        tints = tuple(self._colors[c] for c in kept) if self._colors else ()
        found = []
        for one in named:
            image = one.image if len(kept) == one.image.shape[1] else one.image.select(kept)
            every = self._contrast(one)
            between = tuple(every[c] for c in kept) if every else ()
            found.append(Panels(replace(one, image=image), rois, side, tints, self._frame, between, legible))
        return found

    def _said(self, what: str, panels: Sequence[Panels], where: Detail | None = None, width: int = 0) -> str:
        """What is written into pictures: grey values, planes, scale; told, too, is what nobody sees. `where`, `width`: of insets."""
        from abbe.reporting.figures.captions import grey_values, insets, scales, unscaled

        told = [line for line in (grey_values(panels), insets(panels, where)) if line]
        self.notices += told
        self.notices += [line for line in (unscaled(panels, f"{what}, "),) if line]
        return f"{'; '.join(told)}; {scales(panels, where, width)}"

    @property
    def _colored(self) -> bool:
        return self._image.shape[1] > 1 or bool(self._colors)

    def _figure(self) -> None:
        from abbe.reporting.figures.publication import SIDE, figure, inset, inset_width
        from abbe.reporting.figures.scalebar import IN_PAPER

        panels = self._panels([self._case.before] + ([self._case.after] if self._case.after else []), SIDE, IN_PAPER, self._case.rois)
        said = self._said("figure", panels, inset(panels), inset_width(panels[0]))
        self._write_picture(figure(panels, self._colored), f"{self._stem}_figure", said=said)

    def _scattergrams(self) -> None:
        import io

        from PIL import Image as Pillow

        figures = [figure for figure in self._report.figures() if figure.key.startswith("scattergram")]
        if not figures:
            self.left_out.append("scattergram: the image has no channel pair")
        for figure, measured in zip(figures, self._case.colocalizations, strict=False):
            drawn = Pillow.open(io.BytesIO(figure.png)).convert("RGB")
            self._write_picture(drawn, f"{self._stem}_scattergram_{safe(pair_name(measured))}")

    # ------------------------------------------------------------------------------------------ documents
    @property
    def _case(self) -> Case:
        return self._built()[0]

    @property
    def _report(self) -> Report:
        return self._built()[1]

    def _built(self) -> tuple[Case, Report]:
        """Measured by the first part that asks; what that writes comes after."""
        if self._kept is None:
            case = self._session.case(self._version.id, within(self._progress, 0.0, MEASURING))
            self._progress = within(self._progress, MEASURING, 1.0)
            self._kept = case, build(case)
        return self._kept

    def _documents(self, formats: tuple[str, ...], what: str) -> None:
        report = self._report
        self._tell_of_regions()
        for suffix in self._each(formats):
            path = self._folder / f"{self._stem}_{what}.{suffix}"
            content = RENDERERS[f".{suffix}"](portable(report, self._folder))
            with write_whole(path, self._overwrite) as part:
                part.write_bytes(content)
            self.files.append(path)

    def _tell_of_regions(self) -> None:
        """Which regions have no numbers in what is written, and which have some of another place."""
        silent = without_numbers(self._case.rois, self._case.colocalizations, self._image) if self._image.shape[1] > 1 else None
        self.left_out += [silent] if silent and silent not in self.left_out else []
        self.notices += [line for line in self._case.problems if line not in self._session.problems]

    def _packed(self) -> None:
        self.files.append(
            self._session.pack(self._folder / f"{safe(self._session.name)}.abbe.zip", overwrite=self._overwrite, progress=self._progress)
        )

    def _each(self, things: Sequence[T]) -> Iterator[T]:
        """One after another, each with its share of the progress."""
        whole = self._progress
        for number, thing in enumerate(things):
            self._progress = within(whole, number / len(things), (number + 1) / len(things))
            self._progress(0.0, "")
            yield thing


def described(kind: str, text: str) -> dict[str, Any]:
    """What Pillow's `save` wants to write a description into a PNG, TIFF or JPEG."""
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("Description", text)
        return {"pnginfo": info}
    return {"description" if kind == "TIFF" else "comment": text.encode()}  # as text Pillow would write ? for what is not ASCII


def safe(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:60] or "unnamed"

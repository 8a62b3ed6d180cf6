"""What `abbe enhance` and `abbe background` share: many files in turn, advice before, a verdict after, results written whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from abbe.cli.progress import Progress, progress
from abbe.cli.reading import each, open_file
from abbe.cli.speech import say, warn
from abbe.errors import ParameterError
from abbe.formats import save
from abbe.formats.naming import MAPS, maps_beside, maps_of, stem
from abbe.formats.saving import Saved, check_fit, check_place
from abbe.formats.zarr import Zarr
from abbe.image import Image
from abbe.restoration import Advice, verdict
from abbe.restoration.request import named_channels
from abbe.restoration.room import in_words, no_room
from abbe.storage import storage_error

#: ending of a session, which keeps the original beside the result
SESSION = ".abbe"

Restore = Callable[[Image, Progress], Image]
Advise = Callable[[Image], Advice]


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are to be read, where they do not say themselves."""

    axes: str | None = None
    pixel_size: str | None = None

    def open(self, file: Path) -> Image:
        return open_file(file, self.axes, self.pixel_size)


@dataclass(frozen=True, slots=True)
class Writing:
    """Where results go, and as what."""

    out: Path | None
    ending: str
    overwrite: bool
    dtype: str | None
    maps: bool = False

    def targets(self, files: Sequence[Path]) -> list[Path]:
        """A file to write for each input; that each can be written is found out here, before anything is computed.

        Raises `ParameterError` when two would have one name, or several go to one file; `ExistsError` when one is there already;
        `StorageError` when a folder cannot be made or written to.
        """
        folder = self._folder(len(files))
        targets = [self.out or Path()] if folder is None else [folder / f"{stem(file)}{self.ending}" for file in files]
        for k, target in enumerate(targets):
            if target in targets[:k]:
                raise ParameterError(f"wanted files with different names, got two that would be written to {target}; run them one by one")
            for path in (target, *(maps_beside(target) if self.maps else {}).values()):
                check_place(path, self.overwrite)
        return targets

    @contextlib.contextmanager
    def begun(self, files: Sequence[Path]) -> Iterator[list[Path]]:
        """`targets`, for the block; folders that were made for results that did not come are gone afterwards."""
        with contextlib.nullcontext() if self.out is None else _tidied(self.out):
            yield self.targets(files)

    def _folder(self, count: int) -> Path | None:
        """The folder for results, None where one file is named instead; what is named and its folder are made where they are not there."""
        if self.out is None:
            return Path()
        ending = self.out.suffix[1:].isalpha()  # "results.2026-05" is a folder's name
        named = ending and not os.path.isdir(self.out)  # Path.is_dir raises for a name that is too long
        if named or self.out.suffix.lower() == SESSION or is_zarr(self.out):
            if count > 1:
                raise ParameterError(f"wanted a folder as --out for {count} files, got the name of one file, {self.out}")
            _make(self.out.parent, self.out)
            return None
        _make(self.out, self.out)
        return self.out


@contextlib.contextmanager
def folder_made(out: Path) -> Iterator[None]:
    """The folder that `out` is to be written to, for the block; made, it is gone again where nothing came into it.

    Raises `StorageError` when it cannot be made.
    """
    with _tidied(out):
        _make(out.parent, out)
        yield


@contextlib.contextmanager
def _tidied(out: Path) -> Iterator[None]:
    new = [folder for folder in (out, *out.parents) if not os.path.exists(folder)]
    try:
        yield
    finally:
        for folder in new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def is_zarr(folder: Path) -> bool:
    """Is it an image that is a folder, into which nothing is put?"""
    return os.path.isdir(folder) and (folder.suffix.lower() == ".zarr" or Zarr().claims(b"", folder))


def _make(folder: Path, out: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise storage_error(out, problem) from problem


@dataclass(frozen=True, slots=True)
class Work:
    """What is done to each file: Workflow "A" or "B", in a word for the progress bar, with the look before and the call itself."""

    workflow: str
    doing: str
    advise: Advise
    restore: Restore


def restore_files(files: Sequence[Path], reading: Reading, work: Work, writing: Writing) -> None:
    """Each file in turn; one that fails does not stop the others."""
    with writing.begun(files) as targets:
        problem = each(files, lambda k, file: _restore_file(reading.open(file), file, work, writing, targets[k]))
        if problem is not None:
            raise problem


def _restore_file(image: Image, file: Path, work: Work, writing: Writing, target: Path) -> None:
    _check_fit(image, target, writing)
    advice = work.advise(image)
    _announce(file, image, work.workflow, advice)
    _check_disk(target, advice.output_bytes * (4 if writing.maps else 1))
    with progress(f"{work.doing} {file.name}") as report:
        result = work.restore(image, report)
    judged = verdict(result)  # before writing, which may replace the file that the original is read from
    with progress(f"writing {target.name}") as report:
        saved = _save(result, target, writing, report)
    warn(notice for notice in (*result.notices, *saved.notices) if notice.message not in advice.remarks)  # said before the run
    z, y, x = result.pixel_size
    wide = "" if x is None else f"{x:.4g}" if y is None or f"{y:.4g}" == f"{x:.4g}" else f"{x:.4g} (along x) by {y:.4g} (along y)"
    size = wide and f", pixels of {wide} um" + ("" if z is None or result.shape[2] == 1 else f", z-step {z:.4g} um")
    less = " (as computed: the file holds less)" if any(notice.code == "coarse" for notice in saved.notices) else ""
    shape = " x ".join(str(n) for n in result.shape if n > 1) or "1"
    say(f"{saved.path}: {shape} pixels, {saved.dtype}{size}", f"  at a first look{less} {judged}")
    if writing.maps:
        _save_maps(result, writing, target)


def _check_fit(image: Image, target: Path, writing: Writing) -> None:
    if target.suffix.lower() != SESSION:
        check_fit(image, target, writing.dtype)
    elif writing.dtype is not None:
        raise ParameterError(f"wanted no --dtype for the session {target.name}, which keeps results as computed; export them from it")


def _save(result: Image, target: Path, writing: Writing, report: Progress) -> Saved:
    """As an image file; as a session, with the original, where the target's name asks for one."""
    if target.suffix.lower() != SESSION:
        return save(result, target, dtype=writing.dtype, overwrite=writing.overwrite, progress=report)
    from abbe.session import Session

    Session.create(target, result, overwrite=writing.overwrite, progress=report)
    return Saved(target, "session", result.dtype.name, ())


def _announce(file: Path, image: Image, workflow: str, advice: Advice) -> None:
    """What will be done, and how noisy and how fine each channel is; on stderr, what may disappoint."""
    if advice.workflow == workflow:
        say(f"{file}: {advice}")
    else:
        size = " x ".join(str(n) for n in advice.output_shape if n > 1) or "1"
        say(f"{file}: Workflow {workflow}. Result: {size} pixels, {in_words(advice.output_bytes)}")
        say(f"  Workflow {advice.workflow} is advised for it: {advice.reason}", err=True)
    widths = advice.psf or (None,) * len(image.channels)
    for name, noise, sampling, psf in zip(image.channels, advice.noise, advice.sampling, widths):
        detail = "" if sampling.cutoff is None else f", detail down to {2 / sampling.cutoff:.1f} pixels"
        lens = "" if psf is None else f", point-spread function {psf:.1f} pixels wide by its optics"
        say(f"  {name}: noise {noise.sigma:.3g}{detail}{lens}")
    for remark in advice.remarks:
        say(f"  {remark}", err=True)


def _check_disk(target: Path, needed: int) -> None:
    if (problem := no_room(target.parent, needed, str(target), "free some, or write elsewhere with --out")) is not None:
        raise problem


def _save_maps(result: Image, writing: Writing, target: Path) -> None:
    """Trust and the 90 % interval as files of their own: they are computed anyway, and say where to look twice."""
    for kind, path, image, dtype in maps_of(result, target, writing.dtype):
        with progress(f"writing {path.name}") as report:
            save(image, path, dtype=dtype, overwrite=writing.overwrite, progress=report)
        say(f"{path}: {MAPS[kind]}")


def listed(text: str | None) -> list[str] | None:
    """Words separated by commas."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def listed_channels(text: str | None, image: Image) -> list[int | str] | None:
    """Channels by number or name, separated by commas."""
    words = listed(text)
    return None if words is None else named_channels(words, image)

"""What `abbe enhance` and `abbe background` share: many files in turn, advice before, a verdict after, results written whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from abbe.cli.progress import Progress, progress
from abbe.cli.speech import say, warn
from abbe.errors import AbbeError, CancelledError, ExistsError, LimitError, ParameterError
from abbe.formats import open as open_image
from abbe.formats import save
from abbe.image import Image
from abbe.restoration import Advice, verdict
from abbe.restoration.room import free_disk, in_words

#: endings that `stem` takes off whole
_DOUBLE = (".ome.tif", ".ome.tiff", ".ome.zarr", ".tar.gz")

Restore = Callable[[Image, Progress], Image]
Advise = Callable[[Image], Advice]


@dataclass(frozen=True, slots=True)
class Writing:
    """Where results go, and as what."""

    out: Path | None
    ending: str
    overwrite: bool
    dtype: str | None

    def targets(self, files: Sequence[Path]) -> list[Path]:
        """A file to write for each input, checked before anything is computed.

        Raises `ParameterError` when two would have one name, or several go to one file; `ExistsError` when one is there already.
        """
        if self.out is None or self.out.is_dir():
            targets = [(self.out or Path()) / f"{stem(file)}{self.ending}" for file in files]
        elif len(files) == 1:
            targets = [self.out]
        else:
            raise ParameterError(f"wanted a folder as --out for {len(files)} files, got {self.out}; make the folder first")
        for k, target in enumerate(targets):
            if target in targets[:k]:
                raise ParameterError(f"wanted files with different names, got two that would be written to {target}; run them one by one")
            if target.exists() and not self.overwrite:
                raise ExistsError(f"wanted to write {target}, which exists; choose another name with --out, or add --overwrite")
        return targets


def restore_files(files: Sequence[Path], writing: Writing, doing: str, advise: Advise, restore: Restore) -> None:
    """Each file in turn. One that fails does not stop the others; what failed is said at the end."""
    targets = writing.targets(files)
    failed = []
    for file, target in zip(files, targets):
        try:
            _restore_file(file, target, writing, doing, advise, restore)
        except CancelledError:
            raise
        except AbbeError as problem:
            if len(files) == 1:
                raise
            say(f"{file}: {problem}", err=True)
            failed.append(file.name)
    if failed:
        raise AbbeError(f"{len(failed)} of {len(files)} files could not be done: {', '.join(failed)}; the reasons are above")


def _restore_file(file: Path, target: Path, writing: Writing, doing: str, advise: Advise, restore: Restore) -> None:
    image = open_image(file)
    advice = advise(image)
    say(f"{file}: {advice}")
    for name, noise, sampling in zip(image.channels, advice.noise, advice.sampling):
        detail = "" if sampling.cutoff is None else f", detail down to {2 / sampling.cutoff:.1f} pixels"
        say(f"  {name}: noise {noise.sigma:.3g}{detail}")
    for remark in advice.remarks:
        say(f"  {remark}", err=True)
    free = free_disk(target.parent)
    if free is not None and advice.output_bytes > free:
        raise LimitError(
            f"wanted {in_words(advice.output_bytes)} for {target}, got {in_words(free)} free; free some, or write elsewhere with --out"
        )
    with progress(f"{doing} {file.name}") as report:
        result = restore(image, report)
    with progress(f"writing {target.name}") as report:
        saved = save(result, target, dtype=writing.dtype, overwrite=writing.overwrite, progress=report)
    warn((*result.notices, *saved.notices))
    z, _, x = result.pixel_size
    size = "" if x is None else f", pixels of {x:.4g} um" + ("" if z is None or result.shape[2] == 1 else f", z-step {z:.4g} um")
    shape = " x ".join(str(n) for n in result.shape if n > 1) or "1"
    say(f"{saved.path}: {shape} pixels, {saved.dtype}{size}", f"  {verdict(result)}")


def stem(path: Path) -> str:
    """cells.ome.tif -> cells"""
    for ending in _DOUBLE:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def listed(text: str | None) -> list[str] | None:
    """Words separated by commas."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def listed_channels(text: str | None, image: Image) -> list[int | str] | None:
    """Channels by number or name, separated by commas."""
    words = listed(text)
    if words is None:
        return None
    picked: list[int | str] = []
    for word in words:
        number: int | str = word
        if word not in image.channels:
            with contextlib.suppress(ValueError):
                number = int(word)
        picked.append(number)
    return picked

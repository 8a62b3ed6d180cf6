"""Samples by number: sample i of a plan is always the same, so that a training can stop and go on without a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError
from abbe.formats.naming import READ
from abbe.image import Image
from abbe.optics.file import resize
from abbe.optics.width import told_of_psf
from abbe.simulation.mosaics import mosaic_pair
from abbe.simulation.pairs import Pair, background_pair, denoising_pair, section_pair, super_resolution_pair, thin_pair
from abbe.simulation.stacks import BlurredStack, axial_slice
from abbe.training.files import files_in, opened
from abbe.training.plan import PairsPlan, TrainingPlan
from abbe.training.pool import Pool, check_any, check_measured
from abbe.training.related import SMALLEST, UNRELATED, Related, check_related, fitted, listed

Plane = npt.NDArray[np.float32]
Generator = np.random.Generator


#: share of specimens without anything above or below the focal plane, for the single-plane axial model
THIN = 0.25
#: share of super-resolution samples of which the network is told how wide the PSF is, and how wrong (standard deviation of the logarithm)
#: that is: a bead is measured to a few percent, and a lens is not quite what its aperture promises
KNOWN, KNOWN_WITHIN = 0.5, 0.06
#: share of samples that lie at an image's edges, and how much of their side may be beyond them: mirrored, as engines continue an image.
#: The noise there is its own mirror image, which a network that never saw any takes for structure
AT_EDGES, BEYOND = 0.25, 0.3
#: the same where a network restores on ever finer grids: the finest sees the middle half of a patch alone
BEYOND_LEVELS = 0.45
#: training slices from one blurred stack, and how many stacks take turns: what comes soon after each other is not alike
SLICES_PER_STACK, STACKS = 32, 16


class Sample(NamedTuple):
    """(C, H, W) observed and (1, scale H, scale W) truth, both with the offset removed and divided by the scale; (K,) told."""

    observed: Plane
    truth: Plane
    told: Plane
    #: how much of the truth is even background
    level: np.float32 = np.float32(0)
    #: the exposures that observed and truth are of, where the truth is the mean of all others and as noisy as that; 0: it is the truth
    exposures: np.float32 = np.float32(0)


def divided(plan: PairsPlan, data: Path) -> tuple[list[Path], list[Path]]:
    """The noisy files of real pairs: those to train on, and the last tenth (one at least, none of a single one), which is held out."""
    noisy = files_in(data / plan.noisy)
    if not noisy:
        raise ParameterError(f"wanted noisy images in the folder {data / plan.noisy}, got none; put them there, or name the right folder")
    lonely = [path.name for path in noisy if not (data / plan.clean / path.name).exists()]
    for name in lonely:
        if Path(name).suffix.lower() not in READ:
            opened(data / plan.noisy / name)
    if lonely:
        raise ParameterError(
            f"wanted a clean image in {data / plan.clean} for each noisy one, by the same name, got none for {listed(lonely)}; put it "
            "there, or take the noisy one out"
        )
    cut = max(1, len(noisy) - max(1, len(noisy) // 10))
    return noisy[:cut], noisy[cut:]


class RealPairs:
    """Real noisy / clean images of the same field. Clean ones are fitted to the noisy ones (gain and offset), which keep their unit.

    The fields are divided by file name: the last tenth is for validation.
    """

    def __init__(self, plan: PairsPlan, data: Path, *, validation: bool = False) -> None:
        kept, held = divided(plan, data)
        chosen = (held or kept) if validation else kept
        made: list[Related] = []
        #: files that were compressed with loss
        self.lossy: list[str] = []
        for path in chosen:
            files = path, data / plan.clean / path.name
            noisy, clean = (opened(file) for file in files)
            for file, image in zip(files, (noisy, clean)):
                check_any(image, file)
            made += _planes(files, noisy, clean)
            folders = (plan.noisy, plan.clean)
            self.lossy += [f"{folder}/{path.name}" for folder, image in zip(folders, (noisy, clean)) if is_lossy(image)]
        empty = [path.name for path in chosen if not any(plane.file == path.name for plane in made)]
        if empty:
            raise ParameterError(
                f"wanted pairs of at least {SMALLEST} x {SMALLEST} pixels of which neither is even, got none in {listed(empty)}; "
                "take these files out"
            )
        check_related(made, data / plan.noisy, data / plan.clean)
        self.images = [(plane.noisy, plane.clean) for plane in made if plane.alike >= UNRELATED]
        #: planes that show nothing in common with their clean ones, without plain structure in both
        self.left_out = [plane.named for plane in made if plane.alike < UNRELATED]

    def pair(self, rng: Generator, n: int) -> tuple[Plane, Plane, int]:
        """A part of a noisy image, of its clean one, and 0: nothing is known to be in that but the specimen."""
        noisy, clean = self.images[int(rng.integers(len(self.images)))]
        return *cut_alike(rng, noisy.shape, n, lambda cut: (noisy[cut], clean[cut])), 0


def cut_alike(
    rng: Generator, shape: tuple[int, ...], n: int, parts: Callable[[tuple[slice, slice]], tuple[Plane, Plane]]
) -> tuple[Plane, Plane]:
    """(n, n) both: the same part of two images of that shape, three of ten at another scale, turned and mirrored."""
    factor = float(rng.choice((1.0, rng.uniform(0.6, 1.8)), p=(0.7, 0.3)))
    side = int(min(n / factor, *shape))
    y, x = (int(rng.integers(0, s - side + 1)) for s in shape)
    turns, flip = int(rng.integers(4)), rng.random() < 0.5
    made = []
    for a in parts((slice(y, y + side), slice(x, x + side))):
        a = resize(a, (n, n)) if side != n else a
        a = np.rot90(a, turns)
        made.append(np.ascontiguousarray(a[::-1] if flip else a))
    return made[0], made[1]


def told_of_pairs(pairs: Iterable[Pairs | None]) -> Iterator[str]:
    """What to know of pairs that were compressed with loss, and of planes that are left out."""
    there = [some for some in pairs if some is not None]
    if lossy := sorted({name for some in there for name in some.lossy}):
        yield (
            f"note: {len(lossy)} files of the pairs were compressed with loss ({listed(lossy)}): fine detail and the camera's noise are "
            "changed in them, and a model learns these changes; give it the microscope's own files, or TIFFs, where there are any"
        )
    if left := list(dict.fromkeys(name for some in there for name in some.left_out)):
        yield f"note: {len(left)} planes of the pairs show nothing in common, or noise alone, and are left out: {listed(left)}"


def is_lossy(image: Image) -> bool:
    return any(notice.code == "lossy" for notice in image.notices)


def _planes(files: tuple[Path, Path], one: Image, two: Image) -> Iterator[Related]:
    """Every plane of a noisy and a clean image of the same field that is large enough and not even."""
    if one.shape != two.shape:
        raise ParameterError(f"wanted {files[0].name} of one size in both folders, got {one.shape} and {two.shape} (TCZYX)")
    for (place, a), (_, b) in zip(one.planes(), two.planes()):
        if min(a.shape) < SMALLEST or not (np.ptp(a) and np.ptp(b)):
            continue
        for path, image in zip(files, (one, two)):
            check_measured(image, place, path)
        yield fitted(files[0].name, place, one, a, b)


class Pairs(Protocol):
    """Real images to learn from."""

    #: files that were compressed with loss
    lossy: list[str]
    #: planes that show noise alone, or nothing in common, and are not among them
    left_out: list[str]

    def pair(self, rng: Generator, n: int) -> tuple[Plane, Plane, int]:
        """(n, n) observed, (n, n) what it should be, and see `Sample.exposures`."""
        ...


class Samples:
    """Sample i of a plan, for i from 0 on; validation samples have other seeds and held-out pairs."""

    def __init__(self, plan: TrainingPlan, pool: Pool, pairs: Pairs | None, *, validation: bool = False) -> None:
        self.plan, self.pool, self.pairs = plan, pool, pairs
        self.stream = 8 if validation else 7
        self._stacks: dict[int, tuple[int, BlurredStack]] = {}

    def of_pairs(self, share: float) -> Samples:
        """These with that share of real pairs, where there are some; else as they are."""
        if self.pairs is None or self.plan.pairs is None:
            return self
        out = copy(self)
        out.plan = self.plan.model_copy(update={"pairs": self.plan.pairs.model_copy(update={"share": share})})
        return out

    def is_real(self, index: int) -> bool:
        """Is sample `index` one of the real pairs."""
        if not (self.pairs and self.plan.pairs):
            return False
        return bool(np.random.default_rng([self.plan.seed, self.stream, index]).random() < self.plan.pairs.share)

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.plan.seed, self.stream, index])
        plan, n = self.plan, self.plan.patch
        if plan.task == "axial_stack":
            stack = self._stack(index)
            observed, truth = axial_slice(rng, stack, n, plan.network.channels)
            return normalised(rng, observed, truth[None], np.array([stack.step], np.float32), level=True)
        knowing = np.random.default_rng([plan.seed, self.stream, index, 2])  # its own: plans that tell nothing see what they always saw
        known = bool(plan.network.told) and knowing.random() < (1.0 if plan.learn == "told" else KNOWN)
        beyond = BEYOND_LEVELS if plan.network.levels else BEYOND
        pair, exposures = self._pair(rng, n, known)
        pair = at_edges(np.random.default_rng([plan.seed, self.stream, index, 3]), pair, beyond)
        level = plan.task in ("denoise", "super_resolve")
        told = told_of_psf(pair.width * float(np.exp(knowing.normal(0, KNOWN_WITHIN))) if known and pair.width else None)
        numbers = np.array([told[name] for name in plan.network.told], np.float32)
        sample = normalised(rng, pair.observed[None], pair.truth[None], numbers, level=level, background=pair.level)
        return sample._replace(exposures=np.float32(exposures))

    def _stack(self, index: int) -> BlurredStack:
        """Blurring a stack takes longer than all else, so it serves for many samples; `STACKS` lanes change theirs at different times."""
        lane, round_ = index % STACKS, index // STACKS
        number = (round_ + 2 * lane) // SLICES_PER_STACK
        kept = self._stacks.get(lane)
        if kept is None or kept[0] != number:
            rng = np.random.default_rng([self.plan.seed, self.stream, number, lane, 1])
            kept = self._stacks[lane] = number, BlurredStack.of(rng, self.pool.volume(rng), sharpen=self.plan.network.context)
        return kept[1]

    def _pair(self, rng: Generator, n: int, known: bool) -> tuple[Pair, int]:
        """See `Sample.exposures` for the second."""
        if self.pairs and self.plan.pairs and rng.random() < self.plan.pairs.share:
            observed, truth, exposures = self.pairs.pair(rng, n)
            return Pair(observed, truth), exposures
        return self._simulated(rng, n, known), 0

    def _simulated(self, rng: Generator, n: int, known: bool) -> Pair:
        task = self.plan.task
        if task == "denoise" and self.plan.cameras == "mosaic":
            return mosaic_pair(rng, self.pool, n)
        if task == "denoise":
            return denoising_pair(rng, self.pool, n)
        if task == "super_resolve":
            return super_resolution_pair(rng, self.pool, n, known=known)
        if task == "background":
            return background_pair(rng, self.pool, n)
        kind = rng.random()
        if kind < THIN and len(self.pool.planes):
            return thin_pair(rng, self.pool, n)
        if kind < (1 + THIN) / 2 or not len(self.pool.planes):
            return section_pair(rng, self.pool.volume(rng), n)
        return section_pair(rng, layers(rng, self.pool, n + 16), n)


def at_edges(rng: Generator, pair: Pair, beyond: float = BEYOND) -> Pair:
    """The pair as it is, or, `AT_EDGES` of the time, the corner or side of an image with what an engine puts beyond it.

    The image goes on as its mirror image about the middle of its outermost pixels; so does the truth, on its grid.
    """
    if rng.random() >= AT_EDGES:
        return pair
    observed, truth = pair.observed, pair.truth
    for axis in (0, 1):
        n, scale = observed.shape[axis], truth.shape[axis] // observed.shape[axis]
        before, after = (int(rng.integers(0, int(beyond * n) + 1)) for _ in range(2))
        # of the two ends of an axis one or none is in view, as on all images larger than a tile
        before, after = [(before, 0), (0, after), (0, 0)][int(rng.integers(3))]
        kept = n - before - after
        place = np.arange(-before, kept + after)
        there = np.where(place < 0, -place, np.where(place >= kept, 2 * (kept - 1) - place, place))
        turned = there != place
        fine = scale * there[:, None] + np.where(turned[:, None], np.arange(scale)[::-1], np.arange(scale))
        observed, truth = observed.take(there, axis), truth.take(fine.ravel(), axis)
    return pair._replace(observed=np.ascontiguousarray(observed), truth=np.ascontiguousarray(truth))


def layers(rng: Generator, pool: Pool, n: int) -> Plane:
    """A thick specimen from unrelated planes at random depths: (49, n, n)."""
    volume = np.zeros((49, n, n), np.float32)
    for _ in range(int(rng.integers(2, 9))):
        depth, thickness = int(rng.integers(0, 49)), int(rng.integers(1, 4))
        volume[depth : depth + thickness] += pool.crop(rng, n) * np.float32(rng.uniform(0.2, 1) / thickness)
    volume[22:27] += pool.crop(rng, n) * np.float32(rng.uniform(0.2, 1) / 5)
    return volume


def normalised(rng: Generator, observed: Plane, truth: Plane, told: Plane, *, level: bool, background: float = 0.0) -> Sample:
    """A sample in the unit that networks see: offset removed, signal about 1.

    The offset that inference finds is that of a whole image, of which a patch knows nothing: so it varies here.
    `level`: the truth has the observed image's offset (else its background is 0). `background`: see `Pair.level`.
    """
    low = float(np.percentile(observed, rng.uniform(0.1, 4)))
    span = max(float(np.percentile(observed, 99.8)) - low, 1e-3 * max(abs(low), 1e-3), 1e-6)
    if rng.random() < 0.35:
        low -= span * rng.uniform(0, 0.6)
        span = span * rng.uniform(1.0, 1.6)
    scale = span * 2 ** rng.uniform(-1, 1)
    return Sample(
        ((observed - low) / scale).astype(np.float32),
        ((truth - (low if level else 0.0)) / scale).astype(np.float32),
        told,
        np.float32((background - low) / scale),
    )

"""The pool of truth that training crops from: simulated specimens and crisp real images, made once and kept on disk."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from abbe.errors import ParameterError
from abbe.formats import open as open_image
from abbe.image import Image
from abbe.image.pixels import blocks
from abbe.optics.file import resize
from abbe.simulation.structures import specimen
from abbe.simulation.volumes import volume
from abbe.training.pace import told
from abbe.training.plan import PoolPlan

Plane = npt.NDArray[np.float32]
Generator = np.random.Generator
Report = Callable[[str], None]
Make = Callable[[tuple[int, int, int]], npt.NDArray[np.float16]]

#: of `abbe.simulation.structures` and `volumes`: a pool that was made by another is made anew
GENERATIONS = {"planes": 4, "volumes": 4}

#: seconds after which nobody writes a file any more
FORGOTTEN = 86_400
#: sides that a real image has at least
LEAST = 48


def left_to_the_parent(_: int = 0) -> None:
    """In a process that makes samples or specimens: Ctrl-C and a scheduler's SIGTERM reach the whole group, but it is the training that
    ends it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def as_long_as_the_parent() -> None:
    """The same, in a process that waits for work: killed, the training cannot end it any more, so it ends by itself."""
    left_to_the_parent()
    parent = parent_process()
    if parent is not None:

        def watch(sentinel: int = parent.sentinel) -> None:
            wait([sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def _plane(task: tuple[int, int, int]) -> npt.NDArray[np.float16]:
    seed, index, side = task
    return specimen(np.random.default_rng([seed, 1, index]), side).astype(np.float16)


def _volume(task: tuple[int, int, int]) -> npt.NDArray[np.float16]:
    seed, index, side = task
    return volume(np.random.default_rng([seed, 2, index]), side).astype(np.float16)


class Pool:
    """Simulated planes (N, side, side) and volumes (M, n, n, n), memory-mapped, and real planes; a `Source` of crops."""

    def __init__(self, planes: npt.NDArray[np.float16], volumes: npt.NDArray[np.float16], real: list[Plane], share: float) -> None:
        self.planes, self.volumes, self.real = planes, volumes, real
        self.share = share if real else 0.0

    @classmethod
    def build(
        cls, plan: PoolPlan, folder: Path, data: Path | None, workers: int = 2, without: Collection[Path] = (), report: Report = print
    ) -> Pool:
        """Made in `folder` when it is not there yet. `data` is where the plan's real images are; None: simulation alone.

        `without`: images that are left out, as those of held-out pairs. `report` is called with a line of progress now and then.
        """
        real = list(_real(plan, data, without)) if data else []  # what may be wrong comes before what takes long
        folder.mkdir(parents=True, exist_ok=True)
        made = [
            _kept(folder, "planes", _plane, plan.planes, plan.side, plan.seed, workers, report),
            _kept(folder, "volumes", _volume, plan.volumes, plan.volume_side, plan.seed, workers, report),
        ]
        return cls(made[0], made[1], real, plan.real)

    def crop(self, rng: Generator, size: int) -> Plane:
        """(size, size): a random part of a random plane, at a random scale, turned and mirrored.

        A plane that is smaller than the part goes on as its mirror image: what is dense is to come with patches of any size.
        """
        if rng.random() < self.share:
            plane = self.real[int(rng.integers(len(self.real)))]
            # down to a third: what is fine and dense must not be taken for noise that is smooth from pixel to pixel
            scale = float(10 ** rng.uniform(-0.5, 0.11))
        else:
            plane = self.planes[int(rng.integers(len(self.planes)))]
            scale = rng.choice((1.0, rng.uniform(0.4, 1.0), rng.uniform(1.0, 1.6)))
        side = int(max(size / scale, 8))
        rows, columns = (_stretch(rng, n, side) for n in plane.shape)
        part = np.asarray(plane[np.ix_(rows, columns)], np.float32)
        if side != size:
            part = np.maximum(resize(part, (size, size)), 0)
        part = np.rot90(part, int(rng.integers(4)))
        return np.ascontiguousarray(part[::-1] if rng.random() < 0.5 else part)

    def volume(self, rng: Generator) -> Plane:
        """A whole volume (Z, Y, X), turned about z and mirrored."""
        v = np.asarray(self.volumes[int(rng.integers(len(self.volumes)))], np.float32)
        v = v.transpose(*(int(axis) for axis in rng.permutation(3)))
        for axis in range(3):
            if rng.random() < 0.5:
                v = np.flip(v, axis)
        return np.ascontiguousarray(v)


def _stretch(rng: Generator, length: int, side: int) -> npt.NDArray[np.int64]:
    """`side` places in a row along an axis of that length, anywhere; mirrored (outermost pixels once) as often as it takes."""
    start = int(rng.integers(0, length - side + 1 if side <= length else 2 * (length - 1)))
    place = np.arange(start, start + side) % (2 * (length - 1))
    return np.where(place < length, place, 2 * (length - 1) - place)


def _kept(folder: Path, name: str, make: Make, count: int, side: int, seed: int, workers: int, report: Report) -> npt.NDArray[np.float16]:
    shape = (count, side, side) if name == "planes" else (count, side, side, side)
    key = hashlib.sha256(json.dumps([name, shape, seed, GENERATIONS[name]]).encode()).hexdigest()[:12]
    path = folder / f"{name}-{key}.npy"
    if count == 0:
        return np.zeros(shape, np.float16)
    if not path.exists():
        wanted, free = 2 * math.prod(shape), shutil.disk_usage(folder).free
        if wanted > free:
            raise ParameterError(
                f"wanted room for {count:,} simulated {name} of {side} pixels a side, {wanted / 1e9:,.1f} GB, got {free / 1e9:,.1f} GB "
                f"free in {folder}; give [pool] fewer or smaller ones, or --runs a folder on another disk"
            )
        for left in folder.glob(f"{path.stem}.*.partial"):  # by a training that was killed
            if time.time() - left.stat().st_mtime > FORGOTTEN:
                left.unlink(missing_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")  # two trainings may make the same at once
        try:
            _fill(np.lib.format.open_memmap(partial, "w+", np.float16, shape), name, make, seed, workers, report)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    kept: npt.NDArray[np.float16] = np.load(path, mmap_mode="r")
    return kept


def _fill(out: npt.NDArray[np.float16], name: str, make: Make, seed: int, workers: int, report: Report) -> None:
    """`out` (N, ...) with what `make` makes of each index, by several processes where that pays."""
    tasks = [(seed, i, out.shape[1]) for i in range(len(out))]
    with ExitStack() as stack:
        made: Iterable[npt.NDArray[np.float16]] = map(make, tasks)
        if workers > 1 and len(tasks) > 8:
            executor = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=as_long_as_the_parent))
            stack.callback(executor.shutdown, cancel_futures=True)  # interrupted, it does not make the rest first
            made = executor.map(make, tasks, chunksize=4)
        for i, item in enumerate(told(made, len(tasks), f"simulated {name}", report)):
            out[i] = item
    if isinstance(out, np.memmap):
        out.flush()


def _real(plan: PoolPlan, data: Path, without: Collection[Path] = ()) -> Iterable[Plane]:
    """Every plane of the plan's real images in [0, 1.5], binned to lose its noise, background at 0."""
    for pattern, factor in plan.images.items():
        files = sorted(data.glob(pattern))
        if not files:
            raise ParameterError(f"wanted images {pattern} below the data folder {data.name}, got none; point --data at the right folder")
        found = False
        for path in files:
            if path in without:
                continue
            image = open_image(path)
            for place, plane in image.planes():
                check_measured(image, place, path)
                for prepared in _prepared(np.asarray(plane, np.float32), factor):
                    found = True
                    yield prepared
        if not found:
            binned = f" once they are binned by {factor}" if factor > 1 else ""
            raise ParameterError(
                f"wanted images {pattern} of at least {LEAST} x {LEAST} pixels{binned}, not even and not held out, got none; take them "
                "out of the plan, or give them a smaller factor"
            )


def check_measured(image: Image, place: tuple[int, int, int], path: Path) -> None:
    """Raises `ParameterError` where part of the plane (t, c, z) has no values: what stands for them would be learnt as light."""
    if image.mask is None:
        return
    (t, c, z), (height, width) = place, image.shape[3:]
    lacking = image.mask.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), slice(0, height), slice(0, width)))
    if lacking.any() and not lacking.all():
        raise ParameterError(f"wanted pixels that are numbers, got some that are none in {path}; cut that part off, or take it out")


def check_any(image: Image, path: Path) -> None:
    """Raises `ParameterError` where no pixel of the image is a number."""
    if image.mask is not None and all(bool(image.mask.read(region).all()) for region in blocks(image.shape)):
        raise ParameterError(f"wanted pixels that are numbers, got none in {path} (all are NaN or infinite); take it out")


def _prepared(plane: Plane, factor: int) -> Iterable[Plane]:
    if factor > 1:
        plane = resize(gaussian_filter(plane, 0.3 * factor), (plane.shape[0] // factor, plane.shape[1] // factor))
    low, high = np.percentile(plane, 2), np.percentile(plane, 99.9)
    if min(plane.shape) >= LEAST and high > low:
        yield np.clip((plane - low) / (high - low), 0, 1.5).astype(np.float32)

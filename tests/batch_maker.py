"""Small images for batches, the quickest thing that is done to them, and what came of it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from abbe.batch import Settings, Summary, run

#: the quickest that abbe does to an image
QUICK = Settings(steps=("denoise",), passes=1, engine="cpu")


def field(seed: int, side: int = 48) -> npt.NDArray[np.uint16]:
    """Spots under photon noise (side, side); each seed another."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    light = np.full((side, side), 20.0)
    for _ in range(6):
        cy, cx = rng.uniform(0, side, 2)
        light += 200 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 8)
    return rng.poisson(light).astype(np.uint16)


def batch(folder: Path, out: Path, settings: Settings = QUICK, **more: object) -> Summary:
    """All images of `folder`, by one process unless `more` says otherwise."""
    return run(folder, out, settings, **{"workers": 1, **more})  # type: ignore[arg-type]


def rows(out: Path) -> dict[str, dict[str, str]]:
    """The table of a batch: its rows, by the name of the image."""
    with (out / "batch.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["image"]: row for row in csv.DictReader(file)}

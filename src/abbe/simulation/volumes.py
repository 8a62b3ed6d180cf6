"""Simulated specimens in three dimensions, isotropic, (n, n, n) float32."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree
from scipy.special import expit

from abbe.simulation.drawing import splat, to_unit

Volume = npt.NDArray[np.float32]
Generator = np.random.Generator


def _chains(rng: Generator, count: int, steps: int, n: int, stiffness: float) -> npt.NDArray[np.float64]:
    """Worm-like chains in space, (count, steps, 3)."""
    p = rng.uniform(-0.1 * n, 1.1 * n, (count, 3))
    d = rng.normal(size=(count, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    out = np.empty((count, steps, 3))
    bend = np.sqrt(0.6 / stiffness)
    for i in range(steps):
        d = d + rng.normal(0, bend, d.shape)
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        p = p + 0.6 * d
        out[:, i] = p
    return out


def filaments(rng: Generator, n: int) -> Volume:
    """Cytoskeleton: chains of all stiffnesses."""
    paths = _chains(rng, int(rng.integers(10, 90)), int(rng.integers(n, 4 * n)), n, 10 ** rng.uniform(1.5, 3))
    weights = np.repeat(rng.gamma(2, 0.5, len(paths)), paths.shape[1])
    return splat(paths.reshape(-1, 3), weights, (n, n, n))


def vesicles(rng: Generator, n: int) -> Volume:
    """Balls and shells of many sizes."""
    count, per = int(10 ** rng.uniform(1, 2.5)), 400
    centres, radius = rng.uniform(0, n, (count, 1, 3)), rng.uniform(0.5, rng.uniform(2, 9), (count, 1, 1))
    d = rng.normal(size=(count, per, 3))
    d /= np.linalg.norm(d, axis=-1, keepdims=True)
    hollow = rng.random((count, 1, 1)) < rng.choice((0.0, 0.5, 1.0))
    points = centres + d * radius * np.where(hollow, 1.0, rng.random((count, per, 1)) ** (1 / 3))
    weights = np.repeat(rng.lognormal(0, 0.5, count) * radius[:, 0, 0] ** rng.uniform(1, 2.5) / per, per)
    return splat(points.reshape(-1, 3), weights, (n, n, n))


def tubes(rng: Generator, n: int) -> Volume:
    """Mitochondria: short tubes, filled or as membranes."""
    paths = _chains(rng, int(rng.integers(5, 60)), int(rng.integers(25, 150)), n, 10 ** rng.uniform(1.2, 2.2))
    radius, hollow = rng.uniform(1, 5), rng.random() < 0.5
    parts = []
    for _ in range(25):
        d = rng.normal(size=paths.shape)
        d /= np.linalg.norm(d, axis=-1, keepdims=True)
        parts.append(paths + radius * d * (1.0 if hollow else rng.random((*paths.shape[:2], 1)) ** (1 / 3)))
    weights = np.repeat(rng.gamma(4, 0.25, len(paths)), paths.shape[1])
    return splat(np.concatenate([p.reshape(-1, 3) for p in parts]), np.tile(weights, 25), (n, n, n))


def bodies(rng: Generator, n: int) -> Volume:
    """Nuclei and cells: ellipsoids with texture, or their membranes."""
    z, y, x = np.ogrid[:n, :n, :n]
    out = np.zeros((n, n, n), np.float32)
    white = rng.normal(size=(n, n, n)).astype(np.float32)
    texture = np.exp(0.5 * gaussian_filter(white, rng.uniform(1, 3)) * rng.uniform(2, 12))
    for _ in range(int(rng.integers(1, 7))):
        c, r = rng.uniform(0, n, 3), rng.uniform(0.1, 0.4, 3) * n
        d = np.sqrt(((z - c[0]) / r[0]) ** 2 + ((y - c[1]) / r[1]) ** 2 + ((x - c[2]) / r[2]) ** 2)
        if rng.random() < 0.4:
            out += np.exp(-(((d - 1) * r.mean() / rng.uniform(0.7, 1.5)) ** 2)).astype(np.float32)
        else:
            out += (texture * expit((1 - d) * r.mean())).astype(np.float32) * np.float32(rng.uniform(0.2, 1))
    return out


def puncta(rng: Generator, n: int) -> Volume:
    """Vesicles, receptors, beads: points, spread or in crowds, some far brighter than others."""
    count, crowds = int(10 ** rng.uniform(0.7, 3)), int(rng.integers(1, 9))
    centres = rng.uniform(0, n, (crowds, 3))[rng.integers(crowds, size=count)]
    crowded = centres + rng.normal(0, rng.uniform(0.03, 0.15) * n, (count, 3))
    points = crowded if rng.random() < 0.5 else rng.uniform(0, n, (count, 3))
    return splat(points, rng.lognormal(0, rng.uniform(0.2, 1.8), count), (n, n, n))


def ribbons(rng: Generator, n: int) -> Volume:
    """Golgi stacks, cisternae, folds of a membrane: bent sheets, several on top of each other."""
    points, weights = [], []
    for _ in range(int(rng.integers(1, 12))):
        turned = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        size, layers = rng.uniform(0.04, 0.3) * n, int(rng.integers(1, 5))
        u, v = (size * np.array([1.0, rng.uniform(0.3, 1)]) * rng.uniform(-1, 1, (int(60 * size), 2))).T
        bend = rng.normal(0, 0.5 / size, 3)
        height = bend[0] * u * u + bend[1] * u * v + bend[2] * v * v
        centre, apart = rng.uniform(0, n, 3), rng.uniform(1.5, 5)
        for k in range(layers):
            points.append(np.stack([height + k * apart, u, v], -1) @ turned.T + centre)
            weights.append(np.full(len(u), rng.gamma(3, 1 / 3)))
    return splat(np.concatenate(points), np.concatenate(weights), (n, n, n))


def borders(rng: Generator, n: int) -> Volume:
    """Tissue: the membranes between cells, or the tubes (vessels, canals, tubules) where three of them meet."""
    seeds = rng.uniform(-0.2 * n, 1.2 * n, (int(10 ** rng.uniform(1, 2.3)), 3))
    grid = np.stack(np.meshgrid(*(np.arange(n),) * 3, indexing="ij"), -1).reshape(-1, 3)
    near = cKDTree(seeds).query(grid, k=3)[0]
    tubes_only = rng.random() < 0.4
    distance = near[:, 2 if tubes_only else 1] - near[:, 0]
    thickness = rng.uniform(2.5, 5) if tubes_only else rng.uniform(1, 2.5)
    return np.asarray(np.exp(-((distance / thickness) ** 2)).reshape(n, n, n), np.float32)


#: share of volumes of each kind
WEIGHTS = {"filaments": 0.24, "vesicles": 0.2, "tubes": 0.14, "bodies": 0.12, "puncta": 0.12, "ribbons": 0.1, "borders": 0.08}
KINDS = {f.__name__: f for f in (filaments, vesicles, tubes, bodies, puncta, ribbons, borders)}
#: share of volumes that are a cell on a coverslip: nothing below it, nothing above its surface
FLAT = 0.25


def volume(rng: Generator, n: int, kind: str | None = None) -> Volume:
    """A specimen (n, n, n) float32 in [0, 1.5], of one kind or a mixture of two; softened by 0.6 to 1.3 voxels."""
    weights = [WEIGHTS[k] for k in KINDS]
    names = [kind] if kind else list(rng.choice(list(KINDS), 2 if rng.random() < 0.35 else 1, p=weights))
    parts = [np.float32(rng.uniform(0.3, 1)) * to_unit(gaussian_filter(KINDS[k](rng, n), rng.uniform(0.6, 1.3))) for k in names]
    if len(parts) == 2 and rng.random() < 0.5:  # a dim label beside a bright one
        parts[1] *= np.float32(10 ** rng.uniform(-2, -0.3))
    total = np.sum(parts, axis=0)
    if kind is None and rng.random() < FLAT:
        total = total * _flat(rng, n)
    return to_unit(total) if total.any() else total


def _flat(rng: Generator, n: int) -> Volume:
    """Where a flat cell is, 0 to 1: a plane below, a dome above."""
    z, y, x = np.ogrid[:n, :n, :n]
    cy, cx = rng.uniform(0, n, 2)
    away = np.hypot(y - cy, x - cx) / (n * rng.uniform(0.3, 1.2))
    bottom = rng.uniform(0.1, 0.7) * n
    top = bottom + rng.uniform(0.05, 0.2) * n + rng.uniform(0, 0.5) * n * np.exp(-(away**2))
    return np.asarray(expit(z - bottom) * expit(top - z), np.float32)


def uneven_volume(rng: Generator, volume: Volume) -> Volume:
    """`volume` under a label that is up to a thousand times weaker in one place than in another, as a Golgi beside its cell is."""
    coarse = rng.uniform(-1, 0, (int(rng.integers(2, 8)),) * 3)
    ratios = [s / len(coarse) for s in volume.shape]
    field = zoom(coarse, ratios, order=1, grid_mode=True, mode="nearest")
    return np.asarray(volume * 10 ** (rng.uniform(0.5, 3) * field), np.float32)

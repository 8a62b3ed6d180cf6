"""Thin structure: actin, microtubules, neurites, and what sits at their ends. As `abbe.simulation.structures`."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from abbe.simulation.drawing import Generator, Plane, across, cloud, splat, to_unit, walks


def filaments(rng: Generator, n: int) -> Plane:
    """Actin or microtubules: long chains, some in bundles, labelled unevenly."""
    count, steps = int(rng.integers(4, 60)), int(rng.integers(n // 2, 3 * n))
    paths = walks(rng, count, steps, n, stiffness=10 ** rng.uniform(1.2, 3.2))
    weight = np.repeat(rng.gamma(2, 0.5, (count, 1)), steps, axis=1)
    if rng.random() < 0.5:  # sparse labelling
        weight = weight * (rng.random(weight.shape) < rng.uniform(0.1, 0.7))
    bundle = rng.integers(1, 4)
    spread = rng.uniform(0.0, 1.5)
    points = np.concatenate([paths.reshape(-1, 2) + rng.normal(0, spread, 2) for _ in range(bundle)])
    return splat(points + rng.normal(0, 0.3, points.shape), np.tile(weight.ravel(), bundle), (n, n))


def stress_fibres(rng: Generator, n: int) -> Plane:
    """Actin of a spread cell: tens to hundreds of fibres side by side, of all thicknesses and brightnesses, over a finer mesh."""
    count, step = int(10 ** rng.uniform(1.3, 2.6)), 1.0
    course = rng.uniform(0, np.pi) + rng.uniform(0.05, 0.6) * cloud(rng, n, rng.uniform(2.2, 3.2))
    if rng.random() < 0.4:  # a second family across the first
        course = course + (cloud(rng, n, 2.6) > rng.uniform(0.3, 1.2)) * rng.uniform(0.4, 1.6)
    steps = int(rng.uniform(0.3, 1.2) * n / step)
    at = rng.uniform(-0.2 * n, 1.2 * n, (count, 2))
    own = rng.normal(0, rng.uniform(0.0, 0.15), count)
    paths = np.empty((count, steps, 2))
    for k in range(steps):
        y, x = np.clip(at.astype(int), 0, n - 1).T
        angle = course[y, x] + own
        at = at + step * np.stack([np.sin(angle), np.cos(angle)], -1)
        paths[:, k] = at
    place = np.linspace(-1, 1, steps)
    weight = rng.lognormal(0, rng.uniform(0.3, 1.0), (count, 1)) * np.clip((1 - np.abs(place)) * rng.uniform(2, 8), 0, 1)
    if rng.random() < 0.2:  # as in muscle: bands along the fibre
        weight = weight * (0.25 + (np.sin(2 * np.pi * np.arange(steps) * step / rng.uniform(6, 18)) > 0))
    thick = rng.gamma(2, rng.uniform(0.1, 0.7), (count, 1, 1))
    normal = across(paths)
    parts = [(paths + normal * thick * rng.normal(0, 1, (count, steps, 1))).reshape(-1, 2) for _ in range(4)]
    plane = splat(np.concatenate(parts), np.tile(weight.ravel(), 4), (n, n))
    if rng.random() < 0.7:
        plane = plane / max(float(plane.max()), 1e-9) + rng.uniform(0.02, 0.5) * to_unit(mesh(rng, n))
    return plane


def mesh(rng: Generator, n: int) -> Plane:
    """The cortex under a membrane: short filaments crossing everywhere, denser in one place than in another."""
    count, steps = int(10 ** rng.uniform(2.3, 3.5)), int(rng.integers(8, 60))
    paths = walks(rng, count, steps, n, stiffness=10 ** rng.uniform(1.0, 2.0), step=1.0)
    plane = splat(paths.reshape(-1, 2), np.repeat(rng.gamma(2, 0.5, count), steps), (n, n))
    return np.asarray(plane * np.exp(rng.uniform(0, 0.8) * cloud(rng, n, 2.5)), np.float32)


def asters(rng: Generator, n: int) -> Plane:
    """Microtubules or intermediate filaments of a whole cell: dense around one place, from which most of them radiate."""
    count, steps = int(10 ** rng.uniform(1.6, 2.5)), int(rng.integers(n // 2, 2 * n))
    centre = rng.uniform(0, n, 2)
    around = rng.uniform(0, 2 * np.pi, count)
    away = np.abs(rng.normal(0, rng.uniform(0.02, 0.5) * n, count))
    start = centre + away[:, None] * np.stack([np.sin(around), np.cos(around)], -1)
    heading = np.pi / 2 - around + rng.normal(0, rng.uniform(0.1, 1.2), count)
    paths = walks(rng, count, steps, n, 10 ** rng.uniform(1.3, 3.0), start=start, heading=heading)
    weight = np.repeat(rng.gamma(3, 1 / 3, (count, 1)), steps, axis=1)
    return splat((paths + rng.normal(0, rng.uniform(0.1, 0.8), paths.shape)).reshape(-1, 2), weight.ravel(), (n, n))


def neurites(rng: Generator, n: int) -> Plane:
    """Dendrites that branch, with spines, and thin axons with swellings; at times a cell body."""
    trunks, points, weights = int(rng.integers(1, 6)), [], []
    paths = walks(rng, trunks, 3 * n, n, stiffness=10 ** rng.uniform(1.8, 2.8), start=rng.uniform(0, n, (trunks, 2)))
    for path in paths:
        width = 10 ** rng.uniform(0.0, 0.9)
        branches = [(path, width)]
        for _ in range(int(rng.integers(0, 7))):
            at = path[rng.integers(len(path))]
            branch = walks(rng, 1, int(rng.integers(n // 3, 2 * n)), n, stiffness=10 ** rng.uniform(1.6, 2.6), start=at[None])
            branches.append((branch[0], width * rng.uniform(0.2, 0.8)))
        for way, wide in branches:
            taper = np.linspace(1, rng.uniform(0.3, 1), len(way))[:, None]
            normal = across(way)
            for _ in range(6):
                points.append(way + normal * wide * taper * np.sin(rng.uniform(-np.pi / 2, np.pi / 2, (len(way), 1))))
                weights.append(wide * taper[:, 0] / 6)
            count = int(rng.integers(0, max(2, len(way) // 8)))
            seats = rng.integers(0, len(way), count)
            side = rng.choice((-1.0, 1.0), (count, 1)) * (wide + rng.uniform(0, 6, (count, 1)))
            size, light = rng.uniform(0.5, 2.0), rng.uniform(1, 8) * wide
            for _ in range(6):
                points.append(way[seats] + normal[seats] * side + rng.normal(0, size, (count, 2)))
                weights.append(light * rng.gamma(3, 1 / 3, count) / 6)
    plane = splat(np.concatenate(points), np.concatenate(weights), (n, n))
    if rng.random() < 0.3:
        body = np.hypot(*(np.indices((n, n)) - rng.uniform(0, n, (2, 1, 1))))
        plane = plane + expit((rng.uniform(0.03, 0.12) * n - body) / 2) * rng.uniform(0.3, 2) * float(np.percentile(plane, 99.5))
    return np.asarray(plane, np.float32)


def adhesions(rng: Generator, n: int) -> Plane:
    """Focal adhesions: short streaks that point to the cell's middle, over the label in between."""
    count, centre = int(rng.integers(15, 250)), rng.uniform(0.2 * n, 0.8 * n, 2)
    at = rng.uniform(0, n, (count, 2))
    heading = np.arctan2(*(at - centre).T) + rng.normal(0, rng.uniform(0.1, 0.5), count)
    length, width = rng.uniform(2, 14) * rng.lognormal(0, 0.5, count), rng.uniform(0.5, 2.5)
    along = np.clip(rng.normal(0, 0.5, (count, 80)), -1, 1) * length[:, None] / 2
    direction = np.stack([np.sin(heading), np.cos(heading)], -1)[:, None]
    normal = np.stack([-direction[..., 1], direction[..., 0]], -1)
    points = at[:, None] + along[..., None] * direction + rng.normal(0, width, (count, 80, 1)) * normal
    weight = np.repeat(rng.lognormal(0, 0.6, count) * length / 80, 80)
    plane = to_unit(splat(points.reshape(-1, 2), weight, (n, n)))
    return np.asarray(plane + rng.uniform(0, 0.3) * to_unit(np.exp(cloud(rng, n, 2.0))), np.float32)


def periodic_rings(rng: Generator, n: int) -> Plane:
    """The membrane-periodic skeleton of axons: bands across a tube at a constant spacing."""
    count = int(rng.integers(1, 8))
    period, width = rng.uniform(5, 14), rng.uniform(3, 14)
    parts, weights = [], []
    for path in walks(rng, count, 3 * n, n, stiffness=10 ** rng.uniform(2, 3)):
        direction = np.gradient(path, axis=0)
        normal = np.stack([-direction[:, 1], direction[:, 0]], 1) / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-6)
        for _ in range(8):
            parts.append(path + normal * width * np.sin(rng.uniform(0, 2 * np.pi, (len(path), 1))) / 2)
            weights.append(0.15 + (np.sin(2 * np.pi * 0.7 * np.arange(len(path)) / period) > 0.4))
    return splat(np.concatenate(parts), np.concatenate(weights), (n, n))

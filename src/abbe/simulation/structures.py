"""Planes of simulated specimens: where the fluorophores are, before any optics.

Each kind is a function `(rng, n) -> (n, n) float32`, density >= 0 in arbitrary units, on a grid finer than a
microscope resolves. They are drawn as clouds of points, as labelled molecules are, so that edges and ends come out as
they do in a specimen: granular, not geometric. Sizes are in pixels of that grid.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import Delaunay, Voronoi
from scipy.special import expit

from abbe.simulation.cytoskeleton import adhesions, asters, filaments, mesh, neurites, periodic_rings, stress_fibres
from abbe.simulation.drawing import Generator, Plane, across, between, cloud, rounded, sides, splat, to_unit, walks


def vesicles(rng: Generator, n: int) -> Plane:
    """Vesicles, endosomes, lysosomes, coated pits: filled or hollow, alone or in clusters, of all brightnesses."""
    count = int(10 ** rng.uniform(0.7, 3.0))
    centres = rng.uniform(0, n, (count, 2))
    if rng.random() < 0.5:
        seeds = rng.uniform(0, n, (max(1, count // 12), 2))
        centres = seeds[rng.integers(0, len(seeds), count)] + rng.normal(0, rng.uniform(4, 30), (count, 2))
    radius = 10 ** rng.uniform(-0.3, rng.uniform(0.1, 1.0), count)
    hollow = rng.random() if rng.random() < 0.6 else 0.0
    per = 60
    phi = rng.uniform(0, 2 * np.pi, (count, per))
    ring = rng.random((count, 1)) < hollow
    r = radius[:, None] * np.where(ring, 1 + 0.1 * rng.normal(size=(count, per)), np.sqrt(rng.random((count, per))))
    points = centres[:, None] + np.stack([r * np.sin(phi), r * np.cos(phi)], -1)
    weight = rng.lognormal(0, rng.uniform(0.2, 1.0), count) * radius ** rng.uniform(0.5, 2) / per
    return splat(points.reshape(-1, 2), np.repeat(weight, per), (n, n))


def mitochondria(rng: Generator, n: int) -> Plane:
    """Short thick tubes, bright at the membrane or filled, sometimes with cristae; loose, or crowded around a nucleus."""
    if rng.random() < 0.5:
        count, length = int(rng.integers(3, 50)), int(rng.integers(20, 160))
        start = None
    else:
        count, length = int(rng.integers(40, 260)), int(rng.integers(6, 80))
        centre, nucleus, reach = rng.uniform(0, n, 2), rng.uniform(0.0, 0.25) * n, rng.uniform(0.08, 0.35) * n
        around = rng.uniform(0, 2 * np.pi, count)
        away = nucleus + np.abs(rng.normal(0, reach, count))
        start = centre + away[:, None] * np.stack([np.sin(around), np.cos(around)], -1)
    paths = walks(rng, count, length, n, stiffness=10 ** rng.uniform(1.2, 2.3), step=1.0, start=start)
    radius = rng.uniform(1.2, 6) * rng.lognormal(0, 0.2, (count, 1))
    end = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
    width = radius * rounded(end, radius)
    shell = rng.random() < 0.4
    stripes = 1.0 if rng.random() < 0.7 else 0.4 + (np.sin(np.arange(length) * 2 * np.pi / rng.uniform(3, 7)) > 0)
    normal = across(paths)
    weight = rng.gamma(4, 0.25, (count, 1)) * width * (1 + rng.uniform(0, 0.4) * rng.normal(size=(count, length))) * stripes
    parts = [(paths + normal * (width * sides(rng, width.shape, surface=shell))[..., None]).reshape(-1, 2) for _ in range(20)]
    return splat(np.concatenate(parts), np.tile(np.maximum(weight, 0).ravel(), 20), (n, n))


def network(rng: Generator, n: int) -> Plane:
    """Endoplasmic reticulum: tubules between junctions, with sheets where they are dense."""
    nodes = rng.uniform(-0.1 * n, 1.1 * n, (int(rng.integers(25, 260)), 2))
    triangles = Delaunay(nodes).simplices
    edges = np.unique(np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), axis=1), axis=0)
    edges = edges[rng.random(len(edges)) < rng.uniform(0.35, 0.8)]
    u = np.linspace(0, 1, 60)[None, :, None]
    a, b = nodes[edges[:, 0]][:, None], nodes[edges[:, 1]][:, None]
    bow = rng.normal(0, 0.12, (len(edges), 1, 1)) * np.linalg.norm(b - a, axis=-1, keepdims=True)
    normal = np.stack([-(b - a)[..., 1], (b - a)[..., 0]], -1)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    points = a + (b - a) * u + normal * bow * np.sin(np.pi * u)
    length = np.linalg.norm(b - a, axis=-1)
    weight = np.repeat(length * rng.gamma(6, 1 / 6, length.shape) / 60, 60, axis=1)
    plane = splat(points.reshape(-1, 2) + rng.normal(0, rng.uniform(0.2, 1.0), (points.size // 2, 2)), weight.ravel(), (n, n))
    if rng.random() < 0.5:
        sheets = np.maximum(cloud(rng, n, 2.5) - rng.uniform(0.8, 1.8), 0)
        plane = plane + sheets * rng.uniform(0.1, 0.6) * float(plane.max())
    return plane


def membranes(rng: Generator, n: int) -> Plane:
    """Cell borders of an epithelium or a monolayer."""
    seeds = rng.uniform(-0.3 * n, 1.3 * n, (int(rng.integers(12, 200)), 2))
    voronoi = Voronoi(seeds)
    ridges = np.array([r for r in voronoi.ridge_vertices if -1 not in r])
    a, b = voronoi.vertices[ridges[:, 0]][:, None], voronoi.vertices[ridges[:, 1]][:, None]
    near = np.all((np.abs(a) < 3 * n) & (np.abs(b) < 3 * n), axis=(1, 2))
    a, b = a[near], b[near]
    length = np.linalg.norm(b - a, axis=-1, keepdims=True)
    u = rng.random((len(a), int(2 * n), 1))
    points = a + (b - a) * u + rng.normal(0, rng.uniform(0.2, 1.5), (len(a), 2 * n, 2))
    weight = np.repeat(length[:, 0] * rng.gamma(5, 0.2, (len(a), 1)) / n, 2 * n, axis=1)
    return splat(points.reshape(-1, 2), weight.ravel(), (n, n))


def nuclei(rng: Generator, n: int) -> Plane:
    """Nuclei with chromatin texture, dark nucleoli and bright foci."""
    yy, xx = np.mgrid[:n, :n].astype(np.float32)
    plane = np.zeros((n, n), np.float32)
    size = rng.uniform(0.05, 0.28) * n
    texture = np.exp(rng.uniform(0.1, 0.6) * cloud(rng, n, rng.uniform(0.8, 1.8)))
    for _ in range(int(rng.integers(1, 10))):
        cy, cx = rng.uniform(-0.1 * n, 1.1 * n, 2)
        phi, ratio = rng.uniform(0, np.pi), rng.uniform(0.6, 1.0)
        u = (yy - cy) * np.cos(phi) + (xx - cx) * np.sin(phi)
        v = (-(yy - cy) * np.sin(phi) + (xx - cx) * np.cos(phi)) / ratio
        angle = np.arctan2(v, u)
        edge = size * rng.uniform(0.7, 1.2) * (1 + sum(rng.normal(0, 0.04) * np.cos(k * angle + rng.uniform(0, 6)) for k in (2, 3, 4)))
        soft = expit((edge - np.hypot(u, v)) / rng.uniform(0.5, 2))
        lamina = np.exp(-(((np.hypot(u, v) - edge) / 1.5) ** 2)) if rng.random() < 0.2 else 0
        plane = np.maximum(plane, rng.uniform(0.3, 1) * (soft * texture + 2 * lamina)).astype(np.float32)
    for _ in range(int(rng.integers(0, 6))):
        cy, cx, r = *rng.uniform(0, n, 2), rng.uniform(2, 12)
        plane *= 1 - rng.uniform(0.4, 0.9) * expit((r - np.hypot(yy - cy, xx - cx)) / 0.8)
    if rng.random() < 0.5:
        foci = rng.uniform(0, n, (int(rng.integers(5, 200)), 2))
        spots = gaussian_filter(splat(foci, rng.lognormal(0, 0.6, len(foci)), (n, n)), rng.uniform(0.6, 2))
        plane = plane + (plane > 0.1) * spots * rng.uniform(0.5, 4) / max(float(spots.max()), 1e-9)
    return np.asarray(plane, np.float32)


def tissue(rng: Generator, n: int) -> Plane:
    """Dense label everywhere: an exponentiated random field."""
    return np.asarray(np.exp(rng.uniform(0.4, 1.6) * cloud(rng, n, rng.uniform(0.7, 2.2))), np.float32)


def speckles(rng: Generator, n: int, periods: tuple[float, float] = (4, 40)) -> Plane:
    """Condensates, nuclear speckles, granular label: blobs of one size, crowded, with no line between them; or what lies between blobs."""
    period, width = between(rng, *periods), rng.uniform(0.15, 0.6)
    f = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :]) * period
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(n, n))) * np.exp(-(((f - 1) / width) ** 2) / 2), (n, n))
    field /= max(float(field.std()), 1e-12)
    if rng.random() < 0.25:
        return np.asarray(expit((field - rng.uniform(0, 1.5)) / rng.uniform(0.05, 0.5)), np.float32)
    return np.asarray(np.exp(rng.uniform(0.3, 2) * field), np.float32)


def granules(rng: Generator, n: int, radii: tuple[float, float] = (10**-0.1, 10**0.9)) -> Plane:
    """Vesicles, granules, pores of one size, packed: as many as there is room for, or a few times fewer."""
    radius = between(rng, *radii)
    apart = radius * rng.uniform(2, 6) + 1
    count = max(3, int((n / apart) ** 2))
    if rng.random() < 0.5:  # evenly spaced, as what keeps away from each other is
        side = int(np.ceil(np.sqrt(count)))
        centres = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) + 0.5) * n / side
        centres = centres + rng.normal(0, 0.25 * n / side, centres.shape)
    else:
        centres = rng.uniform(0, n, (count, 2))
    per = int(np.clip(12 * radius**2, 30, 400))
    phi, ring = rng.uniform(0, 2 * np.pi, (len(centres), per)), rng.random() < 0.2
    r = radius * (1 + 0.1 * rng.normal(size=phi.shape) if ring else np.sqrt(rng.random(phi.shape)))
    points = centres[:, None] + np.stack([r * np.sin(phi), r * np.cos(phi)], -1)
    weight = np.repeat(rng.lognormal(0, rng.uniform(0, 0.8), len(centres)) / per, per)
    return splat(points.reshape(-1, 2), weight, (n, n))


def crowd(rng: Generator, n: int) -> Plane:
    """Blobs of one size, 2 to 10 pixels from one to the next: (n, n) in [0, ~1.5].

    As fine as the pixels, and as regular as noise that was smoothed.
    """
    plane = speckles(rng, n, (2.2, 10)) if rng.random() < 0.6 else granules(rng, n, (0.5, 2.5))
    return to_unit(plane)


def chromatin(rng: Generator, n: int) -> Plane:
    """A nucleus seen close up, or cytosol: texture of all sizes, without lines and mostly without gaps."""
    coarse, fine = cloud(rng, n, rng.uniform(1.2, 1.8)), gaussian_filter(cloud(rng, n, rng.uniform(0.6, 1.2)), rng.uniform(0.5, 3))
    fine = fine / max(float(fine.std()), 1e-12)
    return np.asarray(np.exp(rng.uniform(0.1, 0.6) * coarse + rng.uniform(0.05, 0.5) * fine), np.float32)


def bacteria(rng: Generator, n: int) -> Plane:
    """Rods with a bright membrane or a filled interior, lying in chains and clumps."""
    count = int(rng.integers(4, 120))
    centres = rng.uniform(0, n, (count, 2))
    if rng.random() < 0.6:
        centres = rng.uniform(0.2 * n, 0.8 * n, 2) + rng.normal(0, rng.uniform(0.06, 0.3) * n, (count, 2))
    phi = rng.uniform(0, 2 * np.pi) + rng.normal(0, rng.uniform(0.1, 2), count)
    length, radius = rng.uniform(4, 20) * rng.lognormal(0, 0.2, count), rng.uniform(2, 6)
    per = 400
    half = length[:, None] + radius
    along = rng.uniform(-1, 1, (count, per)) * half
    wide = rounded(half - np.abs(along), radius)
    side = radius * wide * sides(rng, (count, per), surface=rng.random() < 0.5)
    direction = np.stack([np.sin(phi), np.cos(phi)], -1)[:, None]
    normal = np.stack([-direction[..., 1], direction[..., 0]], -1)
    points = centres[:, None] + along[..., None] * direction + side[..., None] * normal
    weight = np.repeat(rng.gamma(5, 0.2, count) * length / per, per) * wide.ravel()
    return splat(points.reshape(-1, 2), weight, (n, n))


def molecules(rng: Generator, n: int) -> Plane:
    """Single emitters, from a few to a field that is full of them."""
    count = int(10 ** rng.uniform(1, 3.2 if rng.random() < 0.6 else 4.4))
    return splat(rng.uniform(0, n, (count, 2)), rng.lognormal(0, rng.uniform(0.2, 1.2), count), (n, n))


def empty(rng: Generator, n: int) -> Plane:
    """Nothing but, perhaps, a smooth glow: what teaches a network to invent nothing."""
    if rng.random() < 0.4:
        return np.zeros((n, n), np.float32)
    coarse = rng.random((4, 4))
    return np.asarray(np.clip(zoom(coarse, n / 4, order=3, grid_mode=True, mode="nearest"), 0, None)[:n, :n], np.float32)


KINDS: dict[str, Callable[[Generator, int], Plane]] = {
    f.__name__: f
    for f in (
        filaments,
        stress_fibres,
        mesh,
        asters,
        neurites,
        adhesions,
        periodic_rings,
        vesicles,
        mitochondria,
        network,
        membranes,
        nuclei,
        tissue,
        speckles,
        granules,
        chromatin,
        bacteria,
        molecules,
        empty,
    )
}
#: how often each kind is drawn; thin and point-like structure is the hardest and gets the most. What is crowded without lines (speckles,
#: granules, chromatin) must be there too: a network that has seen crowds of lines alone joins blobs to a mesh
WEIGHTS: dict[str, float] = {
    "filaments": 3,
    "stress_fibres": 4,
    "mesh": 1,
    "asters": 2,
    "neurites": 1.5,
    "adhesions": 1,
    "periodic_rings": 1,
    "vesicles": 4,
    "mitochondria": 4,
    "network": 3,
    "membranes": 2,
    "nuclei": 3,
    "tissue": 2,
    "speckles": 3,
    "granules": 3,
    "chromatin": 2,
    "bacteria": 1,
    "molecules": 2.5,
    "empty": 1,
}

#: kinds that fill a cell as far as it reaches, and no further
WITHIN_A_CELL = (
    "filaments",
    "stress_fibres",
    "mesh",
    "asters",
    "adhesions",
    "vesicles",
    "mitochondria",
    "network",
    "molecules",
    "tissue",
    "speckles",
    "granules",
)


def spread(rng: Generator, n: int) -> Plane:
    """Where cells are, and how thick: (n, n) in 0 to 1, 0 outside. For what ends at a cell's edge."""
    height = cloud(rng, n, rng.uniform(2.2, 3.0))
    inside = height - np.percentile(height, rng.uniform(5, 60))
    return np.asarray(expit(inside / rng.uniform(0.01, 0.15)) * (1 - rng.uniform(0, 0.7) * np.exp(-np.maximum(inside, 0))), np.float32)


def specimen(rng: Generator, n: int, kind: str | None = None) -> Plane:
    """A plane of one kind, or a mixture of two, at a random size of structure: (n, n) float32 in [0, ~1.5].

    1.0 is the 99.9th percentile; the softness (Gaussian, 0.4 to 1.4 px) stands for label and drift.
    """
    names, weights = list(WEIGHTS), np.array(list(WEIGHTS.values()))
    chosen = [kind] if kind else list(rng.choice(names, 2 if rng.random() < 0.3 else 1, p=weights / weights.sum()))
    plane = np.zeros((n, n), np.float32)
    for name in chosen:
        part = KINDS[name](rng, n)
        if name in WITHIN_A_CELL and rng.random() < 0.35:
            part = part * spread(rng, n)
        plane += rng.uniform(0.3, 1) * to_unit(gaussian_filter(part, rng.uniform(0.4, 1.4)))
    if rng.random() < 0.3:  # the label that is everywhere in the cell
        plane += rng.uniform(0.02, 0.3) * to_unit(np.exp(0.5 * gaussian_filter(cloud(rng, n, 2.0), 3)))
    return to_unit(plane) if plane.any() else plane

"""The outline of a mask as polygons along the edges of its pixels: exact, holes included."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Corner = tuple[int, int]

#: directions of an edge, in the order of a right turn: right, down, left, up, as (dy, dx)
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def outline(mask: npt.NDArray[np.bool_]) -> list[list[Corner]]:
    """Rings of corners (y, x) of a (Y, X) mask; filled by the even-odd rule they give the mask back.

    A ring has its pixels on the right as it is walked: outer rings run clockwise on the screen, holes against it.
    """
    edges = _edges(mask)
    rings = []
    while edges:
        start, directions = next(iter(edges.items()))
        direction = directions[0]
        ring: list[Corner] = []
        at = start
        while True:
            _take(edges, at, direction)
            if not ring or _turns(ring, at, direction):
                ring.append(at)
            at = (at[0] + _STEPS[direction][0], at[1] + _STEPS[direction][1])
            following = _way_on(edges, at, direction)
            if following is None:
                break
            direction = following
        rings.append(_simplified(ring))
    return rings


def _way_on(edges: dict[Corner, list[int]], at: Corner, came: int) -> int | None:
    """The way on from a corner: a right turn first, so that pixels that touch at a corner alone stay apart."""
    for turn in (1, 0, 3):
        following = (came + turn) % 4
        if following in edges.get(at, ()):
            return following
    return None


def _edges(mask: npt.NDArray[np.bool_]) -> dict[Corner, list[int]]:
    """corner -> directions of the edges that begin there, each with its pixel on the right."""
    padded = np.pad(mask, 1)
    edges: dict[Corner, list[int]] = {}
    inside = padded[1:-1, 1:-1]
    # (neighbour that must be outside, corner where the edge begins, direction)
    sides = (
        (padded[:-2, 1:-1], (0, 0), 0),
        (padded[1:-1, 2:], (0, 1), 1),
        (padded[2:, 1:-1], (1, 1), 2),
        (padded[1:-1, :-2], (1, 0), 3),
    )
    for neighbour, (dy, dx), direction in sides:
        for y, x in np.argwhere(inside & ~neighbour).tolist():
            edges.setdefault((y + dy, x + dx), []).append(direction)
    return edges


def _take(edges: dict[Corner, list[int]], at: Corner, direction: int) -> None:
    edges[at].remove(direction)
    if not edges[at]:
        del edges[at]


def _turns(ring: list[Corner], at: Corner, direction: int) -> bool:
    """Is `at` a corner of the ring, not a point along a straight side?"""
    y, x = ring[-1]
    dy, dx = _STEPS[direction]
    return not ((dy == 0 and at[0] == y) or (dx == 0 and at[1] == x))


def _simplified(ring: list[Corner]) -> list[Corner]:
    """Without the first corner where it lies along a straight side."""
    if len(ring) > 4 and (ring[-1][0] == ring[0][0] == ring[1][0] or ring[-1][1] == ring[0][1] == ring[1][1]):
        return ring[1:]
    return ring

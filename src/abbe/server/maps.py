"""Maps of one version against another: difference and error map, a plane at a time; and the numbers of `abbe.compare`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from abbe.errors import ParameterError
from abbe.image import Image
from abbe.image.pixels import Array
from abbe.server.derived import Picture
from abbe.session import Session


def difference(session: Session, version: str, reference: str, t: int, z: int) -> Picture:
    """Version less reference, in its units, on its grid; a coarser reference is enlarged by cubic splines, centres aligned."""
    after, before = session.image(version), session.image(reference)
    if after.shape[1] != before.shape[1]:
        raise ParameterError("wanted two versions with the same channels, got different ones")
    plane = np.stack([_difference(after, before, t, c, z) for c in range(after.shape[1])])
    reach = float(np.percentile(np.abs(plane[:, ::4, ::4]), 99.5)) or 1.0
    return Picture.of(plane, {"low": -reach, "high": reach})


def _difference(after: Image, before: Image, t: int, c: int, z: int) -> Array:
    from abbe.comparison.resample import enlarged

    height, width = after.shape[3:]
    k = min(before.shape[2] - 1, round(z * (before.shape[2] - 1) / max(after.shape[2] - 1, 1)))
    plane = before.plane(min(t, before.shape[0] - 1), c, k)
    if plane.shape != (height, width):
        plane = enlarged(plane.astype(np.float64), (height, width))
    return after.plane(t, c, z).astype(np.float32) - plane.astype(np.float32)


def error(session: Session, version: str, reference: str, t: int, z: int) -> Picture:
    """NanoJ-SQUIRREL's error map, on the reference's grid: where the version does not explain the reference."""
    from abbe.comparison import compare

    result = compare(original=session.image(reference), transformed=session.image(version))
    maps = result.error_map
    plane = np.stack([maps.plane(min(t, maps.shape[0] - 1), c, min(z, maps.shape[2] - 1)) for c in range(maps.shape[1])]).astype(np.float32)
    return Picture.of(plane, {"low": 0.0, "high": float(np.percentile(plane[:, ::2, ::2], 99.8)) or 1.0})


MAPS: dict[str, Callable[[Session, str, str, int, int], Picture]] = {"difference": difference, "error": error}


def comparison(session: Session, version: str, reference: str) -> dict[str, Any]:
    """The numbers, from the session where they were measured before."""
    from abbe.comparison import compare

    version, reference = session.version(version).id, session.version(reference).id
    known = [a for a in session.analyses if a.kind == "comparison" and (a.version, a.reference) == (version, reference)]
    if known:
        return dict(known[-1].results)
    result = compare(original=session.image(reference), transformed=session.image(version)).to_dict()
    if session.read_only is None:
        session.analyses.add("comparison", result, version=version, reference=reference)
    return result

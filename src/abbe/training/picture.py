"""A picture of how a training stands: input, result and truth side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture

from abbe.optics.file import resize

Plane = npt.NDArray[np.floating]


def save_picture(path: Path, rows: Sequence[tuple[Plane, Plane, Plane]]) -> None:
    """One column a sample: input on top, then the result, then the truth; all three with the truth's contrast."""
    columns = []
    for observed, restored, truth in rows:
        low, high = np.percentile(truth, 1), np.percentile(truth, 99.8)
        span = max(float(high - low), 1e-6)
        cells = [resize(np.asarray(a, np.float32), (192, 192)) for a in (observed, restored, truth)]
        columns.append(np.concatenate([np.clip((c - low) / span, 0, 1) for c in cells], 0))
    grey = np.concatenate(columns, 1) ** 0.7
    Picture.fromarray((grey * 255).astype(np.uint8)).save(path)

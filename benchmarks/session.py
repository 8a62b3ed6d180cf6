"""What a session costs: a 2-channel image of 3072 x 3072 pixels, 16 bit, beside a float32 version of it.

    python benchmarks/session.py [--report]

Prints wall and CPU seconds of each step, and bytes on disk over the compressed pixels. `--report` also times a report as PDF and HTML:
run it twice and take the second, for the first compiles what it measures with.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

import abbe
from abbe.image import Image

SIDE = 3072


def timed(name: str, work: Callable[[], Any]) -> Any:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{name:36} {time.perf_counter() - wall:8.3f} s wall {time.process_time() - cpu:8.3f} s CPU")
    return result


def images() -> Image:
    """A specimen of camera counts at a third of the size, and the same enlarged, which has it as its original."""
    rng = np.random.default_rng(0)
    light = gaussian_filter(rng.random((2, SIDE // 3, SIDE // 3), np.float32), (0, 2, 2))
    counts = rng.poisson(2000 * (light - light.min())).astype(np.uint16)
    small = Image.from_array(counts, axes="CYX", pixel_size=(0.12, 0.12), channels=["actin", "tubulin"])
    large = np.repeat(np.repeat(gaussian_filter(counts.astype(np.float32), (0, 1, 1)), 3, axis=1), 3, axis=2)
    return Image.from_array(large, axes="CYX", pixel_size=(0.04, 0.04), channels=small.channels).replace(original=small)


def main() -> None:
    large = images()
    with tempfile.TemporaryDirectory() as folder:
        raw = Image.from_array(np.random.default_rng(1).poisson(300, (2, SIDE, SIDE)).astype(np.uint16), axes="CYX")
        session = timed("create, uint16", lambda: abbe.Session.create(Path(folder, "raw.abbe"), raw))
        files = [file for file in session.path.rglob("*") if file.is_file()]
        pixels = sum(file.stat().st_size for file in files if "/0/c/" in file.as_posix())
        print(f"{'on disk over compressed pixels':36} {sum(file.stat().st_size for file in files) / pixels:8.3f}")
        session = timed("create, uint16 and float32", lambda: abbe.Session.create(Path(folder, "cells.abbe"), large))
        timed("open", lambda: abbe.Session.open(session.path))
        timed("verify every byte", session.verify)
        for name, step in (("undo", session.undo), ("redo", session.redo), ("revert", lambda: session.revert_to(1))):
            timed(name, step)
        timed("36 tiles of 512, full size", lambda: [session.tile(2, 0, (k // 6, k % 6)) for k in range(36)])
        timed("9 tiles of 512, half size", lambda: [session.tile(2, 1, (k // 3, k % 3)) for k in range(9)])
        if "--report" in sys.argv:
            session.revert_to(2)
            timed("compare", session.compare)
            timed("colocalize", session.colocalize)
            timed("report, PDF", lambda: abbe.report(session, Path(folder, "cells.pdf")))
            timed("report, HTML", lambda: abbe.report(session, Path(folder, "cells.html")))


if __name__ == "__main__":
    main()

"""Planes of a simulated stack beside what becomes of them: .venv/bin/python docs/pictures/planes.py

A specimen through a confocal lens of NA 1.2, planes 0.2 um apart, dim; columns: as recorded, each plane for itself, sharing their light,
the mean of three planes denoised, and the stack without noise. The last row is a section along z. Seeds are fixed, and nothing was chosen
by its result.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from scipy.ndimage import uniform_filter1d, zoom

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "benchmarks"))
from planes import GROUND, LENSES, PIXEL, denoised, every, exposed, seen_through, specimen  # noqa: E402

PHOTONS, STEP, ENLARGED, GAP, HEAD = 12, 0.2, 2, 4, 26
COLUMNS = ("as recorded", "each for itself", "sharing their light", "mean of three", "without noise")


def main() -> None:
    truth = every(seen_through(specimen(6), LENSES["confocal, 1.2 water"]()), STEP) * PHOTONS + GROUND
    seen = exposed(truth, 5)
    mean = uniform_filter1d(seen, 3, axis=0)
    shown = [seen, denoised(seen, STEP, False)[0], denoised(seen, STEP, True)[0], denoised(mean, STEP, False)[0], truth]
    low, high = np.percentile(truth, (1, 99.7))
    side = truth.shape[2] * ENLARGED
    middle = len(truth) // 2
    row = truth.shape[1] // 2
    pictures = [[stack[middle - 3], stack[middle + 3], zoom(stack[:, row], (STEP / PIXEL, 1), order=1)] for stack in shown]
    heights = [part.shape[0] * ENLARGED for part in pictures[0]]
    out = Picture.new("L", (len(COLUMNS) * (side + GAP) - GAP, HEAD + sum(heights) + GAP * 2), 255)
    draw = ImageDraw.Draw(out)
    for column, (name, parts) in enumerate(zip(COLUMNS, pictures)):
        draw.text((column * (side + GAP) + 4, 5), name, fill=0, font=ImageFont.load_default(15))
        top = HEAD
        for part, height in zip(parts, heights):
            grey = np.clip((part - low) / (high - low), 0, 1) ** 0.7 * 255
            plane = Picture.fromarray(grey.astype(np.uint8)).resize((side, height), Picture.Resampling.BICUBIC)
            out.paste(plane, (column * (side + GAP), top))
            top += height + GAP
    out.save(HERE / "planes.webp", quality=88)


if __name__ == "__main__":
    main()

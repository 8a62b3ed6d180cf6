"""Three frames of a simulated series beside what becomes of them: .venv/bin/python docs/pictures/series.py

A network that stands still, dim, under vesicles that each go their own way; columns: as recorded, each frame for itself, with two frames on
each side, the mean of five frames denoised, and the truth. Seeds are fixed, and nothing was chosen by its result.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "benchmarks"))
from series import GROUND, READ, denoised, drifting, vesicles  # noqa: E402

SIDE, PHOTONS, ENLARGED, GAP, HEAD = 128, 20, 2, 4, 26
COLUMNS = ("as recorded", "each for itself", "frames=2", "mean of five", "truth")


def main() -> None:
    truth = (0.6 * drifting(2, SIDE, 0.0) + vesicles(3, SIDE, 1.5)) * PHOTONS + GROUND
    rng = np.random.default_rng([903, 5])
    seen = rng.poisson(truth) + rng.normal(0, READ, truth.shape)
    mean = np.array([seen[max(0, t - 2) : t + 3].mean(axis=0) for t in range(len(seen))])
    shown = [seen[2:7], denoised(seen, 0)[0], denoised(seen, 2)[0], denoised(mean, 0)[0], truth[2:7]]
    low, high = np.percentile(truth, (1, 99.5))
    side = SIDE * ENLARGED
    out = Picture.new("L", (len(COLUMNS) * (side + GAP) - GAP, HEAD + 3 * (side + GAP) - GAP), 255)
    draw = ImageDraw.Draw(out)
    for column, (name, frames) in enumerate(zip(COLUMNS, shown)):
        draw.text((column * (side + GAP) + 4, 5), name, fill=0, font=ImageFont.load_default(15))
        for row, frame in enumerate(frames[1:4]):
            grey = np.clip((frame - low) / (high - low), 0, 1) ** 0.7 * 255
            plane = Picture.fromarray(grey.astype(np.uint8)).resize((side, side), Picture.Resampling.BICUBIC)
            out.paste(plane, (column * (side + GAP), HEAD + row * (side + GAP)))
    out.save(HERE / "series.webp", quality=88)


if __name__ == "__main__":
    main()

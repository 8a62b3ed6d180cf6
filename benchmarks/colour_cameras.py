"""What the denoiser's weights for red and blue of colour cameras bring: the same images with them, and with the denoiser's own.

    python benchmarks/colour_cameras.py [--data DATA] [--every 3] [--model MODEL] [--json out.json]

Specimens are simulated, and, from DATA, real images that no training saw (er/val, and the means of 400 frames of w2s/val), behind a
simulated colour camera at 8 and 40 photons; with DATA also red and blue of FMD's real one. Per set and colour: how many of the images are
found to be of such a camera (the others get the denoiser's own weights), PSNR after fitting gain and offset, with and without, and
the least that any image gained.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from realism import SIMULATED, Array, figures, plane_of, simulated
from scipy.ndimage import gaussian_filter

import abbe
from abbe.optics import Camera, ColourCamera
from abbe.zoo import find

MEASURE = "PSNR after fitting gain and offset (dB)"
#: of the dye's light what passes red, green and blue filters
PASSES = {"red": (1.0, 0.1, 0.05), "green": (0.1, 1.0, 0.1), "blue": (0.05, 0.1, 1.0)}
#: how a camera makes its colours: interpolation, softening of colours, filter after it (pixels)
MADE = (("bilinear", 0.0, 0.0), ("gradients", 0.0, 0.0), ("gradients", 0.8, 0.5))
#: pixels a side
SIDE = 256


def specimens(data: Path | None, every: int) -> Iterator[tuple[str, Array]]:
    """(set, image, 0 to about 1)"""
    yield from (("simulated", gaussian_filter(simulated(k), 1.2)) for k in range(0, SIMULATED, every))
    for name in ("er/val", "w2s/val/clean") if data else ():
        for path in sorted(data.glob(f"{name}/*.tif"))[::every]:
            plane = np.squeeze(np.asarray(abbe.open(path), np.float64))
            low, high = np.percentile(plane, [0.5, 99.8])
            yield name.removesuffix("/clean"), np.clip((plane - low) / (high - low), 0, 3)


def images(data: Path | None, every: int) -> Iterator[tuple[str, Array, Array]]:
    """(set and colour, image, truth)"""
    for number, (name, sharp) in enumerate(specimens(data, every)):
        light = sharp[:SIDE, :SIDE] + 0.05
        for shown, passes in PASSES.items():
            for k, (demosaic, softened, filtered) in enumerate(MADE):
                photons = (8, 40)[(number + k) % 2]
                camera = ColourCamera(Camera(gain=2.0, offset=20.0, read_noise=2.0), passes, (1.5, 1.0, 1.5), demosaic, softened, shown)  # type: ignore[arg-type]
                noisy, truth = camera.expose(np.random.default_rng([number, k]), photons * light)
                noisy, truth = (gaussian_filter(a, filtered) if filtered else a for a in (noisy, truth))
                yield f"{name}, {shown}, {demosaic}" + (", filtered" if filtered else ""), np.clip(np.round(noisy), 0, 65535), truth
    for path in sorted(data.glob("fmd/raw/*_[13].png")) if data else ():
        truth = plane_of(abbe.open(path.parent.parent / "gt" / path.name))
        yield f"fmd, {path.name.split('_')[2]}", plane_of(abbe.open(path)), truth


def without_others(model: str, folder: Path) -> Path:
    """A copy of the model without its weights for colour cameras."""
    own = find(model)
    facts = json.loads(own.card.to_json())
    (folder / "card.json").write_text(json.dumps({**facts, "mosaic": None}), encoding="utf-8")
    shutil.copy(own.path, folder / "model.onnx")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--every", type=int, default=3, help="only every n-th image of each set")
    parser.add_argument("--model", default="denoise")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, list[tuple[float, float, bool]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        plain = without_others(options.model, Path(folder))
        for name, image, truth in images(options.data, options.every):
            result = abbe.enhance(image, steps="denoise", model=options.model)
            told = "mosaic" in result.recipe.steps[0].parameters  # type: ignore[union-attr]
            after = figures(plane_of(result), truth)[0][MEASURE]
            before = figures(plane_of(abbe.enhance(image, steps="denoise", model=plain)), truth)[0][MEASURE] if told else after
            found.setdefault(name, []).append((before, after, told))
    rows = {}
    print(f"{'PSNR after fitting gain and offset (dB)':44s}{'images':>8s}{'found':>8s}{'own':>8s}{'others':>8s}{'gain':>8s}{'worst':>8s}")
    for name, figures_of in found.items():
        before, after, told = np.array(figures_of, float).T
        row = {
            "images": len(before),
            "found": int(told.sum()),
            "own": before.mean(),
            "others": after.mean(),
            "worst": (after - before).min(),
        }
        rows[name] = {key: float(value) for key, value in row.items()}
        gain = rows[name]["others"] - rows[name]["own"]
        counted = f"{name:44s}{row['images']:8d}{row['found']:8d}"
        print(f"{counted}{rows[name]['own']:8.2f}{rows[name]['others']:8.2f}{gain:+8.2f}{rows[name]['worst']:+8.2f}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

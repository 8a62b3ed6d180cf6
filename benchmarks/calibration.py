"""Does the 90 % interval cover 90 %, and does trust know where the errors are? On pairs of noisy and clean images of the same fields:

    python benchmarks/calibration.py NOISY CLEAN [--steps denoise] [--every 4] [--json out.json]

NOISY and CLEAN are folders with files of equal names; a name that ends in _0, _1, ... belongs to that channel. The result, its interval
and the clean image share no unit (each file may be stretched by itself), so gain and offset are fitted to the truth once per image.
Coverage is given per tenth of the pixels, from dim to bright: by the truth's brightness, and by the result's, which is what a user sees.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import abbe

Array = npt.NDArray[np.float64]
TENTHS = 10
#: what the interval is to cover in each tenth, and what the least trusted tenth is to hold of the squared error
WANTED, HELD = (0.85, 0.95), 0.30


@dataclass(frozen=True, slots=True)
class Measured:
    """One image: coverage per tenth of brightness, and the least trusted tenth's share of the squared error."""

    name: str
    channel: str
    by_truth: Array
    by_result: Array
    held: float
    psnr: float


def measure(noisy: Path, clean: Path, steps: tuple[str, ...], engine: str) -> Measured:
    """Restore one image and hold it against its truth."""
    result = abbe.enhance(abbe.open(noisy), steps=steps, engine=engine)
    truth = np.squeeze(np.asarray(abbe.open(clean))).astype(np.float64)
    estimate = np.squeeze(np.asarray(result)).astype(np.float64)
    if truth.shape != estimate.shape:
        raise SystemExit(f"wanted {clean.name} on the pixels of the result, {estimate.shape}, got {truth.shape}")
    if result.interval is None or result.trust is None:
        raise SystemExit("wanted a result with interval and trust, got one without")
    gain, offset = np.polyfit(estimate.ravel(), truth.ravel(), 1)
    low, high = (gain * np.squeeze(np.asarray(bound)).astype(np.float64) + offset for bound in result.interval)
    covered = (low <= truth) & (truth <= high)
    error = (gain * estimate + offset - truth) ** 2
    least = np.argsort(np.squeeze(np.asarray(result.trust)).ravel(), kind="stable")[: error.size // TENTHS]
    found = re.search(r"_(\d+)$", noisy.stem)
    return Measured(
        noisy.name,
        found[1] if found else "all",
        tenths(truth, covered),
        tenths(estimate, covered),
        float(error.ravel()[least].sum() / max(float(error.sum()), 1e-12)),
        float(10 * np.log10(np.ptp(truth) ** 2 / max(float(error.mean()), 1e-12))),
    )


def tenths(brightness: Array, covered: npt.NDArray[np.bool_]) -> Array:
    """Coverage in each tenth of the pixels, from dim to bright. Ties (8-bit images) are divided by place."""
    order = np.argsort(brightness.ravel(), kind="stable")
    return np.array([part.mean() for part in np.array_split(covered.ravel()[order], TENTHS)])


def pairs(noisy: Path, clean: Path, every: int) -> Iterator[tuple[Path, Path]]:
    names = sorted(p.name for p in noisy.iterdir() if p.is_file() and (clean / p.name).is_file())
    if not names:
        raise SystemExit(f"wanted files of equal names in {noisy} and {clean}, got none")
    return ((noisy / name, clean / name) for name in names[::every])


def table(found: list[Measured]) -> dict[str, object]:
    """Print the figures of each channel and of all; returns them."""
    channels = sorted({m.channel for m in found})
    out: dict[str, object] = {}
    print(f"{'channel':>8s} {'n':>3s} {'by':>7s}  " + " ".join(f"{k}/10".rjust(6) for k in range(1, TENTHS + 1)) + "    mean  error held")
    for channel in [*channels, *(["every"] if len(channels) > 1 else [])]:
        chosen = [m for m in found if channel in (m.channel, "every")]
        held = float(np.mean([m.held for m in chosen]))
        for by in ("truth", "result"):
            coverage = np.mean([getattr(m, f"by_{by}") for m in chosen], axis=0)
            shown = " ".join(f"{c:6.3f}" if WANTED[0] <= c <= WANTED[1] else f"{c:5.3f}!" for c in coverage)
            print(f"{channel:>8s} {len(chosen):3d} {by:>7s}  {shown}  {coverage.mean():6.3f}  {held:.3f}{'' if held >= HELD else '!'}")
            out[f"{channel} by {by}"] = {"coverage": [round(float(c), 4) for c in coverage], "held": round(held, 4)}
    print(f"! coverage outside {WANTED[0]:.0%} to {WANTED[1]:.0%}, or less than {HELD:.0%} of the error in the least trusted tenth")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("noisy", type=Path)
    parser.add_argument("clean", type=Path)
    parser.add_argument("--steps", default="denoise", help="separated by commas; the result must lie on the clean image's pixels")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--every", type=int, default=1, help="only every n-th pair")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen = pairs(options.noisy, options.clean, max(1, options.every))
    figures = table([measure(a, b, tuple(options.steps.split(",")), options.engine) for a, b in chosen])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Brings picture and figures of the README up to date with the models: make demo && .venv/bin/python docs/pictures/make.py demo

Whoever changes a model, the simulated cell or the demo runs it; the tests compare the README's figures with the demo's.
"""

import json
import sys
from pathlib import Path

from PIL import Image as Picture

HERE = Path(__file__).resolve().parent
README = HERE.parent.parent / "README.md"
START, END = "<!-- figures of the demo -->\n", "<!-- end of the figures -->\n"


def picture(demo: Path) -> None:
    """The demo's picture with 256 colours, dithered: half of the size, no visible difference."""
    with Picture.open(demo / "picture.png") as whole:
        colour = whole.convert("RGB")
        colour.quantize(palette=colour.quantize(256), dither=Picture.Dither.FLOYDSTEINBERG).save(HERE / "demo.png", optimize=True)


def table(demo: Path) -> str:
    """The README's table, from the demo's figures."""
    scores = json.loads((demo / "figures.json").read_text(encoding="utf-8"))["against_truth"]
    rows = ["| channel | plain upsampling: PSNR, SSIM | abbe: PSNR, SSIM |", "|---|---|---|"]
    for plain, ours in zip(scores["plain upsampling"], scores["abbe"]):
        cells = (f"{score['psnr']:.1f} dB, {score['ssim']:.2f}" for score in (plain, ours))
        rows.append(f"| {plain['channel']} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def main(demo: Path) -> None:
    picture(demo)
    text = README.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    README.write_text(before + START + table(demo) + END + after, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""`abbe demo`: the whole of Workflow A on a simulated cell, whose truth is known, so that what was gained can be measured."""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.progress import progress
from abbe.cli.speech import say

FIGURES = "figures.json"


def command(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the images, the picture and the figures.")] = Path("demo"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the folder of an earlier demo.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Another number, another cell.", min=0)] = 1,
) -> None:
    """Simulate a cell whose truth is known, as a noisy conventional image, enhance it, and show what was gained."""
    from abbe.storage import write_whole_folder

    with write_whole_folder(out, overwrite, sign=FIGURES) as folder:
        lines = run(folder, seed)
    say(*lines, "")
    width = max(len(str(out / name)) for name in FILES)
    say(*(f"  {out / name!s:{width}s}  {what}" for name, what in FILES.items()), "", *invitation(out))


#: file of the demo -> what it is
FILES = {
    "picture.png": "everything side by side",
    "cell.ome.tif": "the simulated microscope image, 256 x 256, three channels",
    "enhanced.ome.tif": "what abbe made of it, 768 x 768",
    "truth.ome.tif": "the truth, 768 x 768",
    "figures.txt": "the figures above",
    FIGURES: "all figures, with the recipe",
}


def run(folder: Path, seed: int) -> list[str]:
    """The demo into an empty folder; the lines that tell how it went."""
    import abbe
    from abbe.cli.demo_figures import against_truth, table, upsampled
    from abbe.cli.demo_picture import picture
    from abbe.simulation import simulate_cell

    with progress("demo") as report:
        report(0.0, "simulating")
        cell = simulate_cell(seed)
        start = time.perf_counter()
        enhanced = abbe.enhance(cell.image, progress=lambda fraction, what: report(0.1 + 0.4 * fraction, what))
        seconds = time.perf_counter() - start
        plain = upsampled(cell.image, enhanced)
        scores = {"plain upsampling": against_truth(plain, cell.truth), "abbe": against_truth(enhanced, cell.truth)}
        comparison = abbe.compare(cell.image, enhanced, cell.truth, progress=lambda fraction, what: report(0.5 + 0.4 * fraction, what))
        lines = [*table(scores), "", *(f"{c.channel}: {c.verdict}" for c in comparison.channels)]
        report(0.9, "writing")
        for name, image in (("cell", cell.image), ("enhanced", enhanced), ("truth", cell.truth)):
            abbe.save(image, folder / f"{name}.ome.tif")
        picture(cell.image, plain, enhanced, cell.truth, *scores.values()).save(folder / "picture.png", optimize=True)
    figures = {
        "seed": seed,
        "seconds": round(seconds, 2),
        "against_truth": {side: [asdict(score) for score in found] for side, found in scores.items()},
        "comparison": comparison.to_dict(),
        "recipe": enhanced.recipe.to_dict() if enhanced.recipe is not None else None,
    }
    (folder / "figures.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / FIGURES).write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return [f"A simulated cell of {len(cell.image.channels)} channels, enhanced in {seconds:.1f} s.", "", *lines]


def invitation(folder: Path) -> list[str]:
    """How to do the same with one's own image, in commands that can be pasted."""
    abbe = "abbe" if shutil.which("abbe") else sys.argv[0]
    calls = {
        f"{abbe} info cells.tif": "what it is, and what to know before you believe it",
        f"{abbe} enhance cells.tif -o enhanced.ome.tif": "Workflow A",
        f"{abbe} compare cells.tif enhanced.ome.tif": "how far to trust the result",
        f"{abbe} serve {folder}": "all of it in the browser",
    }
    width = max(map(len, calls))
    return ["The same with an image of your own:", "", *(f"  {call:{width}s}   {what}" for call, what in calls.items())]

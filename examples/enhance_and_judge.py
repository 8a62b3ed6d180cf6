"""Enhance a file with Workflow A, and say whether to believe the result.

python enhance_and_judge.py cells.tif [enhanced.ome.tif]
"""

import sys
from pathlib import Path

import abbe


def main(source: str, target: str | None = None) -> None:
    image = abbe.open(source)
    print(image)
    for notice in image.warnings:
        print("note:", notice)

    enhanced = abbe.enhance(image)
    target = target or f"{Path(source).name.partition('.')[0]}_enhanced.ome.tif"
    abbe.save(enhanced, target)
    print(f"{image.shape[4]} x {image.shape[3]} pixels became {enhanced.shape[4]} x {enhanced.shape[3]}, in {target}")

    for channel in abbe.compare(original=image, transformed=enhanced).channels:
        print(f"{channel.channel}: {channel.verdict}")


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 1 else sys.exit(__doc__)

"""Remove the background of some channels (Workflow B); the others keep their values to the last bit.

python remove_background.py cells.tif cleaned.ome.tif 1 2
"""

import sys

import numpy as np

import abbe


def main(source: str, target: str, *channels: str) -> None:
    image = abbe.open(source)
    chosen = [int(channel) for channel in channels] or None
    cleaned = abbe.correct_background(image, channels=chosen)
    abbe.save(cleaned, target)
    for c, name in enumerate(image.channels):
        before, after = np.median(image.plane(c=c)), np.median(cleaned.plane(c=c))
        print(f"{name}: median {before:g} before, {after:g} after")


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 2 else sys.exit(__doc__)

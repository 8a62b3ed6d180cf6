"""Colocalization of two channels in one region, on the original and on the super-resolved image.

python colocalize_before_and_after.py cell.ome.tif microtubules lysosomes
"""

import sys

import abbe
from abbe.image import ROI


def main(source: str, first: str, second: str) -> None:
    image = abbe.open(source)
    enhanced = abbe.enhance(image, channels=(first, second))

    # the right half of the field; in um, so that one region fits both images (in pixels of the original where no pixel size is known)
    height, width = image.shape[3:]
    pixel_y, pixel_x = (size or 1.0 for size in image.pixel_size[1:])
    half = ROI.rectangle(y=0, x=width * pixel_x / 2, height=height * pixel_y, width=width * pixel_x / 2)

    result = abbe.colocalize(enhanced, channels=(first, second), roi=half, threshold="costes")
    print(result)
    for key in ("pearson", "spearman", "moc", "tm1", "tm2"):
        change = result.changes[key]
        print(f"{key:10s} {change.before} before, {change.after} after")


if __name__ == "__main__":
    main(*sys.argv[1:])

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
    print(f"{result.names[0]} with {result.names[1]}, {result.region.name}, {result.pixels.pixels} pixels")
    for notice in result.notices:
        print("note:", notice)
    for key in ("pearson", "spearman", "moc", "tm1", "tm2"):
        # a coefficient that is undefined here prints as such, with the reason
        print(f"{key:10s} {result.original[key]} before, {result[key]} after")


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 3 else sys.exit(__doc__)

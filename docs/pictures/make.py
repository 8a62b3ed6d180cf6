"""Makes the pictures of README and documentation anew, with abbe itself: python docs/pictures/make.py"""

import sys
import tempfile
from pathlib import Path

from PIL import Image as Picture

from abbe.cli.frame import main

HERE = Path(__file__).parent


def demo() -> None:
    """The demo's picture, with 256 colours: a third of the size, no visible difference."""
    with tempfile.TemporaryDirectory() as folder:
        code = main(["demo", "--out", f"{folder}/demo"])
        if code:
            sys.exit(code)
        with Picture.open(f"{folder}/demo/picture.png") as picture:
            picture.quantize(256, dither=Picture.Dither.NONE).save(HERE / "demo.png", optimize=True)


if __name__ == "__main__":
    demo()

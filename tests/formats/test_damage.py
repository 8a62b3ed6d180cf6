"""A file that was cut short or spoilt is refused. Whatever opens without a word has every pixel right."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile

import abbe
from abbe.errors import AbbeError, LimitError, NotAnImageError

PIXELS = np.random.default_rng(3).integers(0, 4096, (3, 40, 60)).astype(np.uint16)


def plain(path: Path) -> None:
    tifffile.imwrite(path, PIXELS, photometric="minisblack", metadata=None)


def pages_after_pixels(path: Path) -> None:
    """As libtiff and most cameras write: every directory behind its pixels."""
    with tifffile.TiffWriter(path) as writer:
        for plane in PIXELS:
            writer.write(plane, contiguous=False, metadata=None, photometric="minisblack", rowsperstrip=7)


def compressed(path: Path) -> None:
    tifffile.imwrite(path, PIXELS, photometric="minisblack", compression="zlib", rowsperstrip=8, metadata={"axes": "CYX"})


def tiled(path: Path) -> None:
    tifffile.imwrite(
        path, PIXELS, photometric="minisblack", compression="lzw", tile=(16, 16), bigtiff=True, ome=True, metadata={"axes": "CYX"}
    )


def hyperstack(path: Path) -> None:
    tifffile.imwrite(path, PIXELS, imagej=True, metadata={"axes": "CYX"})


def png(path: Path) -> None:
    abbe.save(abbe.Image.from_array(PIXELS[0]), path.with_suffix(".png"))
    path.with_suffix(".png").rename(path)


def check_wording(problem: AbbeError) -> None:
    """One line, for people."""
    assert str(problem)
    assert "\n" not in str(problem)


WRITERS = [plain, pages_after_pixels, compressed, tiled, hyperstack, png]


@pytest.mark.parametrize("write", WRITERS, ids=lambda f: f.__name__)
def test_a_file_that_was_cut_short_anywhere_never_gives_wrong_pixels(tmp_path: Path, write: Callable[[Path], None]) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    write(whole)
    truth = np.asarray(abbe.open(whole))
    data = whole.read_bytes()
    places = sorted({*range(1, 64), *range(64, len(data), max(1, len(data) // 120)), *range(len(data) - 40, len(data))})
    refused = 0
    for place in places:
        cut.write_bytes(data[:place])
        try:
            image = abbe.open(cut)
            pixels = np.asarray(image)
        except NotAnImageError as problem:
            check_wording(problem)
            refused += 1
            continue
        assert np.array_equal(pixels, truth), place
    assert refused >= len(places) - 16  # the last bytes may be padding


@pytest.mark.parametrize("write", WRITERS, ids=lambda f: f.__name__)
def test_bytes_taken_out_of_the_middle_are_noticed_or_harmless(tmp_path: Path, write: Callable[[Path], None]) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    write(whole)
    data = whole.read_bytes()
    for place in range(8, len(data) - 200, max(1, len(data) // 40)):
        cut.write_bytes(data[:place] + data[place + 177 :])
        try:
            np.asarray(abbe.open(cut))
        except AbbeError as problem:
            check_wording(problem)


@pytest.mark.parametrize("write", WRITERS, ids=lambda f: f.__name__)
def test_flipped_bytes_never_end_in_a_traceback(tmp_path: Path, write: Callable[[Path], None]) -> None:
    whole, spoilt = tmp_path / "whole", tmp_path / "spoilt"
    write(whole)
    data = np.frombuffer(whole.read_bytes(), np.uint8)
    rng = np.random.default_rng(11)
    for _ in range(120):
        other = data.copy()
        where = rng.integers(0, min(len(other), 2000), rng.integers(1, 4))  # where the headers are
        other[where] = rng.integers(0, 256, len(where))
        spoilt.write_bytes(other.tobytes())
        try:
            np.asarray(abbe.open(spoilt))
        except AbbeError as problem:
            check_wording(problem)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_that_was_cut_short_is_refused(tmp_path: Path, mode: str) -> None:
    data = io.BytesIO()
    PIL.Image.fromarray(PIXELS[0].astype(np.uint8)).convert(mode).save(data, "JPEG")
    for place in (4, 100, 400, len(data.getvalue()) // 2, len(data.getvalue()) - 30):
        (tmp_path / "cut.jpg").write_bytes(data.getvalue()[:place])
        with pytest.raises(NotAnImageError, match="cut short"):
            abbe.open(tmp_path / "cut.jpg")


def test_a_tiff_whose_pages_run_in_a_circle_ends(tmp_path: Path) -> None:
    plain(tmp_path / "a.tif")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    first = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[first : first + 2], "little")
    data[first + 2 + 12 * entries : first + 6 + 12 * entries] = first.to_bytes(4, "little")
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(NotAnImageError, match="circle"):
        abbe.open(tmp_path / "a.tif")


def test_a_tiff_that_claims_more_pixels_than_it_holds_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0], metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        tif.pages.first.tags["ImageWidth"].overwrite(60_000)
    with pytest.raises(NotAnImageError, match="cut short"):
        np.asarray(abbe.open(tmp_path / "a.tif"))


def test_a_png_that_claims_more_pixels_than_it_holds_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 500_000, 500_000, 16, 6, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(NotAnImageError, match="more than its"):
        abbe.open(tmp_path / "a.png")


def test_a_tiff_whose_one_strip_would_fill_the_memory_is_refused_before_it_does(tmp_path: Path) -> None:
    side = 40_000
    strip = zlib.compress(bytes(1000))
    size, place = [(256, 4, side), (257, 4, side), (278, 4, side)], [(273, 4, 8), (277, 3, 1), (279, 4, len(strip))]
    tags = sorted([*size, (258, 3, 16), (259, 3, 8), (262, 3, 1), *place])
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags) + bytes(4)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory)
    with pytest.raises(LimitError, match="save it in tiles"):
        abbe.open(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"GIF89a", "GIF"), (b"BM6\0\0", "BMP"), (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"), (b"%PDF-1.7", "PDF"), (b"\x89HDF\r\n", "HDF5")],
)
def test_what_people_take_for_an_image_is_named(tmp_path: Path, head: bytes, kind: str) -> None:
    (tmp_path / "a.tif").write_bytes(head + bytes(100))
    with pytest.raises(NotAnImageError, match=f"a.tif is an? {kind}.*which abbe does not open; save or export it"):
        abbe.open(tmp_path / "a.tif")


@pytest.mark.parametrize("length", [4, 6, 7])
def test_a_tiff_of_a_few_bytes_is_called_by_its_name(tmp_path: Path, length: int) -> None:
    plain(tmp_path / "a.tif")
    (tmp_path / "head.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:length])
    with pytest.raises(NotAnImageError, match=r"^head\.tif is cut short"):
        abbe.open(tmp_path / "head.tif")


@pytest.mark.skipif(sys.platform == "win32", reason="its files have no such permissions")
def test_who_may_not_read_a_file_is_told_what_to_do(tmp_path: Path) -> None:
    """In a process of nobody's where the tests are an administrator's, who may read everything."""
    plain(tmp_path / "a.tif")
    (tmp_path / "a.tif").chmod(0)
    tmp_path.chmod(0o711)
    script = "import os, abbe\nabbe.open\nif os.geteuid() == 0: os.setuid(65534)\nabbe.open('a.tif')"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Permission denied; ask its owner for the right to read it, or for a copy" in done.stderr

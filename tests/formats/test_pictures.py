"""PNG and JPEG: what people send each other, read as well as it can be, with a word about what it lacks."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import PIL.Image
import pytest

import abbe

GREY = np.random.default_rng(5).integers(0, 256, (30, 41)).astype(np.uint8)


def codes(image: abbe.Image) -> list[str]:
    return [notice.code for notice in image.notices]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_png_of_any_depth_keeps_every_grey_level(tmp_path: Path, rng: np.random.Generator, dtype: type, samples: int) -> None:
    pixels = rng.integers(0, np.iinfo(dtype).max, (30, 41, samples)).astype(dtype)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels if samples == 3 else pixels[..., 0]))
    image = abbe.open(tmp_path / "a.png")
    assert np.array_equal(np.asarray(image)[0, :, 0], np.moveaxis(pixels, -1, 0))
    assert codes(image) == (["rgb"] if samples == 3 else [])


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_in_a_png_is_left_out_and_said(tmp_path: Path, mode: str) -> None:
    PIL.Image.fromarray(GREY).convert(mode).save(tmp_path / "a.png")
    image = abbe.open(tmp_path / "a.png")
    assert np.array_equal(image.plane(), GREY)
    assert image.shape[1] == 1
    assert "dropped" in codes(image)


def test_a_png_of_one_bit_opens_and_says_what_was_done(tmp_path: Path) -> None:
    PIL.Image.fromarray(GREY > 100).save(tmp_path / "a.png")
    image = abbe.open(tmp_path / "a.png")
    assert np.array_equal(image.plane(), GREY > 100)
    assert image.bits == 1
    assert codes(image) == ["converted"]


def test_a_lookup_table_in_a_png_is_a_colour_and_not_a_value(tmp_path: Path) -> None:
    picture = PIL.Image.fromarray(GREY).convert("P")
    picture.putpalette([v for k in range(256) for v in (k, 0, 0)])
    picture.save(tmp_path / "a.png")
    image = abbe.open(tmp_path / "a.png")
    assert np.array_equal(image.plane(), GREY)
    assert image.colors == ("#ff0000",)


def test_a_colour_picture_reduced_to_a_palette_is_a_colour_picture(tmp_path: Path, rng: np.random.Generator) -> None:
    picture = PIL.Image.fromarray(GREY).convert("P")
    palette = rng.integers(0, 256, (256, 3))
    picture.putpalette(palette.ravel().tolist())
    picture.save(tmp_path / "a.png")
    image = abbe.open(tmp_path / "a.png")
    assert np.array_equal(np.asarray(image)[0, :, 0], np.moveaxis(palette[GREY], -1, 0))
    assert image.channels == ("red", "green", "blue")


@pytest.mark.parametrize(("dots", "size"), [(2835, None), (11811, None), (10_000_000, 0.1)])
def test_dots_per_metre_are_a_pixel_size_only_where_a_microscope_has_such(tmp_path: Path, dots: int, size: float | None) -> None:
    PIL.Image.fromarray(GREY).save(tmp_path / "a.png", dpi=(dots * 0.0254, dots * 0.0254))
    found = abbe.open(tmp_path / "a.png").pixel_size[2]
    assert found == (None if size is None else pytest.approx(size))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_opens_with_a_warning(tmp_path: Path, mode: str) -> None:
    PIL.Image.fromarray(np.stack([GREY, GREY // 2, GREY // 3], -1)).convert(mode).save(tmp_path / "a.jpg", quality=95)
    image = abbe.open(tmp_path / "a.jpg")
    assert image.shape == (1, 1 if mode == "L" else 3, 1, 30, 41)
    assert codes(image)[0] == "lossy"
    assert ("converted" in codes(image)) == (mode == "CMYK")
    assert image.dtype == np.uint8


def test_a_grey_jpeg_stored_in_colour_is_one_channel(tmp_path: Path) -> None:
    PIL.Image.fromarray(GREY).convert("RGB").save(tmp_path / "a.jpg")
    assert abbe.open(tmp_path / "a.jpg").shape[1] == 1


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    data = io.BytesIO()
    PIL.Image.fromarray(GREY).save(data, "PNG")
    (tmp_path / "cells.tif").write_bytes(data.getvalue())
    assert abbe.open(tmp_path / "cells.tif").provenance.format == "PNG"

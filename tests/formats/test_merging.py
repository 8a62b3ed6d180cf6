"""Single-channel files become one image, or a clear word says why they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.errors import MergeError, NotAnImageError, ParameterError


def write(folder: Path, name: str, shape: tuple[int, ...] = (20, 30), dtype: str = "u2", size: float | None = None, fill: int = 7) -> Path:
    pixels = np.full(shape, fill, dtype)
    pixels.flat[0] = 1
    image = abbe.Image.from_array(pixels, pixel_size=size)
    abbe.save(image, folder / name)
    return folder / name


def test_files_become_channels_named_after_them(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{name}.tif", fill=k + 2) for k, name in enumerate(("actin", "tubulin", "DAPI"))]
    image = abbe.merge(files)
    assert image.shape == (1, 3, 1, 20, 30)
    assert image.channels == ("actin", "tubulin", "DAPI")
    assert [image.plane(c=c)[5, 5] for c in range(3)] == [2, 3, 4]
    assert "merged" in [n.code for n in image.notices]


def test_names_and_colours_may_be_given(tmp_path: Path) -> None:
    files = [write(tmp_path, "1.tif"), write(tmp_path, "2.tif")]
    image = abbe.merge(files, channels=["a", "b"], colors=["magenta", "#00FF80"])
    assert image.channels == ("a", "b")
    assert image.colors == ("#ff00ff", "#00ff80")


def test_one_name_is_not_given_to_two_channels(tmp_path: Path) -> None:
    with pytest.raises(MergeError, match=r"a different name for each channel, got 'a' twice"):
        abbe.merge([write(tmp_path, f"{k}.tif") for k in range(3)], channels=["b", "a", "a"])


def test_arrays_merge_with_files(tmp_path: Path) -> None:
    file = write(tmp_path, "actin.tif", (4, 5))
    image = abbe.merge([np.full((4, 5), 3, np.uint16), file], channels=["DAPI", "actin"])
    assert image.channels == ("DAPI", "actin")
    assert image.plane(c=0)[2, 2] == 3


def test_images_in_memory_merge_too() -> None:
    parts = [abbe.Image.from_array(np.full((4, 5), k, np.uint8)) for k in (1, 2)]
    assert np.asarray(abbe.merge(parts))[0, :, 0, 0, 0].tolist() == [1, 2]


def test_series_of_other_time_steps_are_of_no_one_recording() -> None:
    parts = [abbe.Image.from_array(np.full((3, 4, 5), 7, np.uint8), "TYX", time_step=step) for step in (5.5, 0.5, 5.6, None)]
    with pytest.raises(MergeError, match=r"a frame every 0\.5 s, .* every 5\.5 s"):
        abbe.merge(parts[:2])
    assert abbe.merge([parts[0], parts[2], parts[3]]).time_step == 5.5


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"shape": (21, 30)}, "21 rows"),
        ({"shape": (20, 31)}, "31 columns"),
        ({"shape": (5, 20, 30)}, "5 planes of depth"),
        ({"size": 0.2}, "pixel width of 0.2 um"),
    ],
)
def test_files_that_do_not_fit_together_are_told_apart(tmp_path: Path, other: dict[str, object], words: str) -> None:
    first = write(tmp_path, "red.tif", size=0.1)
    second = write(tmp_path, "green.tif", **other)  # type: ignore[arg-type]
    with pytest.raises(MergeError, match=words) as caught:
        abbe.merge([first, second])
    assert "green.tif" in str(caught.value)


def test_pixel_sizes_must_agree_beside_a_file_that_says_none(tmp_path: Path) -> None:
    files = [write(tmp_path, "unknown.tif"), write(tmp_path, "a.tif", size=0.1), write(tmp_path, "b.tif", size=0.2)]
    with pytest.raises(MergeError, match=r"b.tif has a pixel width of 0.2 um, .*a.tif of 0.1 um"):
        abbe.merge(files)


def test_pixel_sizes_that_differ_in_the_last_digits_fit(tmp_path: Path) -> None:
    image = abbe.merge([write(tmp_path, "a.tif", size=0.1), write(tmp_path, "b.tif", size=0.10005), write(tmp_path, "c.tif")])
    assert image.pixel_size[2] == pytest.approx(0.1)


def test_different_pixel_types_are_promoted_and_said(tmp_path: Path) -> None:
    image = abbe.merge([write(tmp_path, "a.tif", dtype="u1"), write(tmp_path, "b.tif", dtype="f4")])
    assert image.dtype == np.float32
    assert "converted" in [n.code for n in image.notices]


@pytest.mark.parametrize(
    ("first", "second", "most", "kind"),
    [("uint32", "float32", 2**24, "float32"), ("uint32", "int32", 2**31 - 1, "int32"), ("uint32", "int8", 2**31, None)],
)
def test_types_that_no_other_holds_whole_merge_where_their_values_fit(
    first: str, second: str, most: int, kind: str | None, tmp_path: Path
) -> None:
    """They became 64 bits wide, and saving failed."""
    one, two = np.full((4, 5), most, first), np.full((4, 5), -2, second)
    if kind is not None:
        merged = abbe.merge([one, two])
        assert merged.dtype == kind
        again = abbe.open(abbe.save(merged, tmp_path / "both.ome.tif").path)
        np.testing.assert_array_equal(np.asarray(again)[0, :, 0, 0, 0].astype(np.float64), [most, -2])
        one = np.full((4, 5), most + 1, first)
    with pytest.raises(MergeError, match="wanted channels whose values one pixel type holds"):
        abbe.merge([one, two])


def test_a_red_picture_and_a_green_picture_merge_as_what_they_hold(tmp_path: Path, rng: np.random.Generator) -> None:
    grey = rng.integers(1, 255, (20, 30)).astype(np.uint8)
    for k, name in enumerate(("red", "green")):
        picture = np.zeros((20, 30, 3), np.uint8)
        picture[..., k] = grey + k
        tifffile.imwrite(tmp_path / f"{name}.tif", picture, photometric="rgb")
    image = abbe.merge([tmp_path / "red.tif", tmp_path / "green.tif"])
    assert image.shape[1] == 2
    assert np.array_equal(image.plane(c=0), grey)
    assert image.channels == ("red", "green")
    assert image.colors == ("#ff0000", "#00ff00")


def test_an_image_of_several_channels_is_taken_only_when_one_is_chosen(tmp_path: Path, rng: np.random.Generator) -> None:
    abbe.save(
        abbe.Image.from_array(rng.integers(0, 9, (2, 20, 30)).astype(np.uint16), axes="CYX", channels=["DAPI", "GFP"]), tmp_path / "two.tif"
    )
    one = write(tmp_path, "one.tif")
    with pytest.raises(MergeError, match=r"two\.tif with 2 \(DAPI, GFP\)"):
        abbe.merge([tmp_path / "two.tif", one])
    assert abbe.merge([abbe.open(tmp_path / "two.tif").select([1]), one]).channels[0] == "GFP"


@pytest.mark.parametrize("given", [[], ["a.tif"], "a.tif"])
def test_one_image_is_nothing_to_merge(given: object) -> None:
    with pytest.raises(MergeError, match="at least two"):
        abbe.merge(given)  # type: ignore[arg-type]


def test_wrong_counts_and_colours_are_refused(tmp_path: Path) -> None:
    files = [write(tmp_path, "1.tif"), write(tmp_path, "2.tif")]
    with pytest.raises(MergeError, match="a name for each of the 2"):
        abbe.merge(files, channels=["a"])
    with pytest.raises(MergeError, match="a colour for each of the 2"):
        abbe.merge(files, colors=["red", "green", "blue"])
    with pytest.raises(ParameterError, match="#rrggbb"):
        abbe.merge(files, colors=["red", "ultraviolet"])


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(NotAnImageError, match=r"notes\.txt"):
        abbe.merge([write(tmp_path, "1.tif"), tmp_path / "notes.txt"])


def test_the_three_files_of_a_real_cell_merge(shared_data: Path) -> None:
    image = abbe.merge(
        [shared_data / "cells" / f"bpae_{name}.tif" for name in ("actin", "mito", "nuclei")], channels=["actin", "mito", "nuclei"]
    )
    assert image.shape == (1, 3, 1, 680, 1100)
    for c, name in enumerate(("actin", "mito", "nuclei")):
        assert np.array_equal(image.plane(c=c), tifffile.imread(shared_data / "cells" / f"bpae_{name}.tif"))

"""A hot pixel, or a speck, that shines in both channels makes r what it likes: the result says so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from abbe.colocalization import Colocalization, colocalize, tables
from abbe.image import ROI, Image

from .conftest import blobs, camera


def said(found: Colocalization) -> list[str]:
    return [notice.message for notice in found.notices if notice.code == "outliers"]


@pytest.fixture
def apart() -> npt.NDArray[np.uint16]:
    """Two channels (C, Y, X) that have nothing to do with one another."""
    rng = np.random.default_rng(5)
    return np.stack([camera(rng, blobs(rng)), camera(rng, blobs(rng))]).astype(np.uint16)


def measured(planes: npt.NDArray[np.uint16], roi: ROI | None = None, threshold: str = "costes") -> Colocalization:
    return colocalize(Image.from_array(planes, axes="CYX"), roi=roi, threshold=threshold)


def test_one_hot_pixel_that_decides_r_is_said_with_r_of_the_others(apart: npt.NDArray[np.uint16]) -> None:
    hot = apart.copy()
    hot[:, 7, 9] = 65000
    found = measured(hot, threshold="otsu")
    others = np.delete(hot.reshape(2, -1), 7 * hot.shape[2] + 9, axis=1)
    without = np.corrcoef(others)[0, 1]
    assert (found.pearson or 0) > 0.9
    assert abs(without) < 0.2
    (line,) = said(found)
    assert line.startswith(f"one pixel decides Pearson's r: it is {found.pearson:.3f}, and {without:.3f} over the {others.shape[1]} others")
    assert found["m1"].word is None  # of which nothing is left but that pixel
    assert {"pearson", "moc"} <= set(found.to_dict()["doubtful"])
    assert "tm1" not in found.doubtful  # Otsu's threshold is not a matter of one pixel
    assert "tm1" in measured(hot).doubtful


def test_a_few_bright_specks_are_counted(apart: npt.NDArray[np.uint16]) -> None:
    wide = np.tile(apart, (1, 3, 3))  # of which a ten-thousandth is several pixels
    wide[:, 20, 30:33] = 60000
    (line,) = said(measured(wide))
    assert line.startswith("3 pixels decide Pearson's r")


def test_a_hot_pixel_of_one_channel_hides_a_correlation(partly: Image) -> None:
    planes = np.asarray(partly)[0, :, 0].copy()
    before = measured(planes).pearson or 0
    planes[0, 3, 3] = 65000
    found = measured(planes)
    assert (found.pearson or 0) < before - 0.2
    assert f"and {before:.2f}" in said(found)[0]


def test_a_region_without_the_hot_pixel_has_nothing_to_be_said(apart: npt.NDArray[np.uint16]) -> None:
    hot = apart.copy()
    hot[:, 7, 9] = 65000
    assert said(measured(hot, ROI.rectangle(20, 20, 80, 80, unit="pixel"))) == []


def spots(size: int, count: int) -> npt.NDArray[np.uint16]:
    """A large empty field with a few spots that both channels have at the same places."""
    rng = np.random.default_rng(count)
    points = np.zeros((size, size))
    points[rng.integers(9, size - 9, count), rng.integers(9, size - 9, count)] = rng.lognormal(0, 0.5, count)
    clean = gaussian_filter(points, 1.5) * 2 * np.pi * 1.5**2
    return np.stack([camera(rng, clean, 200), camera(rng, clean, 150)])


def test_spots_that_are_few_in_a_large_field_are_the_specimen() -> None:
    found = measured(spots(2048, 100))
    assert 0.4 < (found.pearson or 0) < 0.8  # all of it from 3500 of 4 million pixels
    assert said(found) == []
    assert set(found.doubtful) == {"m1", "m2"}  # for the camera's offset, which is above 0 everywhere


def test_a_field_with_one_spot_says_where_it_is_and_that_it_may_be_structure() -> None:
    planes = spots(512, 1)
    y, x = np.unravel_index(np.argmax(planes[0]), planes[0].shape)
    (line,) = said(measured(planes))
    assert "They lie in one place, the brightest at x = " in line
    assert f"{x}, y = {y}: a speck that shines does this, and so do few bright structures" in line


def test_hot_pixels_in_many_places_are_said_also_among_spots(apart: npt.NDArray[np.uint16]) -> None:
    rng = np.random.default_rng(3)
    few = spots(2048, 100)
    for planes in (np.tile(apart, (1, 8, 8)), np.stack([few[0], few[1].T])):
        hot = planes.copy()
        hot[:, rng.integers(0, 700, 40), rng.integers(0, 700, 40)] = 60000
        (line,) = said(measured(hot))
        assert line.startswith("40 pixels decide Pearson's r")
        assert "Sharper than what a lens makes, the brightest at" in line


def test_several_hot_pixels_of_a_small_region_are_said(apart: npt.NDArray[np.uint16]) -> None:
    hot = apart.copy()  # of which a ten-thousandth is not one pixel
    hot[:, [5, 40, 80], [9, 60, 11]] = 60000
    (line,) = said(measured(hot))
    assert line.startswith("3 pixels decide Pearson's r")


@pytest.mark.parametrize("photons", [3, 10, 30])
def test_single_photons_of_faint_narrow_spots_are_not_taken_for_hot_pixels(photons: float) -> None:
    rng = np.random.default_rng(8)
    light = blobs(rng, 512, 0.6, 200)
    found = measured(np.stack([rng.poisson(photons * light + 0.02) for _ in range(2)]).astype(np.uint16))
    assert (found.pearson or 0) > 0.1
    assert said(found) == []


def test_a_hot_pixel_of_a_stack_is_named_with_its_plane(apart: npt.NDArray[np.uint16]) -> None:
    stack = np.stack([apart, apart, apart], axis=1)
    stack[:, 1, 0, 9] = 65000
    (line,) = said(colocalize(Image.from_array(stack, axes="CZYX")))
    assert "at x = 9, y = 0, plane 2: hot pixels do this" in line
    (alone,) = said(colocalize(Image.from_array(stack, axes="CZYX"), planes=(1, 2)))  # of one plane, which is named beside it
    assert "at x = 9, y = 0: hot pixels do this" in alone


def test_ordinary_images_have_no_pixels_that_decide(apart: npt.NDArray[np.uint16], partly: Image) -> None:
    assert said(measured(apart)) == []
    assert said(colocalize(partly)) == []
    assert colocalize(partly, background="mode").doubtful == ()


def test_where_tm1_means_little_nobody_is_sent_to_read_it(apart: npt.NDArray[np.uint16]) -> None:
    found = measured(apart)
    assert any("mean little" in notice.message for notice in found.notices)
    assert {"tm1", "tm2"} <= set(found.doubtful)
    assert "pearson" not in found.doubtful
    assert not any("or read tM1" in notice.message for notice in found.notices)
    assert any("or read tM1" in notice.message for notice in measured(apart, threshold="otsu").notices)


def test_tables_mark_the_numbers_that_mean_little(apart: npt.NDArray[np.uint16]) -> None:
    hot = apart.copy()
    hot[:, 7, 9] = 65000
    found = measured(hot)
    (table,) = (table for table in tables([found, measured(hot, threshold="otsu")]) if table.title == "Coefficients")
    assert table.head[-2:] == ("doubtful", "file")
    first, second = (dict(zip(table.head, row, strict=True)) for row in table.rows)
    assert first["doubtful"] == ", ".join(found.to_dict()["doubtful"])
    assert {"pearson", "tm1"} <= set(str(first["doubtful"]).split(", ")) <= set(table.head)
    assert "tm1" not in str(second["doubtful"]).split(", ")

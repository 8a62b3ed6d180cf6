"""A hot pixel, or a speck, that shines in both channels makes r what it likes: the result says so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from abbe.colocalization import Colocalization, colocalize
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

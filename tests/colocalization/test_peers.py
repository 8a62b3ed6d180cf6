"""What other programs publish: Coloc 2's own test values to their printed digits, and parity with each program where definitions agree.

Numbers in this file are the values asserted in the test suites of Coloc 2 (fiji/Colocalisation_Analysis) and scikit-image, and what their
programs printed for the same images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from abbe.colocalization import colocalize
from abbe.image import Image, Mask

from .conftest import case, measurable, pair

#: Manders et al. 1993, figure 1, as Coloc 2 tests it: image -> (M1, M2, Pearson's r to two digits)
MANDERS = {
    "A": (1, 1, 1),
    "B": (0.75, 0.75, 0.72),
    "C": (0.5, 0.5, 0.44),
    "D": (0.25, 0.25, 0.16),
    "E": (0, 0, -0.12),
    "F": (0.25, 0.3333, 0.22),
    "G": (0.25, 0.5, 0.3),
    "H": (0.25, 1.0, 0.48),
    "I": (0.083, 0.75, 0.23),
}
SPEARMAN_TABLE = (
    [1, 2, 3, 6, 5, 8, 4, 0, 6, 4, 7, 3, 2, 9, 3],
    [113, 43, 11, 86, 59, 47, 92, 152, 23, 9, 33, 69, 75, 135, 30],
)
#: Coloc 2's regression leaves out the first pixel; with 15 and 16 pixels that moves the line
FIRST_PIXEL_MATTERS = ("syntheticNeg", "high_random_overlap")


@pytest.mark.parametrize("letter", MANDERS)
def test_the_figure_of_manders_paper_gives_its_coefficients(peers: Path, letter: str) -> None:
    found = colocalize(pair(peers, "mandersA.tiff", f"manders{letter}.tiff"), ranked=False)
    m1, m2, r = MANDERS[letter]
    tolerance = 1e-3 if letter == "I" else 1e-4
    assert found.m1 == pytest.approx(m1, abs=tolerance)
    assert found.m2 == pytest.approx(m2, abs=tolerance)
    assert found.pearson == pytest.approx(r, abs=0.01)


def test_coloc2s_thresholded_manders_on_its_sample_to_six_digits(peers: Path) -> None:
    image = pair(peers, "colocsample1b-green.tif", "colocsample1b-red.tif")
    roi = Mask.from_pixels(tifffile.imread(peers / "colocsample1b-mask.tif") > 0, image)
    found = colocalize(image, roi=roi, threshold="costes-bisection", ranked=False)
    assert (found.thresholds.first, found.thresholds.second) == (70, 53)
    assert found.tm1 == pytest.approx(0.705665, abs=1e-6)
    assert found.tm2 == pytest.approx(0.724752, abs=1e-6)


def test_coloc2s_ranges_for_its_samples(peers: Path) -> None:
    sample = colocalize(pair(peers, "colocsample1b-green.tif", "colocsample1b-red.tif"))
    assert sample.pearson == pytest.approx(0.75, abs=0.01)
    assert 0.34 < (sample.icq or 0) < 0.35
    assert 0.546 < (sample.spearman or 0) < 0.547
    nothing = colocalize(pair(peers, "greenZstack.tif", "redZstack.tif"))
    assert nothing.pearson == pytest.approx(0, abs=0.05)
    assert nothing.icq == pytest.approx(0, abs=0.01)
    assert nothing.spearman == pytest.approx(0, abs=0.012)
    negative = colocalize(pair(peers, "syntheticNegCh1.tif", "syntheticNegCh2.tif"))
    assert -0.178 < (negative.spearman or 0) < -0.173


def test_the_spearman_table_and_kendalls_textbook_cases() -> None:
    def measured(x: list[int], y: list[int]) -> Any:
        return colocalize(Image.from_array(np.array([[x], [y]], np.uint8), axes="CYX"))

    assert measured(*SPEARMAN_TABLE).spearman == pytest.approx(-0.1743, abs=1e-3)
    # Armitage & Berry 1994, p. 466
    assert measured([4, 10, 3, 1, 9, 2, 6, 7, 8, 5], [5, 8, 6, 2, 10, 3, 9, 4, 7, 1]).kendall == pytest.approx(
        0.5111111111111111, abs=1e-15
    )
    assert measured([1, 1, 2, 3], [3, 2, 1, 1]).kendall == pytest.approx(-0.8, abs=1e-15)
    constant = measured([1, 1, 1, 1], [2, 2, 2, 2])["kendall"]
    assert constant.value is None
    assert "constant" in (constant.reason or "")


def test_scikit_images_own_test_values() -> None:
    one = np.add.outer(np.arange(4), np.arange(4)).astype(np.uint8)
    two = np.where(one <= 2, 0, one).astype(np.uint8)
    found = colocalize(Image.from_array(np.stack([one, two]), axes="CYX"), threshold="none")
    assert found.pearson == pytest.approx(0.944911182523068, abs=1e-14)
    double = colocalize(Image.from_array(np.stack([np.ones((3, 3), np.uint8), np.full((3, 3), 2, np.uint8)]), axes="CYX"), threshold="none")
    assert double.moc == 1


@pytest.mark.parametrize(
    ("threshold", "prefix"),
    [
        ("costes", "Costes_Fast"),
        ("costes-walk", "Costes_Fast"),
        ("costes-bisection", "Bisection_Fast"),
        ("costes-walk-classic", "Costes_Classic"),
        ("costes-bisection-classic", "Bisection_Classic"),
    ],
)
def test_coloc2s_thresholds_and_what_follows_from_them(peers: Path, cases: dict[str, Any], threshold: str, prefix: str) -> None:
    for name in measurable(cases, peers):
        expected = cases[name].get("coloc2_82af2de", {})
        if name in FIRST_PIXEL_MATTERS or f"{prefix}_thr1" not in expected:
            continue
        image, roi = case(peers, cases[name])
        found = colocalize(image, roi=roi, threshold=threshold, ranked=False)
        assert (found.thresholds.first, found.thresholds.second) == (expected[f"{prefix}_thr1"], expected[f"{prefix}_thr2"]), name
        for key, theirs in (
            ("pearson_below", "r_below"),
            ("pearson_above_either", "r_above"),
            ("m1", "M1"),
            ("m2", "M2"),
            ("tm1", "tM1"),
            ("tm2", "tM2"),
            ("slope", "slope"),
        ):
            value = expected[f"{prefix}_{theirs}"]
            if value == "NaN":
                assert found[key].value is None, (name, key)
                assert found[key].reason, (name, key)
            else:
                # Coloc 2's line leaves out the first pixel; it prints two decimals of the slope
                tolerance = 0.005 if key == "slope" else 1e-9
                assert found[key].value == pytest.approx(value, abs=tolerance, rel=tolerance), (name, key)


def test_coloc2s_line_on_few_pixels_is_the_line_without_the_first_pixel(peers: Path, cases: dict[str, Any]) -> None:
    for name in FIRST_PIXEL_MATTERS:
        image, _ = case(peers, cases[name])
        values = np.asarray(image)[0, :, 0].reshape(2, -1).astype(float)
        a, b = values[:, 1:] - values.mean(axis=1, keepdims=True)
        va, vb, c = (a * a).sum(), (b * b).sum(), (a * b).sum()
        slope = (vb - va + np.hypot(vb - va, 2 * c)) / (2 * c)
        assert slope == pytest.approx(cases[name]["coloc2_82af2de"]["Costes_Fast_slope"], rel=1e-9)
        assert colocalize(image, ranked=False).slope != pytest.approx(slope, rel=0.01)


def test_scipy_and_numpy_agree_on_every_sample(peers: Path, cases: dict[str, Any]) -> None:
    for name in measurable(cases, peers):
        image, roi = case(peers, cases[name])
        found = colocalize(image, roi=roi, threshold="none")
        scipy, numpy, skimage = (cases[name][key] for key in ("scipy_1.17.1", "numpy_float64", "skimage_0.26.0"))
        for key, value in (
            ("spearman", scipy["spearman"]),
            ("kendall", scipy["kendall_tau_b"]),
            ("icq", numpy["icq_pos_over_N"]),
            ("k1", numpy["k1"]),
            ("k2", numpy["k2"]),
            ("pearson", skimage["pearson"]),
            ("moc", skimage["moc_float64"]),
            ("m1", skimage["M1"]),
            ("m2", skimage["M2"]),
        ):
            assert found[key].value == pytest.approx(value, rel=1e-11, abs=1e-12), (name, key)


def test_cellprofilers_manders_overlap_and_rank_weighted(peers: Path, cases: dict[str, Any]) -> None:
    """CellProfiler's threshold is 15 % of the maximum within the region, of pixels divided by 255 or 65535."""
    for name in measurable(cases, peers):
        theirs = cases[name]["cellprofiler_lib_5b9c361"]
        image, roi = case(peers, cases[name])
        if image.dtype.kind == "f" or theirs["overlap_k1_k2"][0] != theirs["overlap_k1_k2"][0]:
            continue
        found = colocalize(image, roi=roi, threshold="maximum15")
        keys = ("m1_above", "m2_above", "rwc1", "rwc2", "moc_above", "k1_above", "k2_above")
        for key, value in zip(keys, (*theirs["manders"], *theirs["rwc"], *theirs["overlap_k1_k2"])):
            assert found[key].value == pytest.approx(value, rel=1e-9), (name, key)

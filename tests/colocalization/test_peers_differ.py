"""Where other programs' numbers are abbe's and where not: each difference with its reason, on the images of their own tests."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from skimage.measure import manders_overlap_coeff

from abbe.colocalization import colocalize
from abbe.image import Image

from .conftest import blobs, case, measurable

Flat = npt.NDArray[np.float64]


def flat(image: Image) -> tuple[Flat, Flat]:
    first, second = np.asarray(image, np.float64)[0]
    return first.ravel(), second.ravel()


def ordinary_line(a: Flat, b: Flat) -> tuple[float, float]:
    """Least squares that calls all error that of the second channel."""
    slope = float(((a - a.mean()) * (b - b.mean())).sum() / ((a - a.mean()) ** 2).sum())
    return slope, float(b.mean() - slope * a.mean())


def without(cases: dict[str, Any], peers: Path, program: str) -> list[str]:
    """Samples on which a program ran whole planes of integers: it reads floats as integers, and knows no mask."""
    names = [name for name in measurable(cases, peers) if cases[name].get(program) is not None]
    return [name for name in names if not cases[name]["dtype"].startswith("float")]


# ---------------------------------------------------------------------------------------------- scikit-image
def test_scikit_images_overlap_coefficient_overflows_on_integers_and_ours_does_not(peers: Path, cases: dict[str, Any]) -> None:
    overflowed = 0
    for name in measurable(cases, peers):
        theirs = cases[name]["skimage_0.26.0"]
        image, roi = case(peers, cases[name])
        assert colocalize(image, roi=roi, threshold="none", ranked=False).moc == pytest.approx(theirs["moc_float64"], rel=1e-11), name
        overflowed += abs(theirs["moc_native_dtype"] - theirs["moc_float64"]) > 0.05
    assert overflowed >= 5


def test_ours_is_scikit_images_overlap_coefficient_of_floats() -> None:
    rng = np.random.default_rng(0)
    planes = (40 + 200 * np.stack([blobs(rng), blobs(rng)])).astype(np.uint8)
    assert colocalize(Image.from_array(planes, axes="CYX"), threshold="none", ranked=False).moc == pytest.approx(
        manders_overlap_coeff(*planes.astype(float)), rel=1e-13
    )


# ---------------------------------------------------------------------------------------------- JACoP
def test_jacop_to_its_three_printed_decimals(peers: Path, cases: dict[str, Any]) -> None:
    """JACoP cuts after three decimals, calls a pixel above when it is over the threshold, not at it, and prints 0 where nothing is."""
    for name in without(cases, peers, "jacop_291f24c"):
        theirs = cases[name]["jacop_291f24c"]
        image, _ = case(peers, cases[name])
        found = colocalize(image, threshold=tuple(t + 1 for t in theirs["thr"]), ranked=False)
        for key, value in (
            ("pearson", theirs["pearson"][0]),
            *zip(("moc", "k1", "k2"), theirs["overlap_k1_k2"]),
            *zip(("m1", "m2"), theirs["M1_M2"]),
            *zip(("m1_above", "m2_above"), theirs["M1_M2_thr"]),
            *zip(("moc_above", "k1_above", "k2_above"), theirs["overlap_k1_k2_thr"]),
            ("icq", theirs["icq"][0]),
        ):
            assert (found[key].value or 0.0) == pytest.approx(value, abs=1.01e-3), (name, key)


def test_jacops_cross_correlation_is_van_steensels(peers: Path, cases: dict[str, Any]) -> None:
    """Its stacks are shifted as a whole, and of 3 x 5 pixels there is nothing to shift; planes agree."""
    for name in without(cases, peers, "jacop_291f24c"):
        image, _ = case(peers, cases[name])
        if image.shape[2] > 1 or image.shape[3] < 64:
            continue
        lowest, _, highest, at = cases[name]["jacop_291f24c"]["ccf_min_dx_max_dx"]
        shift = colocalize(image, threshold="none", ranked=False, extras=("shift",)).shift
        assert shift is not None
        r = [value for value in shift.r if value is not None]
        assert (min(r), max(r), shift.best) == pytest.approx((lowest, highest, at), abs=1.01e-3), name


def test_jacops_costes_threshold_lies_on_the_ordinary_line(peers: Path, cases: dict[str, Any]) -> None:
    """It fits the line with all error in the second channel, and cuts the threshold to a whole number. On a falling line it gives up."""
    checked = 0
    for name in without(cases, peers, "jacop_291f24c"):
        first, second = cases[name]["jacop_291f24c"]["costes_thr"]
        a, b = flat(case(peers, cases[name])[0])
        slope, intercept = ordinary_line(a, b)
        if slope < 0:
            assert (first, second) == (a.max(), b.max()) or first == second, name
            continue
        assert second == math.floor(slope * first + intercept + 1e-9), name
        checked += 1
    assert checked >= 10


# ---------------------------------------------------------------------------------------------- EzColocalization
def test_ezcolocalizations_pearson_and_quotient(peers: Path, cases: dict[str, Any]) -> None:
    for name in measurable(cases, peers):
        theirs = cases[name].get("ezcolocalization_c8abc7b")
        if theirs is None:
            continue
        found = colocalize(case(peers, cases[name])[0], threshold="none", ranked=False)
        assert found.pearson == pytest.approx(theirs["getPCC"], abs=5e-9), name
        assert found.icq == pytest.approx(theirs["getICQ"], abs=1e-12), name


def test_ezcolocalizations_costes_threshold_lies_on_the_ordinary_line(peers: Path, cases: dict[str, Any]) -> None:
    for name in measurable(cases, peers):
        theirs = cases[name].get("ezcolocalization_c8abc7b")
        if theirs is None:
            continue
        slope, intercept = ordinary_line(*flat(case(peers, cases[name])[0]))
        first, second = theirs["costes_exact"]
        assert slope * first + intercept == pytest.approx(second, rel=1e-8, abs=1e-8), name


# ---------------------------------------------------------------------------------------------- CellProfiler
def orthogonal_line(a: Flat, b: Flat) -> tuple[float, float]:
    aa, bb, ab = ((a - a.mean()) ** 2).sum(), ((b - b.mean()) ** 2).sum(), ((a - a.mean()) * (b - b.mean())).sum()
    slope = float((bb - aa + np.hypot(bb - aa, 2 * ab)) / (2 * ab))
    return slope, float(b.mean() - slope * a.mean())


def test_cellprofilers_costes_threshold_lies_on_the_line_of_the_pixels_with_light(peers: Path, cases: dict[str, Any]) -> None:
    """Its line is orthogonal as ours, but leaves out the pixels that are 0 in both channels."""
    checked = 0
    for name in measurable(cases, peers):
        theirs = cases[name]["cellprofiler_lib_5b9c361"]["costes_faster_bisection"].get("thr")
        image, roi = case(peers, cases[name])
        if theirs is None or image.dtype.kind == "f":
            continue
        a, b = flat(image)
        inside = np.ones(a.shape, bool) if roi is None else roi.mask(image).ravel()
        lit = inside & ((a > 0) | (b > 0))
        slope, intercept = orthogonal_line(a[lit], b[lit])
        assert slope * theirs[0] + intercept == pytest.approx(theirs[1], rel=1e-6, abs=1e-6), name
        if (inside & ~lit).sum() == 0 and slope > 0:  # the same line: then the same threshold but for the step
            ours = colocalize(image, roi=roi, ranked=False).thresholds
            assert (ours.first, ours.second) == pytest.approx(theirs, abs=1.5), name
            checked += 1
    assert checked >= 2

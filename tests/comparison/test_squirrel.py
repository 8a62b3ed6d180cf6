"""RSP, RSE, gain, offset and width are those of the exact fit, and known truths come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from abbe.comparison import SquirrelFit, Undefined, squirrel

CASES = [f"m{m}_{kind}" for m in (1, 2, 4) for kind in ("sr", "sr_bad", "sr_shift")]


@pytest.fixture(scope="module")
def expected(shared_data: Path) -> dict[str, Any]:
    return dict(json.loads((shared_data / "quality" / "expected.json").read_text()))


def planes(folder: Path, case: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    return tifffile.imread(folder / f"{case.split('_')[0]}_ref.tif"), tifffile.imread(folder / f"{case}.tif")


def agree(fit: SquirrelFit, exact: dict[str, float], within: float = 0.01) -> None:
    for ours, name in ((fit.gain, "alpha"), (fit.offset, "beta"), (fit.sigma, "sigma_ref_px"), (fit.rse, "RSE"), (fit.rsp, "RSP")):
        assert ours == pytest.approx(exact[name], rel=within), name


@pytest.mark.parametrize("case", CASES)
def test_every_reference_fit_is_met(case: str, shared_data: Path, expected: dict[str, Any]) -> None:
    agree(squirrel(*planes(shared_data / "quality", case)), expected["squirrel"][case]["exact_varpro_ref_grid"], within=0.002)


@pytest.mark.parametrize("case", ["m1_sr", "m2_sr", "m4_sr"])
def test_known_gain_offset_and_width_are_recovered(case: str, shared_data: Path, expected: dict[str, Any]) -> None:
    fit = squirrel(*planes(shared_data / "quality", case))
    truth = expected["squirrel"][case]["truth"]
    assert fit.gain == pytest.approx(truth["alpha"], rel=0.01)
    assert fit.offset == pytest.approx(truth["beta"], rel=0.01)
    assert fit.width == pytest.approx(truth["sigma_ref_px"], rel=0.01)


@pytest.mark.parametrize("case", ["sr_100", "sr_400", "sr_bad_400", "sr_shift_400"])
def test_structure_at_the_border_follows_the_clamped_rule(case: str, shared_data: Path, expected: dict[str, Any]) -> None:
    folder = shared_data / "quality" / "edge"
    fit = squirrel(tifffile.imread(folder / "ref_100.tif"), tifffile.imread(folder / f"{case}.tif"))
    agree(fit, expected["squirrel_edge_touching_inputs(dir edge/)"]["exact_varpro_clamped_edges"][case], within=0.002)


@pytest.mark.parametrize("case", ["sr_100", "sr_400"])
def test_leaving_out_the_border_recovers_the_truth_there_too(case: str, shared_data: Path) -> None:
    folder = shared_data / "quality" / "edge"
    fit = squirrel(tifffile.imread(folder / "ref_100.tif"), tifffile.imread(folder / f"{case}.tif"), border="inside")
    assert fit.gain == pytest.approx(8, rel=0.01)
    assert fit.offset == pytest.approx(200, rel=0.01)
    assert fit.pixels < 100 * 100


@pytest.mark.parametrize(("case", "magnification"), [("m2_sr", 2), ("m4_sr", 4)])
def test_the_half_pixel_shift_of_a_peer_is_not_repeated(case: str, magnification: int, shared_data: Path, expected: dict[str, Any]) -> None:
    """A shift of the finer image by (m - 1) / 2 of its pixels makes the peer's fit better, and ours worse."""
    original, fine = planes(shared_data / "quality", case)
    ours = squirrel(original, fine)
    assert isinstance(ours.rsp, float)
    assert ours.rsp > expected["squirrel"][case]["nanopyx_2.1.5"]["RSP"] + 0.004
    for off in (-0.5, 0.5):
        moved = squirrel(original, fine, shift=(off * (magnification - 1) / magnification, 0.0))
        assert isinstance(moved.rse, float)
        assert isinstance(ours.rse, float)
        assert moved.rse > ours.rse


@pytest.mark.parametrize("case", ["m1_sr", "m1_sr_bad", "m1_sr_shift"])
def test_on_one_grid_nanopyx_finds_the_same(case: str, shared_data: Path, expected: dict[str, Any]) -> None:
    """Where nothing is enlarged, nothing is shifted. Its sigma is that of Gaussian and pixel together, our width."""
    theirs = expected["squirrel"][case]["nanopyx_2.1.5"]
    fit = squirrel(*planes(shared_data / "quality", case))
    for ours, name in ((fit.rsp, "RSP"), (fit.rse, "RSE"), (fit.gain, "alpha"), (fit.offset, "beta"), (fit.width, "sigma_SR_px")):
        assert ours == pytest.approx(theirs[name], rel=5e-3 if name == "beta" else 1e-3), name


@pytest.mark.parametrize("case", ["m1_sr", "m1_sr_bad"])
def test_the_swarm_of_nanoj_finds_the_same_but_leaves_more(case: str, shared_data: Path, expected: dict[str, Any]) -> None:
    """A particle swarm ends beside the optimum; the exact fit cannot leave more than it."""
    theirs = expected["nanoj_squirrel_a1511a3_original_PSO_java"][case]
    fit = squirrel(*planes(shared_data / "quality", case))
    assert fit.rsp == pytest.approx(theirs["RSP"], abs=1e-4)
    assert isinstance(fit.rse, float)
    assert fit.rse < theirs["RSE"]


def test_nanopyx_agrees_once_its_half_pixel_shift_is_undone(shared_data: Path, expected: dict[str, Any]) -> None:
    undone = {
        "m2_sr": expected["nanopyx_half_pixel_check"]["m2_shift_-0.5"],
        "m4_sr": expected["squirrel"]["nanopyx_half_pixel_probe_m4"]["-1.5"],
    }
    for case, (_, rsp) in undone.items():
        assert squirrel(*planes(shared_data / "quality", case)).rsp == pytest.approx(rsp, abs=5e-4), case


def test_nanopyx_leaves_out_the_border_as_our_rule_inside_does(shared_data: Path, expected: dict[str, Any]) -> None:
    folder = shared_data / "quality" / "edge"
    theirs = expected["squirrel_edge_touching_inputs(dir edge/)"]["nanopyx"]["ref_100+sr_100"]
    fit = squirrel(tifffile.imread(folder / "ref_100.tif"), tifffile.imread(folder / "sr_100.tif"), border="inside")
    assert (fit.gain, fit.offset) == pytest.approx((theirs["alpha"], theirs["beta"]), rel=2e-3)
    assert fit.rsp == pytest.approx(theirs["RSP"], abs=5e-4)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5])
def test_a_spot_stays_in_its_place_on_every_grid(scale: int) -> None:
    y, x = np.mgrid[: 24 * scale, : 24 * scale]
    at = (10.3 + 0.5) * scale - 0.5, (12.8 + 0.5) * scale - 0.5
    fine = np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * (1.2 * scale) ** 2))
    rows, columns = np.mgrid[:24, :24]
    coarse = np.exp(-((rows - 10.3) ** 2 + (columns - 12.8) ** 2) / (2 * 2.0**2))
    fit = squirrel(coarse, fine)
    assert fit.rsp == pytest.approx(1, abs=2e-4)
    assert fit.width == pytest.approx(np.sqrt(2.0**2 - 1.2**2), rel=0.02)


def test_identical_images_need_no_blur_and_leave_no_error() -> None:
    plane = np.random.default_rng(0).random((40, 50)) * 1000
    fit = squirrel(plane, plane)
    assert fit.rsp == pytest.approx(1, abs=1e-12)
    assert fit.rse == pytest.approx(0, abs=1e-9)
    assert fit.sigma == 0
    assert fit.error_map is not None
    assert fit.error_map.max() < 1e-9


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.01, 1e3), offset=st.floats(-1e4, 1e4))
def test_gain_and_offset_of_the_result_do_not_matter(gain: float, offset: float) -> None:
    rng = np.random.default_rng(3)
    fine = gaussian_filter(rng.random((48, 48)), 1) * 500
    original = gaussian_filter(fine, 1.5).reshape(24, 2, 24, 2).mean((1, 3)) + rng.normal(0, 1, (24, 24))
    one, two = squirrel(original, fine), squirrel(original, gain * fine + offset)
    assert two.rsp == pytest.approx(one.rsp, rel=1e-6)
    assert two.rse == pytest.approx(one.rse, rel=1e-4)
    assert two.sigma == pytest.approx(one.sigma, abs=2e-3)


def test_a_large_camera_offset_costs_no_digits() -> None:
    rng = np.random.default_rng(4)
    fine = gaussian_filter(rng.random((60, 60)), 1)
    original = gaussian_filter(fine, 1.5)
    near, far = squirrel(original, fine), squirrel(original + 1e6, fine + 1e6)
    assert far.rsp == pytest.approx(near.rsp, rel=1e-6)
    assert far.sigma == pytest.approx(near.sigma, abs=1e-3)


def test_masked_pixels_do_not_count() -> None:
    rng = np.random.default_rng(5)
    fine = gaussian_filter(rng.random((60, 60)), 1) * 100
    original = gaussian_filter(fine, 1.5)
    spoiled, mask = original.copy(), np.zeros((60, 60), bool)
    spoiled[20:23, 30:35] = 1e4
    mask[20:23, 30:35] = True
    fit = squirrel(spoiled, fine, mask=mask)
    assert fit.pixels == 3600 - 15
    assert fit.rsp == pytest.approx(squirrel(original, fine).rsp, abs=1e-3)


@pytest.mark.parametrize(("which", "word"), [("original", "original is constant"), ("transformed", "transformed image is constant")])
def test_a_constant_image_has_no_rsp_and_says_why(which: str, word: str) -> None:
    flat, plane = np.full((30, 30), 7.0), np.random.default_rng(6).random((30, 30))
    fit = squirrel(flat, plane) if which == "original" else squirrel(plane, flat)
    assert isinstance(fit.rsp, Undefined)
    assert word in fit.rsp.reason

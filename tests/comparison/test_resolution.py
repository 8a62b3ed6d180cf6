"""Resolution by ring correlation and by decorrelation: what is known comes out, and what cannot be known is not said."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from abbe import Image, compare
from abbe.comparison import Undefined, decorrelation, displacement, enlarged, frc, frc_one_image
from abbe.comparison.parts import rectangle
from abbe.comparison.registration import _refine


def noisy_pair(n: int = 256, blur: float = 2.5, noise: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    specimen = gaussian_filter(rng.normal(0, 1, (n, n)), blur) * 200
    return specimen + rng.normal(0, noise, (n, n)), specimen + rng.normal(0, noise, (n, n))


def test_two_frames_agree_with_the_peer(shared_data: Path) -> None:
    folder = shared_data / "quality"
    peer = json.loads((folder / "expected.json").read_text())["other"]["frc_nanopyx"]["fire_number"]
    a, b = (tifffile.imread(folder / f"frc_{x}_400.tif") for x in "ab")
    assert frc(a, b).resolution == pytest.approx(peer, rel=0.01)


def test_splitting_one_image_finds_what_two_frames_find() -> None:
    a, b = noisy_pair()
    two, one = frc(a, b).resolution, frc_one_image(a).resolution
    assert isinstance(two, float)
    assert two > 4
    assert one == pytest.approx(two, rel=0.15)


@pytest.mark.parametrize("blur", [2.5, 4.0])
def test_a_resolution_is_found_whatever_the_noise_of_the_coarsest_rings(blur: float) -> None:
    """Sparse spots, where the innermost rings say nothing: no image has a period as long as its field."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        points = np.zeros((256, 256))
        points[tuple(rng.integers(0, 256, (2, 600)))] = 3000
        light = gaussian_filter(points, blur) + 50
        one, other = rng.poisson(light), rng.poisson(light)
        two = frc(one, other).resolution
        assert frc_one_image(one).resolution == pytest.approx(two, rel=0.1)
        assert frc(one, light, 0.5).resolution == pytest.approx(two, rel=0.1)


@pytest.mark.parametrize("of", ["original", "transformed", "truth", "repeat"])
def test_the_resolution_is_of_what_was_measured_alone(of: str) -> None:
    """Pixels that stand for missing values are the same in both frames, and the field's edge is: both once looked like fine structure."""
    a, b = noisy_pair(160)
    truth = gaussian_filter(np.random.default_rng(7).normal(0, 1, (160, 160)), 2.5) * 200
    y, x = np.indices(a.shape)
    holes = np.zeros((4, *a.shape), bool)
    holes[["original", "transformed", "truth", "repeat"].index(of)] = ((y < 20) & (x < 60)) | (y > 130)
    first, second, exact, again = (
        Image.from_array(np.where(hole, np.nan, plane)) for hole, plane in zip(holes, (a, gaussian_filter(a, 0.5), truth, b))
    )
    found = compare(first, second, exact, repeats=(again, Image.from_array(gaussian_filter(b, 0.5)))).resolution[0]
    _, rows, columns = largest(holes.any(axis=0))
    part = (slice(*rows), slice(*columns))
    assert found.frc_two_frames.upsampled == pytest.approx(frc(a[part], b[part]).resolution, rel=0.02)
    assert found.frc_one_image.upsampled == pytest.approx(frc_one_image(a[part]).resolution, rel=0.02)
    assert found.frc_with_truth.upsampled == pytest.approx(frc(a[part], truth[part], 0.5).resolution, rel=0.02)
    assert found.decorrelation.upsampled == pytest.approx(decorrelation(a[part]).resolution, rel=0.02)


def largest(masked: np.ndarray) -> tuple[int, tuple[int, int], tuple[int, int]]:
    """(pixels, rows, columns) of the largest rectangle without masked pixels, by trying all pairs of rows."""
    found = (0, (0, 0), (0, 0))
    for top in range(masked.shape[0]):
        for end in range(top + 1, masked.shape[0] + 1):
            taken = np.concatenate([[-1], np.flatnonzero(masked[top:end].any(axis=0)), [masked.shape[1]]])
            wide = int(np.diff(taken).max()) - 1
            if wide * (end - top) > found[0]:
                left = int(taken[np.argmax(np.diff(taken))]) + 1
                found = wide * (end - top), (top, end), (left, left + wide)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_rectangle_is_the_largest_there_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masked = np.zeros((40, 57), bool)
    for _ in range(4):
        y, x = rng.integers(0, (32, 48))
        masked[y : y + rng.integers(5, 12), x : x + rng.integers(5, 12)] = True
    assert masked[rectangle(masked)].sum() == 0
    assert masked[rectangle(masked)].size == largest(masked)[0]
    masked[3, 3] = True
    assert np.zeros((9, 9))[rectangle(masked[:9, :9] & False)].size == 81
    assert masked[rectangle(np.ones_like(masked))].size == 0


def test_the_plain_images_decorrelation_is_the_originals_own() -> None:
    """Of the enlarged one it is where its spectrum ends, finer than its pixels can hold."""
    a, _ = noisy_pair(128)
    original = Image.from_array(a.astype(np.float32), axes="YX", pixel_size=(None, 0.1, 0.1))
    finer = Image.from_array(enlarged(a, (384, 384)).astype(np.float32), axes="YX", pixel_size=(None, 0.1 / 3, 0.1 / 3))
    found = compare(original, finer).resolution[0].decorrelation.upsampled
    assert found == pytest.approx(0.1 * decorrelation(a).resolution, rel=1e-3)
    assert found > 0.2


def test_oblong_pixels_have_no_period_that_is_one_all_round() -> None:
    a, b = (Image.from_array(plane.astype(np.float32), axes="YX", pixel_size=(None, 0.2, 0.1)) for plane in noisy_pair(128))
    found = compare(a, a, repeats=(b, b))
    assert isinstance(found.resolution[0].frc_two_frames.transformed, Undefined)
    assert "0.2 um high" in found.resolution[0].decorrelation.upsampled.reason
    assert isinstance(found.channels[0].fit.sigma_um, Undefined)


def test_the_frequency_where_signal_and_noise_meet_is_found() -> None:
    """White noise of power N under a Gaussian spectrum S: two frames correlate as S / (S + N), one seventh where S = N / 6."""
    rng = np.random.default_rng(8)
    n, blur, noise = 512, 2.0, 0.01
    specimen = gaussian_filter(rng.normal(0, 1, (n, n)), blur, mode="wrap")
    curve = frc(specimen + rng.normal(0, noise, (n, n)), specimen + rng.normal(0, noise, (n, n)))
    k = np.sqrt(np.log(6 / noise**2)) / (2 * np.pi * blur)
    assert curve.resolution == pytest.approx(1 / k, rel=0.03)


def test_an_image_whose_pixels_share_their_noise_is_not_split() -> None:
    a, _ = noisy_pair(128)
    filtered = frc_one_image(gaussian_filter(a, 1)).resolution
    assert isinstance(filtered, Undefined)
    assert "share their noise" in filtered.reason
    assert isinstance(frc_one_image(enlarged(a, (384, 384))).resolution, Undefined)


def test_noise_has_no_resolution_at_the_innermost_rings() -> None:
    """Chance lifts one of them over the threshold now and then; a crossing is between one that is over it and one that is not."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found = frc(rng.normal(0, 1, (128, 128)), rng.normal(0, 1, (128, 128)))
        if isinstance(found.resolution, float):
            k = int(np.searchsorted(found.frequency, 1 / found.resolution))
            assert found.correlation[k - 1] >= found.threshold


def test_noise_alone_has_no_resolution() -> None:
    rng = np.random.default_rng(9)
    number = frc(rng.normal(0, 1, (128, 128)), rng.normal(0, 1, (128, 128))).resolution
    assert isinstance(number, Undefined)


@pytest.mark.parametrize(
    "measure", [lambda a: decorrelation(a).resolution, lambda a: frc_one_image(a).resolution, lambda a: frc(a, a).resolution]
)
def test_small_and_constant_images_are_undefined_with_a_reason(measure: object) -> None:
    for plane in (np.zeros((8, 8)), np.full((128, 128), 5.0)):
        number = measure(plane)  # type: ignore[operator]
        assert isinstance(number, Undefined)
        assert number.reason


def by_definition(plane: np.ndarray, radii: np.ndarray, sigma: float | None) -> np.ndarray:
    """The decorrelation curve as the paper has it: whole planes, for each radius."""
    f = np.fft.fft2(plane)
    radius = 2 * np.hypot(np.fft.fftfreq(plane.shape[0])[:, None], np.fft.fftfreq(plane.shape[1]))
    f = f * (radius < 1)
    phase = np.divide(f, np.abs(f), out=np.zeros_like(f), where=np.abs(f) > 0)
    if sigma is not None:
        f = f * (1 - np.exp(-2 * sigma**2 * radius**2))
    curve = []
    for r in radii:
        within = phase * (radius < r)
        scale = np.sqrt((np.abs(f) ** 2).sum() * (np.abs(within) ** 2).sum())
        curve.append((f * within.conj()).sum().real / scale if scale > 0 else 0.0)
    return np.array(curve)


@pytest.mark.parametrize("sigma", [None, 20.0, 2.0, 0.4])
def test_the_decorrelation_curve_is_the_papers(sigma: float | None) -> None:
    from abbe.comparison.decorrelation import _edge, _Rings

    plane = gaussian_filter(np.random.default_rng(10).normal(0, 1, (101, 101)), 2) * 10
    tapered = (plane - plane.mean()) * _edge(101)[:, None] * _edge(101)
    radii = np.linspace(0.05, 1, 30)
    ours = _Rings.of(plane).curve(radii, sigma)
    np.testing.assert_allclose(ours, by_definition(tapered - tapered.mean(), radii, sigma), atol=4e-3)


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("frc_a_400.tif", "decorr_nanopyx_frc_a_400"),
        ("edge/sr_400.tif", "decorr_nanopyx_sr_400"),
        ("edge/ref_100.tif", "decorr_nanopyx_ref_100"),
    ],
)
def test_decorrelation_is_near_the_peers(file: str, key: str, shared_data: Path) -> None:
    """The peer follows the authors' ImageJ plug-in, whose filters are applied in space and whose radii are as coarse as 2 % of Nyquist."""
    folder = shared_data / "quality"
    peer = json.loads((folder / "expected.json").read_text())["other"][key]["resolution_px"]
    assert decorrelation(tifffile.imread(folder / file)).resolution == pytest.approx(peer, rel=0.06)


def test_a_blurred_image_has_the_coarser_decorrelation() -> None:
    sharp, _ = noisy_pair(blur=1.2, noise=0.5)
    rng = np.random.default_rng(11)
    found = [decorrelation(gaussian_filter(sharp, s) + rng.normal(0, 0.2, sharp.shape)).resolution for s in (0, 1.5, 3)]
    assert all(isinstance(r, float) for r in found)
    assert found == sorted(found)  # type: ignore[type-var]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, -1.3), (-3.27, 2.5), (7.0, 0.25)])
def test_a_shift_is_found_to_a_few_hundredths(shift: tuple[float, float]) -> None:
    plane = gaussian_filter(np.random.default_rng(12).random((128, 96)), 2) * 1000
    f = np.fft.rfft2(plane)
    turn = np.exp(-2j * np.pi * (np.fft.fftfreq(128)[:, None] * shift[0] + np.fft.rfftfreq(96) * shift[1]))
    moved = np.fft.irfft2(f * turn, plane.shape) + np.random.default_rng(13).normal(0, 5, plane.shape)
    assert displacement(moved, plane) == pytest.approx(shift, abs=0.05)


def test_registering_keeps_to_the_thread_that_asked_for_it() -> None:
    """BLAS spreads even small sums over all cores, which took longer than the sums, once for each frame of a series."""
    plane = gaussian_filter(np.random.default_rng(15).random((256, 256)), 2)
    displacement(plane, plane)
    whole, own = time.process_time(), time.thread_time()
    for shift in range(8):
        displacement(np.roll(plane, shift, axis=1), plane)
    whole, own = time.process_time() - whole, time.thread_time() - own
    assert whole < 1.2 * own + 0.02


def test_an_image_lies_nowhere_off_itself_to_the_last_digit() -> None:
    plane = gaussian_filter(np.random.default_rng(16).random((64, 80)), 2)
    assert str(displacement(plane, plane)) == "(0.0, 0.0)"


def test_a_peak_that_bends_the_wrong_way_where_the_search_starts_is_found_all_the_same() -> None:
    """The finest structure's peak is a pixel wide, and flat or hollow at its foot, from where Newton's steps lead away."""
    u, v = np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(48)
    cross = np.exp(-2j * np.pi * (u * 3.85 + v * -2.2))
    assert _refine(cross, (64, 48), (3.0, -2.0)) == pytest.approx((3.85, -2.2), abs=1e-4)


def test_two_unrelated_images_are_not_registered() -> None:
    rng = np.random.default_rng(14)
    assert isinstance(displacement(rng.random((96, 96)), rng.random((96, 96))), Undefined)


@pytest.mark.parametrize("shape", [(24, 24), (40, 60), (64, 64), (128, 128)])
def test_noise_alone_has_no_resolution_whatever_its_size(shape: tuple[int, int]) -> None:
    """The coarsest rings of two planes of noise, which hold few places, correlate by chance, and then fall below the threshold."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        one, other = rng.normal(100, 8, shape), rng.normal(100, 8, shape)
        assert isinstance(frc(one, other).resolution, Undefined)
        split = frc_one_image(rng.poisson(40, (2 * shape[0], 2 * shape[1]))).resolution
        assert isinstance(split, Undefined)
        assert "beyond what chance gives" in split.reason


@pytest.mark.parametrize("shape", [(32, 32), (48, 90)])
def test_few_rings_are_enough_where_there_is_structure(shape: tuple[int, int]) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        specimen = gaussian_filter(rng.normal(0, 1, shape), 1.5) * 200
        one, other = (specimen + rng.normal(0, 8, shape) for _ in range(2))
        assert isinstance(frc(one, other).resolution, float)

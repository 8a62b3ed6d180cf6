"""Thresholds of ring correlation other than 1/7: the curves of van Heel & Schatz, J Struct Biol 151:250 (2005), and other numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq

import abbe
from abbe import Image, compare
from abbe.cli.frame import main
from abbe.comparison import Undefined, frc, frc_one_image
from abbe.errors import ParameterError
from abbe.reporting.building import build
from abbe.reporting.gathering import case_of
from abbe.session.repeating import rerun

WORDS = ("1/7", "half-bit", "3-sigma")


def papers(word: str, n: np.ndarray) -> np.ndarray:
    """The paper's equations with the paper's own digits, of rings that hold n places."""
    root = np.sqrt(n)
    if word == "half-bit":
        return np.asarray((0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root))
    return np.asarray(3 / np.sqrt(n / 2)) if word == "3-sigma" else np.full(n.shape, 1 / 7)


def frames(n: int = 256, blur: float = 2.0, noise: float = 0.05, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    specimen = gaussian_filter(rng.normal(0, 1, (n, n)), blur, mode="wrap")
    return specimen + rng.normal(0, noise, (n, n)), specimen + rng.normal(0, noise, (n, n))


@pytest.mark.parametrize("word", WORDS)
def test_crossings_are_those_of_whole_spectra_and_the_papers_equations(word: str) -> None:
    """The same curve from whole complex spectra, ring by ring, and the first place where it goes under the paper's threshold."""
    a, b = frames()
    n = len(a)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n // 8) + 0.5) / (n // 8))
    window = np.concatenate([ramp, np.ones(n - 2 * (n // 8)), ramp[::-1]])
    window = window[:, None] * window
    x, y = (np.fft.fft2((p - (p * window).sum() / window.sum()) * window) for p in (a, b))
    ring = np.floor(np.hypot(np.fft.fftfreq(n)[:, None], np.fft.fftfreq(n)) * n + 1e-9).astype(int)
    curve, places = [], []
    for k in range(n // 2):
        here = ring == k
        curve.append((x * y.conj())[here].real.sum() / np.sqrt((abs(x[here]) ** 2).sum() * (abs(y[here]) ** 2).sum()))
        places.append(here.sum())
    smooth = np.convolve(curve, np.ones(3) / 3, "same")
    off = smooth - papers(word, np.array(places, float))
    k = next(k for k in range(20, n // 2) if off[k] < 0)
    expected = n / (k - 0.5 + off[k - 1] / (off[k - 1] - off[k]))
    assert frc(a, b, word).resolution == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("noise", [0.05, 0.15])
def test_the_frequency_is_that_of_the_signal_to_noise_ratio(word: str, noise: float) -> None:
    """White noise of power N under a Gaussian spectrum S: two frames correlate as S / (S + N); so does one, by splitting."""
    n, blur = 512, 2.0

    def beyond(f: float) -> float:
        signal = np.exp(-((2 * np.pi * blur * f) ** 2))
        return float(signal / (signal + noise**2) - papers(word, np.array(2 * np.pi * f * n)))

    expected = 1 / brentq(beyond, 0.03, 0.45)
    found = [frc(*frames(n, blur, noise, seed), word).resolution for seed in range(4)]
    assert np.mean(found) == pytest.approx(expected, rel=0.03)
    split = [frc_one_image(frames(n, blur, noise, seed)[0], word).resolution for seed in range(4)]
    # the 3-sigma curve asks whether what was measured is chance: quarters tell it later than frames do
    assert np.mean(split) == pytest.approx(expected, rel=0.15 if word == "3-sigma" else 0.04)


def test_seventh_is_what_it_was_and_a_number_does_as_well() -> None:
    a, b = frames()
    assert frc(a, b).resolution == frc(a, b, "1/7").resolution == frc(a, b, 1 / 7).resolution
    assert frc_one_image(a).resolution == frc_one_image(a, "1/7").resolution
    assert frc(a, b, 0.5).resolution > frc(a, b, "half-bit").resolution > frc(a, b, 1 / 7).resolution  # type: ignore[operator]
    for wrong in ("2-sigma", 0, 1, -0.1, float("nan"), True, None, "one", 10**400):
        with pytest.raises(ParameterError, match="wanted a threshold of ring correlation"):
            frc(a, b, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["half-bit", "3-sigma"])
@pytest.mark.parametrize("n", [32, 64, 128])
def test_noise_has_none_and_a_specimen_has_one_whatever_the_size(word: str, n: int) -> None:
    """The 3-sigma curve is above 1 in the innermost rings: a specimen passes under it there, and is found all the same."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert isinstance(frc(rng.normal(0, 1, (n, n)), rng.normal(0, 1, (n, n)), word).resolution, Undefined)
        specimen = gaussian_filter(rng.normal(0, 1, (n, n)), 1.5) * 200
        one, other = (specimen + rng.normal(0, 8, (n, n)) for _ in range(2))
        assert 2.5 < frc(one, other, word).resolution < 5  # type: ignore[operator]


def pair_of_images() -> tuple[Image, Image, Image, Image]:
    """Two acquisitions, and each smoothed."""
    made = []
    for frame in frames(128):
        plane = (500 * frame + 300).astype(np.float32)
        size = (None, 0.1, 0.1)
        original = Image.from_array(plane, pixel_size=size)
        made += [original, Image.from_array(gaussian_filter(plane, 0.7), pixel_size=size).replace(original=original)]
    return made[0], made[1], made[2], made[3]


def test_a_comparison_measures_with_the_threshold_and_says_it() -> None:
    first, smooth, second, again = pair_of_images()
    found = {word: compare(first, smooth, repeats=(second, again), frc_threshold=word) for word in WORDS}  # type: ignore[arg-type]
    planes = [np.asarray(image)[0, 0, 0].astype(np.float64) for image in (smooth, again)]
    for word, comparison in found.items():
        entry = comparison.resolution[0]
        assert entry.threshold == word
        assert entry.frc_two_frames.transformed == pytest.approx(0.1 * frc(*planes, word).resolution)  # type: ignore[operator]
        assert comparison.to_dict()["resolution"][0]["threshold"] == word
        text = " ".join(section for part in build(case_of(comparison)).sections for section in part.paragraphs)
        assert f"Fourier ring correlation was of one image by splitting [6], threshold {word}; of two frames [7], threshold {word}" in text
        assert ("van Heel M, Schatz M." in text) == (word != "1/7")
        notes = [note for table in build(case_of(comparison)).tables() for note in table.notes]
        assert any(f"the first crossing of the threshold {word};" in note for note in notes)
    assert compare(first, smooth).resolution[0].threshold == "1/7"
    with pytest.raises(ParameterError, match="half-bit"):
        compare(first, smooth, frc_threshold="quarter-bit")  # type: ignore[arg-type]


def test_the_command_takes_it_and_a_report_is_made_again_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, smooth, _, _ = pair_of_images()
    files = [str(tmp_path / f"{name}.tif") for name in ("a", "b")]
    for path, image in zip(files, (first, smooth)):
        tifffile.imwrite(path, np.asarray(image)[0, 0, 0])
    told = {}
    for word in (*WORDS, "0.5"):
        assert main(["compare", *files, "--frc-threshold", word, "--json"]) == 0
        told[word] = json.loads(capsys.readouterr().out)["resolution"][0]
        assert told[word]["threshold"] == word
    values = [told[word]["frc_one_image"]["upsampled"] for word in ("1/7", "half-bit", "0.5")]
    assert values == sorted(values)
    assert values[0] < values[1] < values[2]
    assert main(["compare", *files, "--frc-threshold", "half"]) == 1
    assert "1/7, half-bit, 3-sigma" in capsys.readouterr().err
    made = tmp_path / "t.abbe"
    with abbe.Session.create(made, first) as session:
        session.enhance(steps=("denoise",))
        session.compare(frc_threshold="half-bit")
        abbe.report(session, tmp_path / "t.html")
    assert '"half-bit"' in (tmp_path / "t.html").read_text().replace("&quot;", '"')
    outcome = rerun(tmp_path / "t.html")
    assert outcome.agrees, outcome.differing

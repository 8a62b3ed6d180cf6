"""Whether the frames of a result are as bright, one beside the other, as those of the original: each is fitted for itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from abbe.comparison import compare
from abbe.image import Image

from .conftest import Plane, Scene, camera, fibres

#: light left in each frame of a specimen that bleaches
LEFT = np.array([1.0, 0.8, 0.6, 0.45, 0.3])


def line(recorded: Plane, results: Plane) -> str:
    return compare(Image.from_array(recorded, axes="TYX"), Image.from_array(results, axes="TYX")).verdict.line


def bleaching(photons: float) -> tuple[Plane, Plane]:
    """The light of each frame, brightest about 1000, and its recording."""
    blurred = gaussian_filter(fibres(128, count=16), 1.8)
    light = LEFT[:, None, None] * blurred + 0.05
    return 1000 * light, np.array([camera(frame, photons, seed=t) for t, frame in enumerate(light)])


@pytest.mark.parametrize("photons", [30, 300])
def test_what_bleaches_with_the_original_is_in_proportion(photons: float) -> None:
    light, recorded = bleaching(photons)
    smoothed = np.array([gaussian_filter(frame, 0.6) for frame in recorded])  # its fitted gains rise from 1.2 to 2 as the noise does
    for results in (recorded, light, smoothed, 2 * recorded + 50):
        assert "in proportion" not in line(recorded, results)


@pytest.mark.parametrize(("photons", "said"), [(30, "frame 1 is 2."), (300, "frame 5 is 3.")])  # at 30 frame 5 is lost in noise
def test_frames_that_were_normalised_one_by_one_are_not(photons: float, said: str) -> None:
    """Every one of them explains its original: RSP was 1 and RSE 0, and the word `unchanged`."""
    _, recorded = bleaching(photons)
    found = line(recorded, (recorded - 150) / LEFT[:, None, None])
    assert found.startswith("doubtful: ")
    assert f"its frames are not in proportion to the original's: {said}" in found


def test_one_frame_at_half_its_brightness_is_named() -> None:
    light, recorded = bleaching(300)
    results = light.copy()
    results[2] *= 0.5
    found = line(recorded, results)
    assert found.startswith("doubtful: ")
    assert "frame 3 is 2 times too dim beside" in found


def test_a_single_negative_frame_is_told() -> None:
    light, recorded = bleaching(300)
    results = light.copy()
    results[1] = results[1].max() - results[1]
    assert "in frame 2 of 5, bright is dark" in line(recorded, results)


def test_what_lies_beside_or_is_another_specimen_is_not_called_noise(scene: Scene) -> None:
    """A specimen moved by three pixels was said to have 37 times the original's noise, and another one 1,900 times."""
    moved = compare(scene.recorded, np.roll(scene.blurred, 3, axis=0)).verdict.line
    assert "beside the original" in moved
    another = compare(scene.recorded, gaussian_filter(fibres(160, seed=7), 1.8)).verdict.line
    assert "is not explained by it" in another
    for found in (moved, another):
        assert found.startswith("doubtful: ")
        assert "noise of its own" not in found


def test_where_haze_was_taken_away_the_doubt_says_that_it_may_count() -> None:
    """Haze that grew over time made frames that held their truth within 4 % "1.3 times too dim", without a word on it."""
    light, recorded = bleaching(300)
    results = light.copy()
    results[2] *= 0.5
    told = Image.from_array(results, axes="TYX")
    told = told.replace(provenance=replace(told.provenance, history=("background: one model; abbe",)))
    found = compare(Image.from_array(recorded, axes="TYX"), told).verdict.line
    assert "frame 3 is 2 times too dim beside frame" in found
    assert "out-of-focus light that was to be taken away counts too" in found.partition("in proportion")[2]

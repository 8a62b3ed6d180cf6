"""Grey values that were only rescaled: the verdict is no "nothing was changed"."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from abbe.comparison import Verdict, compare
from abbe.image import Image


def cells() -> npt.NDArray[np.float32]:
    light = gaussian_filter(np.random.default_rng(5).random((96, 96)), 2)
    counts: npt.NDArray[np.float32] = np.random.default_rng(6).poisson(4000 * (light - light.min())).astype(np.float32)
    return counts


def verdict(pixels: npt.NDArray[np.float32]) -> Verdict:
    return compare(Image.from_array(cells(), axes="YX"), Image.from_array(pixels, axes="YX")).verdict


@pytest.mark.parametrize(
    ("gain", "offset", "line"),
    [
        (2, 5, "2 × original + 5"),
        (2, 0, "2 × original"),
        (1, -50, "original - 50"),
        (1e-12, 0, "1e-12 × original"),
        (0.5, 7, "0.5 × original + 7"),
    ],
)
def test_a_rescaled_image_is_told_with_its_line(gain: float, offset: float, line: str) -> None:
    found = verdict((cells() * gain + offset).astype(np.float32))
    assert found.word == "unchanged"
    assert found.reasons == (f"grey values were rescaled ({line}), nothing else was changed",)
    assert found.line.endswith(found.reasons[0])


def test_the_image_itself_is_told_as_unchanged() -> None:
    assert verdict(cells()).reasons == ("nothing was changed",)


def test_a_little_change_of_rescaled_values_tells_both() -> None:
    pixels = cells() + np.random.default_rng(0).normal(0, 0.002 * cells().std(), cells().shape)
    (plain,) = verdict(pixels.astype(np.float32)).reasons
    (scaled,) = verdict((3 * pixels).astype(np.float32)).reasons
    assert plain.startswith("changed by ")
    assert "rescaled" not in plain
    assert scaled.startswith("changed by ")
    assert "grey values were rescaled (about 3" in scaled


def test_a_channel_that_was_rescaled_speaks_for_one_that_was_not() -> None:
    both = np.stack([cells(), cells()[::-1]])
    changed = both.copy()
    changed[1] *= 2
    found = compare(*(Image.from_array(pixels, axes="CYX", channels=["actin", "tubulin"]) for pixels in (both, changed))).verdict
    assert "tubulin: " in found.line
    assert "2 × original" in found.line

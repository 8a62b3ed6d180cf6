"""Light of one channel in the other is hinted at, on noisy images too; structures that merely lie within others are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from abbe.colocalization import Colocalization, colocalize
from abbe.image import Image

Light = npt.NDArray[np.float64]


def spots(rng: np.random.Generator, count: int = 400) -> Light:
    found = np.zeros((256, 256))
    np.add.at(found, (rng.integers(0, 256, count), rng.integers(0, 256, count)), rng.gamma(3, 1, count))
    return gaussian_filter(found, 1.5) * 400


def seen(rng: np.random.Generator, first: Light, second: Light) -> Colocalization:
    counts = [100 + rng.poisson(light) + rng.normal(0, 2, light.shape) for light in (first, second)]
    return colocalize(Image.from_array(np.rint(counts).clip(0).astype(np.uint16), axes="CYX", channels=["one", "two"]), ranked=False)


def said(found: Colocalization) -> list[str]:
    return [notice.message for notice in found.notices if notice.code == "bleed_through"]


@pytest.mark.parametrize(("share", "hinted"), [(0.0, False), (0.1, True), (0.2, True), (0.4, True)])
def test_a_share_of_a_dim_channel_in_the_other_is_found(share: float, hinted: bool) -> None:
    """A tenth of spots of 80 photons is fewer than the noise of a pixel."""
    rng = np.random.default_rng(2)
    one = spots(rng)
    messages = said(seen(rng, one, spots(rng) + share * one))
    assert bool(messages) == hinted
    if hinted:
        assert messages[0].startswith("wherever one is bright, two has at least ")
        assert float(messages[0].split("at least ")[1].split(" %")[0]) / 100 == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize("common", [0.3, 0.8])
def test_channels_that_share_many_structures_do_not_bleed(common: float) -> None:
    rng = np.random.default_rng(3)
    shared = spots(rng, round(400 * common))
    apart = [spots(rng, round(400 * (1 - common))) for _ in range(2)]
    assert not said(seen(rng, shared + apart[0], shared + apart[1]))


@pytest.mark.parametrize(("share", "hinted"), [(0.0, False), (0.15, True)])
def test_nuclei_in_stained_cytoplasm_are_not_taken_for_light_that_bleeds(share: float, hinted: bool) -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:420, :420]
    nuclei, cytoplasm = np.zeros((420, 420)), np.zeros((420, 420))
    for row in range(4):
        for column in range(4):
            distance = np.hypot(y - 60 - 100 * row, x - 60 - 100 * column)
            nuclei += 100 * rng.uniform(0.7, 1.3) * (distance < 14)
            cytoplasm += 60 * rng.uniform(0.5, 1.5) * (distance < 35)
    nuclei, cytoplasm = gaussian_filter(nuclei, 1.5) + 3, gaussian_filter(cytoplasm, 1.5) + 3
    assert bool(said(seen(rng, nuclei, cytoplasm + share * nuclei))) == hinted

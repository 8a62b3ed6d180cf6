"""Images mostly below 0: no share of their light is called strong, and a warning says that there is none."""

from __future__ import annotations

import numpy as np
import pytest

from abbe.colocalization import Colocalization, colocalize
from abbe.image import Image

SHARES = ("m1", "m2", "tm1", "tm2", "m1_above", "m2_above", "rwc1", "rwc2")


def measured(offset: float, threshold: tuple[float, float]) -> Colocalization:
    """Spots of two channels on a ground of 100, from which an offset was taken."""
    rng = np.random.default_rng(7)
    light = rng.poisson(20 + 300 * (rng.random((64, 64)) < 0.05))
    planes = np.stack([light + rng.poisson(5, light.shape), light // 2 + rng.poisson(10, light.shape)]) + 100.0 - offset
    return colocalize(Image.from_array(planes.astype(np.float32), axes="CYX"), threshold=threshold)


def test_above_a_threshold_below_0_there_is_no_share_of_light_that_is_mostly_below_0() -> None:
    found = measured(400, (-270.0, -280.0))
    for key in SHARES:
        assert found[key].value is None, key
        assert "below 0" in (found[key].reason or "")
        assert found[key].word is None
    assert found["moc_above"].value is not None


def test_above_a_threshold_over_0_there_is_light_alone() -> None:
    found = measured(400, (10.0, 20.0))
    assert found.tm1 is None
    assert found["m1_above"].value is not None
    assert found["rwc1"].value is not None


def test_light_mostly_below_0_comes_with_a_warning_that_names_what_is_undefined() -> None:
    found = measured(400, (-270.0, -280.0))
    messages = [notice.message for notice in found.notices if notice.code == "negative"]
    assert len(messages) == 2
    for message, number in zip(messages, "12"):
        assert "so no share of its light means anything: undefined are M1, M2" in message
        assert f"M{number} of the light above threshold" in message
        assert "subtract another background" in message
    assert not [notice for notice in measured(0, (130.0, 120.0)).notices if notice.code == "negative"]


def test_an_image_without_any_light_says_so() -> None:
    dark = np.random.default_rng(2).normal(-500, 10, (2, 40, 40)).astype(np.float32)
    found = colocalize(Image.from_array(dark, axes="CYX"), threshold=(-505.0, -505.0))
    assert found.m1_above is None
    assert any("are below 0 and none above" in notice.message for notice in found.notices)


@pytest.mark.parametrize("offset", [0, 50])
def test_the_same_light_less_an_offset_has_other_shares_and_the_same_correlation(offset: float) -> None:
    found = measured(offset, (230.0 - offset, 180.0 - offset))
    assert found.pearson == pytest.approx(measured(0, (230.0, 180.0)).pearson, abs=1e-9)
    assert all(found[key].value is not None for key in SHARES)

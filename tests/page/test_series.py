"""Super resolution of a time series, or a stack: frames, or planes, that share their light are offered there, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


def asked(chromium: Any, served: Served, name: str) -> Hand:
    """The image of that name with the panel for super resolution beside it."""
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text=name).click()
    hand.seen()
    hand.tap("Super resolution")
    hand.page.get_by_role("button", name="Enhance", exact=True).wait_for()
    return hand


def enhanced(hand: Hand, served: Served, name: str) -> dict[str, Any]:
    """What the first step of the run was told."""
    hand.tap("Enhance")
    hand.page.locator("aside.versions li").nth(1).wait_for()
    hand.close()
    with abbe.Session.open(next(served.folder.glob(f"{name}*.abbe")), read_only=True) as session:
        recipe = session.image().recipe
    assert recipe is not None
    told: dict[str, Any] = recipe.steps[0].parameters
    return told


@pytest.mark.parametrize("frames", [1, 3])
def test_frames_share_their_light_where_it_is_chosen(chromium: Any, served: Served, frames: int) -> None:
    light = np.random.default_rng(4).poisson(20 + 60 * np.eye(64), (frames, 64, 64)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(light, axes="TYX", pixel_size=0.1), served.folder / "movie.ome.tif")
    hand = asked(chromium, served, "movie")
    choice = hand.page.get_by_role("combobox", name="Frames that share their light")
    assert choice.count() == (frames > 1)  # a single frame has none to share with
    if frames > 1:
        choice.select_option("with one before and one after")
    assert enhanced(hand, served, "movie").get("frames", 0) == (1 if frames > 1 else 0)


@pytest.mark.parametrize("together", [True, False])
def test_planes_share_their_light_unless_that_is_taken_off(chromium: Any, served: Served, together: bool) -> None:
    light = 5 + 60 * np.exp(-((np.indices((6, 64, 64)) - 30) ** 2).sum(0) / 600)
    stack = np.random.default_rng(4).poisson(light).astype(np.uint16)
    abbe.save(abbe.Image.from_array(stack, axes="ZYX", pixel_size=(0.1, 0.1, 0.1)), served.folder / "deep.ome.tif")
    hand = asked(chromium, served, "deep")
    hand.page.get_by_text("Options", exact=True).click()
    choice = hand.page.get_by_role("checkbox", name="Planes share their light")
    assert choice.count() == 0  # what sharpens along z sees the planes beside by itself
    hand.page.get_by_role("checkbox", name="Remove light from other planes").uncheck()
    assert choice.is_checked()
    choice.set_checked(together)
    assert ("planes" in enhanced(hand, served, "deep")) is together

"""The values under the pointer are those of what is shown there, also when that changes and the pointer does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


def point(hand: Hand) -> None:
    box = hand.page.locator(".surface").bounding_box()
    hand.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def reads(hand: Hand, value: str) -> None:
    """Waits for this value and no other."""
    hand.page.locator(".readout span", has_text=re.compile(rf"^\s*{value}\s*$")).wait_for()


def opened(chromium: Any, served: Served, image: abbe.Image, result: abbe.Image | None = None) -> Hand:
    with abbe.Session.create(served.folder / "made.abbe", image) as session:
        if result is not None:
            session.add_version(result, operation="import", parent="v1", name="brighter")
    hand = Hand(chromium, served)
    hand.page.locator(".tile").first.click()
    hand.seen()
    return hand


def test_the_values_are_those_of_the_frame_in_view(chromium: Any, served: Served) -> None:
    frames = np.empty((5, 40, 40), np.uint16)
    frames[:] = np.arange(1, 6)[:, None, None] * 100
    frames[:, 0, 0] = 0
    hand = opened(chromium, served, abbe.Image.from_array(frames, axes="TYX", pixel_size=0.1))
    slider = hand.page.get_by_role("slider", name="Time")
    for k in (0, 1, 2, 4):
        if k:
            slider.focus()
            slider.fill(str(k)) if k == 4 else slider.press("ArrowRight")
        else:
            point(hand)
        reads(hand, str(100 * (k + 1)))
    hand.close()


def test_who_holds_the_original_reads_its_values(chromium: Any, served: Served, tmp_path: Path) -> None:
    dark = np.full((40, 40), 100, np.uint16)
    dark[0, 0] = 0
    image = abbe.Image.from_array(dark, axes="YX", pixel_size=0.1)
    hand = opened(chromium, served, image, image.replace(pixels=abbe.Image.from_array(dark + 400, axes="YX").pixels))
    point(hand)
    reads(hand, "500")
    hand.page.keyboard.down(" ")
    reads(hand, "100")
    hand.page.keyboard.up(" ")
    reads(hand, "500")
    hand.close()


def test_values_that_do_not_come_are_not_shown(chromium: Any, served: Served) -> None:
    """Those of the frame before stayed."""
    frames = np.arange(1, 4, dtype=np.uint16)[:, None, None] * np.full((40, 40), 100, np.uint16)
    frames[:, 0, 0] = 0
    hand = opened(chromium, served, abbe.Image.from_array(frames, axes="TYX", pixel_size=0.1))
    point(hand)
    reads(hand, "100")
    hand.page.route("**/pixel?*", lambda route: route.abort())
    with hand.page.expect_event("requestfailed", lambda request: "/pixel?" in request.url):
        hand.page.get_by_role("slider", name="Time").press("ArrowRight")
    hand.page.locator(".readout").get_by_text(re.compile(r"^\s*\d00\s*$")).wait_for(state="detached")
    hand.close()

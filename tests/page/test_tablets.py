"""On a tablet held upright everything is within reach."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]

SIZES = ((768, 1024), (820, 1180), (834, 1112), (900, 1200), (960, 700), (1024, 768))
NAME = "a cell with a long name"


def test_every_button_of_the_header_and_the_name_are_on_the_screen(chromium: Any, served: Served) -> None:
    abbe.save(np.random.default_rng(0).poisson(40, (64, 64)).astype(np.uint16), served.folder / f"{NAME}.tif")
    hand = Hand(chromium, served, "finger")
    page = hand.page
    hand.tap_on(page.locator(".tile").first)
    hand.seen()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("innerWidth => document.documentElement.clientWidth === innerWidth", arg=width)
        for name in ("Export", "Delete this image", re.compile("^Devices")):
            box = page.get_by_role("button", name=name).first.bounding_box()
            assert box["x"] >= 0, (width, name)
            assert box["x"] + box["width"] <= width, (width, name)
        assert page.get_by_role("heading", name=NAME).bounding_box()["width"] > 40, width
    hand.tap("Export")
    page.get_by_role("heading", name="Export").wait_for()
    hand.close()


def test_turning_a_tablet_brings_the_history_back(chromium: Any, served: Served) -> None:
    abbe.save(np.zeros((64, 64), np.uint16), served.folder / "cell.tif")
    hand = Hand(chromium, served, "finger")
    hand.page.set_viewport_size({"width": 768, "height": 1024})
    hand.tap_on(hand.page.locator(".tile").first)
    hand.page.get_by_role("button", name="History").wait_for()
    hand.page.set_viewport_size({"width": 1024, "height": 768})
    hand.page.locator("aside.versions").wait_for()
    hand.close()

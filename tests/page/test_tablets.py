"""On a tablet held upright everything is within reach; fingers and a pen draw what was meant, and nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

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
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")  # its size is known
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


@pytest.mark.parametrize(("width", "height"), [(768, 1024), (1024, 768), (1440, 900)])
def test_what_can_be_done_with_a_version_is_written_whole(chromium: Any, served: Served, width: int, height: int) -> None:
    image = abbe.Image.from_array(np.full((64, 64), 9, np.uint16), axes="YX")
    with abbe.Session.create(served.folder / "cell.abbe", image) as session:
        session.add_version(image, name="denoised", operation="test")
        session.add_version(image, name="super-resolved", operation="test")
    hand = Hand(chromium, served, "finger")
    hand.page.set_viewport_size({"width": width, "height": height})
    hand.tap_on(hand.page.locator(".tile").first)
    hand.seen()
    if width < 1000:
        hand.tap("History")
    history = hand.page.locator("aside.versions").bounding_box()
    with Image.open(io.BytesIO(hand.page.get_by_role("button", name="More for Denoised").screenshot())) as drawn:
        assert (np.asarray(drawn.convert("L")) > 180).sum() > 9  # three dots that can be seen
    hand.tap("More for Denoised")
    for name in ("Rename", "Revert to this", "Delete"):
        button = hand.page.locator(".menu").get_by_role("button", name=name)
        box = button.bounding_box()
        assert history["x"] <= box["x"] < box["x"] + box["width"] <= history["x"] + history["width"], name
        assert button.evaluate("button => button.scrollWidth <= button.clientWidth"), name
    hand.close()


class Screen:
    """A touch screen and a pen on it, in parts of the picture's width and height."""

    def __init__(self, hand: Hand) -> None:
        self._at = hand.page.locator(".surface").bounding_box()
        self._send = hand.context.new_cdp_session(hand.page).send

    def _place(self, x: float, y: float) -> dict[str, float]:
        return {"x": self._at["x"] + self._at["width"] * x, "y": self._at["y"] + self._at["height"] * y}

    def touch(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{**self._place(*place), "id": index} for index, place in enumerate(places)]
        self._send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def pen(self, kind: str, x: float, y: float) -> None:
        held = {"button": "left", "buttons": 0 if kind == "mouseReleased" else 1, "clickCount": 1, "pointerType": "pen", "force": 0.5}
        self._send("Input.dispatchMouseEvent", {"type": kind, **self._place(x, y), **held})


@pytest.fixture
def drawing(chromium: Any, served: Served, pictures: Path) -> Iterator[tuple[Hand, Screen]]:
    """A tablet on which regions can be drawn."""
    hand = Hand(chromium, served, "finger")
    hand.bring(pictures / "cell.ome.tif")
    hand.tap_on(hand.page.locator(".tile").first)
    hand.seen()
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    yield hand, Screen(hand)
    hand.close()


def test_zooming_with_two_fingers_keeps_the_corners_of_a_polygon(drawing: tuple[Hand, Screen]) -> None:
    hand, screen = drawing
    hand.tap("Polygon")
    for corner in ((0.35, 0.35), (0.65, 0.35), (0.65, 0.65)):
        screen.touch("touchStart", corner)
        screen.touch("touchEnd")
    line = hand.page.locator("svg polyline")
    begun = line.get_attribute("points")
    hand.pinch(1.5)
    assert line.get_attribute("points") == begun
    hand.page.keyboard.press("Enter")
    hand.page.locator(".regions li").nth(1).wait_for()


def test_a_touch_that_the_system_takes_away_draws_nothing(drawing: tuple[Hand, Screen]) -> None:
    hand, screen = drawing
    hand.tap("Rectangle")
    screen.touch("touchStart", (0.3, 0.3))
    screen.touch("touchMove", (0.6, 0.6))
    hand.page.locator("path.chosen").wait_for()
    screen.touch("touchCancel")
    hand.page.locator("path.chosen").wait_for(state="detached")
    hand.drag((0.5, 0.5), (0.7, 0.7))  # the next one is the first
    hand.page.locator(".regions li").nth(1).wait_for()
    assert hand.page.locator(".regions li").count() == 2


def test_the_hand_that_holds_a_pen_does_not_disturb_it(drawing: tuple[Hand, Screen]) -> None:
    hand, screen = drawing
    zoom = hand.page.locator(".percent").inner_text()
    hand.tap("Freehand")
    screen.pen("mousePressed", 0.3, 0.3)
    screen.pen("mouseMoved", 0.5, 0.3)
    screen.touch("touchStart", (0.6, 0.9))
    screen.touch("touchMove", (0.62, 0.92))
    screen.pen("mouseMoved", 0.5, 0.6)
    screen.pen("mouseReleased", 0.3, 0.6)
    screen.touch("touchEnd")
    hand.page.locator(".regions li").nth(1).wait_for()
    assert hand.page.locator(".percent").inner_text() == zoom

"""Two pages on one image; losing and finding the server again."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import Served
from .test_protocol import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def hand(chromium: Any, served: Served, pictures: Path) -> Hand:
    hand = Hand(chromium, served, "mouse")
    hand.page.locator("input[type=file]").set_input_files(pictures / "cell.ome.tif")
    hand.page.locator(".tile").first.click()
    hand.page.locator(".viewer canvas").wait_for()
    return hand


def test_what_one_page_does_the_other_shows(hand: Hand) -> None:
    page, other = hand.page, hand.context.new_page()
    other.goto(page.url)
    other.reload()
    for one in (page, other):
        one.get_by_role("button", name="Colocalization", exact=True).click()
        one.locator("[data-coefficient=pearson]").wait_for()
    page.get_by_role("button", name="Ellipse").click()
    hand.drag((0.3, 0.3), (0.6, 0.7))
    page.locator(".regions li").nth(1).wait_for()
    drawn = time.monotonic()
    other.locator(".regions li").nth(1).wait_for()
    assert time.monotonic() - drawn < 5  # 0.5 s on a quiet machine; this one also draws by software
    # deleting says that another page is there, and closes it
    page.get_by_role("button", name="Delete this image").click()
    page.get_by_text("It is open on 2 pages").wait_for()
    page.get_by_role("button", name="Delete", exact=True).click()
    other.get_by_text("This image was deleted").wait_for()
    hand.close()


def test_a_killed_server_loses_nothing(hand: Hand, served: Served) -> None:
    page = hand.page
    page.get_by_role("button", name="Colocalization", exact=True).click()
    page.get_by_role("button", name="Rectangle").click()
    hand.drag((0.3, 0.3), (0.6, 0.7))
    page.locator(".regions li").nth(1).wait_for()
    served.kill()
    page.get_by_text(re.compile("abbe does not answer")).first.wait_for()
    served.start()
    page.get_by_role("alert").wait_for(state="detached")
    assert page.locator(".regions li").count() == 2
    page.reload()
    page.get_by_role("button", name="Colocalization", exact=True).click()
    page.locator(".regions li").nth(1).wait_for()
    hand.context.close()

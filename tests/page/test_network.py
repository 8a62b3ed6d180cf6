"""A second device whose network comes and goes, and how a device is let in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand
from .line import Line

pytestmark = [pytest.mark.browser, pytest.mark.long]

RED = ".well[style*='#ff0000' i]"
AWAY = re.compile("abbe does not answer")


@pytest.fixture
def line(served: Served) -> Iterator[Line]:
    line = Line(served)
    yield line
    line.close()


def colors(page: Any) -> list[str]:
    return [well.input_value() for well in page.locator(".channel input[type=color]").all()]


def test_a_device_that_was_away_shows_the_colours_chosen_meanwhile_and_does_not_undo_them(hand: Hand, chromium: Any, line: Line) -> None:
    other = line.device(hand, chromium)
    line.cut()
    other.get_by_text(AWAY).first.wait_for()
    with hand.page.expect_response(lambda answer: answer.url.endswith("/view") and answer.ok):
        hand.tap("R G B")
    line.mend()
    other.locator(RED).first.wait_for()
    with other.expect_response(lambda answer: answer.url.endswith("/view") and answer.ok):
        other.get_by_role("button", name="Show nucleus").click()
    hand.page.locator(".channel.off").wait_for()
    assert colors(hand.page) == colors(other) == ["#ff0000", "#00ff00"]


def test_colours_chosen_without_network_are_told_when_it_is_back(hand: Hand, chromium: Any, line: Line) -> None:
    other = line.device(hand, chromium)
    line.cut()
    other.get_by_text(AWAY).first.wait_for()
    with other.expect_event("requestfailed", lambda request: request.url.endswith("/view")):
        other.get_by_role("button", name="R G B").click()
    line.mend()
    hand.page.locator(RED).first.wait_for()


def test_what_fits_an_image_is_looked_for_when_the_network_is_back(hand: Hand, chromium: Any, line: Line) -> None:
    other = line.device(hand, chromium)
    line.cut()
    other.get_by_text(AWAY).first.wait_for()
    with other.expect_event("requestfailed", lambda request: "/advice" in request.url):
        other.get_by_role("button", name="Super resolution", exact=True).click()
    line.mend()
    other.get_by_text("Result 288 × 288 pixels").wait_for()


def test_parts_of_the_picture_that_were_lost_on_the_way_come_later(chromium: Any, served: Served, line: Line) -> None:
    checks = np.kron(np.indices((512, 512)).sum(0) % 2, np.ones((4, 4))).astype(np.uint16) * 1000  # grey, from afar
    abbe.save(checks, served.folder / "checks.tif")
    hand = Hand(chromium, served)
    hand.page.locator(".tile").first.click()
    hand.seen()
    other = line.device(hand, chromium)
    line.cut()
    other.get_by_text(AWAY).first.wait_for()
    for _ in range(5):
        other.get_by_role("button", name="Zoom in", exact=True).click()
    assert other.locator(".surface").get_attribute("aria-busy") == "true"
    line.mend()
    other.get_by_text(AWAY).first.wait_for(state="detached")
    hand.page = other
    hand.seen()
    assert hand.contrast() > 80  # half black, half white; without the parts all of it is grey
    hand.close()


def test_merging_without_network_says_so_and_is_possible_when_it_is_back(hand: Hand, chromium: Any, line: Line) -> None:
    other = line.device(hand, chromium)
    line.cut()
    other.get_by_text(AWAY).first.wait_for()
    other.keyboard.press("Shift+M")
    other.locator(".message", has_text="The server does not answer").wait_for()
    line.mend()
    other.get_by_role("alert").wait_for(state="detached")
    other.keyboard.press("Shift+M")
    other.get_by_role("dialog", name="Merge single-channel images").wait_for()


def test_a_page_whose_parts_are_gone_since_an_update_says_what_to_do(chromium: Any, served: Served, pictures: Path) -> None:
    context = chromium.new_context(service_workers="block")
    page = context.new_page()
    page.goto(served.link)
    page.locator("input[type=file]").set_input_files(pictures / "cell.ome.tif")
    page.route("**/assets/Workspace-*.js", lambda route: route.fulfill(status=404))  # the new one has another name
    page.locator(".tile").first.click()
    page.get_by_text("abbe was updated since this page was opened").wait_for()
    page.unroute("**/assets/Workspace-*.js")
    page.get_by_role("button", name="Load the page again").click()
    page.locator(".surface[aria-busy=false]").wait_for()
    context.close()


def test_a_link_outlasts_a_request_that_is_lost(chromium: Any, served: Served) -> None:
    context = chromium.new_context()
    page = context.new_page()
    lost: list[str] = []

    def lose_the_first(route: Any) -> None:
        lost.append(route.request.url)
        route.abort("connectionreset") if len(lost) == 1 else route.continue_()

    page.route("**/api/enter", lose_the_first)
    page.goto(served.link)
    page.get_by_text("abbe is away").wait_for()
    page.get_by_role("button", name="Add images").wait_for()
    context.close()


def test_a_link_lets_in_a_page_that_was_refused_before(chromium: Any, served: Served) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(served.link.split("#")[0])
    page.get_by_text("Open abbe with its link").wait_for()
    page.evaluate("link => location.href = link", served.link)  # as by pasting it into the address bar
    page.get_by_role("button", name="Add images").wait_for()
    context.close()

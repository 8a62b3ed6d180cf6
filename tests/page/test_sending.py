"""What goes to the server and comes from it: stopped uploads, exports whose sheet is closed, regions drawn while it is away."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe

from .conftest import Served, playwright
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_stopping_one_file_lets_the_next_be_sent(chromium: Any, served: Served, pictures: Path) -> None:
    hand = Hand(chromium, served)
    held: list[Any] = []
    hand.page.route(re.compile("/api/upload.*nucleus"), lambda route: held.append(route))  # on its way until somebody stops it
    hand.bring(pictures / "nucleus.tif", pictures / "microtubules.tif")
    hand.tap("Stop sending nucleus.tif")
    hand.page.locator(".tile", has_text="microtubules.tif").wait_for()
    hand.page.locator(".sending").wait_for(state="detached")
    assert held
    assert not (served.folder / "nucleus.tif").exists()
    hand.close()


def started(hand: Hand, button: str) -> None:
    """An export is asked for, and its sheet closed while the job runs."""
    page = hand.page
    hand.tap("Export")
    page.get_by_text("No image").click()
    page.get_by_label("PDF").check()
    with page.expect_response(lambda answer: answer.url.endswith("/jobs") and answer.request.method == "POST"):
        hand.tap(button)
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()


def test_a_download_comes_though_the_sheet_was_closed(hand: Hand) -> None:
    with hand.page.expect_download() as download:
        started(hand, "Download")
    assert Path(download.value.path()).stat().st_size > 1000
    hand.wait("on the way to your downloads")


def test_an_export_to_the_folder_is_told_of_though_the_image_was_closed(hand: Hand, served: Served) -> None:
    started(hand, "Save to the folder")
    hand.tap("Back to the files")
    hand.wait(re.compile("^Saved "))
    assert any(served.folder.glob("* export/*.pdf"))


def test_an_export_that_fails_says_so_though_the_sheet_was_closed(hand: Hand, served: Served) -> None:
    started(hand, "Download")
    served.kill()
    served.start()
    hand.wait(re.compile("abbe was stopped while it worked on this|on the way to your downloads"))


def drawn_without_network(hand: Hand, served: Served) -> None:
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    served.kill()
    hand.tap("Rectangle")
    hand.drag((0.4, 0.4), (0.6, 0.6))
    hand.wait("The region that you drew is not saved yet")


def test_a_region_that_was_not_saved_stays_and_can_be_saved_later(hand: Hand, served: Served) -> None:
    page = hand.page
    drawn_without_network(hand, served)
    assert page.locator("path.roi.chosen").count() == 1
    served.start()
    page.get_by_role("button", name="Save it").first.click()
    page.get_by_label("Name of the region").wait_for()


def test_a_region_that_was_not_saved_outlasts_messages_and_tools(hand: Hand, served: Served) -> None:
    page = hand.page
    drawn_without_network(hand, served)
    hand.tap("Channels")
    page.wait_for_timeout(12_500)  # a message of a problem passes after twelve seconds
    served.start()
    page.get_by_role("alert").wait_for(state="detached")
    hand.tap("Save it")
    page.locator("path.roi[data-roi]").wait_for(state="attached")


def test_how_far_an_export_is_can_be_seen_where_it_was_asked_for(chromium: Any, served: Served) -> None:
    pixels = np.random.default_rng(0).poisson(90, (400, 400)).astype(np.uint16)
    abbe.save(pixels, served.folder / "cell.tif")
    hand = Hand(chromium, served)
    hand.page.set_viewport_size({"width": 1024, "height": 600})
    hand.page.locator(".tile").first.click()
    hand.seen()
    hand.tap("Super resolution")
    hand.tap("Enhance")
    hand.page.locator("aside .job").wait_for()  # which the export waits for
    hand.tap("Export")
    hand.page.get_by_role("checkbox", name=re.compile("^Publication figure")).check()
    hand.tap("Save to the folder")
    playwright.expect(hand.page.get_by_role("dialog").get_by_role("progressbar")).to_be_in_viewport(ratio=1)
    hand.wait(re.compile("^Saved "))
    hand.close()


def test_escape_leaves_a_version_its_name_and_a_dialog_the_region(hand: Hand) -> None:
    page = hand.page
    hand.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    hand.tap("Rectangle")
    hand.drag((0.4, 0.4), (0.6, 0.6))
    name = page.get_by_label("Name of the region")
    name.wait_for()
    hand.tap("Shortcuts")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert name.is_visible()
    hand.tap("More for Original")
    hand.tap("Rename")
    page.get_by_label("Name of this version").fill("another")
    page.keyboard.press("Escape")
    page.locator("aside.versions .name", has_text="Original").wait_for()


def test_a_polygon_that_was_left_is_not_saved_by_enter(hand: Hand) -> None:
    page = hand.page
    hand.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    hand.tap("Polygon")
    box = page.locator(".surface").bounding_box()
    for x, y in ((0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.3, 0.6)):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.locator("polyline.roi").wait_for()
    hand.tap("Channels")
    page.locator("polyline.roi").wait_for(state="detached")
    page.keyboard.press("Enter")
    hand.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    assert page.locator(".regions li").count() == 1


def test_another_name_of_a_version_measures_nothing_again(hand: Hand) -> None:
    page = hand.page
    hand.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/colocalize") else None)
    hand.tap("More for Original")
    hand.tap("Rename")
    page.get_by_label("Name of this version").fill("the first")
    page.keyboard.press("Enter")
    page.locator("aside.versions .name", has_text="the first").wait_for()
    page.get_by_text(re.compile("^Whole image, ")).wait_for()
    assert not asked


def test_what_fits_an_image_is_looked_for_once(hand: Hand) -> None:
    page = hand.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/advice" in request.url else None)
    hand.tap("Super resolution")
    hand.wait("Result 288 × 288 pixels")
    hand.tap("More for Original")
    hand.tap("Rename")
    page.get_by_label("Name of this version").fill("as it came")
    page.keyboard.press("Enter")
    page.locator("aside.versions .name", has_text="as it came").wait_for()
    page.wait_for_timeout(300)
    assert len(asked) == 1


def test_a_search_ends_with_the_folder(chromium: Any, served: Served, pictures: Path) -> None:
    (served.folder / "day 2").mkdir()
    (served.folder / "day 2" / "other.tif").write_bytes((pictures / "nucleus.tif").read_bytes())
    for number in range(13):
        (served.folder / f"day {number}.tif").write_bytes(b"")
    hand = Hand(chromium, served)
    hand.page.get_by_label("Find a file").fill("day 2")
    hand.page.locator(".tile", has=hand.page.locator(".picture.folder")).click()
    hand.page.locator(".tile", has_text="other.tif").wait_for()
    hand.close()

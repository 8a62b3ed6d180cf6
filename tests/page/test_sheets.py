"""Sheets over the page: what is written in one is not lost, and what goes wrong meanwhile is said in it."""

from __future__ import annotations

import re
from typing import Any

import pytest

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


def export_sheet(page: Any) -> Any:
    """The field for the comment in the sheet, which is opened."""
    page.get_by_role("button", name="Export", exact=True).click()
    return page.get_by_label("Comment, for the report")


def comments(served: Served) -> list[str]:
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        return [comment.text for comment in session.comments]


def test_a_comment_is_kept_when_the_sheet_is_closed(hand: Hand, served: Served) -> None:
    page = hand.page
    field = export_sheet(page)
    field.fill("HeLa, fixed")
    box = field.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(5, box["y"] + 20)  # text is marked to beyond the sheet, which stays
    page.mouse.up()
    assert field.is_visible()
    page.keyboard.press("Escape")
    hand.wait("The comment is kept")
    assert comments(served) == ["HeLa, fixed"]
    assert export_sheet(page).input_value() == "HeLa, fixed"


def test_a_comment_that_is_written_on_while_the_export_runs_is_kept(hand: Hand, served: Served) -> None:
    page = hand.page
    field = export_sheet(page)
    field.fill("HeLa")
    held: list[Any] = []
    page.route("**/jobs", lambda route: held.append(route))
    hand.tap("Save to the folder")
    field.press_sequentially(", fixed")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    hand.wait("Saved")
    assert field.input_value() == "HeLa, fixed"
    page.keyboard.press("Escape")
    hand.wait("The comment is kept")
    assert comments(served) == ["HeLa, fixed"]


def test_a_comment_is_kept_when_the_browser_goes_back(hand: Hand, served: Served) -> None:
    page = hand.page
    export_sheet(page).fill("HeLa, fixed")
    with page.expect_response("**/comment"):
        page.go_back()
    page.get_by_role("button", name="Add images").wait_for()
    assert comments(served) == ["HeLa, fixed"]


def test_of_two_comments_written_at_once_one_is_chosen(hand: Hand, served: Served) -> None:
    page, other = hand.page, hand.context.new_page()
    other.goto(page.url)
    other.locator(".surface[aria-busy=false]").wait_for()
    mine, theirs = export_sheet(page), export_sheet(other)
    mine.fill("of mine")
    theirs.fill("of theirs")
    other.keyboard.press("Escape")
    page.get_by_text("Another device wrote meanwhile: “of theirs”").wait_for()
    hand.tap("Save to the folder")
    page.get_by_role("dialog").locator(".message.problem", has_text="choose which of the two").wait_for()  # in the sheet, not behind it
    assert mine.input_value() == "of mine"
    hand.tap("Keep mine")
    page.keyboard.press("Escape")
    hand.wait("The comment is kept")
    assert comments(served) == ["of mine"]
    theirs = export_sheet(other)
    assert theirs.input_value() == "of mine"
    mine = export_sheet(page)
    mine.fill("of mine, with the staining")
    page.keyboard.press("Escape")
    other.wait_for_function(
        "field => field.value === 'of mine, with the staining'", arg=theirs.element_handle()
    )  # nothing was written there


def test_a_comment_that_cannot_be_saved_is_not_closed_away(hand: Hand, served: Served) -> None:
    page = hand.page
    field = export_sheet(page)
    field.fill("HeLa, fixed")
    served.kill()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Close without your comment?").wait_for()
    page.get_by_role("dialog").last.get_by_role("button", name="Cancel").click()
    assert field.input_value() == "HeLa, fixed"
    served.start()
    page.get_by_role("alert").wait_for(state="detached")
    page.keyboard.press("Escape")
    hand.wait("The comment is kept")
    assert comments(served) == ["HeLa, fixed"]


def name_of_drawn(hand: Hand) -> Any:
    """The field for the name of a region that was just drawn."""
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    hand.tap("Ellipse")
    hand.drag((0.3, 0.3), (0.6, 0.7))
    field = hand.page.get_by_label("Name of the region")
    field.wait_for()
    return field


def refused(page: Any) -> Any:
    """What the page says of a change that did not get through."""
    said = page.locator(".message.problem", has_text="probably not done")
    said.wait_for()
    return said


def back(page: Any, served: Served) -> None:
    served.start()
    page.get_by_role("alert").wait_for(state="detached")


def test_a_change_that_did_not_get_through_is_tried_again(hand: Hand, served: Served) -> None:
    page = hand.page
    field = name_of_drawn(hand)
    served.kill()
    field.fill("Golgi")
    field.press("Enter")
    said = refused(page)
    back(page, served)
    said.get_by_role("button", name="Try again").click()
    page.locator("text", has_text="Golgi").wait_for()
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        assert [roi.name for roi in session.rois] == ["Golgi"]


def test_undo_without_an_answer_is_not_offered_again(hand: Hand, served: Served) -> None:
    """It may have been done: twice is one too many."""
    page = hand.page
    name_of_drawn(hand)
    served.kill()
    page.keyboard.press("Control+z")
    said = refused(page)
    assert said.get_by_role("button", name="Try again").count() == 0
    back(page, served)
    page.keyboard.press("Control+z")
    hand.wait("Undone")
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        assert not session.rois


def test_keys_go_on_where_a_sheet_or_a_menu_was_opened(hand: Hand, served: Served) -> None:
    page = hand.page

    def has_keys(element: Any) -> None:
        page.wait_for_function("element => document.activeElement === element", arg=element.element_handle())

    opener = page.get_by_role("button", name="Export", exact=True)
    opener.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    has_keys(opener)
    more = page.locator("aside.versions .more")
    more.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    has_keys(more)
    more.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    has_keys(page.get_by_label("Name of this version"))
    page.keyboard.type("merged by me")  # letters of shortcuts among them
    page.keyboard.press("Enter")
    page.locator("aside.versions .name", has_text="merged by me").wait_for()
    has_keys(more)
    assert more.get_attribute("aria-expanded") == "false"  # by the key that ended the name
    assert page.get_by_role("dialog").count() == 0


def test_on_a_phone_the_way_to_an_image_takes_two_lines(chromium: Any, served: Served) -> None:
    (served.folder / "a folder").mkdir()
    hand = Hand(chromium, served, "finger")
    page = hand.page
    page.set_viewport_size({"width": 390, "height": 844})
    hand.tap_on(page.locator(".tile", has_text="a folder"))
    page.get_by_role("heading", name="a folder").wait_for()
    tops = {name: page.get_by_role("button", name=name).bounding_box()["y"] for name in ("Shortcuts", "Merge", "Add images")}
    name = page.get_by_role("heading", name="a folder").bounding_box()
    assert name["width"] > 60
    assert tops["Shortcuts"] < tops["Merge"] == tops["Add images"] < 110
    assert page.get_by_role("button", name=re.compile("^Devices")).bounding_box()["x"] > name["x"] + name["width"]
    hand.close()

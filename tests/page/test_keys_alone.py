"""Who works with keys alone stays where they are: the focus does not fall back to the page when a control is replaced."""

from __future__ import annotations

import re

import pytest

from .conftest import playwright
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]
expect = playwright.expect


def test_the_focus_follows_a_button_that_becomes_progress_and_back(hand: Hand) -> None:
    page = hand.page
    hand.tap("Super resolution")
    page.get_by_role("button", name="Enhance", exact=True).focus()
    page.keyboard.press("Enter")
    work = page.get_by_role("group", name="Super resolution of cell")
    expect(work).to_be_focused()
    page.keyboard.press("Enter")  # once more by mistake: nothing is stopped
    page.keyboard.press("Tab")
    expect(work.get_by_role("button", name=re.compile("^Cancel"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Enhance", exact=True)).to_be_focused()
    expect(page.locator(".versions li")).to_have_count(1)


def test_the_focus_comes_back_to_a_button_that_waited_for_an_answer(hand: Hand) -> None:
    page = hand.page
    hand.tap("Super resolution")
    page.get_by_role("button", name="Preview where I look").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Preview here again")).to_be_focused()
    page.get_by_role("button", name="Hide").focus()
    page.keyboard.press("Enter")
    expect(page.locator("summary", has_text="Options")).to_be_focused()


def test_the_focus_stays_among_the_regions_when_one_is_deleted_and_a_finger_opens_no_keyboard(hand: Hand) -> None:
    page = hand.page
    hand.tap("Colocalization")
    regions = page.get_by_role("list", name="Regions")
    for number in (1, 2):
        page.get_by_role("button", name="Rectangle").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(regions.get_by_role("listitem")).to_have_count(1 + number)
    regions.get_by_role("button", name="Delete ROI 2").focus()
    page.keyboard.press("Enter")
    expect(regions.get_by_role("listitem")).to_have_count(2)
    expect(regions.locator(":focus")).to_have_count(1)
    regions.get_by_role("button", name="Whole image").click()
    regions.get_by_role("button", name="ROI 1").click()
    field = regions.get_by_role("textbox", name="Name of the region")
    expect(field).to_have_value("ROI 1")
    expect(field).not_to_be_focused()


def nothing_has_the_focus(hand: Hand) -> bool:
    hand.page.wait_for_timeout(200)  # long enough for it to have moved
    return bool(hand.page.evaluate("document.activeElement === document.body"))


def test_a_key_after_a_click_beside_does_not_go_back_to_what_was_clicked_before(hand: Hand) -> None:
    """The next Space or Enter would press it once more."""
    page = hand.page
    hand.tap("Super resolution")
    options = page.locator("summary", has_text="Options")
    options.click()
    expect(options).to_be_focused()
    page.get_by_role("heading", name="Super resolution").click()
    assert nothing_has_the_focus(hand)
    page.keyboard.press("+")
    assert nothing_has_the_focus(hand)


def test_keys_are_for_the_picture_when_a_button_that_was_clicked_is_gone(hand: Hand) -> None:
    page = hand.page
    hand.tap("Super resolution")
    page.get_by_role("button", name="Enhance", exact=True).click()
    page.wait_for_function("document.activeElement === document.body")
    page.keyboard.press("ArrowLeft")
    assert nothing_has_the_focus(hand)
    expect(page.locator(".versions li")).to_have_count(2)

"""Undo on two pages that are in step."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import playwright
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


def regions(page: Any) -> Any:
    return page.locator(".regions li")


def draw(hand: Hand, count: int) -> None:
    hand.page.keyboard.press("Shift+C")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    for number in range(count):
        hand.tap("Rectangle")
        hand.drag((0.3, 0.2 + 0.15 * number), (0.6, 0.3 + 0.15 * number))
        regions(hand.page).nth(number + 1).wait_for()


def beside(hand: Hand) -> Any:
    """A second page on the same image, at its regions."""
    other = hand.context.new_page()
    other.goto(hand.page.url)
    other.get_by_role("button", name="Colocalization", exact=True).click()
    return other


def deleted(hand: Hand) -> Any:
    """Draws a region and deletes it; the button that brings it back."""
    draw(hand, 1)
    hand.page.keyboard.press("Delete")
    button = hand.page.locator(".message", has_text="is deleted").get_by_role("button", name="Undo")
    button.wait_for()
    return button


def test_two_that_undo_at_the_same_moment_undo_one_change(hand: Hand) -> None:
    draw(hand, 2)
    page, other = hand.page, beside(hand)
    regions(other).nth(2).wait_for()
    held: list[Any] = []
    other.route("**/undo", lambda route: held.append(route))
    other.keyboard.press("Control+z")
    while not held:
        other.wait_for_timeout(20)
    page.keyboard.press("Control+z")
    playwright.expect(regions(page)).to_have_count(2)
    held[0].continue_()
    other.locator(".message:not(.problem)", has_text="pressed elsewhere too").wait_for()
    playwright.expect(regions(other)).to_have_count(2)
    playwright.expect(regions(page)).to_have_count(2)
    # pressed again, knowing of it
    other.unroute("**/undo")
    other.keyboard.press("Control+z")
    playwright.expect(regions(page)).to_have_count(1)
    other.close()


def test_pressed_three_times_in_a_row_it_undoes_three_changes(hand: Hand) -> None:
    draw(hand, 4)
    hand.page.route("**/undo", lambda route: (hand.page.wait_for_timeout(200), route.continue_()))
    for _ in range(3):
        hand.page.keyboard.press("Control+z")
    playwright.expect(regions(hand.page)).to_have_count(2)
    hand.page.get_by_text("Undone: ROI 2 added").wait_for()
    assert hand.page.get_by_text("Undone").count() == 1, "one message for each lay over the picture, and only the last could be done again"
    for _ in range(2):
        hand.page.keyboard.press("Control+Shift+z")
    playwright.expect(regions(hand.page)).to_have_count(4)
    assert hand.page.locator(".message.problem").count() == 0


def test_undo_in_the_message_of_a_deletion_brings_that_back_and_nothing_else(hand: Hand) -> None:
    brings_back = deleted(hand)
    draw(hand, 1)
    brings_back.click()
    hand.page.locator(".message:not(.problem)", has_text="changed meanwhile").wait_for()
    assert regions(hand.page).count() == 2


def test_undo_in_the_message_of_a_deletion_that_keys_undid_says_so(hand: Hand) -> None:
    brings_back = deleted(hand)
    hand.page.keyboard.press("Control+z")
    playwright.expect(regions(hand.page)).to_have_count(2)
    brings_back.click()
    hand.page.locator(".message:not(.problem)", has_text="That is undone already").wait_for()
    assert regions(hand.page).count() == 2


def test_a_region_whose_name_is_being_written_can_be_deleted(hand: Hand) -> None:
    """Leaving the field keeps the name, and that is no change by somebody else."""
    draw(hand, 1)
    hand.page.route("**/rois/*", lambda route: (hand.page.wait_for_timeout(300), route.continue_()))
    hand.page.get_by_label("Name of the region").fill("Golgi")
    hand.page.get_by_role("button", name="Delete ROI 1").click()
    hand.page.locator(".message", has_text="is deleted").wait_for()
    playwright.expect(regions(hand.page)).to_have_count(1)
    assert hand.page.locator(".message.problem").count() == 0


def test_what_another_page_deleted_is_said_to_be(hand: Hand) -> None:
    draw(hand, 1)
    page, other = hand.page, beside(hand)
    regions(other).nth(1).click()
    held: list[Any] = []
    other.route("**/rois/*", lambda route: held.append(route))
    field = other.get_by_label("Name of the region")
    field.fill("Golgi")
    field.press("Enter")
    while not held:
        other.wait_for_timeout(20)
    page.keyboard.press("Delete")
    page.locator(".message", has_text="is deleted").wait_for()
    held[0].continue_()
    other.locator(".message", has_text="the ROI was deleted elsewhere meanwhile").wait_for()
    playwright.expect(regions(other)).to_have_count(1)
    other.close()

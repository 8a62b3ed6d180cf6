"""Several changes that did not get through to the server are told in one message, by name, and all are made when it is back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


def measuring(hand: Hand) -> None:
    """Colocalization, where regions are drawn."""
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()


def back(hand: Hand, served: Served) -> None:
    served.start()
    hand.page.get_by_role("alert").wait_for(state="detached")


def test_a_name_and_a_move_of_one_region_are_both_made(hand: Hand, served: Served) -> None:
    """The second stands on the first: it was refused as if another device had changed the region."""
    page = hand.page
    measuring(hand)
    hand.tap("Rectangle")
    hand.drag((0.3, 0.3), (0.5, 0.5))
    field = page.get_by_label("Name of the region")
    field.wait_for()
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        (before,) = (roi.shape for roi in session.rois)
    served.kill()
    field.fill("Golgi")
    field.press("Enter")
    hand.wait("Not saved: the name “Golgi” of ROI 1. The server does not answer")
    assert field.input_value() == "ROI 1"  # not as if it were saved
    for end in (0.5, 0.6):  # the same anew takes the place of the one before
        hand.drag((0.4, 0.4), (end, 0.4))
        hand.wait("Not saved: the name “Golgi” of ROI 1; the new outline of ROI 1. The server does not answer")
    assert page.locator(".message.problem").count() == 1
    back(hand, served)
    hand.tap("Try again")
    page.get_by_role("button", name="Undo: ROI Golgi changed").wait_for()
    page.wait_for_function("() => !document.querySelector('.message.problem')")
    page.get_by_role("button", name="Undo: ROI Golgi changed").click()  # the move, which was the last
    hand.wait("Undone: ROI Golgi changed")
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        assert [(roi.name, roi.shape) for roi in session.rois] == [("Golgi", before)]


def test_all_regions_that_were_drawn_meanwhile_stay_to_be_seen_and_are_saved(hand: Hand, served: Served) -> None:
    page = hand.page
    measuring(hand)
    served.kill()
    for number in range(1, 6):
        hand.tap("Rectangle")
        hand.drag((0.1 * number, 0.3), (0.1 * number + 0.08, 0.4))
        page.wait_for_function("(n) => document.querySelectorAll('path.unsaved').length === n", arg=number)
    hand.wait("The 5 regions that you drew are not saved yet")
    back(hand, served)
    hand.tap("Save them")
    page.locator(".regions li").nth(5).wait_for()
    assert page.locator("path.unsaved").count() == 0
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        assert len(session.rois) == 5


def test_a_change_that_did_not_get_through_is_not_made_over_a_later_one(hand: Hand, served: Served) -> None:
    """Try again put the older outline in place of the newer one, which was saved."""
    page = hand.page
    measuring(hand)
    hand.tap("Rectangle")
    hand.drag((0.3, 0.3), (0.5, 0.5))
    page.locator(".regions li").nth(1).wait_for()
    served.kill()
    hand.drag((0.4, 0.4), (0.5, 0.4))
    hand.wait("Not saved: the new outline of ROI 1")
    asked = page.evaluate("() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    assert asked  # the browser asks before it leaves the page
    back(hand, served)
    hand.drag((0.4, 0.4), (0.4, 0.6))
    page.get_by_role("button", name="Undo: ROI 1 changed").wait_for()
    page.wait_for_function("() => !document.querySelector('.message.problem')")
    assert page.get_by_role("button", name="Try again").count() == 0
    assert not page.evaluate("() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))")


def test_a_region_of_which_the_answer_alone_was_lost_is_there_once(hand: Hand, served: Served) -> None:
    """It was saved, and drawn a second time by the button that tries again."""
    page = hand.page
    measuring(hand)

    def lost(route: Route) -> None:
        if route.request.method == "POST":
            assert route.fetch().ok
            route.abort()
        else:
            route.continue_()

    page.route("**/rois", lost)
    hand.tap("Ellipse")
    hand.drag((0.3, 0.3), (0.5, 0.5))
    hand.wait("The region that you drew is not saved yet")
    page.unroute("**/rois")
    hand.tap("Save it")
    page.wait_for_function("() => !document.querySelector('.message.problem')")
    page.locator(".regions li").nth(1).wait_for()
    assert page.locator("path.unsaved").count() == 0
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        assert len(session.rois) == 1

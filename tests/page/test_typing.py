"""Numbers that are typed where a hand would drag: contrast that several figures share, thresholds that were published."""

from __future__ import annotations

import json

import pytest

from .conftest import playwright
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]
expect = playwright.expect


def test_contrast_is_typed_and_one_end_takes_the_other_along(hand: Hand) -> None:
    page = hand.page
    black = page.get_by_role("textbox", name="nucleus: value shown as black, as a number")
    full = page.get_by_role("textbox", name="nucleus: value shown as full colour, as a number")
    before = hand.brightness()
    full.fill("100000")  # beyond what the image holds: another image may hold it
    full.press("Enter")
    expect(full).to_have_value("100000")
    assert hand.brightness() < before
    span = 100000 - float(black.input_value())
    black.fill("200 000")
    black.press("Enter")  # no number: nothing changes
    expect(full).to_have_value("100000")
    black.fill("200000,0")
    black.press("Enter")
    expect(black).to_have_value("200000")
    assert float(full.input_value()) == pytest.approx(200000 + span, rel=1e-4)
    full.fill("1")
    full.press("Escape")
    assert float(full.input_value()) == pytest.approx(200000 + span, rel=1e-4)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_thresholds_are_typed_and_measured_with(hand: Hand) -> None:
    page = hand.page
    hand.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    first = page.get_by_role("textbox", name="Threshold of nucleus, as a number")
    second = page.get_by_role("textbox", name="Threshold of microtubules, as a number")
    first.wait_for()
    with page.expect_request(lambda request: request.url.endswith("/colocalize")) as asked:
        first.fill("321.5")
        first.press("Enter")
    sent = json.loads(asked.value.post_data or "{}")["threshold"]
    assert sent[0] == 321.5
    assert sent[1] == pytest.approx(float(second.input_value()), rel=1e-2)  # the one that was not touched
    expect(page.get_by_label("Thresholds")).to_have_value("manual")
    expect(page.get_by_role("slider", name="Threshold of nucleus")).to_have_attribute("aria-valuenow", "321.5")
    first.fill("bright")
    first.press("Enter")
    expect(first).to_have_value("321.5")

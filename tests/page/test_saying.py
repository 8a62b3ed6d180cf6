"""What the page says beside its numbers and buttons: to eyes, and to a screen reader."""

from __future__ import annotations

import io
import itertools
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

import abbe

from .conftest import Served, playwright
from .hand import Hand
from .test_looking import opened

pytestmark = [pytest.mark.browser, pytest.mark.long]

RNG = np.random.default_rng(4)
#: two stains that have nothing to do with one another, in 3 frames of 2 planes
CELLS = RNG.poisson(100 + 4000 * gaussian_filter((RNG.random((3, 2, 2, 120, 120)) < 0.003).astype(float), (0, 0, 0, 3, 3))).astype(
    np.uint16
)


@pytest.fixture
def series(chromium: Any, served: Served) -> Any:
    hand = opened(chromium, served, abbe.Image.from_array(CELLS, axes="TCZYX", pixel_size=(0.3, 0.1, 0.1), channels=["a", "b"]))
    yield hand
    hand.close()


def test_numbers_of_a_series_say_that_planes_and_frames_are_measured_together(series: Hand) -> None:
    series.tap("Colocalization")
    series.wait("Whole image, 2 planes and 3 frames together, 86,400 pixels")
    tile = series.page.locator(".numbers .number", has=series.page.locator("[data-coefficient=moc]"))
    tile.get_by_text(re.compile(r"^by chance 0\.\d{3}$")).wait_for()  # which is not 0, whatever the specimen


def test_numbers_that_mean_little_say_so_where_they_stand_and_in_the_table(chromium: Any, served: Served) -> None:
    pixels = CELLS[0, :, 0].copy()
    pixels[:, 5, 7] = 65000  # one hot pixel, in both channels
    hand = opened(chromium, served, abbe.Image.from_array(pixels, axes="CYX", pixel_size=(None, 0.1, 0.1), channels=["a", "b"]))
    hand.tap("Colocalization")
    tile = hand.page.locator(".numbers .number", has=hand.page.locator("[data-coefficient=pearson]"))
    tile.get_by_text("means little: see below").wait_for()
    assert "one pixel decides" in hand.page.locator(".panel .note.warn").first.inner_text().lower()  # what decides stands first
    hand.tap("Table of all")
    row = hand.page.locator("dialog tbody tr").first
    row.wait_for()
    hand.wait("to read why. These numbers are kept")
    assert "means little" in row.locator("td").nth(3).inner_text()
    assert "means little" not in row.locator("td").nth(4).inner_text()  # Spearman's, which hardly sees a pixel
    hand.close()


def test_a_map_that_is_not_looked_at_any_more_is_not_said_to_be_computed(chromium: Any, served: Served) -> None:
    pixels = CELLS[0, :, 0]
    image = abbe.Image.from_array(pixels, axes="CYX", pixel_size=(None, 0.1, 0.1), channels=["a", "b"])
    hand = opened(chromium, served, image, (image,))
    held: list[Any] = []
    hand.page.route("**/maps/error*", lambda route: held.append(route))
    hand.tap("Compare")
    hand.tap("Error map")
    said = hand.page.get_by_text("Computing the map")
    said.wait_for()
    hand.tap("Swipe")
    said.wait_for(state="detached")
    for route in held:
        route.continue_()
    hand.close()


def test_before_and_after_of_a_white_channel_can_be_seen_on_a_white_page(chromium: Any, served: Served) -> None:
    hand = opened(chromium, served, abbe.Image.from_array(CELLS[0, 0, 0], axes="YX", pixel_size=(None, 0.1, 0.1)))
    hand.tap("Light colours")
    hand.tap("Background")
    hand.tap("Correct background")
    plot = hand.page.get_by_role("img", name=re.compile("^Histogram of .* after$"))
    plot.locator("canvas").wait_for()
    with Image.open(io.BytesIO(plot.screenshot())) as drawn:
        shades = np.asarray(drawn.convert("L"), float)
    ground = np.median(shades)
    assert (np.abs(shades - ground) > 150).sum() > 200  # the line after, 2 px wide, from side to side
    assert re.search("after$", plot.locator("xpath=..").locator("figcaption").inner_text())
    hand.tap("Compare")
    hand.page.get_by_label("Same contrast on both").wait_for()
    hand.tap("Error map")
    hand.page.locator(".legend").wait_for()
    assert not hand.page.get_by_label("Same contrast on both").is_visible()  # a map has colours of its own
    hand.close()


def test_the_same_message_is_there_once(hand: Hand, served: Served) -> None:
    hand.tap("Super resolution")
    served.kill()
    for _ in range(3):
        with hand.page.expect_event("requestfailed", lambda request: request.url.endswith("/preview")):
            hand.tap("Preview where I look")
        hand.page.get_by_role("button", name="Preview where I look").wait_for()
    message = hand.page.locator(".message", has_text="The server does not answer")
    playwright.expect(message).to_have_count(1)


def test_what_is_no_fluorescence_is_not_said_to_fit(chromium: Any, served: Served) -> None:
    dark = CELLS[0, :, 0].astype(float)
    sections = (4 * dark.max() - 3 * dark).astype(np.uint16)
    hand = opened(chromium, served, abbe.Image.from_array(sections, axes="CYX", channels=["a", "b"]))
    hand.tap("Super resolution")
    hand.wait(re.compile("^a: bright, with dark structure"))
    hand.wait("Result 360 × 360 pixels")
    assert hand.page.get_by_text("This fits").count() == 0
    assert hand.page.locator(".note.warn", has_text="bright, with dark structure").count() == 2
    hand.close()


def test_a_screen_reader_hears_headings_in_order_the_scale_and_what_buttons_show(series: Hand) -> None:
    page = series.page
    levels = page.evaluate("() => [...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    page.get_by_role("img", name=re.compile("^Scale bar: ")).wait_for()
    for width in (1440, 768, 390):  # on a phone too: who speaks to the page says what is to be read there
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
        for button in page.get_by_role("navigation", name="Tools").get_by_role("button").all():
            name = button.get_attribute("aria-label")
            assert button.inner_text().strip() == name
            box, text = button.bounding_box(), button.locator("span").bounding_box()
            assert 0 <= box["x"] <= text["x"]
            assert text["x"] + text["width"] <= box["x"] + box["width"] + 0.5 <= width


def test_in_high_contrast_what_is_chosen_and_what_is_nothing_but_colour_can_be_seen(series: Hand) -> None:
    page = series.page
    page.emulate_media(forced_colors="active")
    ground = "e => getComputedStyle(e).backgroundColor"

    def seen(selector: str, pseudo: str = "") -> str:
        return str(page.locator(selector).first.evaluate(f"e => getComputedStyle(e, '{pseudo}').backgroundColor"))

    tabs = page.get_by_role("navigation", name="Tools")
    chosen, other = (tabs.get_by_role("button", pressed=pressed).first.evaluate(ground) for pressed in (True, False))
    assert chosen != other
    assert seen(".scale i") == "rgb(255, 255, 255)"
    assert seen(".histogram .handle", "::after") == "rgb(255, 255, 255)"
    assert seen("label.well") == "rgb(204, 121, 167)"  # the colour that the channel is shown in


def test_what_is_said_while_a_question_waits_moves_none_of_its_buttons_and_is_said_afterwards(hand: Hand) -> None:
    hand.tap("Super resolution")
    hand.tap("Enhance")
    hand.tap("Delete this image")
    question = hand.page.locator("dialog[open]")
    button = question.get_by_role("button", name="Cancel")
    before = button.bounding_box()
    hand.page.locator(".verdict").first.wait_for(state="attached")  # behind the question the run has ended
    hand.page.wait_for_function("() => !document.querySelector('aside .job')")
    assert button.bounding_box() == before
    assert question.locator(".message").count() == 0
    hand.tap_on(button)
    hand.wait(re.compile("^Done"))


def test_a_message_that_a_question_hides_is_still_there_afterwards(hand: Hand) -> None:
    hand.page.keyboard.press("Shift+C")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    hand.tap("Rectangle")
    hand.drag((0.3, 0.2), (0.6, 0.3))
    hand.page.locator(".regions li").nth(1).wait_for()
    hand.page.keyboard.press("Delete")
    message = hand.page.locator(".message", has_text="is deleted")
    message.wait_for()
    hand.tap("Delete this image")
    question = hand.page.locator("dialog[open]")
    question.get_by_role("button", name="Cancel").wait_for()
    hand.page.wait_for_timeout(11_000)  # a message with something to press is there for ten seconds
    question.get_by_role("button", name="Cancel").click()
    message.get_by_role("button", name="Undo").click()
    playwright.expect(hand.page.locator(".regions li")).to_have_count(2)

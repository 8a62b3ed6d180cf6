"""Channels that lie off one another, on the page: told, measured, moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe
from abbe.session import Session
from shift_maker import apart

from .conftest import Served, playwright
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]
expect = playwright.expect


@pytest.fixture
def shifted(chromium: Any, served: Served, tmp_path: Path) -> Any:
    """The page with an image open whose second channel lies 2 pixels below and 3 left."""
    abbe.save(apart((2, -3), 0.7), tmp_path / "apart.ome.tif")
    hand = Hand(chromium, served)
    hand.bring(tmp_path / "apart.ome.tif")
    hand.page.locator(".tile").first.click()
    hand.seen()
    yield hand
    hand.close()


def pearson(page: Any) -> float:
    text = page.locator("[data-coefficient=pearson]").text_content()
    return float(text.replace("−", "-"))


def test_the_warning_leads_to_the_shift_and_the_shift_to_a_version_without_it(shifted: Hand, served: Served) -> None:
    page = shifted.page
    shifted.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    before = pearson(page)
    warning = page.locator(".note.warn", has_text="Tubulin lies 2")
    expect(warning).to_be_visible()
    warning.get_by_role("button", name="Align channels").click()
    dialog = page.get_by_role("dialog")
    below, right = (dialog.get_by_label(f"Pixels that tubulin lies {where}") for where in ("below", "to the right"))
    expect(below).not_to_have_value("")
    assert float(below.input_value()) == pytest.approx(2, abs=0.4)
    assert float(right.input_value()) == pytest.approx(-3, abs=0.4)
    expect(dialog).to_contain_text("Measured on the image itself, in")
    shifted.picture("align")
    dialog.get_by_role("button", name="Align", exact=True).click()
    expect(warning).to_have_count(0)
    assert pearson(page) > before + 0.3
    with Session.open(served.folder / "apart.abbe") as session:
        assert session.current.operation == "align"


def test_numbers_that_are_none_and_nothing_to_move_are_told(shifted: Hand) -> None:
    page = shifted.page
    shifted.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    page.get_by_role("button", name="Align channels").last.click()
    dialog = page.get_by_role("dialog")
    below, right = (dialog.get_by_label(f"Pixels that tubulin lies {where}") for where in ("below", "to the right"))
    expect(below).not_to_have_value("")
    act = dialog.get_by_role("button", name="Align", exact=True)
    expect(act).to_be_enabled()
    below.fill("two")
    expect(dialog).to_contain_text("Shifts are numbers of pixels")
    expect(act).to_be_disabled()
    below.fill("0.3")
    right.fill("0,2")
    expect(dialog).to_contain_text("nothing to move")
    expect(act).to_be_disabled()
    dialog.get_by_label("The channel that stays").select_option(label="tubulin")
    expect(dialog.get_by_label("Pixels that actin lies below")).to_have_value("-2")


def test_an_image_of_beads_is_measured_in_its_place(shifted: Hand, served: Served, tmp_path: Path) -> None:
    page = shifted.page
    beads = abbe.save(apart((8, 4), 1.0, pixel=0.05, seed=3), tmp_path / "beads.ome.tif").path
    shifted.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    page.get_by_role("button", name="Align channels").last.click()
    dialog = page.get_by_role("dialog")
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Measure on an image of beads").click()
    chooser.value.set_files(beads)
    expect(dialog).to_contain_text("Measured on beads.ome.tif")
    expect(dialog.get_by_label("Pixels that tubulin lies below")).to_have_value("4")
    dialog.get_by_role("button", name="Align", exact=True).click()
    shifted.wait("Done")
    with Session.open(served.folder / "apart.abbe") as session:
        said = session.current.recipe.steps[0].parameters
        assert (said["on"], said["moves"]) == ("beads", [[0, 0, 0], [0, 4, 2]])


def brought(chromium: Any, served: Served, image: abbe.Image, place: Path) -> Hand:
    abbe.save(image, place)
    hand = Hand(chromium, served)
    hand.bring(place)
    hand.page.locator(".tile").first.click()
    hand.seen()
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    hand.page.get_by_role("button", name="Align channels").last.click()
    return hand


def test_a_channel_that_cannot_be_told_stays_and_the_others_move_as_measured(chromium: Any, served: Served, tmp_path: Path) -> None:
    """1.49 is shown as 1.5, and moved by 1 pixel as it was measured, not by 2."""
    two = apart((1.47, -3), 0.9, seed=1)
    noise = np.random.default_rng(2).poisson(9, two.shape[3:]).astype(np.uint16)
    three = abbe.Image.from_array(np.stack([*np.asarray(two)[0, :, 0], noise]), axes="CYX", channels=["actin", "tubulin", "DNA"])
    assert 1.45 < abbe.channel_shifts(three)[1].shift[0] < 1.5
    hand = brought(chromium, served, three, tmp_path / "three.ome.tif")
    try:
        dialog = hand.page.get_by_role("dialog")
        expect(dialog).to_contain_text("Cannot be told from the image itself")
        expect(dialog.get_by_label("Pixels that tubulin lies below")).to_have_value("1.5")
        dialog.get_by_role("button", name="Align", exact=True).click()
        hand.wait("Done")
        with Session.open(served.folder / "three.abbe") as session:
            assert session.current.recipe.steps[0].parameters["moves"] == [[0, 0, 0], [0, 1, -3], [0, 0, 0]]
    finally:
        hand.close()


def test_half_a_pixel_is_nothing_to_move(chromium: Any, served: Served, tmp_path: Path) -> None:
    """0.48 is shown as 0.5, which no version without a move is made of; nor are the channels said to lie right where numbers are typed."""
    hand = brought(chromium, served, apart((0.47, -0.2), 0.9, seed=1), tmp_path / "half.ome.tif")
    try:
        dialog = hand.page.get_by_role("dialog")
        below = dialog.get_by_label("Pixels that tubulin lies below")
        expect(below).to_have_value("0.5")
        expect(dialog).to_contain_text("The channels lie on one another within half a pixel")
        expect(dialog.get_by_role("button", name="Align", exact=True)).to_be_disabled()
        below.fill("0.4")
        expect(dialog).to_contain_text("These shifts are half a pixel at most")
    finally:
        hand.close()


def test_shifts_against_another_channel_are_not_used_where_measuring_fails(shifted: Hand) -> None:
    page = shifted.page
    shifted.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    page.get_by_role("button", name="Align channels").last.click()
    dialog = page.get_by_role("dialog")
    act = dialog.get_by_role("button", name="Align", exact=True)
    expect(act).to_be_enabled()
    page.route("**/shifts?*", lambda route: route.abort())
    dialog.get_by_label("The channel that stays").select_option(label="tubulin")
    expect(dialog.locator(".note.bad")).to_be_visible()
    expect(act).to_be_disabled()
    page.unroute("**/shifts?*")
    dialog.get_by_label("The channel that stays").select_option(label="actin")
    expect(act).to_be_enabled()

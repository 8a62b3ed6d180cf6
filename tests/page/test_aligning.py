"""Channels that lie off one another, on the page: told, measured, moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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

"""The protocol's steps in a real browser, from an empty folder to a saved PDF: with a mouse on a desktop, with a finger on a tablet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import abbe

from .conftest import NAMES_OF_CHANNELS, Served
from .hand import Hand

pytestmark = pytest.mark.browser

#: brighter than this (of 255), a picture of a cell on black is no empty canvas
DARK = 3.0


@pytest.fixture(params=["mouse", pytest.param("finger", marks=pytest.mark.long)])
def hand(request: pytest.FixtureRequest, chromium: Any, served: Served) -> Iterator[Hand]:
    hand = Hand(chromium, served, request.param)
    yield hand
    hand.close()


def test_from_an_empty_folder_to_a_saved_pdf(hand: Hand, served: Served, pictures: Path) -> None:
    hand.wait("Bring an image")
    hand.picture("empty")
    open_files(hand, pictures)
    merge(hand)
    enhance(hand, served.folder / "my cell.abbe")
    correct_the_background(hand, served.folder / "my cell.abbe")
    compare(hand)
    undo_redo_and_revert(hand)
    colocalize(hand, served.folder / "my cell.abbe")
    save_a_pdf(hand)


def open_files(hand: Hand, pictures: Path) -> None:
    """A wrong file and a damaged one are refused in words; good ones are there."""
    for wrong in ("notes.tif", "cut.tif"):
        hand.bring(pictures / wrong)
        hand.page.locator(".message.problem", has_text=wrong).wait_for()
    hand.bring(*(pictures / f"{name}.tif" for name in NAMES_OF_CHANNELS))
    hand.page.locator(".tile").nth(1).wait_for()
    hand.picture("files")


def merge(hand: Hand) -> None:
    hand.tap("Merge")
    for name in NAMES_OF_CHANNELS:
        hand.tap(f"Put {name}.tif into the chosen well")
    hand.page.locator(".preview img").wait_for()
    hand.picture("merge")
    hand.page.get_by_placeholder("merged").fill("my cell")
    hand.tap("Merge 2 images")
    hand.page.locator(".histogram path").first.wait_for()
    assert hand.brightness() > DARK
    hand.picture("viewer")


def enhance(hand: Hand, session_folder: Path) -> None:
    """Workflow A: a preview of the region in view, then the whole image with a known point-spread function, which becomes a new version."""
    hand.tap("Super resolution")
    hand.wait("This fits")
    hand.tap("Preview where I look")
    hand.wait("Preview in the middle of the picture")
    hand.page.locator("details", has_text="Options").locator("summary").click()
    hand.page.get_by_role("textbox", name="Width of the point-spread function").fill("2.4px")
    hand.tap("Enhance")
    hand.page.locator("aside.versions li").nth(1).wait_for()
    hand.wait(re.compile("^Done"))
    assert hand.brightness() > DARK
    hand.picture("enhanced")
    with abbe.Session.open(session_folder, read_only=True) as session:
        recipe = session.image().recipe
        assert recipe is not None
        assert set(recipe.to_dict()["steps"][-1]["parameters"]["psf"]["fwhm_pixels"]) == {2.4}


def correct_the_background(hand: Hand, session_folder: Path) -> None:
    """Workflow B on one of the channels, seen before and then done as the options say, with the histogram before and after."""
    hand.tap("Background")
    hand.page.get_by_role("checkbox", name=NAMES_OF_CHANNELS[1]).uncheck()
    hand.wait("The others stay exactly as they are")
    hand.tap("Preview where I look")
    hand.wait("Preview in the middle of the picture")
    hand.page.locator("details", has_text="Options").locator("summary").click()
    hand.page.get_by_role("combobox", name="Passes").select_option("one: fastest")
    hand.tap("Correct background")
    hand.page.locator("aside.versions li").nth(2).wait_for()
    hand.page.locator(".uplot canvas").first.wait_for()
    hand.picture("background")
    with abbe.Session.open(session_folder, read_only=True) as session:
        recipe = session.image().recipe
        assert recipe is not None
        assert recipe.to_dict()["steps"][0]["parameters"]["passes"] == 1


def compare(hand: Hand) -> None:
    hand.tap("Compare")
    hand.page.get_by_role("slider", name=re.compile("Edge between")).wait_for()
    for mode in ("Swipe", "Side by side", "Blink", "Difference", "Error map"):
        hand.tap(mode)
        if mode in ("Difference", "Error map"):
            hand.page.locator(".legend").wait_for()
        assert hand.brightness() > (DARK if mode != "Error map" else 0), mode
        hand.picture(f"compare-{mode}")
    measure_the_agreement(hand)


def measure_the_agreement(hand: Hand) -> None:
    """What was measured stays while the way of looking changes, and goes when something else is compared."""
    measured = hand.page.locator("table", has_text="doing nothing").first
    hand.tap("Swipe")
    hand.tap("Measure the agreement")
    measured.get_by_text("RSP").wait_for()
    hand.tap("Blink")
    hand.tap("Swipe")
    hand.seen()
    assert measured.is_visible()
    hand.page.get_by_role("combobox", name=re.compile("^Compare")).select_option(index=1)
    measured.wait_for(state="detached")
    hand.page.get_by_role("combobox", name=re.compile("^Compare")).select_option(index=0)


def undo_redo_and_revert(hand: Hand) -> None:
    """The background correction is undone and done again; then back to the original, and forward to the super-resolved version."""
    current = hand.page.locator("aside.versions li.current")
    hand.tap(re.compile("^Undo:"))
    current.get_by_text("super-resolved").wait_for()
    hand.tap(re.compile("^Redo:"))
    current.get_by_text("background").wait_for()
    hand.tap_on(hand.page.locator("aside.versions li .version").last)
    current.get_by_text("Original").wait_for()
    hand.tap_on(hand.page.locator("aside.versions li .version").nth(1))
    current.get_by_text("super-resolved").wait_for()


def colocalize(hand: Hand, session_folder: Path) -> None:
    """A region drawn by hand; its numbers are those of the Python interface."""
    page = hand.page
    hand.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    hand.tap("Rectangle")
    hand.drag((0.4, 0.35), (0.6, 0.65))
    page.locator(".regions li.chosen input").wait_for()
    with abbe.Session.open(session_folder, read_only=True) as session:
        roi = session.rois.roi(next(iter(session.rois)).id)
        expected = abbe.colocalize(session.image(), channels=(0, 1), roi=roi)
    for key in ("pearson", "tm1", "tm2", "moc"):
        shown = f"{expected[key].value:.3f}".replace("-", "−")
        page.locator(f"[data-coefficient={key}]", has_text=shown).wait_for()
    page.get_by_label("Reveal the colocalized pixels").check()
    assert hand.brightness() > DARK
    hand.picture("colocalization")
    hand.tap("Keep for the report")
    hand.wait("Kept for the report")


def save_a_pdf(hand: Hand) -> None:
    page = hand.page
    hand.tap("Export")
    page.get_by_placeholder(re.compile("Specimen")).fill("A simulated cell")
    hand.picture("export")
    page.get_by_text("No image").click()
    page.get_by_label("Excel (XLSX)").uncheck()
    with page.expect_download() as download:
        hand.tap("Download")
    assert download.value.suggested_filename.endswith(".pdf")
    assert Path(download.value.path()).read_bytes()[:5] == b"%PDF-"

"""What an export lost, and how its pictures are to be read, is said where it was asked for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def sheet(chromium: Any, served: Served) -> Iterator[Hand]:
    """The export sheet of an image of which a PNG cannot hold all: ten pixels lie below 0, and there are fractions."""
    pixels = np.random.default_rng(0).uniform(10.25, 400.75, (60, 80)).astype(np.float32)
    pixels[0, :10] = -5
    abbe.Session.create(served.folder / "cell.abbe", abbe.Image.from_array(pixels, axes="YX", pixel_size=(None, 0.1, 0.1))).close()
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="cell").click()
    hand.seen()
    hand.tap("Export")
    hand.page.get_by_label("Excel (XLSX)").uncheck()
    hand.page.get_by_label("PDF").uncheck()
    yield hand
    hand.close()


def exported(hand: Hand) -> Any:
    found = hand.page.get_by_role("dialog", name="Exported")
    found.wait_for()
    return found


def test_what_did_not_fit_into_the_file_is_said(sheet: Hand) -> None:
    sheet.page.get_by_text("For slides and papers").click()
    with sheet.page.expect_download() as download:
        sheet.tap("Download")
    assert download.value.suggested_filename.endswith(".png")
    said = exported(sheet)
    said.get_by_text(re.compile("^10 of 4800 pixels did not fit into uint16 .* were clipped: 10 below, 0 above")).wait_for()
    said.get_by_text("Values were rounded to whole numbers (uint16)").wait_for()
    sheet.picture("exported")
    sheet.tap("Change the choices")
    sheet.page.get_by_text("Every pixel, with sizes and channel names").click()
    with sheet.page.expect_download():
        sheet.tap("Download")
    sheet.page.get_by_role("dialog").wait_for(state="detached")  # all is in it: nothing to read
    sheet.wait(re.compile("on the way to your downloads"))


def test_the_values_shown_are_there_for_the_legend(sheet: Hand) -> None:
    sheet.page.get_by_text("No image").click()
    sheet.page.get_by_role("checkbox", name=re.compile("^Whole view")).check()
    sheet.tap("Save to the folder")
    said = exported(sheet)
    said.get_by_text(re.compile("^Saved .* in “cell export”")).wait_for()
    said.get_by_text(re.compile("^Grey values from black to full colour, linear")).wait_for()
    sheet.tap("Done")
    sheet.page.get_by_role("dialog").wait_for(state="detached")


def test_what_was_left_out_comes_first_and_says_what_to_choose_instead(chromium: Any, served: Served) -> None:
    pixels = np.random.default_rng(0).poisson(50, (2, 60, 80)).astype(np.uint16)
    image = abbe.Image.from_array(pixels, axes="CYX", pixel_size=(None, 0.1, 0.1), channels=["a", "b"])
    abbe.Session.create(served.folder / "two.abbe", image).close()
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="two").click()
    hand.seen()
    hand.tap("Export")
    hand.page.get_by_text("For slides and papers").click()
    hand.tap("Save to the folder")
    left = exported(hand).locator(".note.bad")
    left.wait_for()
    assert "the whole view" in left.inner_text()
    assert "abbe export" not in left.inner_text()
    hand.close()


def download_behind(sheet: Hand) -> None:
    """An export whose sheet was closed before the server answered, and the message that there are remarks on it."""
    sheet.page.get_by_text("For slides and papers").click()
    held: list[Any] = []
    sheet.page.route("**/jobs", lambda route: held.append(route))
    sheet.tap("Download")
    sheet.tap("Cancel")
    with sheet.page.expect_download():
        held[0].continue_()
    sheet.wait("There are 2 remarks on it.")


def test_who_closed_the_sheet_is_told_as_well(sheet: Hand) -> None:
    download_behind(sheet)
    sheet.page.wait_for_timeout(11_000)  # longer than other messages stay
    sheet.tap("Read")
    exported(sheet).get_by_text(re.compile("did not fit into uint16")).wait_for()


def test_what_is_said_meanwhile_does_not_take_its_place(sheet: Hand) -> None:
    download_behind(sheet)
    sheet.page.unroute("**/jobs")
    times = itertools.count(1)
    sheet.page.route("**/jobs", lambda route: route.fulfill(status=409, json={"error": "busy", "message": f"Not now, {next(times)}."}))
    said = sheet.page.locator(".message", has_text="Not now, ")
    sheet.tap("Export")
    for k in range(4):
        sheet.tap("Download")
        said.nth(k).wait_for()
    sheet.tap("Cancel")
    assert said.count() == 4
    sheet.tap("Read")
    exported(sheet).get_by_text(re.compile("did not fit into uint16")).wait_for()


def test_of_a_packed_session_a_table_says_that_it_is_not_kept(chromium: Any, served: Served, pictures: Path) -> None:
    with abbe.Session.create(served.folder / "cell.abbe", pictures / "cell.ome.tif") as session:
        session.pack(served.folder / "packed.zip")
    (served.folder / "packed.zip").rename(served.folder / "packed.abbe")
    hand = Hand(chromium, served)
    for name, said in (("packed", "these numbers are not kept"), ("cell", "These numbers are kept, and go into exports")):
        hand.page.locator(".tile", has_text=name).first.click()
        hand.seen()
        hand.tap("Colocalization")
        hand.page.locator("[data-coefficient=pearson]").wait_for()
        hand.tap("Table of all")
        hand.page.get_by_role("dialog").get_by_text(said).wait_for()
        hand.page.keyboard.press("Escape")
        hand.tap("Back to the files")
    hand.close()

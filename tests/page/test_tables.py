"""The table over all pairs and regions: it says how far it is, stops, and goes on when its sheet is closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import abbe
from abbe.image import ROI

from .conftest import Served, playwright
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def looking(chromium: Any, served: Served) -> Iterator[Hand]:
    """A page on an image whose 60 regions are each nearly all of it, so that a table takes some seconds."""
    pixels = np.random.default_rng(6).poisson(40, (2, 400, 400)).astype(np.uint16)
    pixels[:, 60:160, 60:240] += 300
    image = abbe.Image.from_array(pixels, axes="CYX", pixel_size=(None, 0.1, 0.1), channels=["a", "b"])
    with abbe.Session.create(served.folder / "cell.abbe", image) as session:
        for k in range(60):
            session.rois.add(ROI.ellipse(20, 20, 19 - k / 20, 19))
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="cell").click()
    hand.seen()
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    yield hand
    hand.close()


def kept(served: Served) -> int:
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        return len(session.analyses)


def test_a_table_says_how_far_it_is_and_is_stopped(looking: Hand, served: Served) -> None:
    looking.tap("Table of all")
    sheet = looking.page.get_by_role("dialog")
    sheet.get_by_text(re.compile(r"^measuring \d+ of 61$", re.IGNORECASE)).wait_for()
    looking.tap_on(sheet.get_by_role("button", name="Cancel Table of cell"))
    looking.wait("The table was stopped; nothing was kept")
    sheet.wait_for(state="detached")
    assert kept(served) == 0


def test_a_table_whose_sheet_is_closed_goes_on_and_is_shown_when_it_is_there(looking: Hand, served: Served) -> None:
    looking.tap("Table of all")
    sheet = looking.page.get_by_role("dialog")
    sheet.get_by_role("progressbar").wait_for()
    looking.page.keyboard.press("Escape")
    sheet.wait_for(state="detached")
    looking.page.locator(".panel").get_by_role("progressbar", name="Table of cell").wait_for()
    looking.tap("Show")
    playwright.expect(sheet.locator("tbody tr:not(.over)")).to_have_count(61)
    looking.wait("These numbers are kept")
    assert kept(served) == 61
    with abbe.Session.open(served.folder / "cell.abbe", read_only=True) as session:
        r = [float(found.results["pearson"]) for found in session.analyses if found.roi is not None]
    over = sheet.locator("tr.over")
    playwright.expect(over.locator("td").nth(2)).to_have_text("60 regions")
    playwright.expect(over.locator("td").nth(3)).to_have_text(f"{np.mean(r):.3f}± {np.std(r, ddof=1):.3f}".replace("-", "−"))
    assert "doubt" in (over.locator("td").nth(6).get_attribute("class") or "")  # M1: b is above 0 everywhere
    looking.picture("table")

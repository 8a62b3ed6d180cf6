"""Telling the page what a file does not say of its image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from abbe.session import Session

from .conftest import Served, playwright
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(params=["mouse", "finger"])
def plain(request: pytest.FixtureRequest, chromium: Any, served: Served, tmp_path: Path) -> Iterator[Hand]:
    """A page with a file of 12 planes open, two channels in turn, that says nothing of itself."""
    rng = np.random.default_rng(0)
    planes = rng.poisson(50, (12, 96, 96)).astype(np.uint16)
    planes[1::2, 20:60, 20:60] += 400
    tifffile.imwrite(tmp_path / "plain.tif", planes, metadata=None)
    hand = Hand(chromium, served, request.param)
    hand.bring(tmp_path / "plain.tif")
    hand.tap_on(hand.page.locator(".tile").first)
    hand.seen()
    yield hand
    hand.close()


def correct(hand: Hand, **fields: str) -> None:
    """Opens the sheet and fills in what is told, by the names of the fields."""
    hand.tap("Correct")
    for name, value in fields.items():
        hand.page.get_by_label(name.replace("_", " ")).first.fill(value)


def test_planes_and_sizes_are_told_and_every_page_shows_them(plain: Hand, served: Served) -> None:
    page, other = plain.page, plain.context.new_page()
    other.goto(page.url)
    other.get_by_text("size not known").wait_for()
    plain.tap("Correct")
    assert page.get_by_role("button", name="It is so").is_enabled()  # the guess may be right
    page.get_by_role("textbox", name="Channels", exact=True).fill("5")
    plain.wait("must make the 12 planes of the file, not 60")
    assert page.get_by_role("button", name="Apply", exact=True).is_disabled()
    page.get_by_role("textbox", name="Channels", exact=True).fill("2")
    page.get_by_label("Planes in depth").fill("6")
    page.get_by_label("Name of channel 1").fill("actin")
    page.get_by_label("Name of channel 2").fill("tubulin")
    page.get_by_label("Pixel size in µm").fill("0,065")  # as most of the world writes it
    page.get_by_label("Z-step in µm").fill("0.3")
    plain.wait("The field is 6.24 µm × 6.24 µm, the stack 1.5 µm deep.")
    plain.picture("properties")
    plain.tap("Apply")
    for one in (page, other):
        one.get_by_text("6.24 µm × 6.24 µm").wait_for()
        one.get_by_role("button", name="Show tubulin").wait_for()
        one.get_by_text("65 nm, z-step 300 nm").wait_for()
        one.get_by_text(re.compile("told by hand: 2 channels, 6 planes")).wait_for()
    assert plain.brightness() > 20  # drawn anew, with two channels
    with Session.open(served.folder / "plain.abbe") as session:
        image = session.image("v1")
        assert (image.shape, image.channels, image.pixel_size) == ((1, 2, 6, 96, 96), ("actin", "tubulin"), (0.3, 0.065, 0.065))
        means = np.asarray(image).mean((0, 2, 3, 4))
    assert means[1] > means[0] + 50
    assert sorted(path.name for path in served.folder.iterdir() if not path.name.startswith(".")) == ["plain.abbe", "plain.tif"]


def test_an_image_with_work_in_it_stays_and_the_corrected_one_opens_beside_it(plain: Hand, served: Served) -> None:
    page = plain.page
    plain.tap("Background")
    plain.tap("Correct background")
    page.locator("aside.versions li").nth(1).wait_for()
    plain.tap("Channels")
    correct(plain, Pixel_size="0.1")
    plain.wait("What was made and measured here was made of the image as it was")
    plain.tap("Apply")
    plain.wait("plain 2")
    page.get_by_text("9.6 µm × 9.6 µm").wait_for()
    with Session.open(served.folder / "plain.abbe") as before, Session.open(served.folder / "plain 2.abbe") as after:
        assert (len(before.versions), before.original.pixel_size[2], after.original.pixel_size[2]) == (2, None, 0.1)


def test_what_is_no_size_is_said_at_once_and_leaving_changes_nothing(plain: Hand, served: Served) -> None:
    page = plain.page
    correct(plain, Pixel_size="65 pixels")
    plain.wait("Sizes and times are numbers above 0")
    assert page.get_by_role("button", name="Apply", exact=True).is_disabled()
    page.keyboard.press("Escape")
    playwright.expect(page.get_by_role("dialog")).to_have_count(0)
    with Session.open(served.folder / "plain.abbe") as session:
        assert (session.original.pixel_size, len(session.history())) == ((None, None, None), 1)


def test_a_comma_that_may_part_thousands_is_asked_about(plain: Hand) -> None:
    """ "1,000 nm" is a micrometre here and a nanometre there; "0,065" can be but one."""
    page = plain.page
    correct(plain, Pixel_size="1,000 nm")
    plain.wait("1,000 nm may be a thousand times as much")
    assert page.get_by_role("button", name="Apply", exact=True).is_disabled()
    page.get_by_label("Pixel size in µm").fill("0,065")
    plain.tap("Apply")
    page.get_by_text("6.24 µm × 6.24 µm").wait_for()


def test_a_size_may_have_its_unit_and_one_without_that_cannot_be_in_um_is_doubted(plain: Hand, served: Served) -> None:
    page = plain.page
    correct(plain, Pixel_size="65")
    plain.wait("A pixel of 65 µm is large for a microscope")
    page.get_by_label("Pixel size in µm").fill("65 nm")
    plain.wait("The field is 6.24 µm × 6.24 µm.")
    assert page.get_by_text("is large for a microscope").count() == 0
    page.get_by_label("Z-step in µm").fill("0,2 µm")
    plain.tap("Apply")
    plain.wait("The image is read as you told")
    with Session.open(served.folder / "plain.abbe") as session:
        assert session.original.pixel_size == (0.2, 0.065, 0.065)

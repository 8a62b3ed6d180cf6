"""Regions that another program drew, on the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.image import ROI, Mask
from abbe.session import Session

from .conftest import Served, playwright
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]
expect = playwright.expect


def test_cells_of_a_label_image_are_measured_one_by_one(hand: Hand, served: Served, tmp_path: Path) -> None:
    page = hand.page
    labels = np.zeros((96, 96), np.uint16)
    for k in range(9):
        y, x = 5 + 30 * (k // 3), 5 + 30 * (k % 3)
        labels[y : y + 20, x : x + 24] = k + 1
    tifffile.imwrite(tmp_path / "cells_cp_masks.tif", labels)
    hand.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    with page.expect_file_chooser() as chooser:
        hand.tap("Regions from a file")
    chooser.value.set_files(tmp_path / "cells_cp_masks.tif")
    hand.wait("9 regions from cells_cp_masks.tif")
    expect(page.locator(".regions li")).to_have_count(10)
    expect(page.locator("path.roi")).to_have_count(9)
    hand.picture("cells")
    hand.tap("label 5")
    hand.wait("label 5, 480 pixels")
    with Session.open(served.folder / "cell.abbe") as session:
        a, b = np.asarray(session.image())[0, :, 0][:, labels == 5].astype(float)
    expect(page.locator("[data-coefficient=pearson]")).to_have_text(f"{np.corrcoef(a, b)[0, 1]:.3f}".replace("-", "−"))
    hand.tap("Undo", exact=False)  # in the message: all of them, as they came
    expect(page.locator(".regions li")).to_have_count(1)


def test_a_region_in_pixels_lies_where_the_same_in_um_lies(hand: Hand, served: Served, tmp_path: Path) -> None:
    page = hand.page
    with Session.open(served.folder / "cell.abbe") as session:
        um = session.original.pixel_size[2]
        assert um is not None
        image = session.image()
    box = (20, 30, 40, 25)
    path = abbe.save_rois(ROI.rectangle(*box, unit="pixel").named("Fiji's"), tmp_path / "fiji.roi", image)
    hand.tap("Colocalization")
    page.locator("[data-coefficient=pearson]").wait_for()
    page.locator("input[type=file]").last.set_input_files(path)
    hand.wait("1 region from fiji.roi")
    with Session.open(served.folder / "cell.abbe") as session:
        session.rois.add(ROI.rectangle(*(um * side for side in box)), "the same")
    expect(page.locator("path.roi")).to_have_count(2)
    one, two = (page.locator("path.roi").nth(k).bounding_box() for k in (0, 1))
    assert one is not None
    assert two is not None
    for side in ("x", "y", "width", "height"):
        assert one[side] == pytest.approx(two[side], abs=0.5)
    field = page.locator(".surface").bounding_box()
    assert field is not None
    assert one["width"] > field["height"] / 96 * 25 * 0.8  # and it is as large as 25 of 96 pixels


def test_a_file_without_regions_says_so(hand: Hand, tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    hand.page.locator("input[type=file]").last.set_input_files(tmp_path / "notes.json")
    hand.wait("notes.json")
    expect(hand.page.get_by_role("button", name="Regions from a file")).to_be_enabled()


def test_a_mask_made_in_python_is_measured_and_neither_drawn_nor_moved(hand: Hand, served: Served) -> None:
    page = hand.page
    inside = np.zeros((96, 96), bool)
    inside[10:40, 20:50] = True
    with Session.open(served.folder / "cell.abbe") as session:
        session.rois.add(Mask.from_pixels(inside, session.image()), "by hand")
    hand.tap("Colocalization")
    hand.tap("by hand")
    hand.wait("by hand, 900 pixels")
    expect(page.locator("path.roi")).to_have_count(0)
    expect(page.locator("circle.handle")).to_have_count(0)
    page.locator(".surface").focus()
    page.keyboard.press("ArrowRight")
    hand.wait("by hand was made in Python")
    with Session.open(served.folder / "cell.abbe") as session:
        np.testing.assert_array_equal(session.rois.roi("by hand").mask(session.image())[0], inside)


def test_a_region_of_very_many_corners_does_not_stop_the_page(hand: Hand, tmp_path: Path) -> None:
    teeth = 90_000  # more corners than a function takes arguments
    ring = [[2 + 2 * (k % 2), 2 + 5 * k / teeth] for k in range(teeth)] + [[8, 7 - 5 * k / teeth - 1e-6] for k in range(teeth)]
    (tmp_path / "comb.json").write_text(json.dumps([{"type": "polygon", "name": "comb", "unit": "um", "rings": [ring]}]))
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    hand.page.locator("input[type=file]").last.set_input_files(tmp_path / "comb.json")
    hand.wait("1 region from comb.json")
    expect(hand.page.locator("path.roi")).to_have_count(1)
    hand.tap("comb")
    hand.wait("comb, ")

"""A file of several images asks which to open; one of a single image is opened at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]

NAMES = ("nucleus pole", "spindle", "midbody")
UPRIGHT = {"width": 820, "height": 1180}


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """An OME-TIFF of three images, 40, 50 and 60 pixels wide."""
    path = tmp_path / "scan.ome.tif"
    rng = np.random.default_rng(0)
    with tifffile.TiffWriter(path, ome=True) as tif:
        for k, name in enumerate(NAMES):
            pixels = rng.poisson(50, (2, 40, 40 + 10 * k)).astype(np.uint16)
            tif.write(pixels, metadata={"axes": "CYX", "Name": name, "Channel": {"Name": ["a", "b"]}})
    return path


def chooser(hand: Hand) -> Any:
    found = hand.page.get_by_role("dialog", name=re.compile("^Images in scan"))
    found.get_by_text("This file holds 3 images").wait_for()
    return found


@pytest.mark.parametrize("kind", ["mouse", "finger"])
def test_after_the_upload_several_are_chosen_and_opened(chromium: Any, served: Served, scan: Path, kind: str) -> None:
    hand = Hand(chromium, served, kind)
    page = hand.page
    if kind == "finger":
        page.set_viewport_size(UPRIGHT)
    hand.bring(scan)
    sheet = chooser(hand)
    for k, name in enumerate(NAMES):
        sheet.locator("li", has_text=name).get_by_text(f"{40 + 10 * k} × 40 pixels, 2 channels").wait_for()
    for name in NAMES[1:]:
        hand.tap_on(sheet.get_by_text(name))
    box = sheet.get_by_role("button", name="Open 2 images").bounding_box()
    assert box["y"] + box["height"] <= page.viewport_size["height"]
    assert box["height"] >= 44
    hand.picture("choose")
    hand.tap("Open 2 images")
    hand.wait("2 images of scan.ome.tif are open")
    page.reload()
    for name in NAMES[1:]:
        page.locator(".tile", has_text=f"scan {name}").wait_for()
    hand.tap_on(page.locator(".tile", has_text="scan spindle"))
    hand.seen()
    page.reload()
    hand.seen()
    with abbe.Session.open(served.folder / "scan spindle.abbe", read_only=True) as session:
        assert session.original.shape[4] == 50
    hand.close()


def test_one_is_opened_and_the_others_are_found_again_from_it(chromium: Any, served: Served, scan: Path) -> None:
    hand = Hand(chromium, served)
    page = hand.page
    hand.bring(scan)
    sheet = chooser(hand)
    assert sheet.get_by_role("button", name="Open", exact=True).is_disabled()
    sheet.get_by_text(NAMES[2]).click()
    hand.tap("Open")
    hand.seen()
    page.get_by_role("heading", name="scan midbody").wait_for()
    hand.tap("Other images of this file")
    page.reload()  # what is to be chosen is in the address
    sheet = chooser(hand)
    assert "in work" in sheet.locator("li", has_text=NAMES[2]).inner_text()
    assert "in work" not in sheet.locator("li", has_text=NAMES[0]).inner_text()
    sheet.get_by_text(NAMES[2]).click()
    hand.tap("Open")
    page.get_by_role("heading", name="scan midbody").wait_for()
    assert len(list(served.folder.glob("*.abbe"))) == 1
    page.go_back()
    chooser(hand)
    page.keyboard.press("Escape")
    page.locator(".tile", has_text="scan.ome.tif").click()
    chooser(hand)
    hand.close()


def test_a_file_of_one_image_is_opened_at_once(chromium: Any, served: Served, scan: Path) -> None:
    abbe.save(np.random.default_rng(0).poisson(50, (16, 16)).astype(np.uint16), served.folder / "cell.tif")
    hand = Hand(chromium, served)
    for _ in range(2):  # the second time from what is in work already
        hand.page.locator(".tile", has_text="cell.tif").click()
        hand.seen()
        assert hand.page.get_by_role("dialog").count() == 0
        hand.tap("Back to the files")
    assert [path.name for path in served.folder.glob("*.abbe")] == ["cell.abbe"]
    hand.close()


def test_opening_many_can_be_stopped(chromium: Any, served: Served, scan: Path) -> None:
    hand = Hand(chromium, served)
    hand.bring(scan)
    sheet = chooser(hand)
    held: list[Any] = []
    hand.page.route("**/api/open", lambda route: held.append(route))
    hand.tap("Choose all")
    hand.tap("Open 3 images")
    sheet.get_by_text("Opening 1 of 3").wait_for()
    hand.tap("Stop")
    held[0].continue_()
    hand.wait("1 image of scan.ome.tif is open; the others were left")
    assert len(held) == 1
    hand.close()


@pytest.fixture
def fields(tmp_path: Path) -> list[np.ndarray]:
    """Of `fields.ome.tif` in the folder: a field of two channels, a smaller one, and one as large as the first."""
    rng = np.random.default_rng(0)
    pixels = [rng.poisson(50, shape).astype(np.uint16) for shape in ((2, 40, 40), (1, 30, 30), (1, 40, 40))]
    with tifffile.TiffWriter(tmp_path / "images" / "fields.ome.tif", ome=True) as tif:
        for k, one in enumerate(pixels):
            names = {"Name": ["actin", "tubulin"][: len(one)]}
            tif.write(one, metadata={"axes": "CYX", "Name": f"field {k}", "Channel": names})
    return pixels


@pytest.mark.parametrize("kind", ["mouse", "finger"])
def test_what_is_merged_is_chosen_among_the_images_of_a_file(chromium: Any, served: Served, fields: list[np.ndarray], kind: str) -> None:
    hand = Hand(chromium, served, kind)
    page = hand.page
    if kind == "finger":
        page.set_viewport_size(UPRIGHT)
    hand.tap("Merge")
    for _ in range(3):
        hand.tap("Put fields.ome.tif into the chosen well")
    wells = page.locator(".well")
    image, channel = (page.get_by_role("combobox", name=f"Which {what} of fields.ome.tif") for what in ("image", "channel"))
    page.wait_for_function("() => document.querySelectorAll('select.which.whole').length === 3")
    page.get_by_text("rows").wait_for()  # the second field is smaller: nothing to merge
    assert page.get_by_role("button", name="Merge 3 images").is_disabled()
    chosen = [image.nth(k).evaluate("one => one.selectedOptions[0].text") for k in range(3)]
    assert chosen == ["field 0, 40 × 40", "field 0, 40 × 40", "field 1, 30 × 30"]  # each channel once
    assert [channel.nth(k).input_value() for k in range(channel.count())] == ["0", "1"]
    picture = wells.nth(2).locator("img")
    before = picture.get_attribute("src")
    image.nth(2).select_option("field 2, 40 × 40")
    page.get_by_text("rows").wait_for(state="detached")
    page.wait_for_function("([image, before]) => image.getAttribute('src') !== before", arg=[picture.element_handle(), before])
    hand.tap_on(wells.nth(0).get_by_role("button", name="Swap with the next"))
    page.get_by_placeholder("merged").fill("chosen")
    hand.picture("merge-several")
    hand.tap("Merge 3 images")
    hand.seen()
    with abbe.Session.open(served.folder / "chosen.abbe", read_only=True) as session:
        merged = session.image(session.original.id)
    assert merged.channels == ("tubulin", "actin", "field 2")
    np.testing.assert_array_equal(np.asarray(merged)[0, :, 0], np.stack([fields[0][1], fields[0][0], fields[2][0]]))
    hand.close()


def test_a_picture_in_one_colour_gives_that_channel_to_a_merge(chromium: Any, served: Served) -> None:
    from PIL import Image as Pillow

    shades = np.random.default_rng(0).integers(1, 255, (40, 40), dtype=np.uint8)
    for index, name in enumerate(("red", "green")):
        colours = np.zeros((40, 40, 3), np.uint8)
        colours[..., index] = shades // (index + 1)
        Pillow.fromarray(colours).save(served.folder / f"{name} stain.png")
    hand = Hand(chromium, served)
    hand.tap("Merge")
    for name in ("red", "green"):
        hand.tap(f"Put {name} stain.png into the chosen well")
    page, asked = hand.page, list[str]()
    name, colour = page.get_by_label("Name of the channel").first, page.get_by_label("Colour of well 1")

    def seen_in(value: str) -> None:
        with page.expect_request(lambda request: "preview" in request.url and value in (request.post_data or "")):
            colour.fill(value)

    page.wait_for_function("() => document.querySelectorAll('.well .name').length === 2")
    seen_in("#123456")
    page.on("request", lambda request: asked.append(request.url) if "preview" in request.url else None)
    name.fill("phalloidin")
    name.fill("red stain")  # in a preview no name is to be seen
    seen_in("#abcdef")
    assert len(asked) == 1
    hand.tap("Merge 2 images")
    hand.seen()
    with abbe.Session.open(served.folder / "merged.abbe", read_only=True) as session:
        merged = session.image(session.original.id)
    assert merged.channels == ("red stain", "green stain")
    np.testing.assert_array_equal(np.asarray(merged)[0, :, 0], np.stack([shades, shades // 2]))
    hand.close()


def test_channels_of_two_files_that_are_called_alike_are_told_apart_by_their_files(chromium: Any, served: Served) -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (2, 2, 40, 40)).astype(np.uint8)
    for name, one in zip(("first", "second"), pixels):
        abbe.save(abbe.Image.from_array(one, axes="CYX"), served.folder / f"{name}.tif")
    hand = Hand(chromium, served)
    hand.tap("Merge")
    for name in ("first", "second"):
        hand.tap(f"Put {name}.tif into the chosen well")
    hand.page.wait_for_function("() => document.querySelectorAll('.well .name').length === 2")
    hand.tap("Merge 2 images")
    hand.seen()
    with abbe.Session.open(served.folder / "merged.abbe", read_only=True) as session:
        merged = session.image(session.original.id)
    assert merged.channels == ("first channel 0", "second channel 0")
    np.testing.assert_array_equal(np.asarray(merged)[0, :, 0], pixels[:, 0])
    hand.close()

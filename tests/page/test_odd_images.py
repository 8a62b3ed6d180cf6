"""Images of uncommon size and kind are drawn, enhanced and compared as others are."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]

RNG = np.random.default_rng(0)
IMAGES = {
    "one pixel": np.array([[77]], np.uint16),
    "three columns": RNG.poisson(200, (900, 3)).astype(np.uint16),  # three or four columns are not red, green and blue
    "four rows": RNG.poisson(200, (4, 900)).astype(np.uint8),
    "no numbers": np.where(RNG.random((60, 80)) < 0.1, np.nan, RNG.random((60, 80))).astype(np.float32),
    "with sign": (RNG.poisson(200, (60, 80)) - 300).astype(np.int16),
    "one value": np.full((60, 80), 500, np.uint16),
}


def test_each_is_drawn_enhanced_and_compared(chromium: Any, served: Served) -> None:
    for name, pixels in IMAGES.items():
        abbe.save(pixels, served.folder / f"{name}.tif")
    hand = Hand(chromium, served)
    for name in IMAGES:
        hand.page.locator(".tile", has_text=f"{name}.tif").click()
        hand.seen()
        hand.tap("Super resolution")
        hand.tap("Preview where I look")
        hand.wait("Preview in the middle of the picture")
        hand.seen()
        hand.tap("Enhance")
        hand.page.locator("aside.versions li").nth(1).wait_for()
        hand.wait(re.compile("^Done"))
        hand.seen()
        hand.tap("Compare")
        hand.tap("Difference")
        hand.page.locator(".legend").wait_for()
        hand.seen()
        hand.tap("Back to the files")
        hand.page.get_by_role("button", name="Add images").wait_for()
    hand.close()


def test_the_planes_and_frames_of_a_stack_have_sliders(chromium: Any, served: Served) -> None:
    planes = np.zeros((2, 3, 4, 60, 60), np.uint16)
    planes[1, :, 3, 20:40, 20:40] = 1000  # to be seen in one plane of one frame alone
    stack = abbe.Image.from_array(planes, axes="TCZYX", pixel_size=(0.3, 0.1, 0.1), channels=["a", "b", "c"])
    abbe.save(stack, served.folder / "stack.ome.tif")
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="stack").click()
    dark = hand.brightness()
    hand.page.get_by_role("slider", name="Plane").press("End")
    hand.page.get_by_role("slider", name="Time").press("End")
    hand.wait("4 / 4, 0.90 µm")
    assert hand.brightness() > dark + 5
    hand.tap("Export")
    hand.page.get_by_role("checkbox", name=re.compile("^Whole view")).check()
    with hand.page.expect_request("**/jobs") as asked:
        hand.tap("Download")
    assert asked.value.post_data_json["frame"] == 1  # pictures are of the frame that is looked at
    hand.wait(re.compile("on the way to your downloads"))
    hand.close()


def test_a_seventh_channel_is_said_not_to_be_in_the_picture(chromium: Any, served: Served) -> None:
    names = [f"marker {k}" for k in range(1, 9)]
    pixels = np.stack([np.roll(np.pad(np.full((8, 8), 900, np.uint16), ((0, 56), (0, 56))), 7 * k, axis=1) for k in range(8)])
    abbe.save(abbe.Image.from_array(pixels, axes="CYX", pixel_size=(None, 0.1, 0.1), channels=names), served.folder / "many.ome.tif")
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="many").click()
    six = hand.brightness()
    hand.tap("Show marker 7")
    hand.wait("The picture takes 6 channels at once. To see marker 7, hide others.")
    assert hand.brightness() == pytest.approx(six, rel=0.01)
    hand.tap("Show marker 1")
    hand.page.get_by_text("The picture takes 6").wait_for(state="detached")
    assert hand.page.locator(".channel.off").count() == 2
    hand.close()


def test_a_preview_shows_what_stands_on_a_cameras_offset(chromium: Any, served: Served) -> None:
    """Restoration takes the offset away; shown between the limits of what is around it, all structure would be black."""
    y, x = np.mgrid[:96, :96]
    light = 60 * (np.sin(x / 6) * np.sin(y / 6) > 0.5)
    abbe.save(RNG.poisson(1000 + light).astype(np.uint16), served.folder / "offset.tif")
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="offset").click()
    hand.seen()
    hand.tap("Super resolution")
    hand.tap("Preview where I look")
    hand.wait("Preview in the middle of the picture")
    assert hand.contrast() > 15
    hand.close()


def test_a_preview_shows_the_haze_gone_though_a_label_is_darker(chromium: Any, served: Served) -> None:
    """What is darkest in the image is black; the preview lies beside the label, and is black where the haze was, as the result is."""
    y, x = np.mgrid[:400, :400]
    light = RNG.poisson(400 + 400 * (np.sin(x / 6) * np.sin(y / 6) > 0.6)).astype(np.uint16)
    light[340:, 340:] = 0
    abbe.save(light, served.folder / "label.tif")
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="label").click()
    hand.tap("Super resolution")

    def middle() -> Any:
        drawn = hand.pixels()
        height, width = drawn.shape
        return drawn[height // 2 - 100 : height // 2 + 100, width // 2 - 100 : width // 2 + 100]

    haze, structure = np.percentile(middle(), (20, 99))
    hand.tap("Preview where I look")
    hand.wait("Preview in the middle of the picture")
    dark, bright = np.percentile(middle(), (20, 99))
    assert haze > 80
    assert dark < haze / 3
    assert bright > 0.8 * structure
    hand.close()


def test_nothing_is_drawn_beyond_the_border(chromium: Any, served: Served) -> None:
    """Each pixel of the smallest copy stands for eight; the last ones stick out where the size is no multiple of that."""
    bright = np.full((1027, 1801), 1000, np.uint16)
    bright[:, :100] = 0
    abbe.save(bright, served.folder / "border.tif")
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="border").click()
    hand.seen()
    for _ in range(4):
        hand.tap("Zoom in")
    hand.page.locator(".surface").focus()
    for key in ("ArrowRight", "ArrowDown"):
        for _ in range(60):
            hand.page.keyboard.press(key)
    hand.page.locator(".zooming").wait_for(state="detached")
    drawn = hand.pixels()
    y, x = (side // 2 for side in drawn.shape)  # where the corner of the image is now
    assert drawn[y - 100 : y - 3, x - 100 : x - 3].min() > 200
    assert drawn[y + 3 : y + 100, x - 100 : x + 100].max() < 10
    assert drawn[y - 100 : y + 100, x + 3 : x + 100].max() < 10
    hand.close()

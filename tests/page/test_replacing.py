"""Another session in the place of one that was looked at before."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_an_image_that_was_recorded_again_under_its_name_is_shown_and_not_the_one_that_the_browser_kept(
    hand: Hand, served: Served, pictures: Path
) -> None:
    before = hand.pixels()
    hand.tap("Back to the files")
    hand.page.locator(".tile").first.wait_for()
    shutil.rmtree(served.folder / "cell.abbe")
    image = abbe.open(pictures / "cell.ome.tif")
    turned = np.ascontiguousarray(np.asarray(image)[:, :, :, ::-1])
    path = served.folder / "cell.ome.tif"
    abbe.save(abbe.Image.from_array(turned, axes="TCZYX", pixel_size=image.pixel_size, channels=image.channels), path, overwrite=True)
    hand.page.reload()
    hand.page.locator(".tile", has_text="cell.ome.tif").first.click()
    after = hand.pixels()
    middle = np.s_[200:-200, :]  # no scale bar, which stays where it is
    far = np.abs(after - before)[middle].mean()
    near = np.abs(after[::-1] - before)[middle].mean()
    assert near < far / 4, (near, far)

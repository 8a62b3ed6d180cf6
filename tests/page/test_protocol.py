"""The protocol's steps in a real browser, from an empty folder to a saved PDF: with a mouse on a desktop, with a finger on a tablet."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

import abbe

from .conftest import PATIENCE, Served

pytestmark = [pytest.mark.browser, pytest.mark.long]

#: with this set to a folder, every view is kept as a picture there, for docs/images
KEEP = os.environ.get("ABBE_SCREENSHOTS")
SIZES = {"mouse": {"width": 1440, "height": 900}, "finger": {"width": 1024, "height": 768}}


class Hand:
    """A page, used with a mouse or a finger."""

    def __init__(self, chromium: Any, served: Served, kind: str, theme: str = "dark") -> None:
        self.kind, self.problems = kind, []  # type: ignore[var-annotated]
        self.context = chromium.new_context(viewport=SIZES[kind], has_touch=kind == "finger", color_scheme=theme, accept_downloads=True)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" and "ERR_" not in line.text else None)
        self.page.goto(served.link)
        self.page.get_by_role("button", name="Add images").wait_for()

    def tap(self, role: str, name: str | re.Pattern[str], exact: bool = False) -> None:
        found = self.page.get_by_role(role, name=name, exact=exact).first
        found.tap() if self.kind == "finger" else found.click()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        box = self.page.locator(".surface").bounding_box()
        (x0, y0), (x1, y1) = ((box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end))
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        for k in range(1, 6):
            self.page.mouse.move(x0 + (x1 - x0) * k / 5, y0 + (y1 - y0) * k / 5)
        self.page.mouse.up()

    def picture(self, name: str) -> None:
        if KEEP:
            time.sleep(2)
            self.page.screenshot(path=Path(KEEP) / f"{name}-{self.kind}.png", timeout=PATIENCE)

    def wait(self, text: str | re.Pattern[str]) -> None:
        self.page.get_by_text(text).first.wait_for()

    def close(self) -> None:
        self.context.close()
        assert not self.problems, self.problems


def coefficient(page: Any, key: str) -> float:
    return float(page.locator(f"[data-coefficient={key}]").inner_text().replace("−", "-"))


@pytest.mark.parametrize("kind", ["mouse", "finger"])
def test_from_an_empty_folder_to_a_saved_pdf(chromium: Any, served: Served, pictures: Path, kind: str) -> None:
    hand = Hand(chromium, served, kind)
    page = hand.page
    hand.wait("Bring an image")
    hand.picture("empty")

    # 1 open: a wrong file and a damaged one are refused in words, good ones are there
    for wrong in ("notes.tif", "cut.tif"):
        page.locator("input[type=file]").set_input_files(pictures / wrong)
        page.locator(".message.problem", has_text=wrong).wait_for()
    page.locator("input[type=file]").set_input_files([pictures / f"{name}.tif" for name in ("nucleus", "microtubules", "lysosomes")])
    page.locator(".tile").nth(2).wait_for()
    hand.picture("files")

    # 2 merge
    hand.tap("button", "Merge", exact=True)
    for name in ("nucleus", "microtubules", "lysosomes"):
        hand.tap("button", f"Put {name}.tif into the chosen well")
    page.locator(".preview img").wait_for()
    hand.picture("merge")
    page.get_by_placeholder("merged").fill("my cell")
    hand.tap("button", "Merge 3 images")
    page.locator(".viewer canvas").wait_for()
    page.locator(".histogram path").first.wait_for()
    hand.picture("viewer")

    # 3 Workflow A, as far as models are installed
    hand.tap("button", "Super resolution", exact=True)
    hand.wait("This fits")
    hand.tap("button", "Preview where I look")
    hand.wait("Preview in the middle of the picture")
    hand.picture("preview")
    hand.tap("button", "Enhance", exact=True)
    page.locator("aside .job").wait_for()
    hand.picture("progress")
    page.locator("aside.versions li").nth(1).wait_for()
    hand.wait("Done,")

    # 4 compare, undo, redo, revert
    hand.tap("button", "Compare", exact=True)
    page.get_by_role("slider", name=re.compile("Edge between")).wait_for()
    hand.picture("compare-swipe")
    hand.tap("button", "Side by side")
    hand.picture("compare-side")
    hand.tap("button", "Difference")
    page.locator(".legend.difference").wait_for()
    hand.picture("compare-difference")
    hand.tap("button", "Swipe")
    hand.tap("button", re.compile("^Undo:"))
    page.locator("aside.versions li.current", has_text="Original").wait_for()
    hand.tap("button", re.compile("^Redo:"))
    page.locator("aside.versions li.current").first.wait_for()

    # 5 colocalization: a region, live numbers equal to the Python interface's
    hand.tap("button", "Colocalization", exact=True)
    page.locator("[data-coefficient=pearson]").wait_for()
    hand.tap("button", "Rectangle", exact=True)
    hand.drag((0.35, 0.35), (0.65, 0.65))
    page.locator(".regions li.chosen input").wait_for()
    page.locator(".numbers:not(.stale)").wait_for()
    hand.picture("colocalization")
    with abbe.Session.open(served.folder / "my cell.abbe", read_only=True) as session:
        roi = session.rois.roi(next(iter(session.rois)).id)
        expected = abbe.colocalize(session.image(), channels=(0, 1), roi=roi)
    until = time.monotonic() + 60
    while abs(coefficient(page, "pearson") - expected.pearson) > 0.0006 and time.monotonic() < until:
        time.sleep(0.2)
    for key in ("pearson", "tm1", "tm2", "moc"):
        assert coefficient(page, key) == pytest.approx(expected[key].value, abs=0.0006), key
    hand.tap("button", "Keep for the report")
    hand.wait("Kept for the report")

    # 6 export a PDF
    hand.tap("button", "Export", exact=True)
    page.get_by_placeholder(re.compile("Specimen")).fill("A simulated cell")
    hand.picture("export")
    page.get_by_text("No image").click()
    for label in ("Excel (XLSX)",):
        page.get_by_label(label).uncheck()
    with page.expect_download() as download:
        hand.tap("button", "Download", exact=True)
    assert download.value.suggested_filename.endswith(".pdf")
    assert Path(download.value.path()).read_bytes()[:5] == b"%PDF-"
    hand.close()

"""Pictures of the page, every view at the size of a desktop and of a tablet, in dark and light, as docs/views.md shows them.

    .venv/bin/python docs/images/make.py FOLDER [--image FILE] [--served FOLDER] [--looks desktop-dark tablet-light]

Starts `abbe serve --lan` on an empty folder, does everything that the page can do, and keeps a picture of each view in FOLDER. Without
`--image` a simulated cell is shown; with `--served`, a folder with a session of three versions, only the views of that are kept. Wants
playwright and a Chromium; whoever changes the page looks at all of them.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import abbe
from abbe.simulation import simulate_cell

SIZES = {"desktop": (1440, 900), "tablet": (1024, 768), "phone": (390, 844)}
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
#: milliseconds: software rendering on a busy machine is slow
PATIENCE = 300_000


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The link into a server on `folder`."""
    command = [Path(sys.executable).with_name("abbe"), "serve", str(folder), "--lan", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://127\S+", line)))
        finally:
            server.kill()


class Walk:
    """Through the page, a picture at every stop."""

    def __init__(self, page: Page, out: Path, name: str) -> None:
        self.page, self._out, self._name = page, out, name

    def press(self, name: str, exact: bool = True) -> None:
        self.page.get_by_role("button", name=name, exact=exact).first.click()

    def choose(self, field: str, value: str) -> None:
        self.page.locator("label.field", has_text=re.compile(f"^{field}")).locator("select").select_option(value=value)

    def close(self) -> None:
        self.page.locator("dialog").get_by_role("button", name="Close", exact=True).click()

    def keep(self, view: str, drawn: bool = True) -> None:
        if drawn:
            self.page.locator(".surface[aria-busy=false]").wait_for()
        self.page.wait_for_timeout(700)  # what fades or slides has arrived
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        picture.save(self._out / f"{view}-{self._name}.webp", quality=84, method=6)
        print(f"{view}-{self._name}.webp", flush=True)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        box = self.page.locator(".surface").bounding_box()
        assert box is not None
        places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end)]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        self.page.mouse.move(*places[1], steps=6)
        self.page.mouse.up()

    def files(self, image: Path, parts: list[Path]) -> None:
        self.page.get_by_role("button", name="Add images").wait_for()
        self.page.get_by_text("Bring an image").wait_for()
        self.keep("files-empty", drawn=False)
        self.page.locator("input[type=file]").set_input_files([image, *parts])
        self.page.locator(".tile").nth(len(parts)).wait_for()
        self.page.locator(".sending").first.wait_for(state="detached")
        seen = "n => [...document.querySelectorAll('.tile img')].filter(i => i.naturalWidth).length > n"
        self.page.wait_for_function(seen, arg=len(parts))
        self.keep("files", drawn=False)
        self.press("Merge")
        for part in parts:
            self.press(f"Put {part.name} into the chosen well")
        self.page.locator(".preview img").wait_for()
        self.keep("merge", drawn=False)
        self.close()
        self.page.locator(".tile", has_text=image.name).click()
        self.page.locator(".surface[aria-busy=false]").wait_for()

    def enhance(self) -> None:
        self.press("Super resolution")
        self.page.get_by_text("Result ").wait_for()
        self.page.locator("summary", has_text="Options").click()
        self.keep("enhance")
        self.press("Enhance")
        self.page.locator("aside .job").wait_for()
        self.keep("running")
        self.page.locator("aside.versions li").nth(1).wait_for()
        self.page.get_by_text(re.compile("^Done")).wait_for()
        self.press("Whole image")
        self.keep("done")

    def background(self) -> None:
        self.press("Background")
        self.page.get_by_role("checkbox", name="nucleus").uncheck()
        self.press("Correct background")
        self.page.locator("aside.versions li").nth(2).wait_for()
        self.page.locator(".uplot").first.wait_for()

    def views(self) -> None:
        """Everything that an image with three versions can show."""
        page = self.page
        if page.locator("aside.panel h2", has_text="Channels").count() == 0:
            self.press("Channels")
        self.keep("viewer")
        self.press("Background")
        page.locator(".uplot").first.wait_for()
        self.keep("background")
        self.press("Compare")
        for mode in ("Swipe", "Side by side", "Blink", "Difference", "Error map", "Trust map"):
            self.press(mode)
            if mode in ("Difference", "Error map"):
                page.locator(".legend").wait_for()
                self.choose("Channel", "1")  # the first was left as it was
            self.keep("compare-" + mode.lower().replace(" ", "-"))
        self.press("Swipe")
        if not page.get_by_text("doing nothing").count():  # another device has measured it
            self.press("Measure the agreement")
        page.get_by_text("doing nothing").first.wait_for()
        self.press("Zoom in")
        self.press("Zoom in")
        self.keep("compare-measured")
        self.press("Whole image")
        self.colocalize()
        self.press("Export")
        self.keep("export")
        self.close()
        self.press("Devices", exact=False)
        page.get_by_alt_text("QR code with the link").wait_for()
        self.keep("devices")
        self.close()
        self.press("Shortcuts")
        self.keep("help")
        self.close()

    def colocalize(self) -> None:
        page = self.page
        self.press("Colocalization")
        self.choose("Pair", "1-2")
        page.locator("[data-coefficient=pearson]").wait_for()
        if page.locator(".regions li").count() == 1:
            self.press("Ellipse")
            self.drag((0.3, 0.3), (0.62, 0.72))
        else:
            page.locator(".regions li button").nth(1).click()
        page.locator(".numbers:not(.stale)").wait_for()
        self.keep("colocalization")
        page.get_by_label("Reveal the colocalized pixels").check()
        self.keep("revealed")
        page.get_by_label("Reveal the colocalized pixels").scroll_into_view_if_needed()
        self.keep("scattergram")
        self.press("Table of all")
        page.locator("dialog td").first.wait_for()
        self.keep("table")
        self.close()
        page.locator(".ends").get_by_role("button", name="Align channels").click()
        page.locator("dialog td input").first.wait_for()
        self.keep("align")
        self.close()
        page.get_by_label("Reveal the colocalized pixels").uncheck()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--served", type=Path)
    looks = [f"{size}-{theme}" for size in SIZES for theme in ("dark", "light")]
    parser.add_argument("--looks", nargs="+", choices=looks, default=looks[:4])
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        images, parts = bring(Path(scratch), wanted.image)
        served = wanted.served or Path(scratch) / "My cells"
        served.mkdir(exist_ok=True)
        with serving(served) as link, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            walk_all(browser, link, wanted, images, parts)
            browser.close()


def bring(scratch: Path, image: Path | None) -> tuple[Path, list[Path]]:
    """An image file, and its channels as files of their own."""
    found = simulate_cell(seed=1).image if image is None else abbe.open(image)
    whole = scratch / ("HeLa cell.ome.tif" if image is None else image.name)
    abbe.save(found, whole)
    parts = [scratch / f"{name}.tif" for name in found.channels]
    for c, part in enumerate(parts):
        abbe.save(found.select([c]), part)
    return whole, parts


def walk_all(browser: Any, link: str, wanted: argparse.Namespace, image: Path, parts: list[Path]) -> None:
    state, address = None, link
    for look in wanted.looks:
        size, theme = look.split("-")
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=size != "desktop", color_scheme=theme, storage_state=state
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: print("the page failed:", error, flush=True))
        page.on("console", lambda line: print("the page said:", line.text, flush=True) if line.type in ("error", "warning") else None)
        walk = Walk(page, wanted.folder, look)
        page.goto(address)
        if state is None:
            if wanted.served:
                page.locator(".tile", has_text="in work").first.click()
            else:
                walk.files(image, parts)
                walk.enhance()
                walk.background()
            page.locator(".surface").wait_for()
            state, address = context.storage_state(), page.url
        page.locator(".surface[aria-busy=false]").wait_for()
        walk.views()
        context.close()


if __name__ == "__main__":
    main()

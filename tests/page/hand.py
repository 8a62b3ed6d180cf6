"""A page as somebody uses it: with a mouse on a desktop, or with a finger on a tablet."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from .conftest import PATIENCE, Served

#: with this set to a folder, every view is kept as a picture there
KEEP = os.environ.get("ABBE_SCREENSHOTS")
SIZES = {"mouse": {"width": 1440, "height": 900}, "finger": {"width": 1024, "height": 768}}


class Hand:
    """One page in a context of its own. Everything waits for what it needs; nothing waits for a time."""

    def __init__(self, chromium: Any, served: Served, kind: str = "mouse", ratio: float = 1) -> None:
        """`ratio`: pixels of the screen for each CSS pixel, as the system's scaling or a fine screen has them."""
        self.kind, self.problems = kind, []  # type: ignore[var-annotated]
        self.context = chromium.new_context(
            viewport=SIZES[kind], has_touch=kind == "finger", color_scheme="dark", accept_downloads=True, device_scale_factor=ratio
        )
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(served.link)
        self.page.get_by_role("button", name="Add images").wait_for()

    def _heard(self, line: Any) -> None:
        """An answer that refuses, or does not come, is a line in the console too; those are looked at by the test that asked for them."""
        if line.type == "error" and not re.search(r"status of 4|ERR_", line.text):
            self.problems.append(line.text)

    def tap(self, name: str | re.Pattern[str], exact: bool = True) -> None:
        self.tap_on(self.page.get_by_role("button", name=name, exact=exact).first)

    def tap_on(self, found: Any) -> None:
        found.tap() if self.kind == "finger" else found.click()

    def bring(self, *files: Path) -> None:
        self.page.locator("input[type=file]").set_input_files(files)

    def seen(self) -> None:
        """The picture is drawn, with all that belongs to what is in view."""
        self.page.locator(".surface[aria-busy=false]").wait_for()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Over the picture, in parts of its width and height."""
        box = self.page.locator(".surface").bounding_box()
        (x0, y0), (x1, y1) = ((box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end))
        if self.kind == "finger":
            self._swipe([(x0 + (x1 - x0) * k / 5, y0 + (y1 - y0) * k / 5) for k in range(6)])
            return
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move(x1, y1, steps=5)
        self.page.mouse.up()

    def _swipe(self, places: list[tuple[float, float]]) -> None:
        """One finger, down, along and up, as a touch screen reports it."""
        screen = self.context.new_cdp_session(self.page)
        for k, (x, y) in enumerate(places):
            point = {"x": x, "y": y}
            screen.send("Input.dispatchTouchEvent", {"type": "touchMove" if k else "touchStart", "touchPoints": [point]})
        screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        screen.detach()

    def pinch(self, factor: float) -> None:
        """Two fingers from the middle of the picture apart."""
        box = self.page.locator(".surface").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        screen = self.context.new_cdp_session(self.page)
        for k in range(6):
            reach = 60 * (1 + (factor - 1) * k / 5)
            points = [{"x": x - reach, "y": y, "id": 0}, {"x": x + reach, "y": y, "id": 1}]
            screen.send("Input.dispatchTouchEvent", {"type": "touchMove" if k else "touchStart", "touchPoints": points})
        screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        screen.detach()

    def brightness(self) -> float:
        """Mean of the picture on the screen, 0 to 255: a canvas that is black says so."""
        return float(self.pixels().mean())

    def contrast(self) -> float:
        """Standard deviation of the picture on the screen, 0 to 127.5."""
        return float(self.pixels().std())

    def pixels(self) -> Any:
        """The picture on the screen, 0 to 255: an array (Y, X)."""
        import io

        import numpy as np
        from PIL import Image

        self.seen()
        return np.asarray(Image.open(io.BytesIO(self.page.locator(".surface canvas").screenshot())).convert("L"), float)

    def picture(self, name: str) -> None:
        if KEEP:
            self.page.screenshot(path=Path(KEEP) / f"{name}-{self.kind}.png", timeout=PATIENCE)

    def wait(self, text: str | re.Pattern[str]) -> None:
        self.page.get_by_text(text).first.wait_for()

    def close(self) -> None:
        self.context.close()
        assert not self.problems, self.problems

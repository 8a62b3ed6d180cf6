"""More tabs of one browser than it keeps connections for, and tabs that nobody looks at."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand
from .line import Line

pytestmark = [pytest.mark.browser, pytest.mark.long]

CROWDED = re.compile("open on more pages than are kept in step")
RED = ".well[style*='#ff0000' i]"


def make(served: Served, name: str, side: int = 64, channels: int = 2) -> None:
    light = np.random.default_rng(0).poisson(80, (channels, side, side)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(light, axes="CYX", pixel_size=0.1), served.folder / f"{name}.ome.tif")


def open_in(page: Any, name: str) -> None:
    page.locator(".tile", has_text=name).click()
    page.locator(".surface[aria-busy=false]").wait_for()


def look_away(page: Any, hidden: bool) -> None:
    """As by another tab in front: a browser without a window counts all of its tabs as seen."""
    page.evaluate(
        """state => {
            Object.defineProperty(document, "visibilityState", { get: () => state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        "hidden" if hidden else "visible",
    )


def test_seven_tabs_on_seven_images_all_work(chromium: Any, served: Served) -> None:
    """Each took one of the six connections for good: the sixth tab stayed empty, and none could save."""
    for k in range(7):
        make(served, f"image{k}")
    hand = Hand(chromium, served)
    pages = [hand.page, *(hand.context.new_page() for _ in range(6))]
    for k, page in enumerate(pages):
        if k:
            page.goto(served.link.split("#")[0])
        open_in(page, f"image{k}")
    for page in pages[4:]:
        page.get_by_text(CROWDED).wait_for()
    assert [page.get_by_text(CROWDED).count() for page in pages] == [0, 0, 0, 0, 1, 1, 1]
    for page in (pages[0], pages[6]):
        with page.expect_response(lambda answer: answer.url.endswith("/view") and answer.ok):
            page.get_by_role("button", name="R G B").click()
        page.locator(RED).wait_for()
    pages[0].close()
    pages[1].close()
    pages[2].close()
    for page in pages[4:]:
        page.get_by_text(CROWDED).wait_for(state="detached")
    hand.close()


def test_a_tab_without_a_stream_hears_of_changes_late(chromium: Any, served: Served) -> None:
    make(served, "cell")
    hand = Hand(chromium, served)
    open_in(hand.page, "cell")
    others = [hand.context.new_page() for _ in range(4)]
    for page in others:
        page.goto(hand.page.url)
        page.locator(".surface[aria-busy=false]").wait_for()
    others[3].get_by_text(CROWDED).wait_for()
    hand.tap("R G B")
    for page in others:
        page.locator(RED).wait_for()
    assert others[3].get_by_text(CROWDED).count() == 1
    hand.close()


def test_a_tab_that_nobody_sees_gives_its_stream_up_and_is_up_to_date_when_it_is_seen_again(chromium: Any, served: Served) -> None:
    make(served, "cell")
    hand = Hand(chromium, served)
    open_in(hand.page, "cell")
    other = hand.context.new_page()
    other.goto(hand.page.url)
    other.locator(".surface[aria-busy=false]").wait_for()
    session = re.search(r"[\w-]{8,}$", hand.page.url)
    assert session, hand.page.url
    count = f"async () => (await (await fetch('/api/sessions/{session[0]}')).json()).pages"

    def wait_for(many: int) -> None:
        for _ in range(200):
            if (now := hand.page.evaluate(count)) == many:
                return
            hand.page.wait_for_timeout(100)
        raise AssertionError(f"{now} pages, not {many}")

    wait_for(2)
    look_away(other, True)
    wait_for(1)
    with hand.page.expect_response(lambda answer: answer.url.endswith("/view") and answer.ok):
        hand.tap("R G B")
    assert other.locator(RED).count() == 0
    look_away(other, False)
    other.locator(RED).wait_for()
    wait_for(2)
    hand.close()


@pytest.fixture
def line(served: Served) -> Iterator[Line]:
    line = Line(served)
    yield line
    line.close()


def test_a_job_that_failed_while_there_was_no_network_is_told_when_it_is_back(chromium: Any, served: Served, line: Line) -> None:
    make(served, "cell", channels=1)
    make(served, "large", side=2048, channels=1)
    hand = Hand(chromium, served)
    open_in(hand.page, "cell")
    (known,) = hand.context.cookies()
    origin = f"http://127.0.0.1:{served.port}"
    with httpx.Client(base_url=origin, headers={"Origin": origin}, cookies={known["name"]: known["value"]}, timeout=60) as api:
        large = api.post("/api/open", json={"path": "large.ome.tif"}).json()["id"]
        before = api.post(f"/api/sessions/{large}/jobs", json={"kind": "enhance"}).json()["id"]
        other = line.device(hand, chromium)
        other.get_by_role("button", name="Super resolution", exact=True).click()
        with other.expect_response(lambda answer: answer.url.endswith("/jobs") and answer.ok) as asked:
            other.get_by_role("button", name="Enhance", exact=True).click()
        job = asked.value.json()["id"]
        line.cut()
        other.get_by_text(re.compile("abbe does not answer")).first.wait_for()
        lose_the_pixels(served.folder)
        api.delete(f"/api/jobs/{before}")

        def state() -> str:
            return next(str(one["state"]) for one in api.get("/api/jobs").json() if one["id"] == job)

        while (now := state()) in ("waiting", "running"):
            hand.page.wait_for_timeout(100)
        assert now == "failed"
        message = next(str(one["message"]) for one in api.get("/api/jobs").json() if one["id"] == job)
    assert other.locator(".message.problem").count() == 0
    line.mend()
    other.locator(".message.problem", has_text=message[1:40]).wait_for()
    other.context.close()
    hand.close()


def lose_the_pixels(folder: Path) -> None:
    """As a disk that fails, so that whatever is to work on the image cannot."""
    (session,) = folder.glob("cell*.abbe")
    for place in session.rglob("*"):
        if place.is_dir() and place.name.startswith("v1"):
            shutil.rmtree(place)
            return
    raise AssertionError(sorted(session.rglob("*")))

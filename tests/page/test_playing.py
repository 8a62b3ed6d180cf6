"""A series or stack is played picture by picture: each when the one before is there, until somebody stops it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import abbe

from .conftest import Served
from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]

FRAMES, PLANES = 4, 3


def series(scale: float = 1.0) -> abbe.Image:
    """A square that moves with time, and dims with depth."""
    pixels = np.full((FRAMES, 1, PLANES, 64, 64), 20, np.float32)
    for t in range(FRAMES):
        for z in range(PLANES):
            pixels[t, 0, z, 20:40, 5 + 12 * t : 20 + 12 * t] = 900 / (1 + z)
    return abbe.Image.from_array(scale * pixels, axes="TCZYX", pixel_size=(0.3, 0.1, 0.1), channels=["a"])


@pytest.fixture
def movie(chromium: object, served: Served) -> Iterator[Hand]:
    """A page that looks at a series of which there are two versions."""
    with abbe.Session.create(served.folder / "movie.abbe", series()) as session:
        session.add_version(series(0.5), name="result", operation="test")
    hand = Hand(chromium, served)
    hand.page.locator(".tile", has_text="movie").click()
    hand.seen()
    yield hand
    hand.close()


def at(hand: Hand, axis: str = "Time") -> int:
    return int(hand.page.get_by_role("slider", name=axis).input_value())


def reached(hand: Hand, index: int, axis: str = "Time") -> None:
    hand.page.wait_for_function(
        "([axis, index]) => [...document.querySelectorAll('.planes label')].some("
        "(one) => one.textContent.includes(axis) && one.querySelector('input').value === String(index))",
        arg=[axis, index],
    )


def rests(hand: Hand, axis: str = "Time") -> bool:
    """Does it stay where it is for as long as several pictures take?"""
    before, stays = at(hand, axis), True
    for _ in range(10):  # played round and round, it may be there again
        time.sleep(0.15)
        stays = stays and at(hand, axis) == before
    return stays


def test_frames_are_played_round_and_round_and_paused(movie: Hand) -> None:
    movie.tap("Play the frames")
    for index in (1, 2, 3, 0, 1):
        reached(movie, index)
    movie.tap("Pause the frames")
    assert rests(movie)
    assert at(movie, "Plane") == 1


def test_the_planes_are_played_too_and_one_thing_at_a_time(movie: Hand) -> None:
    movie.tap("Play the frames")
    movie.tap("Play the planes")
    movie.page.get_by_role("button", name="Play the frames").wait_for()
    for index in (2, 0, 1):
        reached(movie, index, "Plane")
    movie.tap("Pause the planes")


def test_the_next_frame_waits_until_this_one_is_there(movie: Hand) -> None:
    movie.page.route(re.compile("/tile.*[?&]t=2&"), lambda route: None)
    movie.tap("Play the frames")
    reached(movie, 2)
    asked: list[str] = []
    movie.page.on("request", lambda request: asked.append(request.url))
    assert rests(movie)
    assert not [url for url in asked if "/tile" in url and "t=2&" not in url]
    assert len([url for url in asked if "/tile" in url]) <= 2
    movie.page.unroute_all()  # which lets go of what was held
    reached(movie, 3)
    movie.tap("Pause the frames")


def test_nothing_is_measured_while_it_plays(movie: Hand) -> None:
    measured: list[str] = []
    movie.page.on("request", lambda request: measured.append(request.url) if "/statistics" in request.url else None)
    movie.tap("Play the frames")
    for index in (1, 2, 3, 0, 1):
        reached(movie, index)
    assert not measured
    with movie.page.expect_request("**/statistics*"):
        movie.tap("Pause the frames")


def test_the_slider_in_hand_stops_it(movie: Hand) -> None:
    movie.tap("Play the frames")
    reached(movie, 1)
    slider = movie.page.get_by_role("slider", name="Time").bounding_box()
    x, y = slider["x"] + slider["width"] - 8, slider["y"] + slider["height"] / 2
    movie.page.mouse.move(x, y)
    movie.page.mouse.down()
    movie.page.get_by_role("button", name="Play the frames").wait_for()
    movie.page.mouse.up()
    assert at(movie) == FRAMES - 1
    assert rests(movie)


def test_space_on_the_picture_plays_and_held_shows_the_original(movie: Hand) -> None:
    keys = movie.page.keyboard
    movie.page.locator(".surface").focus()
    keys.press(" ")
    movie.page.get_by_role("button", name="Pause the frames").wait_for()
    keys.press(" ")
    movie.page.get_by_role("button", name="Play the frames").wait_for()
    keys.down(" ")
    movie.page.locator(".badge", has_text="Original").wait_for()
    keys.up(" ")
    movie.page.locator(".badge").wait_for(state="detached")
    assert rests(movie)


def test_who_wants_little_motion_sees_each_frame_once_and_slowly(movie: Hand) -> None:
    movie.page.emulate_media(reduced_motion="reduce")
    movie.page.reload()
    movie.seen()
    assert movie.page.get_by_role("combobox", name="Speed of playing").input_value() == "1"
    movie.tap("Play the frames")
    began = time.monotonic()
    for index in (1, 2, 3, 0):
        reached(movie, index)
    assert time.monotonic() - began > 2.5
    movie.page.get_by_role("button", name="Play the frames").wait_for()
    assert at(movie) == 0


def test_the_map_of_a_frame_stays_until_that_of_the_next_is_there(movie: Hand) -> None:
    movie.tap("Compare")
    movie.tap("Difference")
    movie.page.locator(".legend").wait_for()
    movie.seen()
    movie.page.evaluate(
        "new MutationObserver(() => document.querySelector('.legend') || (window.lost = true))"
        ".observe(document.querySelector('.viewer'), { childList: true, subtree: true })"
    )
    movie.tap("Play the frames")
    for index in (1, 2, 3, 0):
        reached(movie, index)
    movie.tap("Pause the frames")
    movie.page.locator(".legend").wait_for()
    movie.page.evaluate("window.lost = undefined")  # a map that is still being made when it is paused is not shown for another frame
    movie.seen()
    left, right = np.array_split(movie.pixels(), 2, axis=1)
    assert abs(left.mean() - right.mean()) > 1  # the square is in one half
    assert movie.page.evaluate("!window.lost")


def test_a_swiped_edge_is_moved_while_it_plays(movie: Hand) -> None:
    movie.tap("Compare")
    edge = movie.page.get_by_role("slider", name=re.compile("Edge between"))
    edge.wait_for()
    movie.tap("Play the frames")
    before = int(edge.get_attribute("aria-valuenow"))
    edge.press("ArrowRight")
    reached(movie, 2)
    assert int(edge.get_attribute("aria-valuenow")) == before + 2
    reached(movie, 0)
    movie.tap("Pause the frames")


def test_the_speed_is_remembered(movie: Hand) -> None:
    speed = movie.page.get_by_role("combobox", name="Speed of playing")
    speed.select_option("2")
    movie.page.reload()
    movie.seen()
    assert speed.input_value() == "2"


# ------------------------------------------------------------------------------------------------------ on several devices
@pytest.fixture
def tablet(movie: Hand) -> Any:
    """A second page on the same series; each looks where the other looks."""
    movie.page.evaluate("localStorage.setItem('abbe.follow', 'yes')")
    movie.page.reload()
    movie.seen()
    other = movie.context.new_page()
    other.goto(movie.page.url)
    other.locator(".surface[aria-busy=false]").wait_for()
    movie.page.get_by_role("button", name=re.compile("open on 2 pages")).wait_for()
    return other


def shown(page: Any, index: int) -> None:
    page.wait_for_function(
        "(index) => document.querySelector('.planes input[type=range][aria-valuetext^=frame]').value === String(index)", arg=index
    )


def test_who_follows_measures_nothing_either_while_it_plays(movie: Hand, tablet: Any) -> None:
    measured: list[str] = []
    tablet.on("request", lambda request: measured.append(request.url) if "/statistics" in request.url else None)
    movie.tap("Play the frames")
    for index in (1, 2, 3, 0, 1):
        shown(tablet, index)
    assert not measured
    with tablet.expect_request("**/statistics*"):
        movie.tap("Pause the frames")
    reached(movie, at(movie))
    shown(tablet, at(movie))


def test_who_follows_can_pause_it(movie: Hand, tablet: Any) -> None:
    movie.tap("Play the frames")
    tablet.get_by_role("button", name="Pause the frames").click()
    movie.page.get_by_role("button", name="Play the frames").wait_for()
    tablet.get_by_role("button", name="Play the frames").wait_for()
    assert rests(movie)
    shown(tablet, at(movie))


def test_who_follows_moves_the_picture_and_it_plays_on(movie: Hand, tablet: Any) -> None:
    movie.tap("Play the frames")
    shown(tablet, 1)
    for _ in range(3):
        tablet.get_by_role("button", name="Zoom in").click()
        tablet.wait_for_timeout(120)
    zoom = tablet.locator(".percent").inner_text()
    movie.page.locator(".percent", has_text=zoom).wait_for()
    assert not rests(movie)
    assert tablet.locator(".percent").inner_text() == zoom
    movie.tap("Pause the frames")


def test_who_follows_shows_a_frame_when_the_one_before_is_there(movie: Hand, tablet: Any) -> None:
    tablet.route(re.compile("/tile.*[?&]t=2&"), lambda route: None)
    movie.tap("Play the frames")
    shown(tablet, 2)
    for index in (3, 0):
        reached(movie, index)
    shown(tablet, 2)
    tablet.unroute_all()
    shown(tablet, 3)
    movie.tap("Pause the frames")


def test_of_a_device_that_went_away_nobody_waits_for_more(movie: Hand, tablet: Any) -> None:
    movie.tap("Play the frames")
    shown(tablet, 1)
    movie.page.route("**/view", lambda route: route.abort())
    tablet.get_by_role("button", name="Play the frames").wait_for()
    movie.tap("Pause the frames")

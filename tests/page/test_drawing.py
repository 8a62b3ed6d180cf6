"""Regions that are drawn by hand: polygons whose corners are taken back, small regions, and two moves in a row."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .hand import Hand

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def coloc(hand: Hand) -> Hand:
    hand.tap("Colocalization")
    hand.page.locator("[data-coefficient=pearson]").wait_for()
    return hand


def at(hand: Hand, x: float, y: float) -> tuple[float, float]:
    """Where on the page a place of the picture is, in parts of its width and height."""
    box = hand.page.locator(".surface").bounding_box()
    return box["x"] + box["width"] * x, box["y"] + box["height"] * y


def click(hand: Hand, *places: tuple[float, float]) -> None:
    for place in places:
        hand.page.mouse.click(*at(hand, *place))


def draw(hand: Hand, tool: str, start: tuple[float, float], end: tuple[float, float], regions: int) -> None:
    """`regions`: how many there are by then."""
    hand.tap(tool)
    hand.drag(start, end)
    hand.page.locator(".regions li").nth(regions).wait_for()


def shapes(hand: Hand) -> list[dict[str, Any]]:
    path = re.sub(r".*#/session/", "/api/sessions/", hand.page.url)
    return [roi["shape"] for roi in hand.page.evaluate("(path) => fetch(path).then((answer) => answer.json())", path)["rois"]]


def test_keys_that_delete_and_undo_take_back_corners_and_leave_regions_alone(coloc: Hand) -> None:
    draw(coloc, "Rectangle", (0.55, 0.55), (0.8, 0.8), 1)
    coloc.tap("Polygon")
    click(coloc, (0.2, 0.2), (0.4, 0.2), (0.4, 0.4), (0.3, 0.6), (0.7, 0.3))
    corners = coloc.page.locator("svg circle.handle")
    assert corners.count() == 5
    coloc.page.keyboard.press("Backspace")
    coloc.page.keyboard.press("Control+z")
    assert corners.count() == 3
    coloc.tap("Undo: the last corner")
    assert corners.count() == 2
    line = coloc.page.locator("svg polyline").get_attribute("points").split(" ")
    assert len(set(line)) == 2  # nor does the line go on to a corner that is not there
    click(coloc, (0.4, 0.4))
    coloc.page.keyboard.press("Enter")
    coloc.page.locator(".regions li").nth(2).wait_for()
    rectangle, polygon = shapes(coloc)
    assert rectangle["type"] == "rectangle"
    assert len(polygon["rings"][0]) == 3


def test_a_double_click_closes_a_polygon_with_each_corner_once(coloc: Hand) -> None:
    coloc.tap("Polygon")
    click(coloc, (0.2, 0.2), (0.6, 0.2), (0.6, 0.6))
    coloc.page.mouse.dblclick(*at(coloc, 0.3, 0.6))
    coloc.page.locator(".regions li").nth(1).wait_for()
    assert len(shapes(coloc)[0]["rings"][0]) == 4


def corners_of(hand: Hand) -> list[tuple[float, float]]:
    """Corners of the first region, (x, y) in parts of the picture's size on the page."""
    (ring,) = shapes(hand)[0]["rings"]
    return [(x, y) for y, x in ring]


def pull(hand: Hand, start: tuple[float, float], end: tuple[float, float]) -> None:
    with hand.page.expect_response(re.compile("/rois/")):
        hand.drag(start, end)


def test_corners_of_a_polygon_are_pulled_added_and_merged_one_by_one(coloc: Hand) -> None:
    coloc.tap("Polygon")
    click(coloc, (0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.3, 0.6))
    coloc.page.keyboard.press("Enter")
    coloc.page.locator(".regions li").nth(1).wait_for()
    coloc.page.locator("svg .pull").first.wait_for()
    before = corners_of(coloc)
    pull(coloc, (0.6, 0.6), (0.7, 0.65))
    after = corners_of(coloc)
    assert [after[k] == before[k] for k in range(4)] == [True, True, False, True]
    assert after[2][0] > before[2][0]
    assert after[2][1] > before[2][1]
    pull(coloc, (0.45, 0.3), (0.45, 0.2))  # the middle of the upper side
    more = corners_of(coloc)
    assert len(more) == 5
    assert [corner for corner in more if corner in after] == after
    assert more.index(next(corner for corner in more if corner not in after)) == 1
    pull(coloc, (0.45, 0.2), (0.3, 0.3))  # onto the next corner: gone
    assert corners_of(coloc) == after
    coloc.page.get_by_role("button", name="Undo: ROI 1 changed").click()
    coloc.page.locator("svg .pull").nth(9).wait_for()
    assert corners_of(coloc) == more


def test_a_triangle_keeps_its_three_corners_and_its_handles_stretch_it_still(coloc: Hand) -> None:
    coloc.tap("Polygon")
    click(coloc, (0.3, 0.3), (0.6, 0.3), (0.6, 0.6))
    coloc.page.keyboard.press("Enter")
    coloc.page.locator(".regions li").nth(1).wait_for()
    pull(coloc, (0.6, 0.3), (0.6, 0.59))  # two corners on one place
    assert len(corners_of(coloc)) == 3
    before = corners_of(coloc)
    handle = coloc.page.locator("svg .touch").last.bounding_box()
    surface = coloc.page.locator(".surface").bounding_box()
    start = (
        (handle["x"] + handle["width"] / 2 - surface["x"]) / surface["width"],
        (handle["y"] + handle["height"] / 2 - surface["y"]) / surface["height"],
    )
    pull(coloc, start, (start[0] + 0.1, start[1] + 0.1))
    assert max(x for x, _ in corners_of(coloc)) > max(x for x, _ in before)


def test_a_small_region_is_moved_and_its_name_lies_clear_of_its_handles(coloc: Hand) -> None:
    draw(coloc, "Rectangle", (0.4, 0.4), (0.415, 0.415), 1)
    before = shapes(coloc)[0]
    name, handles = coloc.page.locator("svg text", has_text="ROI 1"), coloc.page.locator("svg circle.handle")
    line = float(name.get_attribute("y"))  # that its letters stand on
    tops = [float(handle.get_attribute("cy")) - float(handle.get_attribute("r")) for handle in handles.all()]
    assert line < min(tops)
    begun = float(name.get_attribute("x"))
    coloc.drag((0.4075, 0.4075), (0.6, 0.4075))
    coloc.page.wait_for_function("(x) => +document.querySelector('svg text').getAttribute('x') > x + 5", arg=begun)
    coloc.page.get_by_role("button", name="Undo: ROI 1 changed").wait_for()
    after = shapes(coloc)[0]
    assert after["x"] > before["x"]
    assert (after["width"], after["height"], after["y"]) == (before["width"], before["height"], before["y"])


def test_a_hand_that_trembles_chooses_a_region_and_does_not_move_it(coloc: Hand) -> None:
    draw(coloc, "Rectangle", (0.3, 0.3), (0.6, 0.6), 1)
    before = shapes(coloc)
    x, y = at(coloc, 0.45, 0.45)
    coloc.page.mouse.move(x, y)
    coloc.page.mouse.down()
    coloc.page.mouse.move(x + 2, y)
    coloc.page.mouse.up()
    coloc.page.keyboard.press("Escape")
    coloc.page.wait_for_timeout(300)
    assert shapes(coloc) == before


def test_a_region_that_is_moved_again_before_the_first_move_is_saved_goes_both_ways(coloc: Hand) -> None:
    draw(coloc, "Rectangle", (0.2, 0.2), (0.4, 0.4), 1)
    before = shapes(coloc)[0]
    held: list[Any] = []
    coloc.page.route(re.compile("/rois/"), lambda route: held.append(route))
    coloc.drag((0.3, 0.3), (0.5, 0.3))
    while not held:
        coloc.page.wait_for_timeout(20)
    x, y = at(coloc, 0.5, 0.3)
    coloc.page.mouse.move(x, y)
    coloc.page.mouse.down()
    coloc.page.mouse.move(x, y + 30)
    with coloc.page.expect_response(re.compile("/rois/")):
        held[0].continue_()  # the first move is saved while the second is under way
    coloc.page.unroute(re.compile("/rois/"))
    with coloc.page.expect_response(re.compile("/rois/")) as answer:
        coloc.page.mouse.move(*at(coloc, 0.5, 0.5), steps=3)
        coloc.page.mouse.up()
    assert answer.value.status == 200
    after = shapes(coloc)[0]
    assert after["x"] > before["x"] + before["width"] / 2
    assert after["y"] > before["y"] + before["height"] / 2


def test_a_region_that_is_begun_before_the_last_one_is_saved_is_not_lost(coloc: Hand) -> None:
    held: list[Any] = []
    coloc.page.route(re.compile("/rois$"), lambda route: held.append(route))
    coloc.tap("Rectangle")
    coloc.drag((0.2, 0.2), (0.3, 0.3))
    while not held:
        coloc.page.wait_for_timeout(20)
    coloc.page.mouse.move(*at(coloc, 0.5, 0.5))
    coloc.page.mouse.down()
    coloc.page.mouse.move(*at(coloc, 0.6, 0.6), steps=3)
    held[0].continue_()  # the first is saved while the second is being drawn
    coloc.page.unroute(re.compile("/rois$"))
    coloc.page.locator(".regions li").nth(1).wait_for()
    coloc.page.mouse.move(*at(coloc, 0.7, 0.7), steps=3)
    coloc.page.mouse.up()
    coloc.page.locator(".regions li").nth(2).wait_for()
    one, other = shapes(coloc)
    assert other["width"] == pytest.approx(2 * one["width"], rel=0.1)

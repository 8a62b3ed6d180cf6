"""Undo and redo from several devices: each takes back what it shows as the last change, or nothing."""

from __future__ import annotations

import httpx
import pytest

from abbe.errors import ConflictError
from abbe.session import Session

from .conftest import Running

SQUARE = {"type": "rectangle", "unit": "um", "y": 1.0, "x": 1.0, "height": 1.0, "width": 2.0}


def add(device: httpx.Client, session: str, name: str) -> dict:  # type: ignore[type-arg]
    return dict(device.post(f"/api/sessions/{session}/rois", json={"shape": SQUARE, "name": name}).json())


def names(document: dict) -> list[str]:  # type: ignore[type-arg]
    return [roi["name"] for roi in document["rois"]]


def test_two_devices_that_undo_at_once_undo_one_change(device: httpx.Client, cells: str) -> None:
    for name in ("nucleus", "Golgi"):
        shown = add(device, cells, name)
    first, second = (device.post(f"/api/sessions/{cells}/undo", json={"base": shown["undo_base"]}) for _ in range(2))
    assert (first.status_code, names(first.json())) == (200, ["nucleus"])
    assert second.status_code == 409
    assert "pressed elsewhere" in second.json()["message"]
    assert names(second.json()["session"]) == ["nucleus"]  # what the page is to show instead


def test_an_undo_leaves_what_another_device_did_meanwhile(device: httpx.Client, cells: str) -> None:
    shown = add(device, cells, "nucleus")
    add(device, cells, "Golgi")
    late = device.post(f"/api/sessions/{cells}/undo", json={"base": shown["undo_base"]})
    assert late.status_code == 409
    assert "changed meanwhile" in late.json()["message"]
    assert names(late.json()["session"]) == ["nucleus", "Golgi"]


def test_a_redo_is_of_what_is_shown_too(device: httpx.Client, cells: str) -> None:
    for name in ("nucleus", "Golgi"):
        add(device, cells, name)
    device.post(f"/api/sessions/{cells}/undo")
    shown = device.post(f"/api/sessions/{cells}/undo").json()
    first, second = (device.post(f"/api/sessions/{cells}/redo", json={"base": shown["redo_base"]}) for _ in range(2))
    assert (first.status_code, names(first.json())) == (200, ["nucleus"])
    assert (second.status_code, names(second.json()["session"])) == (409, ["nucleus"])


def test_a_redo_that_another_change_has_ended_is_not_said_to_be_pressed_elsewhere(device: httpx.Client, cells: str) -> None:
    add(device, cells, "nucleus")
    shown = device.post(f"/api/sessions/{cells}/undo").json()
    add(device, cells, "Golgi")
    late = device.post(f"/api/sessions/{cells}/redo", json={"base": shown["redo_base"]})
    assert (late.status_code, names(late.json()["session"])) == (409, ["Golgi"])
    assert late.json()["message"].startswith("something else was changed meanwhile")


def test_who_says_nothing_undoes_the_last_change(device: httpx.Client, cells: str) -> None:
    for name in ("nucleus", "Golgi", "ER"):
        add(device, cells, name)
    for body in ({}, {"json": {}}, {"json": {"base": None}}):
        answer = device.post(f"/api/sessions/{cells}/undo", **body)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["rois"]) == (200, [])
    nothing = device.post(f"/api/sessions/{cells}/undo")
    assert (nothing.status_code, nothing.json()["error"]) == (404, "session")


def test_a_deletion_says_which_change_it_is(device: httpx.Client, cells: str) -> None:
    roi = add(device, cells, "nucleus")["rois"][0]
    gone = device.delete(f"/api/sessions/{cells}/rois/{roi['id']}").json()
    add(device, cells, "Golgi")
    assert device.post(f"/api/sessions/{cells}/undo", json={"base": gone["change"]}).status_code == 409
    device.post(f"/api/sessions/{cells}/undo")
    assert names(device.post(f"/api/sessions/{cells}/undo", json={"base": gone["change"]}).json()) == ["nucleus"]


def test_what_is_undone_is_told_as_people_call_it(device: httpx.Client, cells: str) -> None:
    for name, said in (("Golgi", "ROI Golgi"), (None, "ROI 2"), ("ROI of mine", "ROI of mine")):
        made = device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE, "name": name}).json()
        assert made["undo_action"] == f"{said} added"
        roi = f"/api/sessions/{cells}/rois/{made['added']}"
        assert device.put(roi, json={"shape": {**SQUARE, "x": 2.0}}).json()["undo_action"] == f"{said} changed"
        assert device.delete(roi).json()["undo_action"] == f"{said} removed"
    comment = device.put(f"/api/sessions/{cells}/comment", json={"text": "fixed"}).json()["comment"]
    gone = device.put(f"/api/sessions/{cells}/comment", json={"text": "", "base": comment["base"]}).json()
    assert gone["undo_action"] == "comment removed"


def test_a_region_that_was_deleted_elsewhere_is_a_conflict_in_words(device: httpx.Client, cells: str) -> None:
    roi = add(device, cells, "nucleus")["rois"][0]
    device.delete(f"/api/sessions/{cells}/rois/{roi['id']}")
    for late in (
        device.put(f"/api/sessions/{cells}/rois/{roi['id']}", json={"name": "Golgi", "base": roi["base"]}),
        device.delete(f"/api/sessions/{cells}/rois/{roi['id']}", params={"base": roi["base"]}),
    ):
        assert late.status_code == 409
        assert late.json()["message"] == "the ROI was deleted elsewhere meanwhile; undo brings it back"
        assert late.json()["session"]["rois"] == []
    assert device.delete(f"/api/sessions/{cells}/rois/r99", params={"base": 1}).status_code == 400


def test_another_process_came_first(device: httpx.Client, cells: str, server: Running) -> None:
    base = add(device, cells, "nucleus")["undo_base"]
    with Session.open(server.app.state.service.cabinet.folder(cells)) as other:
        other.undo(base=base)
        with pytest.raises(ConflictError):
            other.undo(base=base)
    assert device.post(f"/api/sessions/{cells}/undo", json={"base": base}).status_code == 409

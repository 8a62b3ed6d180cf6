"""Jobs of several devices: what two ask for at once is done once; a table of numbers waits for no run, says how far it is, and stops."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

import abbe
from abbe.errors import CancelledError
from abbe.image import ROI
from abbe.server import tabling, works
from abbe.server.cabinet import id_of
from abbe.server.jobs import Job, Progress, Queue
from abbe.session import Session

from .conftest import Running, finished, tabled


class Held:
    """Work that goes on until it is let go, and says so."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, progress: Progress) -> dict[str, Any]:
        self.begun.set()
        while not self.go.wait(0.02):
            progress(0.5, "held")
        return {}


def test_who_asks_for_what_is_waiting_or_under_way_shares_it() -> None:
    held = Held()
    queue = Queue(4, lambda job: None)
    first = queue.add(Job("enhance", "s", "one", held, wish="steps"))
    assert held.begun.wait(10)
    waiting = queue.add(Job("enhance", "s", "two", held, wish="other steps"))
    assert queue.add(Job("enhance", "s", "three", held, wish="steps")) is first
    assert queue.add(Job("enhance", "s", "four", held, wish="other steps")) is waiting
    queue.add(Job("enhance", "another image", "five", held, wish="steps"))
    queue.add(Job("export", "s", "six", held))
    assert [job.title for job in queue.jobs()] == ["one", "two", "five", "six"]
    queue.cancel(waiting)
    queue.cancel(first)  # what is to stop is not what the next one wants
    again = queue.add(Job("enhance", "s", "seven", held, wish="steps"))
    assert again.title == "seven"
    held.go.set()
    queue.close()


def test_enhance_pressed_on_two_devices_at_once_is_one_job_and_one_result(server: Running, device: httpx.Client, cells: str) -> None:
    with server.client() as tablet:
        assert tablet.post("/api/enter", json={"token": server.keys.invite()}).status_code == 200
        wish = {"kind": "enhance", "steps": ["denoise"]}
        answers: list[dict[str, Any]] = []

        def press(page: httpx.Client, body: dict[str, Any]) -> None:
            answers.append(page.post(f"/api/sessions/{cells}/jobs", json=body).json())

        # one of them names the version that the other sees as the current one
        pressing = [
            threading.Thread(target=press, args=(device, wish)),
            threading.Thread(target=press, args=(tablet, {**wish, "version": "v1"})),
        ]
        for thread in pressing:
            thread.start()
        for thread in pressing:
            thread.join()
        other = device.post(f"/api/sessions/{cells}/jobs", json={**wish, "exact": True}).json()
        assert answers[0]["id"] == answers[1]["id"] != other["id"]
        for job in (answers[0], other):
            assert finished(tablet, job["id"])["state"] == "done"
        assert [version["id"] for version in tablet.get(f"/api/sessions/{cells}").json()["versions"]] == ["v1", "v2", "v3"]


@pytest.fixture
def regions(device: httpx.Client, folder: Path) -> str:
    """A session with 30 regions."""
    with Session.create(folder / "many.abbe", abbe.open(folder / "cells.tif")) as session:
        for k in range(30):
            session.rois.add(ROI.rectangle(0.1 * k, 0.1 * k, 0.8, 0.9))
    return id_of("many.abbe")


def test_a_table_waits_for_no_run(device: httpx.Client, regions: str, cells: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()
    monkeypatch.setattr(works, "enhancing", lambda *_: held)
    run = device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance"}).json()
    assert held.begun.wait(10)
    assert len(tabled(device, regions, threshold="otsu")) == 31
    assert [job["state"] for job in device.get("/api/jobs").json() if job["id"] == run["id"]] == ["running"]
    held.go.set()
    finished(device, run["id"])


def test_a_table_says_how_far_it_is_and_keeps_nothing_when_it_is_stopped(server: Running, regions: str, folder: Path) -> None:
    heard: list[tuple[float, str]] = []

    def stopped(fraction: float, what: str) -> None:
        heard.append((fraction, what))
        if fraction > 0.5:
            raise CancelledError("stopped; nothing was written")

    work = tabling.work(server.app.state.service, regions, "v1", None, "otsu", "tablet")
    with pytest.raises(CancelledError):
        work(stopped)
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 15
    assert ("measuring 3 of 31") in [what for _, what in heard]
    with Session.open(folder / "many.abbe", read_only=True) as session:
        assert list(session.analyses) == []
    work(lambda *_: None)
    with Session.open(folder / "many.abbe", read_only=True) as session:
        assert len(session.analyses) == 31


def test_a_table_that_is_not_there_any_more_is_said_to_be_gone(device: httpx.Client, cells: str) -> None:
    answer = device.get(f"/api/sessions/{cells}/tables/0123456789abcdef")
    assert (answer.status_code, answer.json()["message"]) == (404, "this table is not there any more; measure it again")

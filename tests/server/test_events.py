"""What a page is told without asking: changes by others, progress, who is here."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import abbe
from abbe.server import events
from abbe.server.jobs import Job, Progress, Queue

from .conftest import Running
from .test_sessions import SQUARE, finished

Said = Iterator[tuple[str, dict[str, Any]]]


@contextmanager
def listening(server: Running, device: httpx.Client, session: str, page: str = "tablet") -> Iterator[Said]:
    """The events of a second page on the same image."""
    with (
        server.client(cookies=device.cookies) as other,
        other.stream("GET", "/api/events", params={"session": session, "page": page}) as stream,
    ):
        assert stream.status_code == 200

        def said() -> Said:
            name = ""
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    yield name, json.loads(line[6:])

        yield said()


def next_of(said: Said, name: str) -> dict[str, Any]:
    return next(data for event, data in said if event == name)


def test_a_region_drawn_here_is_told_there(server: Running, device: httpx.Client, cells: str) -> None:
    with listening(server, device, cells) as said:
        assert next_of(said, "devices") == {"pages": 1}
        after = device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE}).json()
        assert next_of(said, "session") == {"session": cells, "revision": after["revision"]}


def test_a_change_by_the_command_line_is_told(server: Running, device: httpx.Client, cells: str, folder: Path) -> None:
    device.get(f"/api/sessions/{cells}")  # a page reads what it shows
    with listening(server, device, cells) as said:
        with abbe.Session.open(folder / "cells.abbe") as session:
            session.comments.add("from the command line")
        assert next_of(said, "session")["session"] == cells


def test_progress_and_its_end_are_told(server: Running, device: httpx.Client, cells: str) -> None:
    with listening(server, device, cells) as said:
        job = device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance", "steps": ["denoise"]}).json()
        states = []
        for event, data in said:
            if event == "job" and data["id"] == job["id"]:
                states.append(data["state"])
                if data["state"] == "done":
                    break
        assert "running" in states
        assert data["result"]["version"] == device.get(f"/api/sessions/{cells}").json()["current"]


def test_where_one_looks_is_told_to_the_others_alone(server: Running, device: httpx.Client, cells: str) -> None:
    with listening(server, device, cells, page="here") as here, listening(server, device, cells, page="there") as there:
        look = {"x": 3, "y": 4, "span": 20, "t": 0, "depth": 0.5}
        device.put(f"/api/sessions/{cells}/view", json={"look": look}, headers={"X-Page": "here"})
        assert next_of(there, "view")["look"] == look
        device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE})
        heard = []
        for event, _ in here:
            heard.append(event)
            if event == "session":
                break
        assert "view" not in heard


def test_deleting_closes_it_everywhere(server: Running, device: httpx.Client, cells: str) -> None:
    with listening(server, device, cells) as said:
        device.delete(f"/api/sessions/{cells}")
        assert next_of(said, "deleted") == {"session": cells}


def test_silence_is_an_event_for_a_page_hears_no_comments(
    server: Running, device: httpx.Client, cells: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.05)
    with listening(server, device, cells) as said:
        assert next_of(said, "here") == {}


def test_a_page_that_comes_back_is_one_page_though_its_old_connection_was_never_closed(
    server: Running, device: httpx.Client, cells: str
) -> None:
    with listening(server, device, cells, page="desktop") as desktop, listening(server, device, cells, page="tablet") as before:
        assert next_of(before, "devices") == {"pages": 2}
        for _ in range(5):  # more than the server takes of different pages, with the others
            with listening(server, device, cells, page="tablet") as again:
                assert next_of(again, "devices") == {"pages": 2}
                assert not [event for event, _ in before if event != "devices"]  # it ends
                assert device.get(f"/api/sessions/{cells}").json()["pages"] == 2
                device.put(f"/api/sessions/{cells}/view", json={"keep": {"a": 1}})
                assert next_of(desktop, "view")["keep"] == next_of(again, "view")["keep"]
        with listening(server, device, cells, page="tablet"), listening(server, device, "elsewhere", page="tablet"):
            assert device.get(f"/api/sessions/{cells}").json()["pages"] == 1


def test_too_many_open_pages_are_refused(server: Running, device: httpx.Client, cells: str) -> None:
    with contextlib.ExitStack() as pages:
        for number in range(4):
            pages.enter_context(listening(server, device, cells, page=f"tablet {number}"))
        assert device.get("/api/events", params={"session": cells}).status_code == 429


def test_a_job_is_cancelled_and_leaves_nothing(device: httpx.Client, cells: str) -> None:
    wishes = [{"kind": "enhance"}, {"kind": "enhance", "exact": True}]
    jobs = [device.post(f"/api/sessions/{cells}/jobs", json=wish).json() for wish in wishes]
    for job in reversed(jobs):
        device.delete(f"/api/jobs/{job['id']}")
    states = [finished(device, job["id"])["state"] for job in jobs]
    assert states[-1] == "cancelled"
    assert set(states) <= {"cancelled", "done"}  # the first may have ended before it could be stopped: then its version is there
    assert len(device.get(f"/api/sessions/{cells}").json()["versions"]) == 1 + states.count("done")


def test_a_running_job_that_is_to_stop_says_so_at_once() -> None:
    heard: list[dict[str, Any]] = []
    begun, go = threading.Event(), threading.Event()

    def work(progress: Progress) -> dict[str, Any]:
        begun.set()
        go.wait(10)
        progress(0.5, "later")
        return {}

    queue = Queue(2, lambda job: heard.append(job.to_dict()))
    job = queue.add(Job("enhance", "s", "title", work))
    assert begun.wait(10)
    queue.cancel(job)
    assert (heard[-1]["state"], heard[-1]["stopping"]) == ("running", True)
    go.set()
    queue.close()
    assert (heard[-1]["state"], heard[-1]["stopping"]) == ("cancelled", False)


def test_an_image_is_not_deleted_under_a_job(device: httpx.Client, cells: str) -> None:
    job = device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance", "steps": ["denoise"]}).json()
    assert device.delete(f"/api/sessions/{cells}").status_code == 409
    device.delete(f"/api/jobs/{job['id']}")
    finished(device, job["id"])
    assert device.delete(f"/api/sessions/{cells}").status_code == 200

"""Channels that lie off one another: measured, by beads too, and moved, over HTTP."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

import abbe
from abbe.image import ROI
from abbe.server import ServerLimits, Settings
from abbe.session import Session
from shift_maker import apart

from .conftest import running

REGION = json.dumps([ROI.rectangle(1, 1, 2, 2).to_dict()]).encode()


@pytest.fixture
def opened(device: httpx.Client, folder: Path) -> str:
    abbe.save(apart((2, -3), 0.7), folder / "apart.tif")
    answer = device.post("/api/open", json={"path": "apart.tif"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def aligned(device: httpx.Client, session: str, **how: object) -> dict[str, object]:
    """What the job says when it has ended."""
    job = device.post(f"/api/sessions/{session}/jobs", json={"kind": "align", **how})
    assert job.status_code == 200, job.text
    for _ in range(300):
        (now,) = [one for one in device.get("/api/jobs").json() if one["id"] == job.json()["id"]]
        if now["state"] in ("done", "failed"):
            return dict(now)
        time.sleep(0.1)
    raise AssertionError("the job never ended")


def test_shifts_are_told_and_taken_back(device: httpx.Client, opened: str, folder: Path) -> None:
    stays, found = device.get(f"/api/sessions/{opened}/shifts").json()
    assert stays["shift"] == [0, 0]
    assert found["shift"] == pytest.approx([2, -3], abs=0.35)
    assert found["places"] >= 3
    before = device.post(f"/api/sessions/{opened}/colocalize", json={"channels": [0, 1]}).json()["result"]
    assert any(warning["code"] == "shifted" for warning in before["warnings"])
    done = aligned(device, opened)
    assert done["state"] == "done", done
    after = device.post(f"/api/sessions/{opened}/colocalize", json={"channels": [0, 1]}).json()["result"]
    assert after["pearson"] > before["pearson"] + 0.3
    assert not any(warning["code"] == "shifted" for warning in after["warnings"])
    with Session.open(folder / "apart.abbe") as session:
        assert session.current.operation == "align"
        assert session.current.recipe.steps[0].parameters["on"] == "image"


def test_given_shifts_count_as_given(device: httpx.Client, opened: str, folder: Path) -> None:
    assert aligned(device, opened, reference=1, shifts={"0": [-2, 3]})["state"] == "done"
    with Session.open(folder / "apart.abbe") as session:
        said = session.current.recipe.steps[0].parameters
        assert (said["on"], said["reference"], said["moves"]) == ("given", 1, [[0, -2, 3], [0, 0, 0]])


def test_beads_that_somebody_brings_tell_in_um(device: httpx.Client, folder: Path) -> None:
    abbe.save(apart((2, -3), 0.0), folder / "unrelated.tif")
    session = device.post("/api/open", json={"path": "unrelated.tif"}).json()["id"]
    assert device.get(f"/api/sessions/{session}/shifts").json()[1]["reason"]
    assert aligned(device, session)["state"] == "failed"
    beads = abbe.save(apart((4, -6), 1.0, pixel=0.05, seed=3), folder / "beads.tif").path.read_bytes()
    answer = device.put(f"/api/sessions/{session}/beads", params={"name": "beads.tif"}, content=beads)
    assert answer.status_code == 200, answer.text
    assert answer.json()["shifts"][1]["shift"] == pytest.approx([2, -3], abs=0.2)
    other = device.put(f"/api/sessions/{session}/beads", params={"name": "beads.tif", "reference": 1}, content=beads).json()
    assert other["beads"] == answer.json()["beads"]  # kept once, whichever channel they are measured against
    assert other["shifts"][0]["shift"] == pytest.approx([-2, 3], abs=0.2)
    assert aligned(device, session, beads=answer.json()["beads"])["state"] == "done"
    with Session.open(folder / "unrelated.abbe") as kept:
        assert kept.current.recipe.steps[0].parameters["on"] == "beads"
        assert kept.current.recipe.steps[0].parameters["moves"] == [[0, 0, 0], [0, 2, -3]]


def test_beads_in_more_channels_are_found_by_their_names(device: httpx.Client, folder: Path, opened: str) -> None:
    """As by the command and in Python; the page refused them."""
    slide = apart((2, -3), 1.0, seed=3)
    three = [apart((9, 9), 1.0, seed=3).select([1]), slide.select([0]), slide.select([1])]
    abbe.save(abbe.merge(three, channels=["DAPI", "actin", "tubulin"]), folder / "three.tif")
    content = (folder / "three.tif").read_bytes()
    answer = device.put(f"/api/sessions/{opened}/beads", params={"name": "three.tif"}, content=content)
    assert answer.status_code == 200, answer.text
    assert answer.json()["shifts"][1]["shift"] == pytest.approx([2, -3], abs=0.2)


def test_files_of_beads_and_of_regions_may_be_as_large_as_images(settings: Settings, folder: Path) -> None:
    """An image of beads beyond 1 MiB was refused as a request that is too long."""
    abbe.save(apart((2, -3), 0.7), folder / "apart.tif")
    beads = abbe.save(apart((4, -6), 1.0, pixel=0.05, seed=3), folder / "beads.tif").path.read_bytes()
    beads += bytes(2**20)  # which no reader of TIFF looks at
    limits = ServerLimits(upload=2**22)
    assert limits.body < len(beads) < limits.upload
    with running(replace(settings, limits=limits)) as server, server.client() as device:
        device.post("/api/enter", json={"token": server.keys.invite()})
        session = device.post("/api/open", json={"path": "apart.tif"}).json()["id"]
        for what, name, content in (("beads", "beads.tif", beads), ("regions", "r.json", b" " * 2**20 + REGION)):
            answer = device.put(f"/api/sessions/{session}/{what}", params={"name": name}, content=content)
            assert answer.status_code == 200, answer.text
            answer = device.put(f"/api/sessions/{session}/{what}", params={"name": name}, content=content + bytes(2**22))
            assert (answer.status_code, answer.json()["error"]) == (413, "too_large"), answer.text


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"beads": "0123"}, "choose it again"),
        ({"reference": 7}, "wanted a channel"),
        ({"shifts": {"1": [200, 0]}}, "quarter"),
        ({"shifts": {"5": [1, 0]}}, "wanted a channel"),
    ],
)
def test_what_cannot_be_is_told_in_words(device: httpx.Client, opened: str, how: dict[str, object], words: str) -> None:
    done = aligned(device, opened, **how)
    assert done["state"] == "failed"
    assert words in str(done["message"])


def test_beads_of_other_channels_and_what_is_no_image_are_refused(device: httpx.Client, opened: str, folder: Path) -> None:
    one = abbe.save(apart((0, 0), 1.0).select([0]), folder / "one.tif").path.read_bytes()
    for content, words in ((one, "2 channels, got 1"), (b"no image", "beads.tif")):
        answer = device.put(f"/api/sessions/{opened}/beads", params={"name": "beads.tif"}, content=content)
        assert answer.status_code in (400, 415, 422), answer.text
        assert words in answer.text

"""What a person knows of an image and its file does not is told on the page."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile

import abbe
from abbe.errors import SessionError
from abbe.session import Session
from abbe.session.repeating import rerun

from .conftest import Running, finished
from .test_events import listening, next_of


@pytest.fixture
def plain(folder: Path, device: httpx.Client) -> str:
    """The session of a file of 12 planes that says nothing of itself: two channels in turn, each plane with its number as its value."""
    planes = np.arange(12, dtype=np.uint16)[:, None, None] * 10 + np.zeros((12, 20, 24), np.uint16)
    tifffile.imwrite(folder / "plain.tif", planes, metadata=None)
    return str(device.post("/api/open", json={"path": "plain.tif"}).json()["id"])


def told(device: httpx.Client, session: str, **known: object) -> str:
    answer = device.post(f"/api/sessions/{session}/properties", json=known)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def original(device: httpx.Client, session: str) -> dict[str, Any]:
    return dict(device.get(f"/api/sessions/{session}").json()["versions"][0])


def codes(version: dict[str, Any]) -> set[str]:
    return {notice["code"] for notice in version["notices"]}


def test_a_session_without_work_is_told_in_its_place(server: Running, device: httpx.Client, plain: str, folder: Path) -> None:
    before = original(device, plain)
    assert "axes_guessed" in codes(before)
    with listening(server, device, plain) as said:
        now = told(
            device,
            plain,
            pixel_size=[0.3, 0.065, 0.065],
            planes={"channels": 2, "planes": 6, "frames": 1},
            channels=["actin", "tubulin"],
        )
        assert now == plain
        assert next_of(said, "session")["session"] == plain  # other devices read it again
    after = original(device, plain)
    assert after["stamp"] != before["stamp"]
    assert after["shape"] == [1, 2, 6, 20, 24]
    assert after["pixel_size"] == [0.3, 0.065, 0.065]
    assert after["channels"] == ["actin", "tubulin"]
    assert "axes_guessed" not in codes(after)
    message = next(notice["message"] for notice in after["notices"] if notice["code"] == "told")
    assert message == (
        "told by hand: 2 channels, 6 planes, 1 frame, CZT from the fastest to the slowest (the file: 1 channel, 12 planes, 1 frame); "
        "z-step 0.3 um (the file: not known); pixel height 0.065 um (the file: not known); pixel width 0.065 um (the file: not known); "
        "channels actin, tubulin (the file: channel 0)"
    )
    with Session.open(folder / "plain.abbe") as session:
        found = np.asarray(session.image("v1"))[0, :, :, 0, 0]
    assert found.tolist() == [list(range(0, 120, 20)), list(range(10, 120, 20))]
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) == ["cells.tif", "plain.abbe", "plain.tif"]
    assert device.post("/api/open", json={"path": "plain.tif"}).json()["id"] == plain  # the file's session as before
    assert device.get(f"/api/sessions/{plain}").json()["unit"] == "um"


def test_work_that_was_done_stays_as_it_is_beside_the_image_as_told(device: httpx.Client, plain: str, folder: Path) -> None:
    shape = {"type": "rectangle", "x": 2, "y": 2, "width": 8, "height": 6, "unit": "pixel"}
    added = device.post(f"/api/sessions/{plain}/rois", json={"shape": shape})
    assert added.status_code == 200, added.text
    now = told(device, plain, pixel_size=[None, 0.1, 0.1])
    assert now != plain
    old, new = device.get(f"/api/sessions/{plain}").json(), device.get(f"/api/sessions/{now}").json()
    assert (old["unit"], len(old["rois"]), new["unit"], new["rois"], new["name"]) == ("pixel", 1, "um", [], "plain 2")
    again = told(device, now, pixel_size=[None, 0.2, 0.2])  # the new one holds no work, and is told in its place
    assert again == now
    assert original(device, now)["pixel_size"] == [None, 0.2, 0.2]


def test_what_was_taken_back_can_still_be_had_and_counts_as_work(device: httpx.Client, plain: str) -> None:
    device.put(f"/api/sessions/{plain}/comment", json={"text": "cells of Monday"})
    assert told(device, plain, time_step=2.5) != plain


def test_guessed_axes_that_are_right_are_confirmed(device: httpx.Client, plain: str) -> None:
    assert told(device, plain, planes={"channels": 1, "planes": 12, "frames": 1}) == plain
    after = original(device, plain)
    assert (after["shape"], codes(after)) == ([1, 1, 12, 20, 24], codes(after) - {"axes_guessed", "told"})


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, "something to correct"),
        ({"planes": {"channels": 5, "planes": 2, "frames": 1}}, "make the 12 there are"),
        ({"planes": {"channels": 12, "planes": 1, "frames": 1}, "channels": ["a", "b"]}, "a name for each of the 12 channels"),
        ({"pixel_size": [None, 0, 0.1]}, "pixel_size"),
        ({"pixel_size": [None, -1, 0.1]}, "pixel_size"),
        ({"pixel_size": [0.1, 0.1]}, "pixel_size"),
        ({"time_step": 0}, "time_step"),
        ({"planes": {"channels": 2, "planes": 6, "frames": 1, "order": "XYC"}}, "order"),
        ({"pixels": 2}, "pixels"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    device: httpx.Client, plain: str, folder: Path, known: dict[str, object], said: str
) -> None:
    before, names = original(device, plain), sorted(p.name for p in folder.iterdir())
    answer = device.post(f"/api/sessions/{plain}/properties", json=known)
    assert answer.status_code in (400, 422), answer.text
    assert said in answer.text
    assert (original(device, plain), sorted(p.name for p in folder.iterdir())) == (before, names)


def test_channels_that_cannot_be_told_apart_are_refused(device: httpx.Client, cells: str) -> None:
    answer = device.post(f"/api/sessions/{cells}/properties", json={"channels": ["actin ", " actin"]})
    assert (answer.status_code, "different names" in answer.text) == (400, True)
    told(device, cells, channels=["actin", ""])
    assert original(device, cells)["channels"] == ["actin", "channel 1"]


def test_a_result_of_the_image_as_told_is_computed_and_its_report_is_run_again(
    device: httpx.Client, plain: str, folder: Path, tmp_path: Path
) -> None:
    now = told(device, plain, pixel_size=[None, 0.1, 0.1], planes={"channels": 2, "planes": 6, "frames": 1}, channels=["actin", "tubulin"])
    job = device.post(f"/api/sessions/{now}/jobs", json={"kind": "background", "channels": [0, 1]})
    assert finished(device, job.json()["id"])["state"] == "done"
    with Session.open(folder / "plain.abbe") as session:
        session.colocalize(("actin", "tubulin"))
        abbe.report(session, tmp_path / "report.html")
        assert "told by hand: 2 channels" in (tmp_path / "report.html").read_text(encoding="utf-8")
    (folder / "plain.abbe").rename(tmp_path / "away")
    outcome = rerun(tmp_path / "report.html", folder / "plain.tif")
    assert (outcome.agrees, outcome.identical, outcome.numbers > 10) == (True, True, True)


def test_a_session_told_in_its_place_keeps_its_name_and_its_colours(device: httpx.Client, cells: str, folder: Path) -> None:
    kept = {"channels": [{"visible": True, "color": "#ff00ff"}, {"visible": False, "color": "#00ff00"}]}
    device.put(f"/api/sessions/{cells}/view", json={"keep": kept})
    assert told(device, cells, pixel_size=[None, 0.2, 0.2]) == cells
    found = device.get(f"/api/sessions/{cells}").json()
    assert (found["name"], found["view"]) == ("cells", kept)
    assert told(device, cells, planes={"channels": 1, "planes": 2, "frames": 1}) == cells
    assert device.get(f"/api/sessions/{cells}").json()["view"] == {}  # they were of other channels
    with Session.open(folder / "cells.abbe") as session:
        assert session.name == "cells"


def test_what_was_measured_from_the_shell_is_work_and_stays(device: httpx.Client, cells: str, folder: Path) -> None:
    with Session.open(folder / "cells.abbe") as session:
        session.colocalize((0, 1))
        assert not session.can_undo  # a measurement is not undone
    assert told(device, cells, pixel_size=[None, 0.2, 0.2]) != cells
    with Session.open(folder / "cells.abbe") as session:
        assert len(session.analyses) == 1


def test_a_session_that_another_program_writes_a_version_into_stays(device: httpx.Client, cells: str, folder: Path) -> None:
    with Session.open(folder / "cells.abbe") as session:
        corrected: list[str] = []

        def meanwhile(fraction: float, what: str) -> None:
            if not corrected:
                corrected.append(told(device, cells, pixel_size=[None, 0.2, 0.2]))

        session.add_version(session.image("v1"), name="of the shell", progress=meanwhile)
        assert corrected != [cells]
    with Session.open(folder / "cells.abbe") as session:
        assert [version.name for version in session.versions] == ["original", "of the shell"]


def test_a_version_of_the_image_as_it_was_does_not_come_into_the_session_that_took_its_place(
    device: httpx.Client, cells: str, folder: Path
) -> None:
    with Session.open(folder / "cells.abbe") as session:
        made = abbe.Image.from_array(np.asarray(session.image("v1")) + 1, axes="TCZYX")  # takes long, say
        assert told(device, cells, planes={"channels": 1, "planes": 2, "frames": 1}) == cells
        with pytest.raises(SessionError, match="another session lies in its place"):
            session.add_version(made)
    with Session.open(folder / "cells.abbe") as session:
        assert [version.name for version in session.versions] == ["original"]


def test_of_two_devices_that_correct_at_once_the_second_is_told(device: httpx.Client, plain: str, folder: Path) -> None:
    def ask(frames: int) -> int:
        planes = {"channels": 1, "planes": 12 // frames, "frames": frames}
        return device.post(f"/api/sessions/{plain}/properties", json={"planes": planes}).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(ask, (2, 3, 4, 6)))
    assert set(answers) <= {200, 409}
    assert 200 in answers
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) == ["cells.tif", "plain.abbe", "plain.tif"]
    assert not [p for p in folder.iterdir() if p.name.startswith(".deleted-")]


def test_where_a_program_holds_the_session_open_the_corrected_one_lies_beside(
    device: httpx.Client, cells: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def held_open(source: Path, target: Path) -> None:  # as Windows refuses it
        if Path(source) == folder / "cells.abbe":
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        rename(source, target)

    monkeypatch.setattr(os, "rename", held_open)
    now = told(device, cells, pixel_size=[None, 0.2, 0.2])
    assert (now != cells, original(device, cells)["pixel_size"], original(device, now)["pixel_size"]) == (
        True,
        [None, 0.1, 0.1],
        [None, 0.2, 0.2],
    )
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".hidden")) == ["cells 2.abbe", "cells.abbe", "cells.tif"]


def test_what_is_told_again_is_not_said_to_be_the_files(device: httpx.Client, cells: str) -> None:
    told(device, cells, pixel_size=[None, 0.2, 0.2])
    told(device, cells, pixel_size=[None, 0.3, 0.3])
    said = [notice["message"] for notice in original(device, cells)["notices"] if notice["code"] == "told"]
    assert said[0].startswith("told by hand: pixel height 0.2 um (the file: 0.1 um)")
    assert said[1].startswith("told by hand: pixel height 0.3 um (before: 0.2 um)")


def test_saturation_is_told_of_the_channels_as_they_are_called_now(device: httpx.Client, folder: Path) -> None:
    pixels = np.random.default_rng(0).poisson(60, (2, 40, 50)).astype(np.uint8)
    pixels[0, :20, :30] = 255
    abbe.save(abbe.Image.from_array(pixels, axes="CYX", pixel_size=0.1, channels=["a", "b"]), folder / "bright.tif")
    session = device.post("/api/open", json={"path": "bright.tif"}).json()["id"]
    told(device, session, channels=["actin", "tubulin"])
    said = [notice["message"] for notice in original(device, session)["notices"] if notice["code"] == "saturated"]
    assert [message.split(":")[0] for message in said] == ["actin"]

"""Whoever writes to the interface by hand, or by a script, is told what is wrong, and breaks nothing."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

import abbe
from abbe.server.folders import Folders
from abbe.server.logbook import OneLine
from abbe.server.routes import ROUTERS

from .conftest import Running, finished

JSON = {"Content-Type": "application/json"}
REGION = {"type": "rectangle", "y": 1, "x": 1, "height": 2, "width": 2}


def refused(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["message"])


def test_a_setting_that_is_misspelt_is_refused_and_does_not_run_as_if_it_were_not_there(device: httpx.Client, cells: str) -> None:
    assert "enhance.stps" in refused(device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance", "stps": ["denoise"]}))
    assert "parts.0.chanel" in refused(device.post("/api/merge", json={"parts": [{"path": "cells.tif", "chanel": 1}]}))
    place = f"/api/sessions/{cells}/versions/v1/tile"
    said = refused(device.get(place, params={"level": 0, "x": 0, "y": 0, "channel": 1}))
    assert "level, x, y, t, c, z" in said
    assert "'channel'" in said
    assert not device.get("/api/jobs").json()


@pytest.mark.parametrize(
    "value",
    ["NaN", "-Infinity", "1e999", '"\\ud800"', '{"\\udfff": 1}', "[" * 300 + "]" * 300],
    ids=["nan", "inf", "1e999", "half", "key", "deep"],
)
def test_what_could_not_be_sent_on_is_refused_and_the_session_stays_readable(device: httpx.Client, cells: str, value: str) -> None:
    place = f"/api/sessions/{cells}"
    refused(device.put(f"{place}/view", content=f'{{"keep": {{"contrast": {value}}}}}', headers=JSON))
    refused(device.put(f"{place}/view", content=f'{{"look": {{"x": {value}}}}}', headers=JSON))
    refused(device.post(f"{place}/rois", content=f'{{"shape": {{"type": "rectangle", "name": {value}}}}}', headers=JSON))
    assert device.get(place).json()["view"] == {}


@pytest.mark.parametrize("kept", ['{"a": "\\ud800", "b": 1}', '{"a": ' + "[" * 400 + "]" * 400 + "}"])
def test_a_session_whose_view_another_program_spoilt_is_read(device: httpx.Client, cells: str, folder: Path, kept: str) -> None:
    (folder / "cells.abbe" / "view.json").write_text(kept)
    assert device.get(f"/api/sessions/{cells}").status_code == 200
    assert device.put(f"/api/sessions/{cells}/view", json={"keep": {"c": 2}}).json()["kept"]["c"] == 2


def test_python_keeps_no_view_either_that_a_page_could_not_be_sent(folder: Path) -> None:
    with abbe.Session.create(folder / "mine.abbe", abbe.open(folder / "cells.tif")) as session:
        assert session.set_view({"name": "a\ud800"}) == {"name": "a?"}
        deep: list[Any] = []
        for _ in range(200):
            deep = [deep]
        with pytest.raises(abbe.AbbeError, match="lists and dicts in each other"):
            session.set_view({"deep": deep})


@pytest.mark.parametrize("number", [str(10**400), str(-(10**400))])
def test_numbers_beyond_all_pixels_are_refused_in_words(device: httpx.Client, cells: str, number: str) -> None:
    place = f"/api/sessions/{cells}"
    for key in ("y", "height"):
        shape = json.dumps(REGION | {key: "@"}).replace('"@"', number)
        assert "finite numbers" in refused(device.post(f"{place}/rois", content=f'{{"shape": {shape}}}', headers=JSON))
        refused(device.post(f"{place}/colocalize", content=f'{{"channels": [0, 1], "shape": {shape}}}', headers=JSON))
    for threshold in ([0, 1e300], [-1e300, 5], [0, 1e20]):
        assert "grey values" in refused(device.post(f"{place}/colocalize", json={"channels": [0, 1], "threshold": threshold}))


def test_a_plane_that_is_not_there_is_no_damaged_session(device: httpx.Client, cells: str) -> None:
    place = f"/api/sessions/{cells}"
    asked = {"version": "v1", "first": 0, "second": 1, "low": 1, "high": 2, "level": 0, "x": 0, "y": 0}
    assert device.get(f"{place}/revealed", params=asked).status_code == 200
    for wrong in ({"second": 99}, {"z": 5}, {"t": 5}):
        assert "1 frames, 1 planes and 2 channels" in refused(device.get(f"{place}/revealed", params=asked | wrong))
    for kind in ("difference", "error"):
        for wrong in ({"z": 5}, {"t": 5}):
            assert "1 planes" in refused(device.get(f"{place}/maps/{kind}", params={"version": "v1", "reference": "v1"} | wrong))
    for value in ("nan", "inf", "1e400"):
        assert "low" in refused(device.get(f"{place}/revealed", params=asked | {"low": value}))


def test_a_body_that_is_not_sent_as_json_is_told_how(device: httpx.Client) -> None:
    for answer in (device.post("/api/open", data={"path": "cells.tif"}), device.post("/api/open", content='{"path": "cells.tif"}')):
        assert "Content-Type: application/json" in refused(answer)
    assert "character 9" in refused(device.post("/api/open", content='{"path": cells.tif}', headers=JSON))


def test_a_wrong_method_says_which_is_right(device: httpx.Client, cells: str) -> None:
    for method, path, right in (
        ("GET", "/api/open", "POST"),
        ("POST", "/api/folder", "GET"),
        ("OPTIONS", "/api/folder", "GET"),
        ("PATCH", f"/api/sessions/{cells}/rois/r1", "DELETE, PUT"),
    ):
        answer = device.request(method, path)
        assert right in refused(answer, 405)
        assert answer.headers["allow"] == right
    for method, path in (("PUT", "/api/nowhere"), ("GET", "/api/folder/"), ("GET", "/api")):
        assert "nothing at this address" in refused(device.request(method, path), 404)
    assert "job" in refused(device.delete("/api/jobs/nothing"), 404)


def test_a_download_says_its_size_before_it_is_fetched_and_goes_on_where_it_stopped(device: httpx.Client, cells: str) -> None:
    asked = device.post(f"/api/sessions/{cells}/jobs", json={"kind": "export", "parts": ["image"], "name": "figure 3"}).json()
    done = finished(device, asked["id"])["result"]
    assert done["name"] == "figure 3_v1.ome.tif" == done["files"][0]
    place = f"/api/downloads/{done['download']}"
    whole = device.get(place)
    assert (
        'filename="figure 3_v1.ome.tif"' in whole.headers["content-disposition"] or "figure%203_v1" in whole.headers["content-disposition"]
    )
    assert device.head(place).headers["content-length"] == str(len(whole.content))
    rest = device.get(place, headers={"Range": "bytes=100-"})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])


def test_a_model_is_named_and_no_path_of_a_client_reaches_the_disk(device: httpx.Client, cells: str) -> None:
    for model in ("/etc/passwd", "/tmp", "../secret.json", "images", "nothing"):
        for asked in (
            device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance", "model": model}),
            device.post(f"/api/sessions/{cells}/preview", json={"kind": "enhance", "x": 1, "y": 1, "model": model}),
        ):
            assert "denoise" in refused(asked)
    assert not device.get("/api/jobs").json()


def test_nothing_is_put_into_a_session_or_an_image(device: httpx.Client, cells: str, folder: Path) -> None:
    (folder / "stack.zarr" / "0").mkdir(parents=True)
    content = (folder / "cells.tif").read_bytes()
    before = sorted(path for path in folder.rglob("*") if "journal" not in path.name)
    for path in ("cells.abbe", "cells.abbe/versions", "stack.zarr", "stack.zarr/0", "cells.tif", "nowhere"):
        refused(device.put("/api/upload", params={"name": "a.tif", "path": path}, content=content), 404)
        refused(device.post("/api/samples", json={"name": "cell", "folder": path}), 404)
        refused(device.post("/api/merge", json={"parts": [{"path": "cells.tif"}], "folder": path}), 404)
        refused(device.get("/api/folder", params={"path": path}), 404)
    assert sorted(path for path in folder.rglob("*") if "journal" not in path.name) == before


def test_an_upload_gets_a_name_by_which_it_can_be_opened(device: httpx.Client, folder: Path) -> None:
    content = (folder / "cells.tif").read_bytes()
    assert "sessions" in refused(device.put("/api/upload", params={"name": "mine.abbe"}, content=content), 404)
    for name in ("CON.tif", "aux.ome.tif", "10:45.tif", "falcon.tif", "x." + "y" * 19 + " z.tif"):
        path = device.put("/api/upload", params={"name": name}, content=content).json()["path"]
        assert device.post("/api/open", json={"path": path}).status_code == 200, name
        assert name != "falcon.tif" or path == name


def test_names_with_raised_digits_are_sorted(device: httpx.Client, folder: Path) -> None:
    for name in ("10\u00b25.tif", "\u00b2.tif", "\u2460 7.tif"):
        (folder / name).write_bytes((folder / "cells.tif").read_bytes())
    assert len(device.get("/api/folder").json()["entries"]) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is text")
def test_one_name_that_is_no_text_hides_nothing_else(device: httpx.Client, folder: Path) -> None:
    content = (folder / "cells.tif").read_bytes()
    odd = os.path.join(os.fsencode(folder), b"Z\xfcrich.tif")
    Path(os.fsdecode(odd)).write_bytes(content)
    os.mkdir(os.path.join(os.fsencode(folder), b"M\xfcller"))
    entries = device.get("/api/folder").json()["entries"]
    assert [entry["path"] for entry in entries] == ["M\ufffdller", "cells.tif", "Z\ufffdrich.tif"]
    assert "rename it" in refused(device.post("/api/open", json={"path": "Z\ufffdrich.tif"}), 404)
    assert "rename it" in refused(device.get("/api/folder", params={"path": "M\ufffdller"}), 404)


def test_a_name_that_not_every_system_can_have_says_so(device: httpx.Client, folder: Path) -> None:
    (folder / "10:45.tif").write_bytes((folder / "cells.tif").read_bytes())
    assert "rename it" in refused(device.post("/api/open", json={"path": "10:45.tif"}), 404)


def test_an_image_that_a_link_in_another_folder_leads_to_has_one_session(device: httpx.Client, folder: Path) -> None:
    (folder / "day 1").mkdir()
    (folder / "day 1" / "stack.tif").write_bytes((folder / "cells.tif").read_bytes())
    (folder / "today.tif").symlink_to(folder / "day 1" / "stack.tif")
    (folder / "now").symlink_to(folder / "day 1")
    made = [device.post("/api/open", json={"path": path}).json()["id"] for path in ("today.tif", "now/stack.tif", "day 1/stack.tif")]
    assert len(set(made)) == 1
    assert device.get(f"/api/sessions/{made[0]}").json()["path"] == "day 1/stack.abbe"
    assert device.post("/api/open", json={"path": "now/stack.abbe"}).json()["id"] == made[0]


def test_a_session_has_one_id(device: httpx.Client, cells: str) -> None:
    from abbe.server.cabinet import id_of

    for other in (id_of("./cells.abbe"), id_of("cells.abbe/"), f"{cells[:-1]}R"):
        assert "another spelling" in refused(device.get(f"/api/sessions/{other}"), 404)


def test_a_fault_of_its_own_is_answered_and_leaves_one_line_for_who_keeps_the_server(
    server: Running, device: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(self: Folders, path: str) -> dict[str, Any]:
        raise IndexError("list index\nout of range")

    monkeypatch.setattr(Folders, "list", fails)
    with caplog.at_level(logging.ERROR):
        answers = [device.get("/api/folder") for _ in range(3)]
    for answer in answers:
        assert "IndexError" in refused(answer, 500)
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert [record.name for record in caplog.records] == ["abbe.server.guard"] * 3  # and no more, of other loggers
    line = OneLine().format(caplog.records[0])
    assert "GET /api/folder failed: IndexError: list index\\nout of range" in line
    assert "files.py, line" in line
    assert "\n" not in line


def test_the_page_on_the_interface_has_every_route_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/design/http.md").read_text(encoding="utf-8")
    table = page[page.index("| route |") : page.index("Errors are `")]
    told = set()
    for method, path, words in re.findall(r"`([A-Z]+) ([^?` ]+)\??([^` ]*)`", table):
        place = re.sub(r"^V\b", "S/versions/V", path).replace("S", "/api/sessions/ID", 1) if path[0] in "SV" else path
        told.add((method, re.sub(r"/[A-Z]+(?=/|$)", "/{}", place), frozenset(re.findall(r"[a-z]+(?==|&|$)", words))))
    there = set()
    for route in (route for router in ROUTERS for route in router.routes):
        assert isinstance(route, APIRoute)
        asked = frozenset(one.alias for one in route.dependant.query_params) - {"m"}
        there |= {(method, re.sub(r"{[^}]+}", "{}", f"/api{route.path}"), asked) for method in route.methods or ()}
    assert told == there

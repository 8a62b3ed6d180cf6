"""Colocalization over HTTP: where it is measured, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

import abbe
from abbe.errors import ParameterError, SessionError
from abbe.image import ROI
from abbe.server import works
from abbe.server.cabinet import id_of
from abbe.session import Session, store
from abbe.session.state import State

from .conftest import Running, tabled

PLACES = [ROI.rectangle(0.5 + 0.7 * k, 1.0 + k / 2, 0.6, 1.5, name=f"cell {k}") for k in range(4)]


@pytest.fixture
def cropped(device: httpx.Client, folder: Path) -> str:
    """A session with regions, at a version that is a part of the original."""
    with Session.create(folder / "part.abbe", abbe.open(folder / "cells.tif")) as session:
        for place in PLACES:
            session.rois.add(place)
        session.crop((6, 38), (9, 45))
    return id_of("part.abbe")


def at(session: str, rest: str) -> str:
    return f"/api/sessions/{session}{rest}"


def test_a_region_on_a_cropped_version_is_measured_where_it_lies(device: httpx.Client, cropped: str, folder: Path) -> None:
    image = np.asarray(abbe.open(folder / "cells.tif"))[0, :, 0].astype(float)
    for version in ("v1", "v2"):
        rows = tabled(device, cropped, version=version, threshold="otsu")
        for k in (1, 2):  # those that lie in the crop
            box = (slice(round(5 + 7 * k), round(11 + 7 * k)), slice(10 + 5 * k, 25 + 5 * k))
            expected = np.corrcoef(image[0][box].ravel(), image[1][box].ravel())[0, 1]
            body = {"version": version, "channels": [0, 1], "roi": f"r{k + 1}"}
            drawn = {"version": version, "channels": [0, 1], "shape": PLACES[k].to_dict()}
            for found in (
                rows[k + 1]["result"],
                *(device.post(at(cropped, "/colocalize"), json=b).json()["result"] for b in (body, drawn)),
            ):
                assert found["n"] == 90
                assert found["pearson"] == pytest.approx(expected)


def test_revealed_pixels_of_a_region_on_a_cropped_version_lie_in_it(device: httpx.Client, cropped: str) -> None:
    where = {"version": "v2", "first": 0, "second": 1, "low": 0, "high": 0, "level": 0, "x": 0, "y": 0, "roi": "r2"}
    shown = np.frombuffer(device.get(at(cropped, "/revealed"), params=where).content, np.uint8).reshape(32, 36)
    rows, columns = np.nonzero(shown)
    assert (rows.min() + 6, rows.max() + 7, columns.min() + 9, columns.max() + 10) == (12, 18, 15, 30)


def test_a_table_is_kept_in_one_change_that_undo_leaves_alone(device: httpx.Client, cropped: str, folder: Path) -> None:
    before = device.get(at(cropped, "")).json()
    for time in (1, 2):
        rows = tabled(device, cropped, version="v1", threshold="otsu")
        after = device.get(at(cropped, "")).json()
        assert after["revision"] == before["revision"] + time
        assert after["undo_action"] == before["undo_action"]
        with Session.open(folder / "part.abbe", read_only=True) as session:  # the second takes the place of the first
            assert [found.roi for found in session.analyses] == [row["roi"] for row in rows] == [None, "r1", "r2", "r3", "r4"]
            assert [found.results["pearson"] for found in session.analyses] == [row["result"]["pearson"] for row in rows]
    device.post(at(cropped, "/colocalize"), json={"version": "v1", "channels": [0, 1], "roi": "r1", "threshold": "otsu", "keep": True})
    device.post(at(cropped, "/colocalize"), json={"version": "v1", "channels": [0, 1], "roi": "r1", "threshold": "costes", "keep": True})
    with Session.open(folder / "part.abbe", read_only=True) as session:
        assert sorted(str(found.roi) for found in session.analyses) == ["None", "r1", "r1", "r2", "r3", "r4"]
    assert device.get(at(cropped, "")).json()["undo_action"] == before["undo_action"]


def test_a_session_that_is_read_only_has_its_table(device: httpx.Client, cropped: str, folder: Path) -> None:
    with Session.open(folder / "part.abbe") as session:
        session.pack(folder / "packed.zip")
    (folder / "packed.zip").rename(folder / "packed.abbe")
    assert len(tabled(device, id_of("packed.abbe"), threshold="otsu")) == 5


def test_a_session_of_many_regions_is_read_in_time_that_grows_with_them_and_no_faster(
    device: httpx.Client, cropped: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, ids_of = [0], State.ids_of

    def counted(state: State, kind: str) -> list[str]:
        looked[0] += 1
        return ids_of(state, kind)

    monkeypatch.setattr(State, "ids_of", counted)
    device.get(at(cropped, ""))
    few, looked[0] = looked[0], 0
    with Session.open(folder / "part.abbe") as session:
        for place in PLACES * 5:
            session.rois.add(place)
    device.get(at(cropped, ""))  # takes over what was added
    looked[0] = 0
    assert len(device.get(at(cropped, "")).json()["rois"]) == 24
    assert looked[0] <= few


def test_a_session_does_not_grow_beyond_what_is_read_again(cropped: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Session.open(folder / "part.abbe") as session:
        monkeypatch.setattr(store, "LIMITS", replace(store.LIMITS, metadata=(folder / "part.abbe" / "manifest.json").stat().st_size + 2000))
        before = session.revision
        with pytest.raises(SessionError, match="MiB of measurements"):
            session.comments.add("long " * 500)
        session.comments.add("short")
        assert session.revision == before + 1
    with Session.open(folder / "part.abbe") as again:
        assert (again.problems, [comment.text for comment in again.comments]) == ((), ["short"])


def test_a_cropped_version_is_compared_with_the_same_part_of_another(device: httpx.Client, cropped: str, folder: Path) -> None:
    with Session.open(folder / "part.abbe") as session:
        part = session.image("v2")
        finer = np.kron(np.asarray(part), np.ones((1, 1, 1, 3, 3), np.float32)).astype(np.float32)
        made = abbe.Image.from_array(finer, axes="TCZYX", pixel_size=(None, 0.1 / 3, 0.1 / 3), channels=part.channels)
        session.add_version(made.replace(original=part), name="finer")
        assert session.version("v3").offset == session.version("v2").offset
    same = {"version": "v2", "reference": "v1"}
    shown = device.get(at(cropped, "/maps/difference"), params=same).json()
    assert (shown["height"], shown["width"]) == (32, 36)
    tile = device.get(at(cropped, "/maps/difference/tile"), params={**same, "level": 0, "x": 0, "y": 0, "c": 1}).content
    assert not np.frombuffer(tile, "<f4").any()
    found = device.get(at(cropped, "/comparison"), params=same).json()
    assert [channel["rsp"]["transformed"] for channel in found["channels"]] == [pytest.approx(1), pytest.approx(1)]
    # the error map lies on the whole reference, and is empty where the part has nothing to say
    finely = {"version": "v3", "reference": "v1"}
    assert device.get(at(cropped, "/maps/error"), params=finely).json()["height"] == 40
    tile = device.get(at(cropped, "/maps/error/tile"), params={**finely, "level": 0, "x": 0, "y": 0}).content
    rows, columns = np.nonzero(np.frombuffer(tile, "<f4").reshape(40, 50))
    assert (rows.min(), columns.min()) >= (6, 9)
    assert (rows.max(), columns.max()) < (38, 45)
    parts = [device.get(at(cropped, "/comparison"), params={"version": "v3", "reference": before}).json() for before in ("v1", "v2")]
    assert parts[0] == parts[1]
    refused = device.get(at(cropped, "/maps/difference"), params={"version": "v1", "reference": "v2"})
    assert (refused.status_code, "shows another" in refused.json()["message"]) == (400, True)


def test_parts_of_an_image_without_a_pixel_size_find_their_places(device: httpx.Client, folder: Path) -> None:
    pixels = np.random.default_rng(3).poisson(60, (2, 40, 50)).astype(np.uint16)
    with Session.create(folder / "bare.abbe", abbe.Image.from_array(pixels, axes="CYX")) as session:
        session.crop((6, 38), (9, 45))
        part = session.image("v2")
        finer = np.kron(np.asarray(part), np.ones((1, 1, 1, 3, 3), np.float32)).astype(np.float32)
        session.add_version(abbe.Image.from_array(finer, axes="TCZYX").replace(original=part))
    bare = at(id_of("bare.abbe"), "/comparison")
    parts = [device.get(bare, params={"version": "v3", "reference": before}).json() for before in ("v1", "v2")]
    assert parts[0] == parts[1]
    assert parts[0]["channels"][0]["rsp"]["transformed"] > 0.9
    with Session.open(folder / "bare.abbe") as session:
        session.crop((9, 30), (9, 30), "v3")
    shown = device.get(at(id_of("bare.abbe"), "")).json()["versions"]  # which the page lays over one another
    assert [(version["offset"], version["step"]) for version in shown] == [
        ([0, 0], 1),
        ([6, 9], 1),
        ([6, 9], pytest.approx(1 / 3)),
        ([9, 12], pytest.approx(1 / 3)),
    ]


def test_a_region_in_pixels_lies_on_a_cropped_version_where_one_in_um_does(device: httpx.Client, cropped: str, folder: Path) -> None:
    """ImageJ's regions are in pixels, whatever is known of their size."""
    with Session.open(folder / "part.abbe") as session:
        session.rois.add(ROI.rectangle(12, 15, 6, 15, unit="pixel", name="cell 1 in pixels"))
        session.crop((5, 30), (5, 30), "v2")
        for version in ("v1", "v2", "v3"):
            found = [session.colocalize(roi=roi, key=version, threshold="otsu").results for roi in ("r2", "r5")]
            assert found[0]["n"] == found[1]["n"] == 90
            assert found[0]["pearson"] == found[1]["pearson"]
        in_um, in_pixels = (roi.mask(session.image("v3")) for roi in (session.case("v3").rois[1], session.case("v3").rois[4]))
        assert np.array_equal(in_um, in_pixels)
    rows = tabled(device, cropped, version="v3", threshold="otsu")
    assert rows[2]["result"]["pearson"] == rows[5]["result"]["pearson"]


def test_what_was_made_from_a_crop_is_compared_where_it_lies_though_the_crop_was_deleted(
    device: httpx.Client, cropped: str, folder: Path
) -> None:
    """Three times 20 pixels are as many as the 60 of twice 30: nothing else would tell that another field is shown."""
    pixels = np.random.default_rng(3).poisson(60, (2, 30, 30)).astype(np.uint16)
    for size, name in (((None, 0.1, 0.1), "sized"), ((None, None, None), "bare")):
        with Session.create(folder / f"{name}.abbe", abbe.Image.from_array(pixels, axes="CYX", pixel_size=size)) as session:
            session.crop((5, 25), (8, 28))
            part = session.image("v2")
            finer = np.kron(np.asarray(part), np.ones((1, 1, 1, 3, 3), np.float32)).astype(np.float32)
            third = tuple(s and s / 3 for s in size)
            session.add_version(abbe.Image.from_array(finer, axes="TCZYX", pixel_size=third).replace(original=part))
            session.delete("v2")
        where = {"version": "v3", "reference": "v1"}
        found = device.get(at(id_of(f"{name}.abbe"), "/comparison"), params=where).json()
        assert found["channels"][0]["rsp"]["transformed"] > 0.99
        shown = at(id_of(f"{name}.abbe"), "/maps/difference")
        tile = device.get(f"{shown}/tile", params={**where, "level": 0, "x": 0, "y": 0}).content
        assert np.abs(np.frombuffer(tile, "<f4")).mean() < 6  # the noise of another place would differ by 9


def test_a_result_is_kept_though_what_it_was_made_from_was_deleted_meanwhile(server: Running, device: httpx.Client, cropped: str) -> None:
    here = server.app.state.service

    def restore(image: abbe.Image, progress: object) -> abbe.Image:
        assert device.delete(at(cropped, "/versions/v2")).status_code == 200
        return abbe.enhance(image, steps=("denoise",))

    made = works._restoring(here, cropped, "v2", restore, "enhance", "me")(lambda fraction, what: None)
    shown = device.get(at(cropped, "")).json()
    assert [version["id"] for version in shown["versions"]] == ["v1", "v3"]
    assert (made["version"], made["parent"], shown["current"]) == ("v3", "v2", "v3")
    assert shown["versions"][1]["offset"] == [pytest.approx(0.6), pytest.approx(0.9)]
    assert device.post(at(cropped, "/colocalize"), json={"channels": [0, 1], "threshold": "otsu"}).json()["result"]["original"] is None
    with Session.open(here.cabinet.folder(cropped)) as session:
        assert session.problems == ()
        with pytest.raises(ParameterError, match="got 'v9'"):
            session.add_version(session.image("v1"), parent="v9")
        assert session.case().after is None

"""Regions from files of other programs, brought into a session."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter, label

import abbe
from abbe.image import ROI, Mask
from abbe.session import Session

from .conftest import Running


def sent(device: httpx.Client, session: str, name: str, content: bytes) -> httpx.Response:
    return device.put(f"/api/sessions/{session}/regions", params={"name": name}, content=content)


def as_tiff(labels: np.ndarray, **more: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, labels, **more)  # type: ignore[arg-type]
    return file.getvalue()


def cells_of(folder: Path) -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(2).normal(size=(40, 50)), 3)
    return np.asarray(label(field > 0)[0], np.uint16)


def test_every_cell_of_a_label_image_is_a_region_and_one_undo_takes_them_back(device: httpx.Client, cells: str, folder: Path) -> None:
    labels = cells_of(folder)
    answer = sent(device, cells, "cells_cp_masks.tif", as_tiff(labels))
    assert answer.status_code == 200, answer.text
    said = answer.json()
    values = [v for v in np.unique(labels) if v]
    assert (said["added"], [roi["name"] for roi in said["rois"]]) == (len(values), [f"label {v}" for v in values])
    assert {roi["shape"]["type"] for roi in said["rois"]} == {"polygon"}
    with Session.open(folder / "cells.abbe") as session:
        image = session.image("v1")
        for region, value in zip(session.rois, values):
            np.testing.assert_array_equal(session.rois.roi(region.id).mask(image)[0], labels == value)
    assert said["undo_action"] == f"{len(values)} regions from cells_cp_masks.tif"
    after = device.post(f"/api/sessions/{cells}/undo", json={"base": said["undo_base"]}).json()
    assert after["rois"] == []
    again = device.post(f"/api/sessions/{cells}/redo", json={"base": after["redo_base"]}).json()
    assert len(again["rois"]) == len(values)
    one = device.post(f"/api/sessions/{cells}/rois", json={"shape": ROI.rectangle(0, 0, 1, 1).to_dict()}).json()
    assert one["added"] == f"r{len(values) + 1}"


@pytest.mark.parametrize("suffix", ["zip", "geojson", "json"])
def test_regions_of_other_programs_lie_where_they_were_drawn(
    device: httpx.Client, cells: str, folder: Path, tmp_path: Path, suffix: str
) -> None:
    image = abbe.open(folder / "cells.tif")
    mask = np.zeros((40, 50), bool)
    mask[5:12, 7:20] = True
    mask[8:10, 9:12] = False
    rois = [
        ROI.rectangle(3, 4, 10, 12, unit="pixel").named("box"),
        ROI.ellipse(20, 25, 6, 9, 30, unit="pixel").named("round"),
        ROI.polygon([(1, 1), (9, 3), (6, 12)], unit="pixel", name="corner"),
        *(
            [Mask.from_pixels(mask, image, name="ring"), ROI.rectangle(0.5, 0.5, 1, 1) | ROI.rectangle(2, 2, 1, 1)]
            if suffix == "json"
            else []
        ),
    ]
    path = abbe.save_rois(rois, tmp_path / f"a.{suffix}", image)
    assert sent(device, cells, path.name, path.read_bytes()).json()["added"] == len(rois)
    with Session.open(folder / "cells.abbe") as session:
        whole = session.image("v1")
        for region, roi in zip(session.rois, abbe.open_rois(path)):
            np.testing.assert_array_equal(session.rois.roi(region.id).mask(whole), roi.mask(whole))
            assert region.shape["type"] in ("rectangle", "ellipse", "polygon")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.zip", b"PK nothing", "damaged one: notes.zip"),
        ("notes.json", b"{}", "notes.json: wanted"),
        ("cells.tif", as_tiff(np.random.default_rng(0).poisson(99, (40, 50)).astype(np.uint16)), "hardly ever alike"),
        ("small.tif", as_tiff(np.ones((20, 25), np.uint8)), "the image's 40 x 50 pixels"),
        ("none.tif", as_tiff(np.zeros((40, 50), np.uint8)), "got none in none.tif"),
        ("notes.roi", b"x", "something else: notes.roi"),
    ],
)
def test_a_file_without_regions_of_this_image_is_refused(
    device: httpx.Client, cells: str, folder: Path, name: str, content: bytes, said: str
) -> None:
    answer = sent(device, cells, name, content)
    assert (answer.status_code, said in answer.json()["message"]) == (400, True), answer.text
    assert str(folder) not in answer.text
    assert "/tmp" not in answer.text
    assert device.get(f"/api/sessions/{cells}").json()["rois"] == []


def test_more_regions_than_a_session_takes_and_files_too_large_are_refused(device: httpx.Client, cells: str) -> None:
    points = (np.arange(2001).reshape(-1, 1) + 1).repeat(1, 1)
    labels = np.zeros((40, 50), np.uint16)
    labels.ravel()[: 2 * (len(points) // 3)] = np.repeat(points[: len(points) // 3, 0], 2)
    for _ in range(3):
        answer = sent(device, cells, "many.tif", as_tiff(labels))
    assert answer.status_code == 413
    assert "at most 2000 regions" in answer.json()["message"]
    assert "abbe colocalize cells.abbe --roi many.tif" in answer.json()["message"]
    assert sent(device, cells, "huge.tif", b"0" * (2**20 + 1)).status_code == 413


def test_labels_of_several_planes_are_left_to_the_shell(device: httpx.Client, folder: Path) -> None:
    stack = np.random.default_rng(0).poisson(9, (4, 30, 30)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(stack, pixel_size=(0.3, 0.1, 0.1)), folder / "stack.tif")
    session = device.post("/api/open", json={"path": "stack.tif"}).json()["id"]
    labels = np.zeros((4, 30, 30), np.uint16)
    labels[1:3, 5:20, 5:20] = 4
    labels[2:4, 22:28, 22:28] = 5
    answer = sent(device, session, "l.tif", as_tiff(labels, metadata=None, photometric="minisblack"))
    assert answer.status_code == 400
    assert "from the shell: abbe colocalize" in answer.json()["message"]
    flat = sent(device, session, "l.tif", as_tiff(labels[1]))  # one plane holds for all
    assert flat.json()["added"] == 1


def test_labels_of_a_result_with_smaller_pixels_are_regions_too(device: httpx.Client, cells: str, folder: Path) -> None:
    fine = cells_of(folder).repeat(2, 0).repeat(2, 1)
    fine = np.roll(fine, 1, 1)  # so that cells end within pixels of the original
    with Session.open(folder / "cells.abbe") as session:
        original = session.image("v1")
        pixels = np.asarray(original).repeat(2, 3).repeat(2, 4)
        session.add_version(abbe.Image.from_array(pixels, axes="TCZYX", pixel_size=(None, 0.05, 0.05)), parent="v1")
    answer = sent(device, cells, "of the result.tif", as_tiff(fine))
    assert answer.status_code == 200, answer.text
    with Session.open(folder / "cells.abbe") as session:
        result = session.image()
        for region in session.rois:
            np.testing.assert_array_equal(session.rois.roi(region.id).mask(result)[0], fine == int(region.name.split()[1]))
    assert sent(device, cells, "coarse.tif", as_tiff(cells_of(folder))).status_code == 200  # those of the original as before


def test_regions_that_came_while_the_image_was_corrected_go_into_the_corrected_one(
    server: Running, device: httpx.Client, cells: str, folder: Path
) -> None:
    content = as_tiff(cells_of(folder))

    def slowly() -> Iterator[bytes]:
        yield content[:100]
        time.sleep(0.5)  # the first part is there
        told = device.post(f"/api/sessions/{cells}/properties", json={"pixel_size": [None, 0.2, 0.2]})
        assert told.json()["id"] == cells
        yield content[100:]

    with server.client(cookies=device.cookies) as other:
        answer = other.put(f"/api/sessions/{cells}/regions", params={"name": "l.tif"}, content=slowly())
    assert answer.status_code == 200, answer.text
    with Session.open(folder / "cells.abbe") as session:
        assert (session.original.pixel_size, len(session.rois)) == ((None, 0.2, 0.2), answer.json()["added"])

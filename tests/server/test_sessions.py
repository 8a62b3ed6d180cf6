"""Sessions over HTTP: what two devices do to one image."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter

import abbe
from abbe.optics import Camera, ColourCamera
from abbe.server import previewing
from abbe.server.statistics import _channel
from model_maker import network, write_model, write_mosaic

from .conftest import finished, tabled

SQUARE = {"type": "rectangle", "unit": "um", "y": 1.0, "x": 1.0, "height": 1.0, "width": 2.0}


def read(device: httpx.Client, session: str) -> dict:  # type: ignore[type-arg]
    return dict(device.get(f"/api/sessions/{session}").json())


def test_tiles_are_the_pixels_of_the_image(device: httpx.Client, cells: str, folder: Path) -> None:
    image = abbe.open(folder / "cells.tif")
    stamp = read(device, cells)["versions"][0]["stamp"]
    for c in (0, 1):
        answer = device.get(f"/api/sessions/{cells}/versions/v1/tile", params={"level": 0, "x": 0, "y": 0, "c": c, "stamp": stamp})
        assert "immutable" in answer.headers["cache-control"]
        np.testing.assert_array_equal(np.frombuffer(answer.content, "<u2").reshape(40, 50), image.plane(0, c, 0))
    assert device.get(f"/api/sessions/{cells}/versions/v1/pixel", params={"x": 7, "y": 12}).json()["values"] == [
        float(image.plane(0, c, 0)[12, 7]) for c in (0, 1)
    ]


@pytest.mark.parametrize(
    "where",
    [{"level": 9, "x": 0, "y": 0}, {"level": 0, "x": 5, "y": 0}, {"level": 0, "x": 0, "y": 0, "c": 7}, {"level": -1, "x": 0, "y": 0}],
)
def test_a_tile_that_is_not_there_is_an_error_in_words(device: httpx.Client, cells: str, where: dict) -> None:  # type: ignore[type-arg]
    answer = device.get(f"/api/sessions/{cells}/versions/v1/tile", params=where)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_statistics_are_those_of_the_pixels(device: httpx.Client, cells: str, folder: Path) -> None:
    image = abbe.open(folder / "cells.tif")
    for c, found in enumerate(device.get(f"/api/sessions/{cells}/versions/v1/statistics").json()):
        plane = image.plane(0, c, 0)
        assert (found["minimum"], found["maximum"]) == (plane.min(), plane.max())
        assert found["mean"] == pytest.approx(plane.mean())
        assert sum(found["histogram"]) == plane.size
        assert found["minimum"] <= found["low"] < found["high"]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_one_hot_pixel_leaves_the_others_their_histogram_and_contrast(dtype: type) -> None:
    rng = np.random.default_rng(2)
    plane = rng.normal(40, 8, (200, 300)).clip(0).astype(dtype)
    top = float(np.iinfo(np.uint16).max)
    before = _channel(plane, top)
    plane[20, 30] = 60000
    found = _channel(plane, top)
    assert (found["minimum"], found["maximum"]) == (plane.min(), 60000)
    assert found["to"] < 100
    assert sum(found["histogram"]) == plane.size
    assert sum(n > 0 for n in found["histogram"]) > 20
    assert (found["low"], found["high"]) == pytest.approx((before["low"], before["high"]), abs=0.2)


def test_bright_spots_stay_within_the_histogram() -> None:
    plane = np.full((200, 300), 100, np.uint16) + np.arange(300, dtype=np.uint16) % 7
    plane[50:54, 60:64] = 40000
    assert _channel(plane, 65535.0)["to"] > 40000


def test_the_brightest_of_eight_bits_is_255_and_of_floats_the_end_of_its_bin() -> None:
    full = np.array([[0] * 50 + [255] * 50], np.uint8)
    assert (_channel(full, 255)["low"], _channel(full, 255)["high"]) == (0, 255)
    assert (_channel(full * 0, 255)["low"], _channel(full * 0, 255)["high"]) == (0, 1)
    found = _channel(np.linspace(0, 1, 1000, dtype=np.float32)[None], None)
    assert 0.998 <= found["high"] <= 0.998 + 2 / 4096


def test_a_region_can_be_drawn_moved_undone_and_done_again(device: httpx.Client, cells: str) -> None:
    drawn = device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE, "name": "nucleus"}).json()
    roi = drawn["rois"][0]
    assert roi["name"] == "nucleus"
    moved = device.put(f"/api/sessions/{cells}/rois/{roi['id']}", json={"shape": {**SQUARE, "x": 2.0}, "base": roi["base"]}).json()
    assert moved["rois"][0]["shape"]["x"] == 2.0
    assert device.post(f"/api/sessions/{cells}/undo").json()["rois"][0]["shape"]["x"] == 1.0
    assert device.post(f"/api/sessions/{cells}/undo").json()["rois"] == []
    device.post(f"/api/sessions/{cells}/redo")
    assert device.post(f"/api/sessions/{cells}/redo").json()["rois"][0]["shape"]["x"] == 2.0


def test_edits_of_two_regions_at_once_both_survive(device: httpx.Client, cells: str) -> None:
    ids = [device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE}).json()["added"] for _ in range(2)]
    base = {roi["id"]: roi["base"] for roi in read(device, cells)["rois"]}  # both devices have seen this
    for roi, x in zip(ids, (3.0, 4.0), strict=True):
        assert device.put(f"/api/sessions/{cells}/rois/{roi}", json={"shape": {**SQUARE, "x": x}, "base": base[roi]}).status_code == 200
    assert [roi["shape"]["x"] for roi in read(device, cells)["rois"]] == [3.0, 4.0]


def test_two_edits_of_one_region_at_once_tell_the_second(device: httpx.Client, cells: str) -> None:
    roi = device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE}).json()["rois"][0]
    where = f"/api/sessions/{cells}/rois/{roi['id']}"
    assert device.put(where, json={"shape": {**SQUARE, "x": 3.0}, "base": roi["base"]}).status_code == 200
    late = device.put(where, json={"shape": {**SQUARE, "x": 4.0}, "base": roi["base"]})
    assert late.status_code == 409
    assert late.json()["session"]["rois"][0]["shape"]["x"] == 3.0
    assert read(device, cells)["rois"][0]["shape"]["x"] == 3.0


def test_two_comments_at_once_tell_the_second(device: httpx.Client, cells: str) -> None:
    where = f"/api/sessions/{cells}/comment"
    first = device.put(where, json={"text": "fixed cells", "base": None}).json()["comment"]
    assert device.put(where, json={"text": "live cells", "base": None}).status_code == 409
    assert device.put(where, json={"text": "fixed HeLa cells", "base": first["base"]}).json()["comment"]["text"] == "fixed HeLa cells"


def test_live_coefficients_equal_the_python_interface(device: httpx.Client, cells: str, folder: Path) -> None:
    image = abbe.open(folder / "cells.tif")
    roi = abbe.image.ROI.rectangle(1.0, 1.0, 1.0, 2.0)
    for shape, region in ((SQUARE, roi), (None, None)):
        answer = device.post(f"/api/sessions/{cells}/colocalize", json={"channels": [0, 1], "shape": shape}).json()
        expected = abbe.colocalize(image, channels=(0, 1), roi=region).to_dict()
        for key in ("n", "pearson", "spearman", "moc", "m1", "m2", "tm1", "tm2", "icq", "k1", "k2"):
            assert answer["result"][key] == expected[key], key
        assert sum(map(sum, answer["scattergram"]["counts"])) == expected["n"]


def test_a_table_has_every_pair_in_every_region(device: httpx.Client, cells: str) -> None:
    device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE, "name": "nucleus"})
    rows = tabled(device, cells)
    assert [(row["channels"], row["name"]) for row in rows] == [([0, 1], "Whole image"), ([0, 1], "nucleus")]


def test_what_another_program_changed_is_seen(device: httpx.Client, cells: str, folder: Path) -> None:
    before = read(device, cells)["revision"]
    with abbe.Session.open(folder / "cells.abbe") as session:
        session.comments.add("from the command line")
    after = read(device, cells)
    assert after["revision"] > before
    assert after["comment"]["text"] == "from the command line"


def test_deleting_takes_the_session_and_leaves_the_image(device: httpx.Client, cells: str, folder: Path) -> None:
    assert device.delete(f"/api/sessions/{cells}").json() == {"deleted": True}
    assert device.get(f"/api/sessions/{cells}").status_code == 404
    assert (folder / "cells.tif").exists()
    assert not (folder / "cells.abbe").exists()


def test_an_enhanced_image_becomes_a_version_and_can_be_undone(device: httpx.Client, cells: str) -> None:
    job = device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance", "steps": ["denoise"]}).json()
    done = finished(device, job["id"])
    assert done["state"] == "done", done
    after = read(device, cells)
    assert after["current"] == done["result"]["version"]
    assert after["versions"][-1]["operation"] == "enhance"
    assert after["versions"][-1]["verdict"]["word"] in ("improved", "unchanged", "doubtful")
    undone = device.post(f"/api/sessions/{cells}/undo").json()
    assert undone["current"] == "v1"
    assert len(undone["versions"]) == 2
    assert device.post(f"/api/sessions/{cells}/revert", json={"version": "v2"}).json()["current"] == "v2"


def test_both_workflows_do_as_they_are_told(device: httpx.Client, cells: str, folder: Path) -> None:
    told = {"passes": 3, "realism": 0.5, "exact": True}
    with_steps = {"kind": "enhance", "steps": ["denoise"], **told}
    for body, word in ((with_steps, "enhance"), ({"kind": "background", "channels": [0], "version": "v1", **told}, "background")):
        assert device.post(f"/api/sessions/{cells}/preview", json={**body, "x": 5, "y": 5}).status_code == 200
        done = finished(device, device.post(f"/api/sessions/{cells}/jobs", json=body).json()["id"])
        version = next(one for one in read(device, cells)["versions"] if one["id"] == done["result"]["version"])
        assert version["operation"] == word
        with abbe.Session.open(folder / "cells.abbe", read_only=True) as session:
            account = session.image(version["id"]).recipe
        assert account is not None
        recipe = account.to_dict()
        assert recipe["engine"]["exact"] is True
        assert recipe["steps"][0]["parameters"]["passes"] == 3
        assert device.post(f"/api/sessions/{cells}/jobs", json={**body, "passes": 9}).status_code == 400


def test_super_resolution_is_told_the_width_of_the_psf(device: httpx.Client, cells: str, folder: Path) -> None:
    body = {"kind": "enhance", "steps": ["super_resolve"], "psf": "3.1px"}
    told, blind = (
        device.post(f"/api/sessions/{cells}/preview", json={**body, "psf": psf, "x": 5, "y": 5}).json() for psf in ("3.1px", None)
    )
    assert told["preview"] != blind["preview"]
    done = finished(device, device.post(f"/api/sessions/{cells}/jobs", json=body).json()["id"])
    with abbe.Session.open(folder / "cells.abbe", read_only=True) as session:
        account = session.image(done["result"]["version"]).recipe
    assert account is not None
    psf = account.to_dict()["steps"][0]["parameters"]["psf"]
    assert psf["from"] == "given"
    assert set(psf["fwhm_pixels"]) == {3.1}
    wrong = finished(device, device.post(f"/api/sessions/{cells}/jobs", json={**body, "psf": "wide"}).json()["id"])
    assert wrong["state"] == "failed"
    assert "wanted the FWHM of a PSF" in wrong["message"]
    assert device.post(f"/api/sessions/{cells}/preview", json={**body, "psf": "wide", "x": 5, "y": 5}).status_code == 400
    number = finished(device, device.post(f"/api/sessions/{cells}/jobs", json={**body, "psf": ",".join(["2.6px"] * 40)}).json()["id"])
    assert "one per channel" in number["message"]


def test_the_history_speaks_of_versions_by_their_names(device: httpx.Client, cells: str) -> None:
    job = device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance", "steps": ["denoise"]}).json()
    finished(device, job["id"])
    assert read(device, cells)["undo_action"] == f"{read(device, cells)['versions'][1]['name']} from original"
    back = device.post(f"/api/sessions/{cells}/revert", json={"version": "v1"}).json()
    assert back["undo_action"] == "reverted to original"
    assert device.delete(f"/api/sessions/{cells}/versions/v2").json()["undo_action"].endswith(" deleted")
    device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE, "name": "v9 from v2"})
    assert "v9 from" in read(device, cells)["undo_action"]  # what a person called something stays


def test_advice_tells_the_size_of_the_enhanced_image(device: httpx.Client, cells: str) -> None:
    finished(device, device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance"}).json()["id"])
    for version, factor in (("v1", 3), ("v2", 9)):  # the second was enhanced already, and could be once more
        found = device.get(f"/api/sessions/{cells}/advice", params={"version": version}).json()
        assert found["shape"][3:] == [40 * factor, 50 * factor]
    assert found["workflow"] == "B"
    assert not [remark for remark in found["remarks"] if "share their noise" in remark]


def test_a_preview_shows_the_region_in_view(device: httpx.Client, cells: str) -> None:
    found = device.post(f"/api/sessions/{cells}/preview", json={"kind": "enhance", "steps": ["denoise"], "x": 25, "y": 20}).json()
    tile = device.get(f"/api/sessions/{cells}/preview/{found['preview']}/tile", params={"level": 0, "x": 0, "y": 0})
    assert len(tile.content) == 4 * found["width"] * found["height"]


@pytest.mark.parametrize("plane", [0, 5])
def test_a_preview_of_a_stack_shows_what_the_run_makes_of_that_plane(device: httpx.Client, folder: Path, plane: int) -> None:
    rng = np.random.default_rng(0)
    beads = np.zeros((11, 64, 64))
    beads[tuple(rng.integers(0, n, 40) for n in beads.shape)] = 1
    stack = rng.poisson(gaussian_filter(beads, (1, 2, 2)) * 20_000 + 100).astype(np.uint16)  # much light from other planes
    abbe.save(abbe.Image.from_array(stack, axes="ZYX", pixel_size=(0.3, 0.1, 0.1)), folder / "stack.ome.tif")
    session = device.post("/api/open", json={"path": "stack.ome.tif"}).json()["id"]
    body = {"kind": "enhance", "steps": ["denoise", "axial", "super_resolve"]}
    seen = device.post(f"/api/sessions/{session}/preview", json={**body, "x": 32, "y": 32, "z": plane}).json()
    assert (seen["width"], seen["height"]) == (192, 192)
    corner = {"level": 0, "x": 0, "y": 0}
    preview = np.frombuffer(device.get(f"/api/sessions/{session}/preview/{seen['preview']}/tile", params=corner).content, "<f4")
    assert finished(device, device.post(f"/api/sessions/{session}/jobs", json=body).json()["id"])["state"] == "done"
    made = device.get(f"/api/sessions/{session}/versions/v2/tile", params={**corner, "z": 3 * plane})
    result = np.frombuffer(made.content, "<f4")
    assert preview.mean() == pytest.approx(result.mean(), rel=0.05)
    assert np.corrcoef(preview, result)[0, 1] > 0.95


def test_a_preview_of_a_stack_that_is_restored_along_z_takes_a_smaller_region() -> None:
    """Each of its rows and columns is a slice that is restored for itself: of four channels the whole took a minute and more."""
    stack = abbe.Image.from_array(np.zeros((2, 12, 300, 400), np.uint16), axes="CZYX", pixel_size=(0.3, 0.1, 0.1))
    asked: dict[str, Any] = {"kind": "enhance", "x": 200, "y": 150, "t": 0, "z": 6, "planes": None, "frames": 0}
    deep, place = previewing.region(stack, {**asked, "steps": ["denoise", "axial", "super_resolve"]}, 256)
    assert deep.shape == (1, 2, 9, 128, 128)
    assert place == (0, 4, 150 - 64, 200 - 64)
    flat, _ = previewing.region(stack, {**asked, "steps": ["denoise", "super_resolve"], "planes": False}, 256)
    assert flat.shape == (1, 2, 1, 256, 256)


def test_a_preview_takes_a_channel_for_a_colour_cameras_where_the_run_would(tmp_path: Path) -> None:
    """Of the region alone nobody could tell."""
    model = write_mosaic(write_model(tmp_path, "denoise", network(seed=1), name="both"), network(seed=2))
    alone = write_model(tmp_path, "denoise", network(seed=2), name="alone")
    camera = ColourCamera(Camera(gain=2.0, read_noise=2.0), (1.0, 0.1, 0.05), demosaic="gradients", softened=0.8, shown="red")
    red = abbe.Image.from_array(camera.expose(np.random.default_rng(0), np.full((256, 256), 20, np.float32))[0])
    asked: dict[str, Any] = {"kind": "enhance", "steps": ["denoise"], "x": 128, "y": 128, "t": 0, "z": 0, "psf": None, "passes": 1}
    asked |= {"model": str(model), "realism": 0.0, "exact": True}
    part, (t, z, *corner) = previewing.region(red, asked, 64)
    seen = previewing._restored(part, asked, (t, z), corner, previewing._mosaics(red, asked))
    wanted = previewing._restored(part, {**asked, "model": str(alone)}, (t, z), corner, None)
    assert previewing._mosaics(red, asked) == (True,)
    assert previewing._mosaics(part, asked) == (False,)
    assert np.array_equal(seen.levels[0], wanted.levels[0])


def test_a_preview_of_a_frame_shares_the_light_of_those_beside_it_as_the_run_does(device: httpx.Client, folder: Path) -> None:
    spots = gaussian_filter(np.random.default_rng(3).random((64, 64)) ** 20, 1.5)
    frames = np.random.default_rng(4).poisson(spots / spots.max() * 60 + 5, (5, 64, 64)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(frames, axes="TYX", pixel_size=0.1), folder / "movie.ome.tif")
    session = device.post("/api/open", json={"path": "movie.ome.tif"}).json()["id"]
    body = {"kind": "enhance", "steps": ["denoise"], "frames": 2}
    corner, at = {"level": 0, "x": 0, "y": 0}, {"x": 32, "y": 32, "t": 3}

    def previewed(wanted: dict[str, object]) -> np.ndarray:
        seen = device.post(f"/api/sessions/{session}/preview", json={**wanted, **at}).json()
        return np.frombuffer(device.get(f"/api/sessions/{session}/preview/{seen['preview']}/tile", params=corner).content, "<f4")

    alone, together = previewed({**body, "frames": 0}), previewed(body)
    assert finished(device, device.post(f"/api/sessions/{session}/jobs", json=body).json()["id"])["state"] == "done"
    result = np.frombuffer(device.get(f"/api/sessions/{session}/versions/v2/tile", params={**corner, "t": 3}).content, "<f4")
    assert np.abs(together - result).mean() < 0.2 * np.abs(alone - result).mean()
    assert device.post(f"/api/sessions/{session}/jobs", json={**body, "frames": 5}).status_code == 400
    refused = device.post(f"/api/sessions/{session}/preview", json={**body, **at, "steps": ["super_resolve"]})
    assert refused.status_code == 400
    assert "wanted the step denoise for frames that share their light" in refused.text


@pytest.mark.parametrize("steps", [["denoise"], ["denoise", "super_resolve"]])
def test_a_preview_of_a_plane_shares_the_light_of_those_beside_it_as_the_run_does(
    device: httpx.Client, folder: Path, steps: list[str]
) -> None:
    near = np.exp(-(((np.arange(8) - 4) / 6) ** 2))[:, None, None]
    spots = gaussian_filter(np.random.default_rng(3).random((64, 64)) ** 20, 1.5) * near
    stack = np.random.default_rng(4).poisson(spots / spots.max() * 60 + 5).astype(np.uint16)
    abbe.save(abbe.Image.from_array(stack, axes="ZYX", pixel_size=(0.1, 0.1, 0.1)), folder / "deep.ome.tif")
    session = device.post("/api/open", json={"path": "deep.ome.tif"}).json()["id"]
    body = {"kind": "enhance", "steps": steps}
    corner, at = {"level": 0, "x": 0, "y": 0}, {"x": 32, "y": 32, "z": 3}

    def previewed(**wanted: bool) -> np.ndarray:
        seen = device.post(f"/api/sessions/{session}/preview", json={**body, **wanted, **at}).json()
        return np.frombuffer(device.get(f"/api/sessions/{session}/preview/{seen['preview']}/tile", params=corner).content, "<f4")

    alone, together = previewed(planes=False), previewed()
    assert finished(device, device.post(f"/api/sessions/{session}/jobs", json=body).json()["id"])["state"] == "done"
    result = np.frombuffer(device.get(f"/api/sessions/{session}/versions/v2/tile", params={**corner, "z": 3}).content, "<f4")
    assert np.abs(together - result).mean() < 0.2 * np.abs(alone - result).mean()
    assert device.post(f"/api/sessions/{session}/jobs", json={**body, "planes": "yes please"}).status_code == 400
    refused = device.post(f"/api/sessions/{session}/preview", json={**body, **at, "frames": 1, "planes": True})
    assert refused.status_code == 400
    assert "wanted either planes or frames" in refused.text


def test_the_queue_has_an_end(device: httpx.Client, cells: str) -> None:
    body = {"kind": "enhance", "steps": ["denoise"]}  # long enough for the others to wait
    codes = [device.post(f"/api/sessions/{cells}/jobs", json={**body, "realism": k / 40}).status_code for k in range(40)]
    assert 429 in codes


@pytest.mark.parametrize("image", ["ome.tif", "tif"])
def test_an_exported_image_has_the_pixels(device: httpx.Client, cells: str, folder: Path, tmp_path: Path, image: str) -> None:
    job = finished(device, device.post(f"/api/sessions/{cells}/jobs", json={"kind": "export", "images": image}).json()["id"])
    assert job["state"] == "done", job
    content = device.get(f"/api/downloads/{job['result']['download']}").content
    (tmp_path / f"out.{image}").write_bytes(content)
    np.testing.assert_array_equal(np.asarray(abbe.open(tmp_path / f"out.{image}")), np.asarray(abbe.open(folder / "cells.tif")))


def test_several_files_come_as_one_with_what_is_compressed_as_it_is(device: httpx.Client, cells: str) -> None:
    body = {"kind": "export", "parts": ["image", "data"], "data": ["csv", "xlsx"]}
    job = finished(device, device.post(f"/api/sessions/{cells}/jobs", json=body).json()["id"], 120)
    packed = zipfile.ZipFile(io.BytesIO(device.get(f"/api/downloads/{job['result']['download']}").content))
    assert packed.testzip() is None
    methods = {Path(entry.filename).suffix: entry.compress_type for entry in packed.infolist()}
    assert methods == {".tif": zipfile.ZIP_STORED, ".xlsx": zipfile.ZIP_STORED, ".csv": zipfile.ZIP_DEFLATED}
    tif = next(entry for entry in packed.infolist() if entry.filename.endswith(".ome.tif"))
    assert tif.date_time[0] >= 2020  # as the files would have it
    assert tifffile.imread(io.BytesIO(packed.read(tif))).shape == (2, 40, 50)


def test_everything_chosen_is_saved_to_the_folder(device: httpx.Client, cells: str, folder: Path) -> None:
    device.post(f"/api/sessions/{cells}/rois", json={"shape": SQUARE, "name": "nucleus"})
    device.post(f"/api/sessions/{cells}/colocalize", json={"channels": [0, 1], "keep": True})
    parts = ["image", "whole", "rois", "revealed", "scattergram", "figure", "data", "report", "session"]
    body = {"kind": "export", "destination": "folder", "parts": parts, "data": ["xlsx", "csv"], "report": ["html", "pdf"]}
    job = finished(device, device.post(f"/api/sessions/{cells}/jobs", json=body).json()["id"], 120)
    assert job["state"] == "done", job
    made = {path.suffix for path in (folder / job["result"]["folder"]).iterdir()}
    assert {".tif", ".xlsx", ".csv", ".html", ".pdf", ".png"} <= made


def test_a_comment_is_not_signed_with_a_devices_id(device: httpx.Client, cells: str, folder: Path) -> None:
    where = f"/api/sessions/{cells}/comment"
    first = device.put(where, json={"text": "fixed cells", "base": None}).json()["comment"]
    device.put(where, json={"text": "fixed HeLa cells", "base": first["base"]})
    with abbe.Session.open(folder / "cells.abbe", read_only=True) as session:
        assert [(comment.text, comment.author) for comment in session.comments] == [("fixed HeLa cells", None)]


def opened_picture(device: httpx.Client, cells: str, part: str, **more: Any) -> Pillow.Image:
    body = {"kind": "export", "parts": [part], "pictures": "png", **more}
    job = finished(device, device.post(f"/api/sessions/{cells}/jobs", json=body).json()["id"])
    assert job["state"] == "done", job
    return Pillow.open(io.BytesIO(device.get(f"/api/downloads/{job['result']['download']}").content))


def picture_of(device: httpx.Client, cells: str, part: str, **more: Any) -> Any:
    """An exported picture's pixels."""
    return np.asarray(opened_picture(device, cells, part, **more).convert("RGB")).astype(int)


def session_of(device: httpx.Client, folder: Path, pixels: Any, axes: str) -> str:
    abbe.save(abbe.Image.from_array(pixels, axes=axes), folder / "made.ome.tif")
    return str(device.post("/api/open", json={"path": "made.ome.tif"}).json()["id"])


def test_exported_pictures_have_the_contrast_set_on_the_page_and_say_it(device: httpx.Client, folder: Path) -> None:
    ramp = np.tile(np.arange(200, dtype=np.uint16) * 10, (160, 1))
    session = session_of(device, folder, ramp, "YX")
    device.put(f"/api/sessions/{session}/view", json={"keep": {"ranges": {"v1": [{"low": 500, "high": 1000}]}}})
    drawn = opened_picture(device, session, "whole")
    row = np.asarray(drawn.convert("L"))[40].astype(float)
    np.testing.assert_allclose(row, np.clip((np.arange(200) * 10 - 500) / 500, 0, 1) * 255, atol=1)
    assert "500 to 1000 (as set)" in drawn.info["Description"]
    assert "500 to 1000 (as set)" in opened_picture(device, session, "figure").info["Description"]
    for strange in ({"v1": [{"low": 5, "high": 5}]}, {"v1": 3}, [], {"v1": [{"low": "x", "high": None}]}):
        device.put(f"/api/sessions/{session}/view", json={"keep": {"ranges": strange}})
        assert "percentiles" in opened_picture(device, session, "whole").info["Description"]


def test_exported_pictures_of_a_series_are_of_the_frame_looked_at(device: httpx.Client, folder: Path) -> None:
    frames = np.zeros((3, 160, 160), np.uint16)
    for t in range(3):
        frames[t, 20:60, 40 * t : 40 * t + 40] = 1000
    session = session_of(device, folder, frames, "TYX")
    for part in ("whole", "figure"):
        drawn = opened_picture(device, session, part, frame=2)
        pixels = np.asarray(drawn.convert("L")).astype(float)
        across = np.flatnonzero(pixels[round(0.2 * pixels.shape[1])] > 200).mean() / pixels.shape[1]
        assert across == pytest.approx(100 / 160, abs=0.02), part
        assert "frame 3 of 3" in drawn.info["Description"]


def test_exported_pictures_of_many_channels_have_those_that_the_page_draws(device: httpx.Client, folder: Path) -> None:
    """Six at once, the first of those that are shown; and in its colours, also where nobody chose any."""
    many = np.zeros((8, 160, 160), np.uint16)
    for c in range(8):
        many[c, 20:140, 20 * c : 20 * c + 20] = 1000
    session = session_of(device, folder, many, "CYX")
    shown = device.get(f"/api/sessions/{session}").json()["versions"][0]["colors"]

    def columns() -> list[str]:
        pixels = picture_of(device, session, "whole")
        return ["#{:02X}{:02X}{:02X}".format(*pixels[30, 20 * c + 10]) for c in range(8)]

    assert columns() == [*shown[:6], "#000000", "#000000"]
    visible = [False, True, True, True, True, True, True, True]
    view = [{"color": color, "visible": yes} for color, yes in zip(shown, visible, strict=True)]
    device.put(f"/api/sessions/{session}/view", json={"keep": {"channels": view}})
    assert columns() == ["#000000", *shown[1:7], "#000000"]


def test_exported_pictures_have_the_colours_of_the_page_without_its_hidden_channels(device: httpx.Client, cells: str) -> None:
    def kept(*channels: tuple[str, bool]) -> None:
        view = [{"color": color, "visible": visible} for color, visible in channels]
        assert device.put(f"/api/sessions/{cells}/view", json={"keep": {"channels": view}}).status_code == 200

    def colorful(pixels: Any, channel: int) -> bool:
        """Anywhere is this channel bright and the two others dark."""
        others = np.delete(pixels, channel, axis=-1)
        return bool(((pixels[..., channel] > 100) & (others < 30).all(axis=-1)).any())

    kept(("#00ff00", False), ("#0000ff", True))
    for part in ("whole", "figure"):
        pixels = picture_of(device, cells, part)
        assert colorful(pixels, 2), part
        assert not colorful(pixels, 1), part
    kept(("#ff0000", True), ("#0000ff", False))
    assert colorful(picture_of(device, cells, "whole"), 0)
    kept(("#ff0000", False), ("#0000ff", False))
    body = {"kind": "export", "parts": ["whole", "data"], "data": ["csv"]}
    job = finished(device, device.post(f"/api/sessions/{cells}/jobs", json=body).json()["id"])
    assert any("hidden" in line for line in job["result"]["left_out"])


def test_an_export_shows_what_a_page_shows_that_cannot_keep_it(device: httpx.Client, cells: str, folder: Path, tmp_path: Path) -> None:
    """Colours chosen for a packed session, which may only be read, were not those of its pictures."""
    with abbe.Session.open(folder / "cells.abbe") as session:
        session.pack(tmp_path / "packed.zip")
    (tmp_path / "packed.zip").rename(folder / "packed.abbe")
    packed = device.post("/api/open", json={"path": "packed.abbe"}).json()["id"]
    assert device.get(f"/api/sessions/{packed}").json()["read_only"]
    ends = [{"low": 20, "high": 2000}, {"low": 30, "high": 3000}]
    shown = {"channels": [{"color": "#0000ff", "visible": True}, {"color": "#ff0000", "visible": False}], "ranges": {"v1": ends}}
    device.put(f"/api/sessions/{packed}/view", json={"keep": shown})
    assert picture_of(device, packed, "whole")[..., :2].max() > 100  # nothing was kept, so both are in the picture, in their own colours
    for session_id in (packed, cells):
        drawn = opened_picture(device, session_id, "whole", view=shown)
        pixels = np.asarray(drawn.convert("RGB")).astype(int)
        assert pixels[..., 2].max() > 40
        assert (pixels[..., :2].max(axis=-1) <= pixels[..., 2]).all()  # blue, and the white of the scale bar
        assert "20 to 2000 (as set)" in drawn.info["Description"]
    for strange in ({}, {"channels": "red", "ranges": 7}, {"ranges": {"v1": [{"low": 10**400, "high": 1}, {}]}}):
        assert "percentiles" in opened_picture(device, packed, "whole", view=strange).info["Description"]


@pytest.mark.parametrize(
    "strange", ["red", [], [{"color": "#ff0000"}, 3], [{"visible": True, "color": "x"}, {"visible": True, "color": 7}]]
)
def test_view_settings_of_another_shape_do_not_stop_an_export(device: httpx.Client, cells: str, strange: Any) -> None:
    device.put(f"/api/sessions/{cells}/view", json={"keep": {"channels": strange}})
    assert picture_of(device, cells, "whole").max() > 100

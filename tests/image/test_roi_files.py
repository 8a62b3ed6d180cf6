"""ROIs go to ImageJ, QuPath and back."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbe.errors import ExistsError, LimitError, NotAnImageError, ParameterError
from abbe.formats.rois import open_rois, save_rois
from abbe.image import ROI, Ellipse, Image, Mask, Polygon, Rectangle


@pytest.fixture
def image() -> Image:
    return Image.from_array(np.zeros((3, 40, 50), np.uint8), axes="ZYX", pixel_size=(0.3, 0.1, 0.1))


def shapes() -> list[ROI]:
    return [
        ROI.rectangle(3, 4, 10, 12, unit="pixel", name="box"),
        ROI.rectangle(3.25, 4.5, 10.5, 12, unit="pixel", name="fine box"),
        ROI.ellipse(15, 20, 6, 9, unit="pixel", name="nucleus"),
        ROI.polygon([(2, 3), (5, 30), (30, 12)], unit="pixel", name="três"),
        ROI.polygon([(2.5, 3.25), (5, 30), (30.75, 12)], by_hand=True, unit="pixel"),
        ROI.ellipse(15, 20, 6, 9, angle=30, unit="pixel", name="turned"),
        Polygon(rings=(((0, 0), (0, 20), (20, 20), (20, 0)), ((5, 5), (5, 9), (9, 9), (9, 5))), unit="pixel", name="ring"),
        ROI.rectangle(3, 4, 10, 12, unit="pixel", name="plane 2, frame 1", depth=(0.5, 1.5), frames=(0, 1)),
    ]


@pytest.mark.parametrize("suffix", [".zip", ".geojson", ".json"])
def test_rois_come_back_as_they_were_saved(tmp_path: Path, image: Image, suffix: str) -> None:
    file = save_rois(shapes(), tmp_path / f"rois{suffix}", image)
    again = open_rois(file)
    for before, after in zip(shapes(), again, strict=True):
        assert (before.mask(image) == after.mask(image)).all(), before
        if suffix != ".zip" or before.name:
            assert after.name == before.name


def test_imagej_keeps_the_kind_of_a_shape(tmp_path: Path) -> None:
    for roi, kind in ((shapes()[0], Rectangle), (shapes()[2], Ellipse), (shapes()[3], Polygon)):
        file = save_rois(roi, tmp_path / "one.roi", overwrite=True)
        (again,) = open_rois(file)
        assert type(again) is kind
        assert again.box() == pytest.approx(roi.box())


def test_a_roi_in_um_is_written_in_pixels(tmp_path: Path, image: Image) -> None:
    roi = ROI.rectangle(0.3, 0.4, 1.0, 1.2)
    with pytest.raises(ParameterError, match="image"):
        save_rois(roi, tmp_path / "um.roi")
    (again,) = open_rois(save_rois(roi, tmp_path / "um.roi", image))
    assert again.unit == "pixel"
    assert again.box() == pytest.approx((3, 4, 13, 16))


def test_masks_and_combinations_are_written_as_outlines(tmp_path: Path, image: Image) -> None:
    ring = (ROI.ellipse(2, 2, 1.5, 1.5) - ROI.ellipse(2, 2, 0.5, 0.5)).named("ring")
    mask = Mask.from_pixels(ring.mask(image), image, name="mask")
    (one, two) = open_rois(save_rois([ring, mask], tmp_path / "rings.zip", image))
    assert (one.mask(image) == ring.mask(image)).all()
    assert (two.mask(image) == ring.mask(image)).all()


def test_an_imagej_file_by_its_bytes(tmp_path: Path) -> None:
    """A rectangle as ImageJ 1.54 writes it: 3 pixels down, 4 right, 12 wide, 10 high, on the second plane."""
    head = struct.pack(">4shBx4hH4f hiiihhBBhii", b"Iout", 228, 1, 3, 4, 13, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 64)
    second = bytearray(64)
    struct.pack_into(">iiiiii", second, 0, 0, 0, 2, 0, 128, 4)
    (tmp_path / "a.roi").write_bytes(head + bytes(second) + "cell".encode("utf-16-be"))
    (roi,) = open_rois(tmp_path / "a.roi")
    assert isinstance(roi, Rectangle)
    assert (roi.name, roi.box(), roi.depth) == ("cell", (3, 4, 13, 16), (0.5, 1.5))


def test_qupaths_annotations_are_read(tmp_path: Path, image: Image) -> None:
    square = [[[1, 2], [11, 2], [11, 12], [1, 12], [1, 2]]]
    data = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": square},
                "properties": {"objectType": "annotation", "classification": {"name": "Tumor", "color": [200, 0, 0]}},
            },
            {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [square]}, "properties": None},
        ],
    }
    (tmp_path / "q.geojson").write_text(json.dumps(data))
    rois = open_rois(tmp_path / "q.geojson")
    assert rois[0].name == "Tumor"
    assert rois[0].mask(image)[0, 2:12, 1:11].all()
    assert [int(r.mask(image)[0].sum()) for r in rois] == [100, 100]


def filled_by_others(geometry: dict[str, Any], image: Image) -> np.ndarray:  # type: ignore[type-arg]
    """What readers of GeoJSON make of it: each polygon is its outline without its holes, several are their union."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    total = np.zeros((40, 50), bool)
    for outline, *holes in polygons:
        masks = [ROI.polygon([(y, x) for x, y in ring], unit="pixel").mask(image)[0] for ring in (outline, *holes)]
        total |= masks[0] & ~np.logical_or.reduce([np.zeros_like(total), *masks[1:]])
    return total


def test_holes_and_islands_are_what_other_programs_read(tmp_path: Path, image: Image) -> None:
    plane = np.zeros((40, 50), bool)
    plane[2:30, 3:40] = True
    plane[8:24, 10:30] = False  # a hole ...
    plane[12:20, 14:26] = True  # ... with an island ...
    plane[14:18, 18:22] = False  # ... that has a hole
    plane[33:38, 5:9] = plane[38:40, 9:12] = True  # islands that touch at a corner
    plane[26:28, 20:22] = plane[28:29, 22:24] = False  # and holes that do
    file = save_rois(Mask.from_pixels(plane, image.replace(pixel_size=(None, None, None))), tmp_path / "islands.geojson")
    (feature,) = json.loads(file.read_text())["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"
    assert (filled_by_others(feature["geometry"], image) == plane).all()
    ring = save_rois(shapes()[6], tmp_path / "ring.geojson")
    (feature,) = json.loads(ring.read_text())["features"]
    assert feature["geometry"]["type"] == "Polygon"
    assert len(feature["geometry"]["coordinates"]) == 2


@pytest.mark.parametrize("content", [b"", b"hello", b"Iout", b"Iout" + bytes(60), b"PK\x03\x04 broken", b"{", b"3", b'{"type": "Feature"}'])
def test_damaged_files_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.roi"
    file.write_bytes(content)
    if content.startswith(b'{"type": "F'):
        assert open_rois(file) == []
        return
    with pytest.raises((NotAnImageError, ParameterError), match=r"wanted"):
        open_rois(file)


def test_every_cut_of_a_file_is_refused_or_read_never_a_crash(tmp_path: Path) -> None:
    whole = save_rois(shapes()[6], tmp_path / "whole.roi").read_bytes()
    for end in range(0, len(whole), 3):
        file = tmp_path / "cut.roi"
        file.write_bytes(whole[:end])
        try:
            open_rois(file)
        except (NotAnImageError, ParameterError):
            continue


def test_a_line_has_no_pixels(tmp_path: Path) -> None:
    head = bytearray(64)
    head[:4], head[6] = b"Iout", 3
    (tmp_path / "line.roi").write_bytes(bytes(head))
    with pytest.raises(ParameterError, match="line"):
        open_rois(tmp_path / "line.roi")


def test_a_zip_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.roi", bytes(80 * 2**20))
    with pytest.raises(LimitError):
        open_rois(tmp_path / "bomb.zip")


def test_names_do_not_leave_the_archive_and_nothing_is_overwritten(tmp_path: Path) -> None:
    rois = [ROI.rectangle(0, 0, 2, 2, unit="pixel", name=name) for name in ("../../etc/x", "../../etc/x", "a/b")]
    file = save_rois(rois, tmp_path / "r.zip")
    names = zipfile.ZipFile(file).namelist()
    assert len(set(names)) == 3
    assert not any("/" in name or name.startswith(".") for name in names)
    with pytest.raises(ExistsError):
        save_rois(rois, file)


@pytest.fixture
def stack() -> Image:
    """Of a known pixel size: 0.1 um in the plane, 0.5 um along z."""
    return Image.from_array(np.zeros((5, 40, 50), np.uint8), axes="ZYX", pixel_size=(0.5, 0.1, 0.1))


def test_geojson_for_others_is_in_pixels(tmp_path: Path, stack: Image) -> None:
    """QuPath took um for pixels; abbe said so, where QuPath does not look."""
    roi = ROI.rectangle(0.3, 0.4, 1.0, 1.2, depth=(0.9, 1.1))
    file = save_rois(roi, tmp_path / "um.geojson", stack)
    (feature,) = json.loads(file.read_text())["features"]
    assert np.allclose(feature["geometry"]["coordinates"][0][:3], [[4, 3], [16, 3], [16, 13]])
    assert (feature["properties"]["unit"], feature["geometry"]["plane"]["z"]) == ("pixel", 2)
    assert open_rois(file) == [roi]
    (feature,) = json.loads(save_rois(roi, tmp_path / "own.geojson").read_text())["features"]
    assert feature["properties"]["unit"] == "um"


def test_what_is_in_um_on_a_result_is_in_pixels_of_the_original(tmp_path: Path, stack: Image) -> None:
    finer = Image.from_array(np.zeros((5, 120, 150), np.uint8), axes="ZYX", pixel_size=(0.5, 0.1 / 3, 0.1 / 3), original=stack)
    (again,) = open_rois(save_rois(ROI.rectangle(0.3, 0.4, 1.0, 1.2), tmp_path / "um.roi", finer))
    assert again.box() == pytest.approx((3, 4, 13, 16))


def test_an_outline_changed_in_another_program_is_what_counts(tmp_path: Path, stack: Image) -> None:
    rois = [ROI.ellipse(1.0, 1.0, 0.5, 0.7, name="cell"), ROI.rectangle(0.3, 0.4, 1.0, 1.2, name="one", depth=(0.4, 1.6), frames=(0, 1))]
    file = save_rois(rois, tmp_path / "cells.geojson", stack)
    data = json.loads(file.read_text())
    for feature in data["features"]:  # as another program writes it again, with fewer digits and another name
        feature["properties"]["name"] += "!"
        feature["geometry"]["coordinates"] = np.round(feature["geometry"]["coordinates"], 2).tolist()
    file.write_text(json.dumps(data))
    again = open_rois(file)
    assert [roi.name for roi in again] == ["cell!", "one!"]
    assert [roi.named("") for roi in again] == [roi.named("") for roi in rois]
    for feature in data["features"]:
        feature["geometry"]["coordinates"] = (np.array(feature["geometry"]["coordinates"]) + np.array((5, 0))).tolist()
    file.write_text(json.dumps(data))
    cell, one = open_rois(file)
    assert (cell.unit, cell.box()) == ("pixel", pytest.approx((5, 8, 15, 22), abs=0.02))
    assert (one.box(), one.depth, one.frames) == (pytest.approx((3, 9, 13, 21), abs=0.02), pytest.approx((0.8, 3.2)), (0, 1))


def test_the_plane_that_qupath_says_counts(tmp_path: Path) -> None:
    geometry = {"type": "Polygon", "coordinates": [[[1, 2], [11, 2], [11, 12], [1, 2]]], "plane": {"c": -1, "z": 3, "t": 1}}
    (tmp_path / "q.geojson").write_text(json.dumps({"type": "Feature", "geometry": geometry, "properties": {}}))
    (roi,) = open_rois(tmp_path / "q.geojson")
    assert (roi.depth, roi.frames) == ((2.5, 3.5), (1, 2))


def test_a_place_in_imagejs_stack_is_a_plane_or_a_frame_by_the_image(tmp_path: Path, stack: Image) -> None:
    """ImageJ says of a plain stack how far from its beginning a ROI is, and no more."""
    data = bytearray(save_rois(ROI.rectangle(3, 4, 10, 12, unit="pixel"), tmp_path / "one.roi").read_bytes())
    data[56:60] = (4).to_bytes(4, "big")
    (tmp_path / "one.roi").write_bytes(data)
    (roi,) = open_rois(tmp_path / "one.roi", stack)
    assert (roi.depth, roi.frames) == ((2.5, 3.5), None)
    series = Image.from_array(np.zeros((3, 2, 40, 50), np.uint8), axes="TCYX")
    (roi,) = open_rois(tmp_path / "one.roi", series)
    assert (roi.depth, roi.frames) == (None, (1, 2))
    assert open_rois(tmp_path / "one.roi")[0].frames is None
    assert open_rois(tmp_path / "one.roi", stack.crop(slice(0, 40), slice(0, 50), slice(0, 1)))[0].depth is None
    with pytest.raises(ParameterError, match="at place 4 of its stack; is it of another image"):
        open_rois(tmp_path / "one.roi", Image.from_array(np.zeros((3, 40, 50), np.uint8), axes="ZYX"))


def test_what_imagejs_files_cannot_say_is_not_dropped(tmp_path: Path, stack: Image) -> None:
    for roi, what in (
        (ROI.rectangle(3, 4, 10, 12, unit="pixel", depth=(0.5, 2.5)), "planes"),
        (ROI.rectangle(3, 4, 10, 12, unit="pixel", frames=(0, 2)), "frames"),
    ):
        with pytest.raises(ParameterError, match=f"one or of all {what}, which is what ImageJ's files can say"):
            save_rois(roi, tmp_path / "some.roi")
    save_rois(ROI.rectangle(3, 4, 10, 12, unit="pixel", depth=(-0.5, 4.5), frames=(0, 1)), tmp_path / "all.roi", stack)


def test_numbers_of_numpy_are_saved(tmp_path: Path) -> None:
    y, x = np.float32(3.5), np.int64(4)
    rois = [ROI.rectangle(y, x, np.int16(10), y, unit="pixel"), ROI.ellipse(y, x, y, y, unit="pixel")]
    assert open_rois(save_rois(rois, tmp_path / "n.json")) == rois

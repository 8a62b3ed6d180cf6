"""Versions of an image: kept exactly, gone back to at once, never lost."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from abbe.errors import CancelledError, ExistsError, ParameterError, SessionError
from abbe.image import ROI, Image, Interval, Mask, Optics, Provenance
from abbe.recipe import Input, Recipe, Step
from abbe.session import Session


def test_the_original_comes_back_as_it_was(tmp_path: Path, image: Image) -> None:
    taken = image.replace(
        optics=Optics(numerical_aperture=1.4, modality="widefield", emission=(520.0, None)),
        provenance=Provenance(source="cells.tif", format="TIFF", digest="ab", facts={"stage": "1"}, history=("opened",)),
        colors=("#ff0000", None),
    )
    back = Session.create(tmp_path / "a.abbe", taken).image()
    np.testing.assert_array_equal(np.asarray(back), np.asarray(taken))
    assert back.dtype == taken.dtype
    for attribute in ("pixel_size", "channels", "colors", "bits", "time_step", "optics", "provenance"):
        assert getattr(back, attribute) == getattr(taken, attribute), attribute


@pytest.mark.parametrize("during", ["above", "trust"])
def test_saving_tells_how_far_it_is_and_stops_also_while_interval_and_trust_are_written(
    session: Session, sharper: Image, during: str
) -> None:
    """Each takes as long as the pixels; of a stack in four channels a run stood at 97 % for minutes, and could not be stopped."""
    heard: list[float] = []
    version = session.add_version(sharper, progress=lambda fraction, _: heard.append(fraction))
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1)
    assert max(np.diff([0.0, *heard])) < 0.25

    def stop(fraction: float, what: str) -> None:
        if any(session.path.rglob(f"*/version/{during}")):
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        session.add_version(sharper, progress=stop)
    assert session.versions[-1].id == version.id
    assert not any(session.path.rglob("*/version"))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float32"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (2, 3, 2, 7, 600), (1, 1, 1, 2100, 5)])
def test_every_pixel_type_and_odd_size_is_kept(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    a = (np.random.default_rng(0).random(shape) * 100).astype(dtype)
    session = Session.create(tmp_path / "a.abbe", Image.from_array(a, axes="TCZYX"))
    np.testing.assert_array_equal(np.asarray(session.image()), a)
    assert session.verify() == ()


def test_an_enhanced_version_keeps_recipe_interval_and_trust(session: Session, sharper: Image) -> None:
    version = session.add_version(sharper)
    assert (version.id, version.parent, version.name, session.current.id) == ("v2", "v1", "super-resolved", "v2")
    back = Session.open(session.path).image("v2")
    assert isinstance(back.recipe, Recipe)
    assert back.recipe == sharper.recipe
    assert back.interval is not None
    assert back.trust is not None
    assert sharper.interval is not None
    assert sharper.trust is not None
    for side in (0, 1):
        np.testing.assert_allclose(np.asarray(back.interval[side]), np.asarray(sharper.interval[side]), atol=0.003)
    np.testing.assert_allclose(np.asarray(back.trust), np.asarray(sharper.trust), rtol=5e-4)
    assert back.original is not None
    np.testing.assert_array_equal(np.asarray(back.original), np.asarray(session.image("v1")))


def test_a_lopsided_interval_stays_lopsided(session: Session, sharper: Image) -> None:
    assert sharper.interval is not None
    narrow = Image.from_array(np.asarray(sharper) - 1, axes="TCZYX")
    session.add_version(sharper.replace(interval=Interval(narrow, sharper.interval.upper)))
    back = session.image().interval
    assert back is not None
    np.testing.assert_allclose(np.asarray(sharper) - np.asarray(back.lower), 1, atol=1e-3)
    np.testing.assert_allclose(np.asarray(back.upper) - np.asarray(sharper), 3, atol=3e-3)


def test_a_session_around_a_result_starts_with_its_original(tmp_path: Path, image: Image, sharper: Image) -> None:
    session = Session.create(tmp_path / "a.abbe", sharper.replace(original=image))
    assert [(v.id, v.parent) for v in session.versions] == [("v1", None), ("v2", "v1")]
    assert session.current.id == "v2"


def test_the_parent_is_the_version_that_was_worked_on(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    made = session.add_version(sharper.replace(original=session.image("v1")), name="again")
    assert made.parent == "v1"


def test_undo_goes_back_and_leaves_the_new_version_reachable(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    session.undo()
    assert session.current.id == "v1"
    assert [v.id for v in session.versions] == ["v1", "v2"]
    session.redo()
    assert session.current.id == "v2"
    session.undo()
    session.revert_to(2)
    assert session.current.id == "v2"


def test_every_step_can_be_undone_down_to_the_beginning(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    session.rename("v2", "sharp")
    session.duplicate("v2")
    session.delete("sharp")
    session.revert_to(1)
    names = []
    while session.can_undo:
        session.undo()
        names.append([v.name for v in session.versions])
    assert names == [
        ["original", "sharp copy"],
        ["original", "sharp", "sharp copy"],
        ["original", "sharp"],
        ["original", "super-resolved"],
        ["original", "super-resolved"],
    ]
    assert session.current.id == "v1"
    while session.can_redo:
        session.redo()
    assert [v.name for v in session.versions] == ["original", "sharp copy"]
    with pytest.raises(SessionError, match="nothing to redo"):
        session.redo()


def test_ids_are_never_given_twice(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    session.delete("v2")
    session.purge()
    assert session.add_version(sharper).id == "v3"


def test_deleting_the_current_version_goes_back_to_its_parent(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    session.delete("v2")
    assert session.current.id == "v1"
    with pytest.raises(SessionError, match="original cannot be deleted"):
        session.delete("v1")


def test_purging_frees_the_disk_of_deleted_versions_only(session: Session, sharper: Image) -> None:
    size = session.add_version(sharper).bytes
    session.duplicate("v2")
    session.delete("v2")
    assert session.purge() == 0, "the duplicate still has the pixels"
    session.delete("v3")
    assert session.purge() >= size
    assert not session.can_undo
    assert session.verify() == ()


def test_a_duplicate_takes_no_disk_and_has_the_pixels(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    before = sum(file.stat().st_size for file in session.path.rglob("*"))
    copy = session.duplicate(name="for the paper")
    assert sum(file.stat().st_size for file in session.path.rglob("*")) - before < 10_000
    np.testing.assert_array_equal(np.asarray(session.image(copy.id)), np.asarray(sharper))


def test_versions_are_found_by_id_number_and_name(session: Session, sharper: Image) -> None:
    session.add_version(sharper, name="sharp")
    assert session.version("v2") == session.version(2) == session.version("2") == session.version("sharp")
    session.duplicate("v2", name="sharp")
    with pytest.raises(ParameterError, match="v2, v3"):
        session.version("sharp")
    with pytest.raises(ParameterError, match="v1 'original'"):
        session.version("blurred")


def test_nothing_that_exists_is_replaced_unasked(session: Session, image: Image) -> None:
    with pytest.raises(ExistsError):
        Session.create(session.path, image)
    assert Session.create(session.path, image, overwrite=True).revision == 1


def test_masked_pixels_stay_masked(tmp_path: Path) -> None:
    a = np.ones((40, 40), np.float32)
    a[3, 4] = np.nan
    back = Session.create(tmp_path / "a.abbe", a).image()
    assert back.mask is not None
    assert np.argwhere(back.mask.read((slice(0, 1),) * 3 + (slice(0, 40),) * 2))[:, 3:].tolist() == [[3, 4]]
    assert "non_finite" in {notice.code for notice in back.warnings}


def test_any_ome_zarr_tool_finds_the_versions(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    root = zarr.open_group(session.path, mode="r")
    assert root.attrs["ome"]["bioformats2raw.layout"] == 3
    paths = root["OME"].attrs["ome"]["series"]
    assert len(paths) == 2
    group = root[paths[1]]
    scale = group.attrs["ome"]["multiscales"][0]["datasets"]
    assert [axis["name"] for axis in group.attrs["ome"]["multiscales"][0]["axes"]] == list("tczyx")
    np.testing.assert_allclose(scale[0]["coordinateTransformations"][0]["scale"], [1, 1, 1, 0.1 / 3, 0.1 / 3])
    for dataset, factor in zip(scale, (1, 4, 8), strict=False):
        array = group[dataset["path"]]
        assert array.shape[3] == -(-900 // factor)
        assert dataset["coordinateTransformations"][0]["scale"][4] == pytest.approx(0.1 / 3 * factor)
    np.testing.assert_array_equal(group["0"][...], np.asarray(sharper))


def test_undo_and_revert_are_instant_and_leave_the_pixels_alone(session: Session, sharper: Image) -> None:
    """Under 100 ms of the processor, for other programs on the machine may have it meanwhile, and after many changes too."""
    session.add_version(sharper)
    for number in range(60):
        session.comments.add(f"note {number}")
    pixels = {file: file.stat().st_mtime_ns for file in (session.path / "versions").rglob("*")}
    times = []
    for step in [session.undo, session.redo, lambda: session.revert_to(1), lambda: session.revert_to(2)] * 5:
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    assert sorted(times)[len(times) // 2] < 0.1
    assert {file: file.stat().st_mtime_ns for file in (session.path / "versions").rglob("*")} == pixels


def test_a_session_takes_little_more_than_its_compressed_pixels(tmp_path: Path) -> None:
    a = np.random.default_rng(0).poisson(300, (2, 1536, 1536)).astype(np.uint16)
    session = Session.create(tmp_path / "a.abbe", Image.from_array(a, axes="CYX"))
    files = [file for file in session.path.rglob("*") if file.is_file()]
    pixels = sum(file.stat().st_size for file in files if "/0/c/" in file.as_posix())
    assert sum(file.stat().st_size for file in files) < 1.1 * pixels


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (["denoise"], "denoised"),
        (["denoise", "axial"], "denoised, haze removed"),  # of a single plane
        (["super_resolve"], "super-resolved"),
        (["denoise", "axial", "super_resolve"], "super-resolved"),
    ],
)
def test_a_version_is_called_by_what_was_done(session: Session, image: Image, steps: list[str], name: str) -> None:
    source = Input(shape=image.shape, dtype="uint16", channels=image.channels)
    recipe = Recipe(operation="enhance", inputs=(source,), steps=tuple(Step(name=step, model="m") for step in steps))
    assert session.add_version(image.replace(recipe=recipe, original=image)).name == name


def test_a_result_whose_original_is_not_there_is_no_original(tmp_path: Path, image: Image) -> None:
    history = replace(image.provenance, history=("enhance: denoise (denoise 1); abbe 1",))
    names = [version.name for version in Session.create(tmp_path / "made.abbe", image.replace(provenance=history)).versions]
    assert names == ["result"]


def test_a_region_in_pixels_lies_where_it_did_when_what_a_version_was_made_from_is_deleted(tmp_path: Path) -> None:
    """Where no pixel size is known, an enlarged version alone does not tell how many of its pixels are one of the original."""
    pixels = np.random.default_rng(2).poisson(50, (2, 40, 50)).astype(np.uint16)
    place = ROI.rectangle(12, 15, 6, 10, unit="pixel")
    with Session.create(tmp_path / "cells.abbe", Image.from_array(pixels, axes="CYX")) as session:
        part = session.image(session.crop((5, 35), (5, 45)).id)
        finer = Image.from_array(np.kron(np.asarray(part), np.ones((1, 1, 1, 3, 3), np.float32)), axes="TCZYX").replace(original=part)
        made = session.add_version(finer, parent="v2")
        session.add_version(session.image(made.id).replace(original=session.image(made.id)), parent=made.id)
        session.crop((15, 75), (15, 90), made.id)
        before = {
            version.id: np.count_nonzero(session.placed(place, version.id).mask(session.image(version.id))) for version in session.versions
        }
        session.delete("v2")
        session.delete("v3")
    assert before == {"v1": 60, "v2": 60, "v3": 540, "v4": 540, "v5": 540}
    with Session.open(tmp_path / "cells.abbe") as session:
        for version in session.versions:
            assert np.count_nonzero(session.placed(place, version.id).mask(session.image(version.id))) == before[version.id]


@pytest.mark.parametrize("size", [0.13, None])
def test_a_mask_lies_on_a_cropped_version_where_it_lies_on_the_whole(tmp_path: Path, size: float | None) -> None:
    rng = np.random.default_rng(5)
    pixels = rng.poisson(50, (2, 60, 80)).astype(np.uint16)
    image = Image.from_array(pixels, axes="CYX", pixel_size=(None, size, size))
    unit, pixel = ("pixel", 1.0) if size is None else ("um", size)

    def mask(times: float, shape: tuple[int, int], name: str) -> Mask:
        return Mask(planes=rng.random(shape) < 0.4, size=(1.0, times * pixel, times * pixel), unit=unit, name=name)  # type: ignore[arg-type]

    cells = Mask.from_pixels(rng.random((60, 80)) < 0.3, image, name="cells")
    wanted = [
        cells,
        mask(1 / 3, (180, 240), "three times finer"),
        mask(2, (30, 40), "coarser"),
        mask(1.3, (47, 62), "of another program"),
        (cells & ROI.rectangle(3, 3, 50, 50, unit="pixel")).named("combined"),
        (ROI.rectangle(2 * pixel, 2 * pixel, 40 * pixel, 40 * pixel, unit=unit) - cells).named("without cells"),  # type: ignore[arg-type]
        mask(1, (5, 6), "before the crop"),
    ]
    with Session.create(tmp_path / "a.abbe", image) as session:
        for roi in wanted:
            session.rois.add(roi)
        session.crop((7, 41), (9, 62))
        session.crop((3, 20), (1, 30), "v2")
        for key, rows, columns in (("v2", slice(7, 41), slice(9, 62)), ("v3", slice(10, 27), slice(10, 39))):
            for roi in wanted:
                found = session.placed(session.rois.roi(roi.name), key).mask(session.image(key))
                assert np.array_equal(found[0], roi.mask(image)[0, rows, columns]), (key, roi.name)
        inside = cells.mask(image)[0, 10:27, 10:39]
        values = pixels[:, 10:27, 10:39][:, inside].astype(float)
        kept = session.colocalize(roi="cells", key="v3", threshold="otsu").results
        assert (kept["n"], kept["pearson"]) == (inside.sum(), pytest.approx(np.corrcoef(values)[0, 1]))
        made = session.export(tmp_path / "out", version="v3", parts=("report", "data", "rois"), report=("html",), data=("csv",))
    assert not [line for line in made.left_out if line.startswith(("report", "data")) and "not chosen" not in line]
    assert [line for line in made.left_out if "none of its pixels" in line] == [line for line in made.left_out if "before the crop" in line]


def test_a_mask_whose_pixels_fit_no_cut_is_refused_with_a_word_on_what_to_do(tmp_path: Path) -> None:
    with Session.create(tmp_path / "a.abbe", Image.from_array(np.ones((40, 40), np.uint8), axes="YX")) as session:
        session.crop((7, 30), (7, 30))
        odd = Mask(planes=np.ones((20, 20), bool), size=(1.0, 2**0.5, 2**0.5), unit="pixel")
        with pytest.raises(ParameterError, match=r"got pixels of 1\.41421 pixel .* or draw it as a polygon"):
            session.placed(odd, "v2")


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda s: s.crop("ab", "cd"), r"wanted a part along Y as \(from, to\)"),
        (lambda s: s.crop((0, 2.5), (0, 4)), "wanted a slice of whole numbers"),
        (lambda s: s.comments.add(None), "wanted text, got None"),
        (lambda s: s.rois.add("x"), "wanted a ROI, such as"),
        (lambda s: s.rois.put(["x"], "x"), "wanted a ROI, such as"),
        (lambda s: s.version(3.5), "wanted a version of this session"),
        (lambda s: s.rename("v1", None), "wanted a name with at least one letter, got None"),
    ],
)
def test_what_a_session_cannot_take_is_refused_in_words(session: Session, do: Any, said: str) -> None:
    revision = session.revision
    with pytest.raises(ParameterError, match=said):
        do(session)
    assert session.revision == revision

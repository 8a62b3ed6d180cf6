"""Channels of a whole folder laid on one another: alone, and after a restoration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.batch import Outcome, Settings
from abbe.batch.laying import Laying
from abbe.errors import AxesError, ParameterError, StorageError
from batch_maker import batch, rows
from shift_maker import apart

SIDE = 192


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images of unrelated channels, one of them in a sub-folder, and one of one channel; beads beside the folder."""
    (tmp_path / "images" / "well 1").mkdir(parents=True)
    for name, seed in (("a.ome.tif", 1), ("well 1/a.ome.tif", 2)):
        abbe.save(apart((3, -2), 0.0, SIDE, seed=seed), tmp_path / "images" / name)
    abbe.save(apart((3, -2), 0.0, SIDE, seed=3).select([0]), tmp_path / "images" / "one.ome.tif")
    abbe.save(apart((3.1, -2.2), 1.0, SIDE, seed=4), tmp_path / "beads.ome.tif")
    return tmp_path / "images"


def laid(folder: Path, **more: object) -> Settings:
    wanted = {"workflow": "align", "align": folder.parent / "beads.ome.tif", "ending": "_aligned.ome.tif", **more}
    return Settings.model_validate(wanted)


def test_a_folder_is_aligned_by_beads_and_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert batch(folder, out, laid(folder), match="a.ome.tif").done == 2
    summary = batch(folder, out, laid(folder))
    assert (summary.before, summary.done, summary.failed) == (2, 0, 1)
    told = rows(out)
    assert told["well 1/a.ome.tif"]["reason"] == "moved (down, right) tubulin by -3, +2"
    assert (told["well 1/a.ome.tif"]["verdict"], told["one.ome.tif"]["status"]) == ("", "failed")
    assert "two channels or more" in told["one.ome.tif"]["error"]
    for name in ("a", "well 1/a"):
        made, image = abbe.open(out / f"{name}_aligned.ome.tif"), abbe.open(folder / f"{name}.ome.tif")
        assert np.array_equal(np.asarray(made), np.asarray(abbe.align(image, {"tubulin": (3, -2)})))
        assert json.loads(made.provenance.facts["recipe"])["steps"][0]["parameters"]["beads"]["source"] == "beads.ome.tif"


def test_a_batch_belongs_to_its_beads(folder: Path, tmp_path: Path) -> None:
    batch(folder, tmp_path / "out", laid(folder), match="a.ome.tif")
    abbe.save(apart((1, 1), 1.0, SIDE, seed=5), folder.parent / "beads.ome.tif", overwrite=True)
    with pytest.raises(ParameterError, match=r"got other beads \(\w{8}, now \w{8}\);"):
        batch(folder, tmp_path / "out", laid(folder), match="a.ome.tif")
    with pytest.raises(ParameterError, match=r"shifts \(none, now tubulin=1,1\), beads \(\w{8}, now none\);"):
        batch(folder, tmp_path / "out", laid(folder, align=None, shifts="tubulin=1,1"), match="a.ome.tif")


def test_given_shifts_and_each_image_itself(folder: Path, tmp_path: Path) -> None:
    """Unrelated channels cannot be measured: each such image is told, and nothing is computed of it."""
    assert batch(folder, tmp_path / "given", laid(folder, align=None, shifts="tubulin=3,-2"), match="a.ome.tif").done == 2
    assert batch(folder, tmp_path / "itself", laid(folder, align="measure"), match="a.ome.tif").failed == 2
    assert "cannot: the channels have structure in common" in rows(tmp_path / "itself")["a.ome.tif"]["error"]


@pytest.mark.parametrize(("workflow", "on"), [("align", "image"), ("B", "original")])
def test_what_was_measured_on_the_image_itself_names_no_beads(tmp_path: Path, workflow: str, on: str) -> None:
    """The recipe, and with it a report's methods, named the image itself as an image of beads."""
    (tmp_path / "images").mkdir()
    abbe.save(apart((3, -2), 0.7, SIDE), tmp_path / "images" / "a.ome.tif")
    more = {"passes": 1, "engine": "cpu"} if workflow == "B" else {}
    assert batch(tmp_path / "images", tmp_path / "out", Settings.model_validate({"workflow": workflow, "align": "measure", **more})).done
    said = json.loads(abbe.open(tmp_path / "out" / "a_abbe.ome.tif").provenance.facts["recipe"])["steps"][0]["parameters"]
    assert (said["on"], "beads" in said) == (on, False)


def test_beads_may_be_one_image_of_a_file_of_several(folder: Path, tmp_path: Path) -> None:
    """Every image failed, by a bug in abbe."""
    slides = [np.asarray(apart(shift, 1.0, SIDE, seed=4))[0, :, 0] for shift in ((0, 0), (3, -2))]
    with tifffile.TiffWriter(tmp_path / "slides.ome.tif", ome=True) as file:
        for slide in slides:
            file.write(slide, metadata={"axes": "CYX", "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1})
    settings = laid(folder, align=str(tmp_path / "slides.ome.tif#1"))
    assert batch(folder, tmp_path / "out", settings, match="a.ome.tif").done == 2
    assert rows(tmp_path / "out")["a.ome.tif"]["reason"] == "moved (down, right) tubulin by -3, +2"


def test_beads_that_go_away_are_told_in_words(folder: Path) -> None:
    settings = laid(folder, align=str(folder.parent / "gone.ome.tif"))
    with pytest.raises(StorageError, match="there is no file"):
        Laying.of(abbe.open(folder / "a.ome.tif"), settings)


def test_channels_are_laid_after_a_restoration(folder: Path, tmp_path: Path) -> None:
    """An image of one channel has nothing to be laid, and is restored all the same."""
    settings = Settings(workflow="B", passes=1, engine="cpu", align=folder.parent / "beads.ome.tif")
    assert batch(folder, tmp_path / "out", settings, match=("one*", "a.ome.tif")).done == 3
    made = abbe.open(tmp_path / "out" / "a_abbe.ome.tif")
    alone = abbe.correct_background(abbe.open(folder / "a.ome.tif"), passes=1, engine="cpu")
    assert np.array_equal(np.asarray(made), np.asarray(abbe.align(alone, {"tubulin": (3, -2)})))
    assert [line.split(":")[0] for line in made.provenance.history] == ["background", "align"]
    row = rows(tmp_path / "out")["a.ome.tif"]
    assert row["verdict"] == abbe.verdict(alone).word
    assert "onnxruntime" in row["computed with"]
    assert "tubulin was moved by 3 pixels up and 2 right" in row["warnings"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"align": None}, "got neither"),
        ({"shifts": "tubulin=1,2"}, "got both"),
        ({"workflow": "A", "shifts": "tubulin=1,2", "align": None}, "got them with another"),
        ({"align": None, "shifts": "tubulin=1"}, "CHANNEL=Y,X"),
        ({"workflow": "A", "align": None, "reference": "tubulin"}, "got 'tubulin' without"),
        ({"align": None, "shifts": "tubulin=nan,1"}, "CHANNEL=Y,X"),
        ({"axes": "QQ"}, "QQ"),
        ({"maps": True}, "got maps for the restoration"),
        ({"passes": 2, "model": "denoise"}, "got model, passes for the restoration"),
    ],
)
def test_what_no_image_could_be_aligned_with_is_refused_first(folder: Path, tmp_path: Path, wanted: dict[str, object], said: str) -> None:
    with pytest.raises((ParameterError, AxesError), match=said):
        batch(folder, tmp_path / "out", laid(folder, **wanted))
    assert not (tmp_path / "out").exists()


def test_beads_that_are_none_are_refused_first(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no file"):
        batch(folder, tmp_path / "out", laid(folder, align=str(folder / "beads.tif")))
    with pytest.raises(ParameterError, match="two channels or more"):
        batch(folder, tmp_path / "out", laid(folder, align=str(folder / "one.ome.tif")))


# ---------------------------------------------------------------------------------------------------- beads as the images are read
def moved(out: Path) -> str:
    return rows(out)["a.ome.tif"]["reason"]


@pytest.mark.parametrize(
    ("beads", "told", "said"),
    [
        ((None, 0.1, 0.1), 0.05, "tubulin by -3, +2"),  # as the images say: both are wrong
        ((None, None, None), 0.05, "tubulin by -3, +2"),
        ((None, 0.2, 0.2), 0.1, "tubulin by -6, +4"),  # as another camera has it
        ((None, 0.2, 0.2), 0.05, "tubulin by -13, +9"),
    ],
)
def test_a_pixel_size_that_is_told_holds_for_beads_that_say_what_the_images_do(
    beads: tuple[float | None, ...], told: float, said: str, folder: Path, tmp_path: Path
) -> None:
    """Images were moved by twice what the beads had said, as if these had other pixels."""
    slide = abbe.open(folder.parent / "beads.ome.tif").replace(pixel_size=beads)
    abbe.save(slide, folder.parent / "beads.ome.tif", overwrite=True)
    batch(folder, tmp_path / "out", laid(folder, pixel_size=told), match="a.ome.tif")
    assert said in moved(tmp_path / "out")
    scaled = "so shifts in pixels are" in rows(tmp_path / "out")["a.ome.tif"]["warnings"]
    assert scaled is (beads[1] == 0.2)


def test_beads_are_read_with_the_axes_that_are_told_where_they_have_as_many(folder: Path, tmp_path: Path) -> None:
    images = tmp_path / "plain"
    images.mkdir()
    for source, target in ((folder / "a.ome.tif", images / "a.ome.tif"), (folder.parent / "beads.ome.tif", folder.parent / "plain.tif")):
        tifffile.imwrite(target, np.asarray(abbe.open(source))[0, :, 0], photometric="minisblack", metadata={"axes": "ZYX"}, ome=True)
    settings = laid(folder, align=folder.parent / "plain.tif", axes="CYX")
    assert batch(images, tmp_path / "out", settings).done == 1
    assert moved(tmp_path / "out").endswith("by -3, +2")
    assert batch(images, tmp_path / "two", laid(folder, axes="CYX")).failed == 0


# ---------------------------------------------------------------------------------------------------- the same to the end
def test_beads_that_are_replaced_meanwhile_end_the_batch(folder: Path, tmp_path: Path) -> None:
    """The images left were aligned by the new ones, among the others, without a word."""
    beads, out, told = folder.parent / "beads.ome.tif", tmp_path / "out", list[Outcome]()
    before = beads.read_bytes()

    def replace(outcome: Outcome) -> None:
        told.append(outcome)
        abbe.save(apart((-3, 4), 1.0, SIDE, seed=5), beads, overwrite=True)

    with pytest.raises(ParameterError, match="is not the one that the batch began with; what is done is kept"):
        batch(folder, out, laid(folder), match="a.ome.tif", told=replace)
    assert [(outcome.key, outcome.status) for outcome in told] == [("a.ome.tif", "done")]
    assert {row["status"] for row in rows(out).values()} == {"done", "not done"}
    beads.write_bytes(before)  # another date, and the same beads
    assert batch(folder, out, laid(folder), match="a.ome.tif").done == 1
    assert rows(out)["well 1/a.ome.tif"]["reason"] == "moved (down, right) tubulin by -3, +2"


def test_a_worker_of_a_cluster_looks_at_the_beads_for_every_image(folder: Path) -> None:
    """It remembered for its life what it had once seen, also that there was no file."""
    pytest.importorskip("distributed", reason="clusters need the extra cluster")
    from abbe.batch.cluster import _about

    settings, out = laid(folder), str(folder.parent)
    (folder.parent / "beads.ome.tif").rename(folder.parent / "away")
    assert "there is no file" in str(_about(str(folder), out, settings)[1])
    (folder.parent / "away").rename(folder.parent / "beads.ome.tif")
    first = _about(str(folder), out, settings)[1]
    assert first == settings.check()
    abbe.save(apart((1, 1), 1.0, SIDE, seed=5), folder.parent / "beads.ome.tif", overwrite=True)
    assert _about(str(folder), out, settings)[1] == settings.check() != first

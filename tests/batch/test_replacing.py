"""No result is overwritten by another image's, and nothing that is there already without `--overwrite`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.batch import Outcome, Settings
from abbe.batch.record import Record
from abbe.errors import CancelledError, ParameterError
from batch_maker import QUICK, batch, field, rows

Images = Callable[..., Path]
TWO = QUICK.model_copy(update={"passes": 2})


def is_of(result: Path, image: Path) -> bool:
    """Was it made from the image, and not from another?"""
    made, source = np.asarray(abbe.open(result))[0, 0, 0], tifffile.imread(image)
    return bool(np.corrcoef(made.ravel(), source.ravel())[0, 1] > 0.7)


# ---------------------------------------------------------------------------------------------------- names
@pytest.mark.parametrize("overwrite", [False, True])
def test_images_that_differ_in_their_ending_alone_keep_results_apart_when_they_are_taken_one_after_the_other(
    overwrite: bool, tmp_path: Path, images: Images
) -> None:
    """Both rows named one file, which held the second image, and both were called done."""
    folder, out = images("same.tif", "same.tiff"), tmp_path / "out"
    batch(folder, out, match="*.tif")
    assert batch(folder, out, match="*.tiff", overwrite=overwrite).done == 1
    summary = batch(folder, out)
    assert (summary.before, summary.done, summary.failed) == (2, 0, 0)
    table = rows(out)
    assert {row["result"] for row in table.values()} == {"same_abbe.ome.tif", "same.tiff_abbe.ome.tif"}
    for key, row in table.items():
        assert is_of(out / row["result"], folder / key)


@pytest.mark.parametrize("overwrite", [False, True])
def test_images_of_two_folders_that_differ_in_their_ending_keep_results_apart(overwrite: bool, tmp_path: Path, images: Images) -> None:
    one, two, out = images("s.tif", folder="x"), images("o.tif", "s.tiff", folder="y"), tmp_path / "out"
    batch(one, out)
    assert batch(two, out, match="s*", overwrite=overwrite).done == 1
    assert is_of(out / "s_abbe.ome.tif", one / "s.tif")
    assert is_of(out / "s.tiff_abbe.ome.tif", two / "s.tiff")
    assert {key: row["result"] for key, row in rows(out).items()} == {"s.tif": "s_abbe.ome.tif", "s.tiff": "s.tiff_abbe.ome.tif"}


def test_doing_all_of_a_folder_again_replaces_no_result_of_another(tmp_path: Path, images: Images) -> None:
    """It forgot whose the others are, and then replaced those of the same name."""
    one, out = images("s.tif", "t.tif", folder="x"), tmp_path / "out"
    two = images("o.tif", "s.tif", folder="y")
    batch(one, out)
    told: list[Outcome] = []
    summary = batch(two, out, overwrite=True, told=told.append)
    assert (summary.done, summary.failed) == (1, 1)
    assert f"made from the image of that name in {one}; choose another --out" in str(told[-1].error)
    assert is_of(out / "s_abbe.ome.tif", one / "s.tif")
    assert batch(one, out).before == 2
    assert batch(one, out, overwrite=True).done == 2  # its own it does again
    assert batch(two, out).failed == 1


def test_an_image_of_several_does_not_take_the_name_of_a_result_that_is_there(tmp_path: Path, images: Images) -> None:
    folder, out = images("cells_1.tif"), tmp_path / "out"
    with tifffile.TiffWriter(folder / "cells.tif", ome=True) as tif:
        for k in (4, 5):
            tif.write(field(k), metadata={"axes": "YX"})
    batch(folder, out, match="cells_1.tif")
    assert batch(folder, out, match="cells.tif", overwrite=True).done == 2
    assert is_of(out / "cells_1_abbe.ome.tif", folder / "cells_1.tif")
    assert rows(out)["cells.tif#1"]["result"] == "cells.tif#1_abbe.ome.tif"
    assert batch(folder, out).before == 3


def test_a_result_that_another_process_gave_the_name_meanwhile_is_not_replaced(tmp_path: Path, images: Images) -> None:
    """One that was told to take other images, whose names differ in their ending."""
    folder, out = images("a.tif", "a.tiff"), tmp_path / "out"
    told: list[Outcome] = []

    def other(fraction: float, text: str) -> None:
        if not (out / "a_abbe.ome.tif").exists():
            (out / "a_abbe.ome.tif").write_text("of a.tiff")
            seen = (folder / "a.tiff").stat()
            done = Outcome(key="a.tiff", size=seen.st_size, mtime_ns=seen.st_mtime_ns, status="done", result="a_abbe.ome.tif", images=1)
            Record(out / ".abbe-batch" / "journal", "other").add(done)

    assert batch(folder, out, match="*.tif", overwrite=True, progress=other, told=told.append).failed == 1
    assert "a_abbe.ome.tif among the results is that of a.tiff" in str(told[0].error)
    assert (out / "a_abbe.ome.tif").read_text() == "of a.tiff"
    assert batch(folder, out, match="*.tif").done == 1
    assert is_of(out / "a.tif_abbe.ome.tif", folder / "a.tif")


# ---------------------------------------------------------------------------------------------------- once it was asked for
def test_overwriting_ends_with_the_images_that_were_there_when_it_was_asked_for(tmp_path: Path, images: Images) -> None:
    """Every later line, without the flag, went on to replace files."""
    folder, out = images("a.tif"), tmp_path / "out"
    assert batch(folder, out, overwrite=True).done == 1
    images("a.tif", "b.tif")
    tifffile.imwrite(folder / "a.tif", field(5, 64))
    (out / "a_abbe.ome.tif").rename(out / "kept.ome.tif")
    for name in ("a", "b"):
        (out / f"{name}_abbe.ome.tif").write_text("mine")
    assert batch(folder, out).failed == 2
    assert [(out / f"{name}_abbe.ome.tif").read_text() for name in "ab"] == ["mine", "mine"]


def test_a_batch_that_was_stopped_goes_on_to_replace_what_it_was_asked_to(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    out.mkdir()
    for name in "abc":
        (out / f"{name}_abbe.ome.tif").write_text("mine")
    told: list[Outcome] = []
    with pytest.raises(CancelledError):
        batch(folder, out, overwrite=True, told=told.append, progress=lambda fraction, text: not told)
    images("a.tif", "b.tif", "c.tif", folder="more")
    shutil.copy(tmp_path / "more" / "c.tif", folder)
    summary = batch(folder, out)
    assert (summary.before, summary.done, summary.failed) == (1, 1, 1)
    assert abbe.open(out / "b_abbe.ome.tif").shape[-1] == 48
    assert (out / "c_abbe.ome.tif").read_text() == "mine"


def test_other_settings_for_some_of_the_images_are_refused(tmp_path: Path, images: Images) -> None:
    """Results of two kinds lay in one folder, and the table forgot those made before."""
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    batch(folder, out)
    before = {path: path.read_bytes() for path in out.glob("*.tif")}
    with pytest.raises(ParameterError, match=r"got --overwrite with other passes \(1, now 2\), which leaves 1 of other images") as problem:
        batch(folder, out, TWO, match="a*", overwrite=True)
    assert "(b_abbe.ome.tif)" in str(problem.value)
    assert {path: path.read_bytes() for path in out.glob("*.tif")} == before
    assert batch(folder, out).before == 2  # it is the batch that it was
    (out / "b_abbe.ome.tif").unlink()
    assert batch(folder, out, TWO, match="a*", overwrite=True).done == 1
    assert batch(folder, out, TWO).done == 1


def test_other_settings_for_one_of_two_folders_are_refused(tmp_path: Path, images: Images) -> None:
    one, two, out = images("a.tif", folder="x"), images("a.tif", "b.tif", folder="y"), tmp_path / "out"
    batch(one, out)
    batch(two, out, match="b*")
    with pytest.raises(ParameterError, match=r"1 of other images as they are \(a_abbe.ome.tif\)"):
        batch(two, out, TWO, match="b*", overwrite=True)


# ---------------------------------------------------------------------------------------------------- maps
def test_maps_are_replaced_with_the_result_that_is_deleted_to_have_it_done_again(tmp_path: Path, images: Images) -> None:
    """What the error said to do led to the next: the maps existed already."""
    folder, out = images("a.tif"), tmp_path / "out"
    settings = Settings(workflow="B", passes=1, engine="cpu", maps=True)
    batch(folder, out, settings)
    before = (out / "a_abbe_trust.ome.tif").read_bytes()
    tifffile.imwrite(folder / "a.tif", field(5, 64))
    told: list[Outcome] = []
    assert batch(folder, out, settings, told=told.append).failed == 1
    assert "delete that to have it done again" in str(told[0].error)
    (out / "a_abbe.ome.tif").unlink()
    assert batch(folder, out, settings).done == 1
    assert (out / "a_abbe_trust.ome.tif").read_bytes() != before
    assert abbe.open(out / "a_abbe_trust.ome.tif").shape[-1] == 64
    (out / "a_abbe.ome.tif").unlink()
    os.utime(folder / "a.tif", (1e9, 1e9))
    (out / "a_abbe.ome.tif").write_text("mine")  # as anybody may call a file
    assert batch(folder, out, settings).failed == 1
    assert (out / "a_abbe.ome.tif").read_text() == "mine"


def test_maps_that_are_nobodys_are_not_replaced(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    out.mkdir()
    (out / "a_abbe_trust.ome.tif").write_text("mine")
    assert batch(folder, out, Settings(workflow="B", passes=1, engine="cpu", maps=True)).failed == 1
    assert (out / "a_abbe_trust.ome.tif").read_text() == "mine"

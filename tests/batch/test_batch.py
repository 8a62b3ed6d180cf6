"""A folder of images comes out as if each had been done alone, once, whatever happens in between."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import abbe
from abbe.batch import Outcome, Settings
from abbe.batch import folder as batch_folder
from abbe.batch import hands as batch_hands
from abbe.batch import rights as batch_rights
from abbe.batch import running as batch_running
from abbe.batch import tally as batch_tally
from abbe.batch.claims import PLACING, Claim, Claims, Placing
from abbe.batch.finding import Found, Source
from abbe.batch.hands import Crew
from abbe.batch.record import Record
from abbe.batch.settings import Began
from abbe.batch.work import Made
from abbe.errors import AbbeError, CancelledError, ParameterError, StorageError
from abbe.storage import storage_error
from batch_maker import QUICK, batch, field, rows

Images = Callable[..., Path]


def results(out: Path) -> set[str]:
    """All files among the results, hidden ones but the journal included."""
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    return {
        name for name in names if not name.startswith(".abbe-batch/journal/") and name not in (".abbe-batch/settings.json", "batch.csv")
    }


def test_results_are_those_of_each_image_alone_and_lie_as_the_images_do(tmp_path: Path, images: Images) -> None:
    folder = images("a.tif", "plate 1/b.tif", "plate 1/ü.tif")
    told: list[Outcome] = []
    fractions: list[float] = []
    summary = batch(folder, tmp_path / "out", progress=lambda fraction, text: fractions.append(fraction), told=told.append)
    assert results(tmp_path / "out") == {"a_abbe.ome.tif", "plate 1/b_abbe.ome.tif", "plate 1/ü_abbe.ome.tif"}
    assert (summary.count, summary.done, summary.failed, summary.elsewhere) == (3, 3, 0, 0)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert [outcome.key for outcome in told] == ["a.tif", "plate 1/b.tif", "plate 1/ü.tif"]
    alone = abbe.enhance(abbe.open(folder / "plate 1" / "b.tif"), steps=("denoise",), passes=1, engine="cpu")
    abbe.save(alone, tmp_path / "b_abbe.ome.tif")
    assert (tmp_path / "b_abbe.ome.tif").read_bytes() == (tmp_path / "out" / "plate 1" / "b_abbe.ome.tif").read_bytes()
    row = rows(tmp_path / "out")["plate 1/b.tif"]
    assert (row["status"], row["result"], row["rows"]) == ("done", "plate 1/b_abbe.ome.tif", "48")
    assert row["verdict"] == abbe.verdict(alone).word


def test_one_that_fails_does_not_stop_the_others_and_is_tried_again(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif", "c.tif"), tmp_path / "out"
    (folder / "b.tif").write_bytes(b"II*\0")
    first = batch(folder, out)
    assert (first.done, first.failed) == (2, 1)
    assert "cut short" in rows(out)["b.tif"]["error"]
    before = (out / "a_abbe.ome.tif").stat().st_mtime_ns
    tifffile.imwrite(folder / "b.tif", field(7))
    second = batch(folder, out)
    assert (second.before, second.done, second.failed) == (2, 1, 0)
    assert rows(out)["b.tif"]["status"] == "done"
    assert rows(out)["b.tif"]["error"] == ""
    assert (out / "a_abbe.ome.tif").stat().st_mtime_ns == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes that lie in folders")
def test_a_pipe_that_is_called_like_an_image_holds_nothing_up(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "c.tif"), tmp_path / "out"
    os.mkfifo(folder / "b.tif")
    summary = batch(folder, out)
    assert (summary.done, summary.failed) == (2, 1)
    assert "a device or a pipe" in rows(out)["b.tif"]["error"]


def test_an_image_that_changed_since_is_done_again_when_its_result_is_deleted(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    batch(folder, out)
    tifffile.imwrite(folder / "a.tif", field(5, 64))
    (out / "a_abbe.ome.tif").unlink()
    assert batch(folder, out).done == 1
    assert rows(out)["a.tif"]["rows"] == "64"


def test_an_image_that_changes_while_it_is_worked_on_is_not_taken_for_done(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    told: list[Outcome] = []
    summary = batch(folder, out, progress=lambda fraction, text: os.utime(folder / "a.tif", (1e9, 1e9)), told=told.append)
    assert (summary.done, summary.failed) == (1, 1)
    assert "changed while it was worked on" in str(told[0].error)
    assert results(out) == {"b_abbe.ome.tif"}
    assert batch(folder, out).done == 1


def test_names_that_no_text_can_hold_are_done_too(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    try:
        os.rename(folder / "a.tif", os.fsencode(folder) + b"/z\xfcrich.tif")
    except OSError:
        pytest.skip("names are Unicode here")
    (folder / "new\nline.tif").write_bytes(b"no image")
    (folder / ("long" * 60 + ".tif")).write_bytes(b"no image")
    summary = batch(folder, out)
    assert (summary.done, summary.failed) == (1, 2)
    assert rows(out)["z\\udcfcrich.tif"]["status"] == "done"
    assert abbe.open(out / rows(out)["z\\udcfcrich.tif"]["result"]).shape[-1] == 48
    assert batch(folder, out).before == 1


def test_all_again_of_some_forgets_no_other(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    batch(folder, out)
    before = (out / "a_abbe.ome.tif").stat().st_mtime_ns, (out / "b_abbe.ome.tif").stat().st_mtime_ns
    summary = batch(folder, out, match="b*", overwrite=True)  # a pattern alone is one pattern
    assert (summary.count, summary.done) == (1, 1)
    assert (out / "a_abbe.ome.tif").stat().st_mtime_ns == before[0]
    assert (out / "b_abbe.ome.tif").stat().st_mtime_ns > before[1]
    assert batch(folder, out).before == 2


def test_a_table_that_cannot_be_written_stops_nothing_and_is_told_of(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    (out / "batch.csv").mkdir(parents=True)
    summary = batch(folder, out)
    assert summary.done == 1
    assert "batch.csv" in str(summary.table_error)
    (out / "batch.csv").rmdir()
    assert batch(folder, out).table_error is None
    assert rows(out)["a.tif"]["status"] == "done"


def test_an_image_that_is_gone_when_its_turn_comes_is_named(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    told: list[Outcome] = []
    summary = batch(folder, out, progress=lambda fraction, text: (folder / "b.tif").unlink(missing_ok=True), told=told.append)
    assert (summary.done, summary.failed) == (1, 1)
    assert "is gone" in str(told[1].error)


@pytest.mark.parametrize("empty", [False, True])
def test_a_share_that_goes_away_ends_it_with_one_word_and_is_held_against_no_image(empty: bool, tmp_path: Path, images: Images) -> None:
    folder, out, away = images("a.tif", "b.tif", "c.tif"), tmp_path / "out", tmp_path / "away"
    told: list[Outcome] = []

    def leave(fraction: float, text: str) -> None:
        if told and folder.exists() and not away.exists():
            folder.rename(away)
            if empty:
                folder.mkdir()

    with pytest.raises(StorageError, match="can no longer be listed, or is empty"):
        batch(folder, out, progress=leave, told=told.append)
    assert [outcome.status for outcome in told] == ["done"]
    if empty:
        folder.rmdir()
    away.rename(folder)
    summary = batch(folder, out)
    assert (summary.before, summary.done, summary.failed) == (1, 2, 0)


def test_an_image_that_may_not_be_read_any_more_keeps_its_result(tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out, told = images("a.tif"), tmp_path / "out", list[Outcome]()
    batch(folder, out)
    monkeypatch.setattr(batch_folder, "look", lambda place, relative: Source(relative, 0, 0))
    monkeypatch.setattr(batch_folder, "find", lambda *_: Found([Source("a.tif", 0, 0)]))
    assert batch(folder, out, told=told.append).failed == 1
    assert "may no longer be read; a_abbe.ome.tif" in str(told[0].error)
    monkeypatch.undo()
    assert batch(folder, out).before == 1


def test_an_image_that_changed_since_is_told_of_and_its_result_left(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    batch(folder, out)
    before = (out / "a_abbe.ome.tif").read_bytes()
    tifffile.imwrite(folder / "a.tif", field(5, 64))
    told: list[Outcome] = []
    assert batch(folder, out, told=told.append).failed == 1
    assert "has changed since a_abbe.ome.tif was made" in str(told[0].error)
    assert rows(out)["a.tif"]["status"] == "done, changed since"
    assert (out / "a_abbe.ome.tif").read_bytes() == before
    assert batch(folder, out, overwrite=True).done == 1
    assert (out / "a_abbe.ome.tif").read_bytes() != before
    assert rows(out)["a.tif"]["rows"] == "64"


def test_a_file_that_was_there_before_is_not_replaced(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    out.mkdir()
    (out / "a_abbe.ome.tif").write_text("mine")
    assert batch(folder, out).failed == 1
    assert (out / "a_abbe.ome.tif").read_text() == "mine"
    assert "exists already" in rows(out)["a.tif"]["error"]
    with pytest.raises(CancelledError):  # a batch that may replace, stopped and gone on with
        batch(folder, out, overwrite=True, progress=lambda fraction, text: False)
    assert batch(folder, out).done == 2
    assert abbe.open(out / "a_abbe.ome.tif").shape[-1] == 48


def test_an_image_of_another_folder_is_not_taken_for_one_of_the_same_name_size_and_date(tmp_path: Path, images: Images) -> None:
    """As two cameras write them, or an archive unpacks them."""
    one, out = images("a.tif", "b.tif"), tmp_path / "out"
    two = Path(shutil.copytree(one, tmp_path / "two"))
    (two / "b.tif").unlink()
    for path in (one / "a.tif", two / "a.tif"):
        os.utime(path, (1.7e9, 1.7e9))
    assert batch(one, out).done == 2
    before = (out / "a_abbe.ome.tif").read_bytes()
    summary = batch(two, out)
    assert (summary.before, summary.done, summary.failed) == (0, 0, 1)
    assert str(one) in rows(out)["a.tif"]["error"]
    assert rows(out)["b.tif"]["status"] == "done"
    assert (out / "a_abbe.ome.tif").read_bytes() == before
    assert batch(one, out).before == 2  # what was refused of the other takes nothing from it
    (out / "a_abbe.ome.tif").unlink()
    assert batch(two, out).done == 1


def test_a_folder_of_images_that_was_moved_or_is_known_under_two_names_is_the_same(tmp_path: Path, images: Images) -> None:
    folder, out, moved = images("a.tif"), tmp_path / "out", tmp_path / "moved"
    batch(folder, out)
    (tmp_path / "link").symlink_to(folder)
    assert batch(tmp_path / "link", out).before == 1
    folder.rename(moved)
    folder.mkdir()
    assert batch(moved, out).before == 1


def test_a_folder_whose_image_was_refused_is_not_named_as_that_of_the_result(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    batch(folder, out)
    told: list[Outcome] = []
    for name in ("copy", "other"):
        shutil.copytree(folder, tmp_path / name)
        os.utime(tmp_path / name / "a.tif", (len(name), len(name)))
        batch(tmp_path / name, out, told=told.append)
        assert f"made from the image of that name in {folder};" in str(told.pop().error)
    shutil.rmtree(folder)
    batch(tmp_path / "other", out, told=told.append)
    assert "a_abbe.ome.tif exists already" in str(told[0].error)


def test_other_settings_are_refused_until_all_is_done_again(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    batch(folder, out)
    two = QUICK.model_copy(update={"passes": 2})
    with pytest.raises(ParameterError, match=r"other passes \(1, now 2\)"):
        batch(folder, out, two)
    assert batch(folder, out, two, overwrite=True).done == 1
    for damage in (lambda kept: kept.write_text("{"), lambda kept: kept.unlink()):
        damage(out / ".abbe-batch" / "settings.json")
        with pytest.raises(ParameterError, match="damaged"):
            batch(folder, out, two)
    assert len(list((out / ".abbe-batch" / "journal").glob("*.jsonl"))) == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"steps": ("sharpen",)}, "wanted steps of"),
        ({"model": "nobody"}, "nobody"),
        ({"engine": "steam"}, "wanted an engine"),
        ({"ending": "_abbe.png"}, "wanted results that end in"),
        ({"dtype": "uint7"}, "uint7"),
        ({"passes": 99}, "passes"),
        ({"realism": 3.0}, "realism"),
        ({"psf": "240", "steps": ("super_resolve",)}, "if that is nm, say 0.24"),
        ({"psf": "0.24"}, "wanted a psf for the step super_resolve"),
        ({"axes": "XYQ"}, "wanted axes from the letters"),
    ],
)
def test_settings_that_no_image_could_be_done_with_make_no_folder(
    change: dict[str, object], error: str, tmp_path: Path, images: Images
) -> None:
    with pytest.raises(AbbeError, match=error):
        batch(images("a.tif"), tmp_path / "out", QUICK.model_copy(update=change))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"step": ("denoise",)}, "step: there is no such setting; did you mean 'steps'?"),
        ({"workflow": "C"}, "workflow: wanted 'A', 'B' or 'align', got 'C'"),
        ({"maps": "perhaps", "passes": "many"}, "passes: wanted a valid integer"),
        ({"pixel_size": 0}, "wanted pixel sizes above 0 um"),
        ({"dtype": complex}, "got complex128"),
    ],
)
def test_settings_that_are_none_are_told_in_one_line(given: dict[str, Any], error: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(error)) as problem:
        Settings(**given)
    assert "\n" not in str(problem.value)


def test_settings_take_what_enhance_takes(tmp_path: Path, images: Images) -> None:
    given: dict[str, Any] = {"steps": "denoise", "channels": 0, "model": Path("x"), "psf": 0.25, "dtype": np.uint16, "pixel_size": 0.1}
    settings = Settings(**given)
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert (settings.steps, settings.channels, settings.psf) == (("denoise",), ("0",), "0.25")
    assert (settings.model, settings.dtype, settings.pixel_size) == (os.path.abspath("x"), "uint16", (None, 0.1, 0.1))
    assert Settings(psf=(0.2, None, "2.6px"), channels=(0, "actin")).psf == "0.2,-,2.6px"  # type: ignore[arg-type]
    quick = Settings(steps="denoise", channels=0, passes=1, engine="cpu", pixel_size=0.1)  # type: ignore[arg-type]
    assert batch(images("a.tif"), tmp_path / "out", quick).done == 1
    assert abbe.open(tmp_path / "out" / "a_abbe.ome.tif").pixel_size == (None, 0.1, 0.1)


def test_what_was_super_resolved_already_is_said_in_the_table(tmp_path: Path, images: Images) -> None:
    """As `abbe enhance` says it before it begins."""
    folder = images("a.tif")
    abbe.save(abbe.enhance(abbe.open(folder / "a.tif"), steps=("super_resolve",), passes=1, engine="cpu"), folder / "b.ome.tif")
    batch(folder, tmp_path / "out")
    said = {key: row["warnings"] for key, row in rows(tmp_path / "out").items()}
    assert "Workflow B is advised for it: the image was super-resolved by abbe already" in said["b.ome.tif"]
    assert "Workflow B" not in said["a.tif"]


def test_folders_that_cannot_be_are_refused(tmp_path: Path, images: Images) -> None:
    folder = images("sub/a.tif")
    (folder / "notes.txt").write_text("x")
    for source, out, error in (
        (folder, folder, "another folder for the results"),
        (folder / "sub", folder, "which holds them"),
        (folder / "sub" / "a.tif", tmp_path / "out", "wanted a folder of images"),
        (tmp_path / "nowhere", tmp_path / "out", "wanted a folder of images"),
    ):
        with pytest.raises(AbbeError, match=error):
            batch(source, out)
    with pytest.raises(ParameterError, match=r"other files alone \(1 \.txt, 1 \.tif\); look at --match"):
        batch(folder, tmp_path / "out", match=("*.czi",))
    assert not (tmp_path / "out").exists()


def test_results_may_lie_below_the_images_and_are_not_taken_for_some(tmp_path: Path, images: Images) -> None:
    folder = images("a.tif")
    assert batch(folder, folder / "results").done == 1
    again = batch(folder, folder / "results")
    assert (again.count, again.before, again.done) == (1, 1, 0)


def test_workflow_b_channels_maps_and_types_reach_each_image(tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    folder.mkdir()
    two = np.stack([field(1), field(2)])
    abbe.save(abbe.Image.from_array(two, axes="CYX", pixel_size=(None, 0.1, 0.1), channels=["actin", "tubulin"]), folder / "a.ome.tif")
    settings = Settings(workflow="B", channels=("tubulin",), passes=1, maps=True, dtype="uint16", ending="_b.ome.zarr")
    assert batch(folder, out, settings).done == 1
    result = abbe.open(out / "a_b.ome.zarr")
    assert result.dtype == np.uint16
    assert result.channels == ("actin", "tubulin")
    assert np.array_equal(np.asarray(result)[0, 0, 0], two[0])
    assert not np.array_equal(np.asarray(result)[0, 1, 0], two[1])
    for kind in ("trust", "lower", "upper"):
        assert abbe.open(out / f"a_b_{kind}.ome.zarr").shape[-2:] == (48, 48)


def test_files_that_are_one_image_are_done_once(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    planes = [field(k) for k in range(2)]
    ids = ["urn:uuid:11111111-1111-1111-1111-111111111111", "urn:uuid:22222222-2222-2222-2222-222222222222"]
    blocks = "".join(
        f'<TiffData FirstC="{k}" FirstT="0" FirstZ="0" IFD="0" PlaneCount="1"><UUID FileName="c{k}.ome.tif">{ids[k]}</UUID></TiffData>'
        for k in range(2)
    )
    for k, plane in enumerate(planes):
        xml = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[k]}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="48" SizeY="48" SizeC="2" SizeZ="1" SizeT="1">'
            f'<Channel ID="Channel:0:0"/><Channel ID="Channel:0:1"/>{blocks}</Pixels></Image></OME>'
        )
        tifffile.imwrite(folder / f"c{k}.ome.tif", plane, description=xml, metadata=None)
    assert abbe.open(folder / "c1.ome.tif").shape[1] == 2
    out = tmp_path / "out"
    assert batch(folder, out).done == 2
    assert results(out) == {"c0_abbe.ome.tif"}
    assert rows(out)["c1.ome.tif"]["status"] == "part of another"
    assert "c0.ome.tif" in rows(out)["c1.ome.tif"]["reason"]
    assert batch(folder, out).before == 2
    told: list[Outcome] = []
    assert batch(folder, tmp_path / "second", match="c1*", told=told.append).failed == 1
    assert "begins in c0.ome.tif, which --match leaves out" in str(told[0].error)


def test_stopped_it_leaves_whole_results_alone_and_goes_on(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif", "c.tif", side=96), tmp_path / "out"
    told: list[Outcome] = []

    def stop(fraction: float, text: str) -> bool:
        return not told

    with pytest.raises(CancelledError, match="goes on"):
        batch(folder, out, progress=stop, told=told.append)
    assert results(out) == {"a_abbe.ome.tif"}
    assert not list((out / ".abbe-batch").glob("claims/*"))
    assert not list((out / ".abbe-batch").glob("runners/*"))
    assert rows(out)["b.tif"]["status"] == "not done"
    rest = batch(folder, out)
    assert (rest.before, rest.done) == (1, 2)


def test_ctrl_c_ends_it_within_seconds_and_leaves_nothing_behind(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", side=700), tmp_path / "out"
    threading.Timer(2.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        batch(folder, out, Settings(passes=8))
    assert results(out) == set()
    assert not list((out / ".abbe-batch").glob("claims/*"))


def test_a_process_that_dies_costs_its_image_one_more_try(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", side=320), tmp_path / "out"
    killed: list[int] = []

    def kill(fraction: float, text: str) -> None:
        if 0 < fraction < 1 and not killed:
            killed.append(_child())
            os.kill(killed[0], signal.SIGKILL)

    assert batch(folder, out, Settings(passes=8), progress=kill).done == 1
    assert killed
    alone = abbe.enhance(abbe.open(folder / "a.tif"), passes=8)
    abbe.save(alone, tmp_path / "a_abbe.ome.tif")
    assert (tmp_path / "a_abbe.ome.tif").read_bytes() == (out / "a_abbe.ome.tif").read_bytes()


def test_an_image_whose_process_dies_twice_fails_and_the_others_do_not(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif", side=320), tmp_path / "out"

    def kill(fraction: float, text: str) -> None:
        if fraction > 0.01 and len(told) < 1 and (child := _child()):
            os.kill(child, signal.SIGKILL)

    told: list[Outcome] = []
    summary = batch(folder, out, Settings(passes=8), progress=kill, told=told.append)
    assert (summary.done, summary.failed) == (1, 1)
    assert told[0].status == "failed"
    assert "was ended by signal 9" in str(told[0].error)
    assert "fewer --workers" in str(told[0].error)


def _child() -> int:
    """The process that works on images; 0 where there is none."""
    import multiprocessing

    return next((child.pid or 0 for child in multiprocessing.active_children() if child.name == "abbe-batch"), 0)


def test_a_folder_that_grows_is_worked_on_until_it_is_stopped(tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_running, "LOOK", 0.5)
    monkeypatch.setattr(batch_folder, "SETTLED", 1.5)
    folder, out = images("a.tif"), tmp_path / "out"
    whole = tmp_path / "late.tif"
    tifffile.imwrite(whole, field(3, 64))
    content = whole.read_bytes()
    told: list[tuple[str, str, float]] = []

    def write_slowly() -> None:
        with (folder / "late.tif").open("wb") as file:
            for k in range(8):  # for longer than a file has to be still
                file.write(content[len(content) * k // 8 : len(content) * (k + 1) // 8])
                file.flush()
                time.sleep(0.4)

    def tell(outcome: Outcome) -> None:
        told.append((outcome.key, outcome.status, time.monotonic()))
        if outcome.key == "a.tif":
            threading.Thread(target=write_slowly).start()
        else:
            os.kill(os.getpid(), signal.SIGINT)

    summary = batch(folder, out, watch=True, told=tell)
    assert [(key, status) for key, status, _ in told] == [("a.tif", "done"), ("late.tif", "done")]
    assert (summary.done, summary.failed) == (2, 0)
    assert abbe.open(out / "late_abbe.ome.tif").shape[-1] == 64


def test_a_folder_that_grows_may_lose_images_and_go_away_and_come_back(
    tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_running, "LOOK", 0.2)
    monkeypatch.setattr(batch_folder, "SETTLED", 0.5)
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    abbe.save(abbe.Image.from_array(field(1), axes="YX"), tmp_path / "c.ome.zarr")
    told: list[Outcome] = []
    texts: list[str] = []
    end = time.monotonic() + 120

    def report(fraction: float, text: str) -> None:
        assert time.monotonic() < end, told
        texts.append(text)
        at_work = bool(list(out.glob(".abbe-batch/claims/*/attempt-*")))
        if at_work and not told:
            (folder / "a.tif").unlink(missing_ok=True)
        if at_work and len(told) == 1:
            (folder / "b.png").write_bytes(b"no image")  # the result of b.tif would have another name beside it
        if len(told) == 3 and (tmp_path / "c.ome.zarr").exists():
            folder.rename(tmp_path / "away")
            (tmp_path / "c.ome.zarr").rename(tmp_path / "away" / "c.ome.zarr")
        if "cannot be listed now" in text:
            (tmp_path / "away").rename(folder)
        if len(told) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    summary = batch(folder, out, watch=True, told=told.append, progress=report)
    ends = [(outcome.key, outcome.status) for outcome in told]
    assert ends == [("a.tif", "failed"), ("b.tif", "done"), ("b.png", "failed"), ("c.ome.zarr", "done")]
    assert any("cannot be listed now" in text for text in texts)
    assert summary.done == 2
    assert results(out) == {str(outcome.result) for outcome in told if outcome.result}


def test_an_image_in_work_when_a_growing_folder_goes_away_is_done_when_it_is_back(
    tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_running, "LOOK", 0.2)
    monkeypatch.setattr(batch_folder, "SETTLED", 0.5)
    folder, out, away = images("a.tif"), tmp_path / "out", tmp_path / "away"
    told: list[Outcome] = []
    end, gone = time.monotonic() + 120, False

    def report(fraction: float, text: str) -> None:
        nonlocal gone
        assert time.monotonic() < end, told
        if not gone and list(out.glob(".abbe-batch/claims/*/attempt-*")):
            folder.rename(away)
            gone = True
        if "cannot be listed now" in text and not list(out.glob(".abbe-batch/claims/*")):
            away.rename(folder)
        if told:
            os.kill(os.getpid(), signal.SIGINT)

    summary = batch(folder, out, watch=True, told=told.append, progress=report)
    assert ([outcome.status for outcome in told], summary.failed) == (["done"], 0)


def test_cores_are_shared_out_and_memory_limits_how_many_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABBE_CORES", "8")
    monkeypatch.setattr(batch_hands, "memory", lambda: 64 * 2**30)
    assert batch_hands.workers_here() == 8
    monkeypatch.setattr(batch_hands, "memory", lambda: 16 * 2**30)
    assert batch_hands.workers_here() == 5
    assert batch_hands.workers_here(2) == 2  # with more cores each
    monkeypatch.setattr(batch_hands, "memory", lambda: None)
    assert batch_hands.workers_here() == 4
    started: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr("multiprocessing.context.SpawnProcess.start", lambda self: started.append(os.environ["ABBE_CORES"]))
        Crew(5).ready(Path(), Path(), Began(settings=QUICK, models={}))
    assert started == ["2", "2", "2", "1", "1"]


# ---------------------------------------------------------------------------------------------------- several processes
def test_what_another_process_has_is_left_to_it(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    other = Claims(out / ".abbe-batch", out)
    other.begin()
    claim = other.take("a.tif")
    assert claim is not None
    summary = batch(folder, out)
    assert (summary.done, summary.elsewhere, summary.others) == (1, 1, (other.name,))
    assert rows(out)["a.tif"]["status"] == "not done"
    with pytest.raises(ParameterError, match=f"at which {other.name} works, got other passes"):
        batch(folder, out, QUICK.model_copy(update={"passes": 2}), overwrite=True)
    with pytest.raises(ParameterError, match=f"at which {other.name} works, which replaces nothing"):
        batch(folder, out, overwrite=True)
    other.end()
    assert batch(folder, out).done == 1


def noting(folder: Path, out: Path, other: Claims, **what: Any) -> Callable[[Outcome], None]:
    """Whenever an image is done here, c.tif is noted as done, or failed, by another process."""

    def tell(outcome: Outcome) -> None:
        facts = (folder / "c.tif").stat()
        Record(out / ".abbe-batch" / "journal", other.name).add(
            Outcome(key="c.tif", size=facts.st_size, mtime_ns=facts.st_mtime_ns, **what)
        )

    return tell


def test_what_others_do_meanwhile_counts_and_is_in_the_last_table(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif", "c.tif"), tmp_path / "out"
    other = Claims(out / ".abbe-batch", out)
    other.begin()
    claim = other.take("c.tif")
    assert claim is not None
    texts: list[str] = []
    tell = noting(folder, out, other, status="done", result="c_abbe.ome.tif")
    summary = batch(folder, out, told=tell, progress=lambda fraction, text: texts.append(text))
    assert (summary.done, summary.beside, summary.before, summary.elsewhere) == (2, 1, 0, 0)
    assert texts[-1] == "3 of 3"
    assert rows(out)["c.tif"]["status"] == "done"
    other.end()


def test_what_fails_at_others_meanwhile_is_counted_and_not_tried_again(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    (folder / "c.tif").write_bytes(b"II*\0 and no more")
    other = Claims(out / ".abbe-batch", out)
    other.begin()
    assert other.take("c.tif") is not None
    texts: list[str] = []
    tell = noting(folder, out, other, status="failed", error="it is cut short")
    summary = batch(folder, out, told=tell, progress=lambda fraction, text: texts.append(text))
    assert (summary.count, summary.done, summary.failed, summary.failed_beside, summary.elsewhere) == (3, 2, 0, 1, 0)
    assert texts[-1] == "3 of 3, 1 failed"
    other.end()
    again = batch(folder, out)
    assert (again.before, again.failed, again.failed_beside) == (2, 1, 0)


def test_one_that_ends_without_a_result_leaves_the_journal_to_the_others(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    others: list[Claims] = []

    def stop(fraction: float, text: str) -> bool:
        others.append(Claims(out / ".abbe-batch", out))
        others[0].begin()
        return False

    with pytest.raises(CancelledError):
        batch(folder, out, progress=stop)
    assert (out / ".abbe-batch" / "settings.json").exists()
    assert (out / ".abbe-batch" / "journal").is_dir()
    others[0].end()


def test_what_a_dead_process_held_is_taken_over(tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    dead = Claims(out / ".abbe-batch", out)
    dead.begin()
    claim = dead.take("a.tif")
    assert claim is not None
    (claim.attempt() / "half.tif").write_bytes(b"half")
    dead._stop.set()  # it gives no sign of life any more
    there = dead._own.rename(dead._own.with_name("elsewhere-1-abc"))  # on another machine
    (claim.folder / "runner").write_text(there.name)
    assert batch(folder, out).elsewhere == 1
    os.utime(there, (time.time() - 1000,) * 2)
    assert batch(folder, out).done == 1
    assert results(out) == {"a_abbe.ome.tif", "b_abbe.ome.tif"}


def test_a_result_that_was_whole_when_its_process_died_is_placed(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    dead = Claims(out / ".abbe-batch", out)
    dead.begin()
    claim = dead.take("a.tif")
    assert claim is not None
    attempt = claim.attempt()
    (attempt / "a_abbe.ome.tif").write_bytes(b"computed")
    facts = (folder / "a.tif").stat()
    outcome = Outcome(key="a.tif", size=facts.st_size, mtime_ns=facts.st_mtime_ns, status="done", result="a_abbe.ome.tif")
    placing = Placing(outcome=outcome, files={f"{attempt.name}/a_abbe.ome.tif": "a_abbe.ome.tif"}, overwrite=False)
    (claim.folder / PLACING).write_text(placing.model_dump_json())
    (out / ".abbe-batch" / "settings.json").write_text(Began(settings=QUICK, models=QUICK.check()).model_dump_json())
    dead._stop.set()
    dead._own.unlink()
    assert batch(folder, out).before == 1
    assert (out / "a_abbe.ome.tif").read_bytes() == b"computed"


def test_a_line_of_the_journal_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    outcome = Outcome(key="a.tif", size=1, mtime_ns=1, status="done")
    record = Record(tmp_path, "one")
    record.add(outcome)
    with record.own.open("ab") as file:
        file.write(outcome.model_copy(update={"key": "b.tif"}).model_dump_json().encode()[:30])
    assert set(Record(tmp_path, "two").lines) == {"a.tif"}
    record.add(outcome.model_copy(update={"key": "c.tif"}))
    assert set(Record(tmp_path, "two").lines) == {"a.tif", "c.tif"}


def test_a_table_that_replaced_a_newer_one_is_written_again(tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = images("a.tif", "b.tif"), tmp_path / "out"
    batch(folder, out, match="a.tif")
    write = batch_tally.write_summary
    facts = (folder / "b.tif").stat()
    late = [Outcome(key="b.tif", size=facts.st_size, mtime_ns=facts.st_mtime_ns, status="done")]

    def slow(path: Path, *rest: Any) -> None:
        write(path, *rest)
        if late:  # another process ends while this one writes
            Record(out / ".abbe-batch" / "journal", "another").add(late.pop())

    monkeypatch.setattr(batch_tally, "write_summary", slow)
    batch(folder, out, match="a.tif")
    assert rows(out)["b.tif"]["status"] == "done"


def test_a_disk_that_is_full_stops_the_batch_with_a_word(tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    batch(folder, out)
    shutil.rmtree(out / ".abbe-batch" / "journal")
    (out / "a_abbe.ome.tif").unlink()
    (out / ".abbe-batch" / "journal").touch()  # a file where the folder is to be: nothing can be written
    with pytest.raises(StorageError, match="could not write"):
        batch(folder, out)
    assert not list((out / ".abbe-batch").glob("claims/*"))


@pytest.mark.parametrize("name", ["results.abbe", "results.ome.tif", "results.ome.zarr"])
def test_results_do_not_go_into_a_folder_that_looks_like_an_image_or_a_session(tmp_path: Path, images: Images, name: str) -> None:
    """Afterwards no command took it for a folder of images."""
    with pytest.raises(ParameterError, match=f"wanted a folder for the results of many images, got {name}"):
        batch(images("a.tif"), tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("where", ["at the worker", "at the name", "at the look before"])
def test_a_full_disk_stops_the_batch_at_once_and_no_image_is_called_failed(
    tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Every image failed by it, one by one."""
    folder, out = images("a.tif", "b.tif", "c.tif"), tmp_path / "out"
    finished, place, check = Crew.finished, Claims.place, batch_rights.check_target
    full = storage_error(out / "b_abbe.ome.tif", OSError(errno.ENOSPC, "No space left on device"))
    told: list[Outcome] = []

    def no_room(self: Crew, timeout: float) -> list[tuple[Any, Made | None]]:
        done = finished(self, timeout)
        return [(task, Made(error=str(full), full=True) if task.key == "b.tif" else made) for task, made in done]

    def no_name(self: Claims, claim: Claim, placing: Placing, record: Record) -> None:
        if claim.key == "b.tif":
            raise full
        place(self, claim, placing, record)

    def no_look(target: Path, overwrite: bool) -> None:
        if target.name.startswith("b"):
            raise full
        check(target, overwrite)

    with monkeypatch.context() as patched:
        if where == "at the worker":
            patched.setattr(Crew, "finished", no_room)
        elif where == "at the name":
            patched.setattr(Claims, "place", no_name)
        else:
            patched.setattr(batch_rights, "check_target", no_look)
        with pytest.raises(
            StorageError, match=r"the disk is full \(.*\); what is done is kept: free some space, and the same line goes on"
        ):
            batch(folder, out, told=told.append)
    assert [(outcome.key, outcome.status) for outcome in told] == [("a.tif", "done")]
    assert {row["status"] for row in rows(out).values()} == {"done", "not done"}
    assert not list((out / ".abbe-batch").glob("claims/*"))
    summary = batch(folder, out)
    assert (summary.before, summary.done, summary.failed) == (1, 2, 0)


def test_frames_of_a_series_share_their_light_as_without_a_batch(tmp_path: Path, images: Images) -> None:
    folder = images("lone.tif")
    light = np.random.default_rng(6).poisson(50 + 100 * np.eye(40), (3, 40, 40)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(light, "TYX", 0.1), folder / "movie.ome.tif")
    assert batch(folder, tmp_path / "out", Settings(steps=("denoise",), frames=1)).done == 2
    ours = abbe.enhance(abbe.open(folder / "movie.ome.tif"), "denoise", frames=1)
    assert np.array_equal(np.asarray(abbe.open(tmp_path / "out" / "movie_abbe.ome.tif")), np.asarray(ours))
    with pytest.raises(ParameterError, match="wanted the step denoise"):
        batch(folder, tmp_path / "other", Settings(steps=("super_resolve",), frames=1))

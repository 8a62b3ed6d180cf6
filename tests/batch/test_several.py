"""Files of several images: each image is done as one of its own, by whoever is free, whatever becomes of the others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.batch import Outcome, Settings, run
from abbe.batch import folder as batch_folder
from abbe.batch import hands as batch_hands
from abbe.batch import running as batch_running
from abbe.batch.claims import Claims
from abbe.batch.finding import LOOKED, Source, file_key, names_of, targets, targets_within
from abbe.batch.hands import Crew
from abbe.batch.record import Record
from abbe.batch.settings import Began
from abbe.errors import CancelledError
from batch_maker import QUICK, batch, field, rows

Images = Callable[..., Path]


def files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.tif")}


def several(path: Path, *arrays: np.ndarray) -> Path:
    """An OME-TIFF that holds these images, compressed, called field 0, field 1, ..."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path, ome=True) as tif:
        for k, pixels in enumerate(arrays):
            words = {"axes": "CYX"[-pixels.ndim :], "Name": f"field {k}", "PhysicalSizeX": 0.1 + k, "PhysicalSizeY": 0.1 + k}
            tif.write(pixels, photometric="minisblack", metadata=words, compression="zlib")
    return path


def mixed() -> list[np.ndarray]:
    """Of different sizes, pixel types and channels."""
    return [field(0), np.stack([field(1, 40), field(2, 40)]), (field(3, 56) // 2).astype(np.uint8), field(4, 64).astype(np.float32)]


def damage(path: Path, number: int) -> None:
    """Let the pixels of one of its images lie beyond the end of the file."""
    with tifffile.TiffFile(path) as tif:
        tag = tif.series[number].pages[0].tags["StripOffsets"]
        place, width = (tag.valueoffset, tag.dtype)
    with path.open("r+b") as file:
        file.seek(place)
        file.write((2**30).to_bytes(tifffile.TIFF.DATA_FORMATS and {3: 2, 4: 4, 16: 8}[int(width)], "little"))


def test_each_image_comes_out_as_it_does_alone(tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    path = several(folder / "plate" / "cells.ome.tif", *mixed())
    told: list[Outcome] = []
    fractions: list[float] = []
    summary = batch(folder, out, told=told.append, progress=lambda fraction, text: fractions.append(fraction))
    assert (summary.count, summary.done, summary.failed, summary.elsewhere) == (4, 4, 0, 0)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    keys = [f"plate/cells.ome.tif#{k}" for k in range(4)]
    assert [outcome.key for outcome in told] == list(rows(out)) == keys
    assert set(files(out)) == {f"plate/cells_{k}_abbe.ome.tif" for k in range(4)}
    assert [row["name in the file"].split(",")[0] for row in rows(out).values()] == [f"field {k}" for k in range(4)]
    assert [(row["channels"], row["rows"]) for row in rows(out).values()] == [("1", "48"), ("2", "40"), ("1", "56"), ("1", "64")]
    assert rows(out)[keys[1]]["pixel width (um)"] == "1.1"
    for k in range(4):
        alone = abbe.enhance(abbe.open(f"{path}#{k}"), steps=("denoise",), passes=1, engine="cpu")
        abbe.save(alone, tmp_path / f"cells_{k}_abbe.ome.tif")
        assert (tmp_path / f"cells_{k}_abbe.ome.tif").read_bytes() == files(out)[f"plate/cells_{k}_abbe.ome.tif"]
    again = batch(folder, out)
    assert (again.count, again.before, again.done) == (4, 4, 0)


def test_positions_of_a_lif_all_are_done(tmp_path: Path, shared_data: Path) -> None:
    pytest.importorskip("liffile")
    folder, out = tmp_path / "images", tmp_path / "out"
    folder.mkdir()
    shutil.copy(shared_data / "formats" / "Multiposition.lif", folder)
    assert batch(folder, out, Settings(workflow="B", passes=1, engine="cpu")).done == 3
    assert {row["name in the file"] for row in rows(out).values()} == {"Pos001_S001", "Pos002_S001", "Pos003_S001"}
    for k in range(3):
        assert abbe.open(out / f"Multiposition_{k}_abbe.ome.tif").shape == abbe.open(folder / f"Multiposition.lif#{k}").shape


@pytest.mark.parametrize("bad", [0, 2])
def test_one_that_cannot_be_read_does_not_lose_the_others(bad: int, tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    damage(several(folder / "cells.ome.tif", *mixed()), bad)
    summary = batch(folder, out)
    assert (summary.count, summary.done, summary.failed) == (4, 3, 1)
    row = rows(out)[f"cells.ome.tif#{bad}"]
    assert row["status"] == "failed"
    assert "cut short or damaged" in row["error"]
    assert len(files(out)) == 3
    again = batch(folder, out)
    assert (again.before, again.done, again.failed) == (3, 0, 1)


def test_results_have_names_of_their_own_beside_files_that_are_called_like_images_in_others(tmp_path: Path, images: Images) -> None:
    folder, out = images("cells_2.tif", "cells.png.tif", "cells.tif#1", "other.tif#7"), tmp_path / "out"
    several(folder / "cells.tif", field(1), field(2), field(3))
    several(folder / "cells.tiff", field(4), field(5))
    summary = batch(folder, out, match=("*",))
    assert (summary.count, summary.done, summary.failed) == (9, 9, 0)
    table = rows(out)
    assert {key: row["result"] for key, row in table.items()} == {
        "cells.tif#0": "cells.tif_0_abbe.ome.tif",
        "cells.tif#1": "cells.tif_1_abbe.ome.tif",
        "cells.tif#2": "cells.tif_2_abbe.ome.tif",
        "cells.tiff#0": "cells.tiff_0_abbe.ome.tif",
        "cells.tiff#1": "cells.tiff_1_abbe.ome.tif",
        "cells_2.tif": "cells_2_abbe.ome.tif",
        "cells.png.tif": "cells.png_abbe.ome.tif",
        "./cells.tif#1": "cells_1_abbe.ome.tif",
        "./other.tif#7": "other_7_abbe.ome.tif",
    }
    for key, seed in (("./cells.tif#1", 2), ("cells.tif#1", 2), ("cells.tiff#1", 5), ("cells_2.tif", 0)):
        result = np.asarray(abbe.open(out / table[key]["result"]))[0, 0, 0]
        assert np.corrcoef(result.ravel(), field(seed).ravel())[0, 1] > 0.7, key
    assert batch(folder, out, match=("*",)).before == 9


def test_no_name_is_given_twice() -> None:
    names = ["a.lif", "a_1.tif", "b.lif", "b.czi", "c.lif", "c_0_abbe_trust.tif", "c.lif#0.tif", "A_2.png"]
    sources = {name: Source(file_key(name), 1, 1) for name in names}
    for maps in (False, True):
        for ending in ("_abbe.ome.tif", ".ome.tif", ".tif"):
            own = targets(list(sources.values()), ending, maps)
            taken = {name for target in own.values() for name in names_of(target, maps)}
            made = [*own.values()]
            for name in ("a.lif", "b.lif", "b.czi", "c.lif"):
                made += targets_within([sources[name].image(k) for k in range(12)], own[name], ending, maps, taken)
            often = Counter(name for target in made for name in names_of(target, maps))
            assert set(often.values()) == {1}, (maps, ending)


def test_a_file_that_comes_later_does_not_replace_a_result(tmp_path: Path, images: Images) -> None:
    folder, out = images("other.tif"), tmp_path / "out"
    several(folder / "cells.tif", field(1), field(2))
    batch(folder, out, overwrite=True)  # and whoever goes on with it may replace, too
    before = (out / "cells_1_abbe.ome.tif").read_bytes()
    images("cells_1.tif")
    assert batch(folder, out).done == 1
    assert (out / "cells_1_abbe.ome.tif").read_bytes() == before
    assert rows(out)["cells_1.tif"]["result"] == "cells_1.tif_abbe.ome.tif"


# ---------------------------------------------------------------------------------------------------- on from where it was
def test_stopped_in_the_middle_of_a_file_it_goes_on_there(tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    several(folder / "cells.ome.tif", *mixed())
    told: list[Outcome] = []
    with pytest.raises(CancelledError):
        batch(folder, out, progress=lambda fraction, text: len(told) < 2, told=told.append)
    assert [row["status"] for row in rows(out).values()] == ["done", "done", "not done", "not done"]
    dates = {path: path.stat().st_mtime_ns for path in out.glob("*.tif")}
    rest = batch(folder, out)
    assert (rest.count, rest.before, rest.done) == (4, 2, 2)
    assert all(path.stat().st_mtime_ns == date for path, date in dates.items())


def test_killed_in_the_middle_of_a_file_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    folder, out, calm = tmp_path / "images", tmp_path / "out", tmp_path / "calm"
    several(folder / "cells.ome.tif", *(field(k, 200) for k in range(5)))
    several(folder / "more.ome.tif", *mixed())
    line = [sys.executable, "-m", "abbe", "batch", str(folder), "--steps", "denoise", "--engine", "cpu", "--workers", "1", "--maps", "-o"]
    for wanted in (1, 3):
        process = subprocess.Popen([*line, str(out)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 300
        while len(list(out.glob("*_abbe.ome.tif"))) < wanted or not list(out.glob(".abbe-batch/claims/*/attempt-*")):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
    assert subprocess.run([*line, str(out)], capture_output=True, timeout=600).returncode == 0
    assert subprocess.run([*line, str(calm)], capture_output=True, timeout=600).returncode == 0
    assert files(out) == files(calm)
    assert len(files(calm)) == 4 * 9
    assert sorted(path.name for path in (out / ".abbe-batch").iterdir()) == ["journal", "settings.json"]


def old_journal(folder: Path, out: Path, *lines: dict[str, object]) -> None:
    """What an abbe left behind that took the first image alone."""
    home = out / ".abbe-batch"
    (home / "journal").mkdir(parents=True)
    (home / "settings.json").write_text(Began(settings=QUICK, models=QUICK.check()).model_dump_json(indent=1))
    with (home / "journal" / "old-1-abcdef.jsonl").open("w") as file:
        for line in lines:
            facts = (folder / str(line["key"])).stat()
            whole = {"size": facts.st_size, "mtime_ns": facts.st_mtime_ns, "status": "done", "reason": None, "notices": [], "error": None}
            file.write(json.dumps({**whole, "seconds": 1.0, "by": "old", "when": "2026-01-01T00:00:00+00:00", **line}) + "\n")


def test_a_batch_that_took_the_first_alone_goes_on_with_the_others(tmp_path: Path, images: Images) -> None:
    folder, out = images("one.tif", "scan#3", "gone.tif"), tmp_path / "out"
    several(folder / "cells.tif", *mixed())
    several(folder / "failed.tif", field(8), field(9))
    said = "the file holds 4 images; the first was opened, field 0. Open another as cells.tif#1 (field 1)"
    old_journal(
        folder,
        out,
        {"key": "cells.tif", "result": "cells_abbe.ome.tif", "verdict": "improved", "notices": [said, "8 bit"]},
        {"key": "one.tif", "result": "one_abbe.ome.tif"},
        {"key": "scan#3", "result": "scan_3_abbe.ome.tif"},
        {"key": "failed.tif", "status": "failed", "error": "it did not work"},
        {"key": "gone.tif", "result": "gone_abbe.ome.tif"},
    )
    for name in ("cells", "one", "scan_3", "gone"):
        (out / f"{name}_abbe.ome.tif").write_bytes(b"made before")
    (folder / "gone.tif").unlink()
    told: list[Outcome] = []
    summary = batch(folder, out, match=("*.tif", "scan*"), told=told.append)
    assert (summary.count, summary.before, summary.done, summary.failed, summary.elsewhere, summary.beside) == (8, 3, 5, 0, 0, 0)
    assert [outcome.key for outcome in told] == ["cells.tif#1", "cells.tif#2", "cells.tif#3", "failed.tif#0", "failed.tif#1"]
    table = rows(out)
    assert (table["cells.tif#0"]["status"], table["cells.tif#0"]["result"]) == ("done", "cells_abbe.ome.tif")
    assert table["cells.tif#0"]["warnings"] == "8 bit"
    assert "cells.tif" not in table
    assert table["gone.tif"]["status"] == "done"
    assert (out / "cells_abbe.ome.tif").read_bytes() == b"made before"
    assert not (out / "cells_0_abbe.ome.tif").exists()
    again = batch(folder, out, match=("*.tif", "scan*"))
    assert (again.count, again.before, again.done, again.failed) == (8, 8, 0, 0)


@pytest.mark.parametrize("copied", [True, False])
def test_a_file_whose_other_images_were_small_copies_is_done_already(copied: bool, tmp_path: Path) -> None:
    """An older abbe counted them; without them the result stood in its own way, as one of somebody else's. Not so that of a copy itself."""
    folder, out = tmp_path / "images", tmp_path / "out"
    folder.mkdir()
    with tifffile.TiffWriter(folder / "slide.tif") as tif:
        tif.write(field(1, 60), metadata=None)
        tif.write(field(1, 60)[::3, ::3].copy(), metadata=None, subfiletype=1)
    said = "the file holds 2 images; the first was opened, image 0. Open another as slide.tif#1 (image 1)"
    side = 20 if copied else 60
    old_journal(folder, out, {"key": "slide.tif", "result": "slide_abbe.ome.tif", "notices": [said], "shape": [1, 1, 1, side, side]})
    (out / "slide_abbe.ome.tif").write_bytes(b"made before")
    summary = batch(folder, out)
    assert (summary.count, summary.before, summary.done, summary.failed) == (1, int(not copied), 0, int(copied))
    assert (out / "slide_abbe.ome.tif").read_bytes() == b"made before"
    if not copied:
        assert rows(out)["slide.tif"]["warnings"] == ""
        again = batch(folder, out)
        assert (again.count, again.before, again.failed) == (1, 1, 0)


def test_all_again_of_a_file_of_several_forgets_none_of_another(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    several(folder / "cells.tif", field(1), field(2))
    batch(folder, out)
    before = (out / "cells_1_abbe.ome.tif").stat().st_mtime_ns
    assert batch(folder, out, match="a*", overwrite=True).done == 1
    assert batch(folder, out).before == 3
    assert (out / "cells_1_abbe.ome.tif").stat().st_mtime_ns == before
    assert batch(folder, out, match="cells*", overwrite=True).done == 2
    assert (out / "cells_1_abbe.ome.tif").stat().st_mtime_ns > before


def test_a_file_that_changed_since_is_looked_into_again(tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    several(folder / "cells.tif", field(1), field(2))
    batch(folder, out)
    several(folder / "cells.tif", field(1), field(2), field(3))  # another position was recorded
    os.utime(folder / "cells.tif", (2e9, 2e9))
    told: list[Outcome] = []
    summary = batch(folder, out, told=told.append)
    assert (summary.count, summary.done, summary.failed) == (3, 1, 2)
    assert [row["status"] for row in rows(out).values()] == ["done, changed since", "done, changed since", "done"]
    assert {outcome.key for outcome in told if "has changed since" in str(outcome.error)} == {"cells.tif#0", "cells.tif#1"}
    (out / "cells_0_abbe.ome.tif").unlink()
    assert batch(folder, out).done == 1
    assert batch(folder, out, overwrite=True).done == 3


@pytest.mark.parametrize(("count", "elsewhere"), [(1, False), (2, False), (5, False), (2, True), (5, True)])
def test_a_file_that_is_replaced_while_its_images_wait_is_looked_into_again(count: int, elsewhere: bool, tmp_path: Path) -> None:
    """Images that the new one has not failed, for good; of one that has more they were left; the only one was done as the first of many."""
    folder, out = tmp_path / "images", tmp_path / "out"
    path = several(folder / "cells.ome.tif", *(field(k) for k in range(3)))
    new = several(tmp_path / "new.ome.tif", *(field(k) for k in range(9, 9 + count)))
    os.utime(new, (2e9, 2e9))
    told: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        told.append(outcome)
        if len(told) == 1:
            os.replace(new, path)
            if elsewhere:  # another process has looked into the new one
                seen = path.stat()
                line = Outcome(key=path.name, size=seen.st_size, mtime_ns=seen.st_mtime_ns, status="several", images=count)
                Record(out / ".abbe-batch" / "journal", "other").add(line)

    summary = batch(folder, out, told=tell)
    numbers = range(1, count) if count > 1 else ()
    stale = ["cells.ome.tif#0"] if count > 1 else []  # was done of the file that is gone, and its result is there
    assert (summary.count, summary.failed, summary.elsewhere) == (count, len(stale), 0)
    assert [outcome.key for outcome in told if outcome.status == "failed"] == stale
    done = {outcome.key for outcome in told if outcome.status == "done"}
    assert done == {"cells.ome.tif#0", *(f"cells.ome.tif#{k}" for k in numbers), *(["cells.ome.tif"] if count == 1 else [])}
    assert len(files(out)) == len(done)
    again = batch(folder, out)
    assert (again.count, again.done, again.failed) == (count, 0, len(stale))


def test_a_result_of_the_name_that_the_file_alone_would_have_stands_in_no_ones_way(tmp_path: Path, images: Images) -> None:
    folder, out = images("one.tif"), tmp_path / "out"
    several(folder / "cells.tif", field(1), field(2))
    out.mkdir()
    for name in ("cells", "one", "cells_1"):
        (out / f"{name}_abbe.ome.tif").write_text("mine")
    told: list[Outcome] = []
    summary = batch(folder, out, told=told.append)
    assert (summary.count, summary.done, summary.failed) == (3, 1, 2)
    assert {outcome.key for outcome in told if "exists already" in str(outcome.error)} == {"one.tif", "cells.tif#1"}
    assert (out / "cells_abbe.ome.tif").read_text() == "mine"


def test_what_was_written_last_counts_whichever_process_wrote_it(tmp_path: Path) -> None:
    """A journal is read in the order of its processes' names, which says nothing about time."""
    facts = {"key": "a.tif", "status": "done"}
    Record(tmp_path, "b").add(Outcome(**facts, size=1, mtime_ns=1, when="2026-01-01T00:00:00+00:00"))  # type: ignore[arg-type]
    Record(tmp_path, "a").add(Outcome(**facts, size=2, mtime_ns=2, when="2026-01-02T00:00:00+00:00"))  # type: ignore[arg-type]
    assert Record(tmp_path, "c").lines["a.tif"].size == 2


# ---------------------------------------------------------------------------------------------------- many hands
def test_a_file_of_several_is_shared_out_among_those_that_were_started_together(tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    several(folder / "cells.tif", *(field(k, 160) for k in range(12)))
    line = [sys.executable, "-m", "abbe", "batch", str(folder), "-o", str(out), "--engine", "cpu", "--workers", "1"]
    both = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [process.communicate(timeout=600) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    lines = [json.loads(line) for path in out.glob(".abbe-batch/journal/*.jsonl") for line in path.read_text().splitlines()]
    assert Counter(line["key"] for line in lines if line["status"] == "done") == {f"cells.tif#{k}": 1 for k in range(12)}
    assert sum(line["status"] == "several" for line in lines) == 1
    assert len({line["by"] for line in lines if line["status"] == "done"}) == 2


def test_who_has_nothing_left_waits_only_while_a_file_may_hold_several(tmp_path: Path, images: Images) -> None:
    folder, out = images("a.tif"), tmp_path / "out"
    several(folder / "cells.tif", field(1), field(2))
    other = Claims(out / ".abbe-batch", out)
    other.begin()
    for name in ("a.tif", "cells.tif"):
        claim = other.take(name)
        assert claim is not None
        attempt = claim.attempt()
        if name == "a.tif":
            (attempt / LOOKED).touch()  # it is one image, and done elsewhere
    assert other.is_new("cells.tif")
    assert not other.is_new("a.tif")
    texts: list[float] = []

    def opened_elsewhere(fraction: float, text: str) -> None:
        texts.append(time.monotonic())
        if len(texts) == 3:  # this process looks for work, and has none
            facts = (folder / "cells.tif").stat()
            outcome = Outcome(key="cells.tif", size=facts.st_size, mtime_ns=facts.st_mtime_ns, status="several", images=2)
            Record(out / ".abbe-batch" / "journal", other.name).add(outcome)
            other.release(other.held["cells.tif"])

    summary = batch(folder, out, progress=opened_elsewhere)
    assert (summary.count, summary.done, summary.elsewhere) == (3, 2, 1)
    assert texts[-1] - texts[0] < 60
    other.end()


def test_a_file_of_several_gets_as_many_processes_as_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABBE_CORES", "3")
    monkeypatch.setattr(batch_hands, "memory", lambda: 64 * 2**30)
    started: list[str] = []
    start = Crew._start

    def noted(self: Crew, place: int) -> object:
        worker = start(self, place)
        started.append(f"{place} of {self._count}")
        return worker

    monkeypatch.setattr(Crew, "_start", noted)
    folder, out = tmp_path / "images", tmp_path / "out"
    several(folder / "cells.tif", *(field(k) for k in range(4)))
    assert run(folder, out, QUICK).done == 4
    assert started == ["0 of 1", "0 of 3", "1 of 3", "2 of 3"]


def test_a_folder_that_grows_by_files_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: Images) -> None:
    monkeypatch.setattr(batch_running, "LOOK", 0.3)
    monkeypatch.setattr(batch_folder, "SETTLED", 0.6)
    folder, out = images("a.tif"), tmp_path / "out"
    told: list[Outcome] = []
    end = time.monotonic() + 200

    def report(fraction: float, text: str) -> None:
        assert time.monotonic() < end, told
        if len(told) == 1 and not (folder / "cells.tif").exists():
            several(tmp_path / "cells.tif", field(1), field(2), field(3)).rename(folder / "cells.tif")
        if len(told) == 4:
            raise KeyboardInterrupt

    summary = batch(folder, out, watch=True, told=told.append, progress=report)
    assert [outcome.key for outcome in told] == ["a.tif", "cells.tif#0", "cells.tif#1", "cells.tif#2"]
    assert (summary.count, summary.done, summary.failed) == (4, 4, 0)


def test_a_file_of_a_set_that_holds_an_image_of_its_own_too(tmp_path: Path) -> None:
    """The first image lies in both files, the second in the second alone."""
    folder, out = tmp_path / "images", tmp_path / "out"
    folder.mkdir()
    ids = [f"urn:uuid:{k}1111111-1111-1111-1111-111111111111" for k in (1, 2)]
    head = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{}">'

    def block(c: int, file: int, plane: int) -> str:
        return f'<TiffData FirstC="{c}" IFD="{plane}" PlaneCount="1"><UUID FileName="c{file}.ome.tif">{ids[file]}</UUID></TiffData>'

    def image(k: int, channels: int, blocks: str) -> str:
        size = f'SizeX="48" SizeY="48" SizeC="{channels}" SizeZ="1" SizeT="1"'
        named = "".join(f'<Channel ID="Channel:{k}:{c}"/>' for c in range(channels))
        pixels = f'<Pixels ID="Pixels:{k}" DimensionOrder="XYCZT" Type="uint16" {size}>{named}{blocks}</Pixels>'
        return f'<Image ID="Image:{k}" Name="image {k}">{pixels}</Image>'

    words = image(0, 2, block(0, 0, 0) + block(1, 1, 0)) + image(1, 1, block(0, 1, 1)) + "</OME>"
    tifffile.imwrite(folder / "c0.ome.tif", field(0), description=head.format(ids[0]) + words, metadata=None)
    with tifffile.TiffWriter(folder / "c1.ome.tif") as tif:
        tif.write(field(1), description=head.format(ids[1]) + words, metadata=None)
        tif.write(field(2), metadata=None)
    assert batch(folder, out).failed == 0
    found = {key: (row["status"], row["result"]) for key, row in rows(out).items()}
    assert found == {
        "c0.ome.tif": ("done", "c0_abbe.ome.tif"),
        "c1.ome.tif#0": ("part of another", ""),
        "c1.ome.tif#1": ("done", "c1_1_abbe.ome.tif"),
    }
    result = np.asarray(abbe.open(out / "c1_1_abbe.ome.tif"))[0, 0, 0]
    assert np.corrcoef(result.ravel(), field(2).ravel())[0, 1] > 0.7


def test_the_words_on_a_file_in_place_of_a_folder_say_what_to_do(tmp_path: Path) -> None:
    path = several(tmp_path / "cells.tif", field(1), field(2))
    said = re.escape(f"give its folder, {tmp_path}, with --match 'cells.tif'")
    with pytest.raises(abbe.AbbeError, match=said):
        batch(path, tmp_path / "out")

"""`abbe align`, and what `abbe colocalize` says of channels that lie apart."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.cli.frame import main
from abbe.storage import storage_error
from shift_maker import apart

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    abbe.save(apart((3, -2)), tmp_path / "cells.tif")
    abbe.save(apart((3, -2), 0.0), tmp_path / "unrelated.tif")
    abbe.save(apart((3.1, -2.2), 1.0, seed=4), tmp_path / "beads.tif")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return main(list(words))


def test_it_tells_the_shifts_and_writes_nothing(folder: Path, capsys: Printed) -> None:
    before = sorted(folder.iterdir())
    assert run("align", "cells.tif", "unrelated.tif", "--measure-only") == 0
    out = capsys.readouterr().out
    assert "tubulin: +3.0" in out or "tubulin: +2.9" in out
    assert "cannot be told" in out
    assert sorted(folder.iterdir()) == before


def test_it_moves_channels_by_beads_and_by_numbers(folder: Path, capsys: Printed) -> None:
    assert run("align", "unrelated.tif", "--beads", "beads.tif") == 0
    assert "moved (down, right) tubulin by -3, +2" in capsys.readouterr().out
    assert run("align", "unrelated.tif", "--shift", "tubulin=3,-2", "-o", "given.ome.tif") == 0
    one, two = (np.asarray(abbe.open(name)) for name in ("unrelated_aligned.ome.tif", "given.ome.tif"))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, np.asarray(abbe.open("unrelated.tif")))


def test_shifts_on_beads_are_told_in_pixels_of_the_image(folder: Path, capsys: Printed) -> None:
    """Its pixels are half as large: the beads' 4 and 2 pixels are 2 and 1 of the image, as they are when it is moved."""
    abbe.save(apart((4.2, -2.1), 1.0, seed=5).replace(pixel_size=(None, 0.05, 0.05)), folder / "finer.ome.tif")
    assert run("align", "unrelated.tif", "--beads", "finer.ome.tif", "--measure-only") == 0
    assert "tubulin: +2.1" in capsys.readouterr().out
    abbe.save(apart((0, 0)).select([0]), folder / "one.tif")
    assert run("align", "unrelated.tif", "--beads", "one.tif", "--measure-only") == 1
    assert "wanted beads in the image's 2 channels, got 1" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("-o", "out.ome.tif"), ("--measure-only",)])
def test_a_pixel_size_that_is_told_for_an_image_holds_for_its_beads(folder: Path, words: tuple[str, ...], capsys: Printed) -> None:
    """Both files say 0.1 um; the image was moved by twice the shift."""
    assert run("align", "unrelated.tif", "--beads", "beads.tif", "--pixel-size", "0.05", *words) == 0
    said = capsys.readouterr()
    assert ("tubulin by -3, +2" in said.out) if words[0] == "-o" else ("tubulin: +3.1" in said.out)
    abbe.save(abbe.open("beads.tif").replace(pixel_size=(None, 0.2, 0.2)), "other.tif")
    assert run("align", "unrelated.tif", "--beads", "other.tif", "--measure-only", "--pixel-size", "0.1") == 0
    assert "so shifts in pixels are 2 times those on the beads" in capsys.readouterr().err


def test_a_file_that_cannot_be_aligned_does_not_stop_the_others(folder: Path, capsys: Printed) -> None:
    assert run("align", "unrelated.tif", "cells.tif", "-o", "out") == 1
    said = capsys.readouterr()
    assert "beads" in said.err
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["cells_aligned.ome.tif"]


def test_a_session_has_the_image_before_and_after_and_its_report_can_be_rerun(folder: Path, capsys: Printed) -> None:
    assert run("align", "cells.tif", "-o", "s.abbe") == 0
    with abbe.Session.open("s.abbe") as session:
        assert [version.operation for version in session.versions] == ["open", "align"]
    assert run("colocalize", "s.abbe") == 0
    assert run("report", "s.abbe", "-o", "r.html") == 0
    text = (folder / "r.html").read_text()
    assert "Channels were moved onto actin by whole pixels" in text
    assert "tubulin by -3 (y) and +2 (x)" in text
    capsys.readouterr()
    assert run("rerun", "r.html") == 0
    assert "all pixels are the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--shift", "tubulin=3"],
        ["--shift", "tubulin=3,1", "--shift", "1=2,2"],
        ["--shift", "DAPI=1,1"],
        ["--shift", "tubulin=3,1", "--beads", "beads.tif"],
        ["--measure-only", "-o", "x"],
    ],
)
def test_wrong_words_are_one_line(folder: Path, capsys: Printed, words: list[str]) -> None:
    assert run("align", "cells.tif", *words) == 1
    assert capsys.readouterr().err.startswith("abbe: wanted")


# ------------------------------------------------------------------------------------------ the warning
def shifted(image: abbe.Image) -> list[str]:
    return [notice.message for notice in abbe.colocalize(image, ranked=False).notices if notice.code == "shifted"]


def test_channels_apart_are_told_with_what_r_would_be() -> None:
    (said,) = shifted(apart((3, -2)))
    assert said.startswith("tubulin lies 3.")
    assert "below" in said
    assert "left of actin" in said
    r = abbe.colocalize(abbe.align(apart((3, -2))), ranked=False).coefficients["pearson"].value
    assert f"{r:.2f} with one on the other" in said


@pytest.mark.parametrize("by", [(0.0, 0.0), (0.3, -0.3)])
@pytest.mark.parametrize("common", [0.0, 0.5, 1.0])
def test_channels_that_lie_right_or_have_nothing_in_common_are_not(by: tuple[float, float], common: float) -> None:
    assert shifted(apart(by, common)) == []


def test_an_aligned_image_has_no_such_warning() -> None:
    assert shifted(abbe.align(apart((3, -2)))) == []


def test_a_folder_is_aligned_by_beads_into_a_folder_beside_it(folder: Path, capsys: Printed) -> None:
    (folder / "plate" / "well 1").mkdir(parents=True)
    for name in ("a.tif", "well 1/a.tif"):
        (folder / "plate" / name).hardlink_to(folder / "unrelated.tif")
    assert run("align", "plate", "--beads", "beads.tif") == 0
    said = capsys.readouterr()
    assert "well 1/a.tif: moved (down, right) tubulin by -3, +2" in said.out
    assert "of 2 images 2 done" in said.out
    found = {path.relative_to(folder / "plate_aligned").as_posix() for path in (folder / "plate_aligned").rglob("*.tif")}
    assert found == {"a_aligned.ome.tif", "well 1/a_aligned.ome.tif"}
    assert run("align", "plate", "--measure-only", "--beads", "beads.tif") == 0
    assert capsys.readouterr().out.count("tubulin: +3.1") == 2
    assert run("align", "plate", "cells.tif") == 1
    assert "or one folder, got plate beside others" in capsys.readouterr().err


def test_of_many_files_a_note_stands_once_and_a_folder_that_nothing_came_into_is_not_left(folder: Path, capsys: Printed) -> None:
    abbe.save(apart((3, -2), seed=9), folder / "more.tif")
    assert run("align", "cells.tif", "more.tif", "--beads", "beads.tif", "-o", "out") == 0
    said = capsys.readouterr()
    assert said.out.count("moved (down, right) tubulin by -3, +2") == 2
    assert said.err.count("tubulin was moved by") == 1
    assert run("align", "unrelated.tif", "nothing.tif", "-o", "new") == 1
    assert "2 of 2 files could not be done" in capsys.readouterr().err
    assert not (folder / "new").exists()


def test_a_number_that_is_none_of_a_channel_is_said_in_words(folder: Path, capsys: Printed) -> None:
    """A superscript is a digit to Python, and no number: it was called a bug in abbe."""
    for arguments in (("align", "cells.tif", "--shift", "²=1,1"), ("colocalize", "cells.tif", "--channels", "0", "²")):
        assert run(*arguments) == 1
        said = capsys.readouterr().err
        assert "wanted a channel of this image" in said
        assert "bug" not in said


def test_on_a_full_disk_no_session_without_the_result_is_left(folder: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: abbe.Session, *arguments: object, **more: object) -> None:
        raise storage_error(folder / "s.abbe", OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(abbe.Session, "add_version", full)
    assert run("align", "cells.tif", "-o", "s.abbe") == 1
    assert "the disk is full" in capsys.readouterr().err
    assert not (folder / "s.abbe").exists()

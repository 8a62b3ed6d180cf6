"""A file is there whole or not at all, and what was there before stays unless replacing it was asked for."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from abbe.errors import ExistsError, StorageError
from abbe.storage import check_target, storage_error, whole, write_whole, write_whole_folder


def test_a_file_appears_when_it_is_complete_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "cells.tif"
    with write_whole(target) as part:
        part.write_bytes(b"half")
        assert not target.exists()
        assert part.suffix == ".tif"
        part.write_bytes(b"whole")
    assert target.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["cells.tif"]


@pytest.mark.parametrize("trouble", [ValueError("decoder"), KeyboardInterrupt(), SystemExit(1), MemoryError()])
@pytest.mark.parametrize("existing", [True, False])
def test_trouble_while_writing_leaves_everything_as_it_was(tmp_path: Path, trouble: BaseException, existing: bool) -> None:
    target = tmp_path / "cells.tif"
    if existing:
        target.write_bytes(b"precious")
    with pytest.raises(type(trouble)), write_whole(target, overwrite=True) as part:  # noqa: PT012
        part.write_bytes(b"half")
        raise trouble
    assert os.listdir(tmp_path) == (["cells.tif"] if existing else [])
    assert not existing or target.read_bytes() == b"precious"


class _HeldError(PermissionError):
    """What Windows answers while a virus scanner or Excel has the file open."""

    winerror = 32


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_that_another_program_looks_at_for_a_moment_gets_its_name_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    step, asked = (Path.replace, "replace") if overwrite else (Path.rename, "rename")
    times = []

    def busy(self: Path, target: Path) -> Path:
        times.append(target)
        if len(times) < 4:
            raise _HeldError(errno.EACCES, "in use")
        return step(self, target)

    monkeypatch.setattr(Path, asked, busy)
    if overwrite:
        (tmp_path / "cells.tif").write_bytes(b"old")
        with write_whole(tmp_path / "cells.tif", overwrite=True) as part:
            part.write_bytes(b"new")
    else:
        (tmp_path / "part").write_bytes(b"new")
        whole._patiently(lambda: (tmp_path / "part").rename(tmp_path / "cells.tif"))
    assert (tmp_path / "cells.tif").read_bytes() == b"new"
    assert len(times) == 4


def test_a_file_that_stays_open_elsewhere_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(self: Path, target: Path) -> Path:
        raise _HeldError(errno.EACCES, "in use")

    monkeypatch.setattr(Path, "replace", busy)
    monkeypatch.setattr(whole, "_PATIENCE", 0.2)
    (tmp_path / "cells.xlsx").write_bytes(b"old")
    with pytest.raises(StorageError, match="another program has it open"), write_whole(tmp_path / "cells.xlsx", overwrite=True) as part:
        part.write_bytes(b"new")
    assert (tmp_path / "cells.xlsx").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["cells.xlsx"]


def test_an_existing_file_is_refused_before_any_work(tmp_path: Path) -> None:
    target = tmp_path / "cells.tif"
    target.write_bytes(b"precious")
    with pytest.raises(ExistsError, match="--overwrite"), write_whole(target):
        pytest.fail("the work was begun")
    assert target.read_bytes() == b"precious"


def test_a_file_that_appears_while_ours_is_written_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "cells.tif"
    with pytest.raises(ExistsError, match="appeared"), write_whole(target) as part:  # noqa: PT012
        part.write_bytes(b"ours")
        target.write_bytes(b"theirs")
    assert target.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["cells.tif"]


def test_replacing_keeps_the_permissions_of_the_file(tmp_path: Path) -> None:
    target = tmp_path / "cells.tif"
    target.write_bytes(b"old")
    target.chmod(0o640)
    with write_whole(target, overwrite=True) as part:
        part.write_bytes(b"new")
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    with write_whole(tmp_path / "cells.tif") as part:
        part.write_bytes(b"new")
    assert (tmp_path / "cells.tif").stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    real, link = tmp_path / "disk" / "cells.tif", tmp_path / "cells.tif"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with write_whole(link, overwrite=True) as part:
        part.write_bytes(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "a file name"),
        (".", "add a file name"),
        ("missing/cells.tif", "create it first"),
        ("x" * 300 + ".tif", "too long"),
        ("a\0b", "file name"),
    ],
)
def test_a_target_that_cannot_be_is_explained(tmp_path: Path, name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match=words), write_whole(name) as part:
        part.write_bytes(b"")
    assert os.listdir(tmp_path) == []


def test_a_device_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="device"), write_whole("/dev/null", overwrite=True):
        pytest.fail("the work was begun")


def read_only_folder(tmp_path: Path) -> Path:
    """A folder in which not even the administrator may write."""
    if os.geteuid():
        tmp_path.chmod(0o500)
        return tmp_path
    if not Path("/sys").is_dir():
        pytest.skip("no read-only folder at hand")
    return Path("/sys")


def test_a_read_only_folder_is_explained(tmp_path: Path) -> None:
    folder = read_only_folder(tmp_path)
    for step in (lambda: check_target(folder / "cells.tif"), lambda: write_whole(folder / "cells.tif").__enter__()):
        with pytest.raises(StorageError, match=r"choose another folder.*nothing was changed"):
            step()


def test_a_limit_on_file_size_is_explained_and_nothing_is_left(tmp_path: Path) -> None:
    target = tmp_path / "cells.tif"
    target.write_bytes(b"precious")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        with pytest.raises(StorageError, match=r"larger than .* allows"), write_whole(target, overwrite=True) as part:
            part.write_bytes(bytes(2**21))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["cells.tif"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO, None])
def test_every_reason_comes_with_what_to_do(code: int | None) -> None:
    problem = OSError("5 requested and 3 written") if code is None else OSError(code, os.strerror(code))
    message = str(storage_error("cells.tif", problem))
    assert "choose" in message
    assert "nothing was changed" in message
    assert "\n" not in message


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "cells.tif"
    target.write_bytes(b"precious")
    script = f"""
import os, signal
from abbe.storage import write_whole
with write_whole({str(target)!r}, overwrite=True) as part:
    part.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"precious"


def test_what_a_killed_process_left_half_written_goes_with_a_later_write(tmp_path: Path) -> None:
    def write(name: str) -> None:
        script = f"from abbe.storage import write_whole\nwith write_whole({str(tmp_path / name)!r}) as part: part.write_bytes(b'whole')"
        subprocess.run([sys.executable, "-c", script], timeout=60, check=True)

    script = f"""
import os, signal
from abbe.storage import write_whole
with write_whole({str(tmp_path / "cells.zip")!r}) as part:
    part.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    (left,) = tmp_path.iterdir()
    write("one.tif")
    assert left.exists()  # on a disk that is shared, it may be another computer's
    # as old: what a process that is there (this one) has not finished, a folder, a link, what a user called nearly so
    mine = tmp_path / f".abbe-00000000{os.getpid():08x}.zip"
    first = int(left.name[6:8], 16)  # two other random names, which end in the same process
    folder, link = (tmp_path / f".abbe-{(first + k) % 256:02x}{left.name[8:]}" for k in (1, 2))
    users = tmp_path / ".abbe-notes.zip"
    mine.touch()
    users.touch()
    folder.mkdir()
    link.symlink_to(users)
    for path in (left, mine, folder, link, users):
        os.utime(path, (0, 0), follow_symlinks=False)
    write("two.tif")
    assert {path.name for path in tmp_path.iterdir()} == {"one.tif", "two.tif", mine.name, folder.name, link.name, users.name}


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "cells.zarr"
    with write_whole_folder(target) as part:
        (part / "0").mkdir()
        (part / "0" / "c").write_bytes(b"pixels")
        assert not target.exists()
    assert (target / "0" / "c").read_bytes() == b"pixels"
    assert os.listdir(tmp_path) == ["cells.zarr"]


def test_trouble_in_a_folder_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "cells.zarr"
    target.mkdir()
    (target / "zarr.json").write_text("old")
    with pytest.raises(KeyboardInterrupt), write_whole_folder(target, overwrite=True, sign="zarr.json") as part:  # noqa: PT012
        (part / "zarr.json").write_text("half")
        raise KeyboardInterrupt
    assert (target / "zarr.json").read_text() == "old"
    assert os.listdir(tmp_path) == ["cells.zarr"]


def test_a_folder_is_replaced_when_asked(tmp_path: Path) -> None:
    target = tmp_path / "cells.zarr"
    target.mkdir()
    (target / "zarr.json").write_text("old")
    (target / "stale").write_text("old")
    with write_whole_folder(target, overwrite=True, sign="zarr.json") as part:
        (part / "zarr.json").write_text("new")
    assert os.listdir(target) == ["zarr.json"]
    assert os.listdir(tmp_path) == ["cells.zarr"]


def test_somebody_elses_folder_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "thesis.zarr"
    target.mkdir()
    (target / "chapter1.txt").write_text("years of work")
    with pytest.raises(ExistsError, match="something else"), write_whole_folder(target, overwrite=True, sign="zarr.json"):
        pytest.fail("the work was begun")
    assert (target / "chapter1.txt").exists()


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "cells.zarr"
    with pytest.raises(ExistsError, match="appeared"), write_whole_folder(target) as part:  # noqa: PT012
        (part / "zarr.json").write_text("ours")
        target.mkdir()
        (target / "zarr.json").write_text("theirs")
    assert (target / "zarr.json").read_text() == "theirs"


def test_a_good_target_passes_the_check_and_stays_free(tmp_path: Path) -> None:
    check_target(tmp_path / "cells.tif")
    assert os.listdir(tmp_path) == []
    (tmp_path / "cells.tif").write_bytes(b"")
    with pytest.raises(ExistsError):
        check_target(tmp_path / "cells.tif")
    check_target(tmp_path / "cells.tif", overwrite=True)


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_takes_anothers_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool) -> None:
    if not can_exchange:
        monkeypatch.setattr("abbe.storage.whole.exchange", lambda one, other: False)
        monkeypatch.setattr("abbe.storage.whole.rename_new", lambda one, other: False)
    for text in ("first", "second"):
        with write_whole_folder(tmp_path / "cells.abbe", overwrite=True) as part:
            (part / "word").write_text(text)
    assert (tmp_path / "cells.abbe" / "word").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["cells.abbe"]

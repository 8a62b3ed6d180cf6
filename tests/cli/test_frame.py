"""The command line: one line for whatever goes wrong, the right exit code, nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.cli import frame
from abbe.cli.progress import progress
from abbe.cli.speech import clean


def run(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
    """A real `abbe` in a process of its own."""
    line = [sys.executable, "-m", "abbe", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=1200, check=False, **more)  # type: ignore[call-overload,no-any-return]


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """`abbe` in this process: exit code, stdout, stderr."""
    code = frame.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(autouse=True)
def _signals_and_warnings_stay() -> object:
    before = signal.getsignal(signal.SIGTERM)
    import warnings

    with warnings.catch_warnings():
        yield
    signal.signal(signal.SIGTERM, before)


def test_help_lists_every_command_and_loads_none() -> None:
    script = (
        "import sys, time; t = time.process_time(); from abbe.cli.frame import main; main(['--help']); "
        "heavy = {'numpy', 'scipy', 'torch', 'matplotlib', 'dask', 'tifffile'} & set(sys.modules); "
        "print(heavy, time.process_time() - t, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=1200, check=True)
    for name in frame.COMMANDS:
        assert f"  {name} " in done.stdout
    heavy, seconds = done.stderr.rsplit(maxsplit=1)
    assert heavy == "set()"
    assert float(seconds) < 0.5


@pytest.mark.parametrize("command", ["enhance", "background", "merge", "batch"])
def test_a_command_that_only_starts_loads_nothing_that_it_may_not_need(command: str) -> None:
    """Half of the time that `abbe enhance --help` took."""
    script = (
        f"import sys; from abbe.cli.frame import main; main(['{command}', '--help']); "
        "heavy = {'scipy.signal', 'scipy.optimize', 'scipy.stats', 'torch', 'matplotlib', 'dask'} & set(sys.modules); "
        "print(heavy, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=1200, check=True)
    assert done.stderr.strip() == "set()"


def test_patterns_are_expanded_where_the_shell_leaves_them_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where `abbe enhance *.tif` arrives as it was typed."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.tif", "a.tif", "c.png", "odd [1].tif"):
        (tmp_path / name).touch()
    assert frame.expanded(["enhance", "[ab].tif", "-o", "results"]) == ["enhance", "a.tif", "b.tif", "-o", "results"]
    assert frame.expanded(["info", "--json", "*.png"]) == ["info", "--json", "c.png"]
    assert frame.expanded(["batch", ".", "--match", "*.tif"]) == ["batch", ".", "--match", "*.tif"]
    assert frame.expanded(["info", "none*.tif", "odd [1].tif"]) == ["info", "none*.tif", "odd [1].tif"]
    assert frame.expanded(["serve", "~"]) == ["serve", os.path.expanduser("~")]
    assert frame.expanded([]) == []
    (tmp_path / "odd 1.tif").touch()
    (tmp_path / "plate [2]").mkdir()
    (tmp_path / "plate [2]" / "a.tif").touch()
    assert frame.expanded(["info", "odd [1].tif"]) == ["info", "odd [1].tif"]  # and no other file
    assert frame.expanded(["info", "plate [2]/*"]) == ["info", "plate [2]/a.tif"]
    assert frame.expanded(["history", "~root is what I call it"]) == ["history", "~root is what I call it"]
    assert frame.expanded(["history", "~root/"]) == ["history", "~root/"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--version") == (0, f"abbe {abbe.__version__}\n", "")


@pytest.mark.parametrize("words", [["nonsense"], ["info"], ["info", "--nonsense", "x"], ["merge", "a.tif"], []])
def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, out, err = call(capsys, *words)
    assert code == 2
    assert "Usage" in out + err


# ------------------------------------------------------------------------------------------------------------- wrong input
def not_an_image(folder: Path) -> Path:
    (folder / "notes.tif").write_text("This is not an image.")
    return folder / "notes.tif"


def truncated(folder: Path) -> Path:
    tifffile.imwrite(folder / "whole.tif", np.zeros((200, 200), np.uint16))
    (folder / "cut.tif").write_bytes((folder / "whole.tif").read_bytes()[:40_000])
    (folder / "whole.tif").unlink()
    return folder / "cut.tif"


def empty(folder: Path) -> Path:
    (folder / "empty.tif").touch()
    return folder / "empty.tif"


def a_folder(folder: Path) -> Path:
    (folder / "folder.tif").mkdir()
    return folder / "folder.tif"


def missing(folder: Path) -> Path:
    return folder / "missing.tif"


def zero_size(folder: Path) -> Path:
    tifffile.imwrite(folder / "zero.tif", np.zeros((4, 4), np.uint8), metadata=None)
    with tifffile.TiffFile(folder / "zero.tif", mode="r+") as tif:
        tif.pages.first.tags["ImageLength"].overwrite(0)
    return folder / "zero.tif"


def five_thousand_channels(folder: Path) -> Path:
    tifffile.imwrite(folder / "many.ome.tif", np.zeros((5000, 2, 2), np.uint8), metadata={"axes": "CYX"}, photometric="minisblack")
    return folder / "many.ome.tif"


def a_device(folder: Path) -> Path:
    return Path("/dev/null")


def evil_name(folder: Path) -> Path:
    name = folder / "a\x1b]0;owned\x07\nb.tif"
    name.write_text("no image")
    return name


def damaged_picture(folder: Path) -> Path:
    abbe.save(np.zeros((9, 9), np.uint8), folder / "a.png")
    data = bytearray((folder / "a.png").read_bytes())
    data[-30] ^= 0xFF
    (folder / "a.png").write_bytes(data)
    return folder / "a.png"


WRONG = [not_an_image, truncated, empty, a_folder, missing, zero_size, five_thousand_channels, a_device, evil_name, damaged_picture]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda f: f.__name__)
def test_wrong_input_gets_one_line_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: object) -> None:
    file = wrong(tmp_path)  # type: ignore[operator]
    before = sorted(os.listdir(tmp_path))
    for words in (["info", file], ["info", "--json", file], ["merge", file, file, "-o", tmp_path / "out.ome.tif"]):
        code, out, err = call(capsys, *words)
        assert code == 1
        assert out == ""
        assert err.startswith("abbe: ")
        assert err.count("\n") == 1
        assert err.rstrip("\n").isprintable()
        assert "Traceback" not in err
    assert sorted(os.listdir(tmp_path)) == before


def test_debug_shows_where_it_happened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--debug", "info", missing(tmp_path)], ["info", missing(tmp_path), "--debug"]):
        code, _, err = call(capsys, *words)
        assert code == 1
        assert "Traceback" in err


def test_a_bug_says_that_it_is_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.cli import info

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(info, "open_file", broken)
    code, _, err = call(capsys, "info", "x.tif")
    assert code == 1
    assert err == "abbe: RuntimeError: first line - this is a bug in abbe; run again with --debug and report what it prints\n"


def test_a_missing_part_names_the_extra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.cli import info

    def absent(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")

    monkeypatch.setattr(info, "open_file", absent)
    code, _, err = call(capsys, "info", "x.tif")
    assert code == 1
    assert 'pip install "abbe[train]"' in err  # in double quotes, which Windows' shells know too


# ------------------------------------------------------------------------------------------------------------------ writing
@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(1)
    files = [tmp_path / "in" / f"{name}.tif" for name in ("red", "green")]
    files[0].parent.mkdir()
    for file in files:
        abbe.save(rng.integers(0, 4096, (700, 900)).astype(np.uint16), file)
    return files


def test_merge_writes_and_info_shows(tmp_path: Path, pair: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "both.ome.tif"
    code, said, _ = call(capsys, "merge", *pair, "-o", out, "--channels", "actin,tubulin", "--colors", "magenta,green")
    assert code == 0
    assert "actin, tubulin" in said
    code, said, _ = call(capsys, "info", out)
    assert code == 0
    assert "2 channels x 700 x 900" in said
    assert "#ff00ff" in said


def test_merge_refuses_an_existing_file(tmp_path: Path, pair: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "both.ome.tif"
    out.write_bytes(b"precious")
    code, _, err = call(capsys, "merge", *pair, "-o", out)
    assert code == 1
    assert "--overwrite" in err
    assert out.read_bytes() == b"precious"
    assert call(capsys, "merge", *pair, "-o", out, "--overwrite")[0] == 0
    assert abbe.open(out).shape[1] == 2


def test_merge_takes_the_channel_that_was_picked(tmp_path: Path, pair: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    both, three = tmp_path / "both.ome.tif", tmp_path / "three.ome.tif"
    call(capsys, "merge", *pair, "-o", both)
    assert call(capsys, "merge", both, pair[0], "-o", three)[0] == 1
    assert call(capsys, "merge", both, pair[0], "-o", three, "--pick", "green,-")[0] == 0
    assert np.array_equal(abbe.open(three).plane(c=0), abbe.open(pair[1]).plane())
    assert call(capsys, "merge", both, pair[0], "-o", tmp_path / "x.tif", "--pick", "9,-")[0] == 1


def test_a_file_size_limit_is_one_line(tmp_path: Path, pair: list[Path]) -> None:
    import resource

    done = run("merge", *pair, "-o", tmp_path / "out.tif", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)))
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr.splitlines()[-1]
    assert os.listdir(tmp_path) == ["in"]


def test_a_read_only_target_is_one_line(tmp_path: Path, pair: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.geteuid() == 0:  # the administrator may write anywhere but here
        folder = Path("/sys")
        if not folder.is_dir():
            pytest.skip("no read-only folder at hand")
    code, _, err = call(capsys, "merge", *pair, "-o", folder / "out.tif")
    assert code == 1
    assert "choose another folder" in err


@pytest.mark.parametrize("command", ["info", "enhance", "background", "merge"])
def test_a_file_that_may_not_be_read_is_no_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    file = not_an_image(tmp_path)
    file.chmod(0)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # the administrator, who may run the tests, can read everything
    words = [command, file, file, "-o", tmp_path / "out.ome.tif"] if command == "merge" else [command, file]
    code, _, err = call(capsys, *words)
    assert code == 1
    assert ("no image that abbe knows" if os.geteuid() == 0 else "Permission denied") in err
    assert err.count("\n") == 1


STOPPED = """
import os, signal, sys, threading
from abbe.cli import frame, merge
from abbe.formats import saving

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs the tests in the background has switched it off
plain = saving._reported
def slow(image, convert, progress, name):
    read, seen = plain(image, convert, progress, name), []
    def reading(region):
        seen.append(region)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.{name})
        return read(region)
    return reading
saving._reported = slow
sys.exit(frame.main())
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_stopping_in_the_middle_of_a_write_leaves_nothing(tmp_path: Path, pair: list[Path], name: str) -> None:
    out = tmp_path / "out.tif"
    line = [sys.executable, "-c", STOPPED.replace("{name}", name), "merge", *map(str, pair), "-o", str(out)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "abbe: stopped; no file was left half-written"
    assert os.listdir(tmp_path) == ["in"]


def test_a_reader_that_goes_away_is_no_error(pair: list[Path]) -> None:
    script = "import sys; from abbe.cli.frame import main; sys.exit(main())"
    process = subprocess.Popen([sys.executable, "-c", script, "info", *map(str, pair * 3)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=1200) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize("streams", ["stdout", "both"])
def test_files_are_written_when_the_reader_goes_away(tmp_path: Path, streams: str) -> None:
    abbe.save(np.random.default_rng(1).integers(0, 4096, (40, 50)).astype(np.uint16), tmp_path / "a.tif")
    out, error = tmp_path / "out.csv", tmp_path / "error.tif"
    line = [sys.executable, "-m", "abbe", "compare", *[str(tmp_path / "a.tif")] * 2, "-o", str(out), "--error-map", str(error)]
    gone, process_end = os.pipe()
    os.close(gone)
    other = process_end if streams == "both" else subprocess.DEVNULL
    code = subprocess.run(line, stdout=process_end, stderr=other, timeout=1200, check=False).returncode
    os.close(process_end)
    assert code == 0
    assert out.is_file()
    assert error.is_file()


def test_info_goes_on_after_a_file_that_cannot_be_read(tmp_path: Path, pair: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    files = [pair[0], not_an_image(tmp_path), pair[1]]
    code, out, err = call(capsys, "info", "--json", *files)
    assert code == 1
    assert [entry["file"] for entry in json.loads(out)] == [str(pair[0]), str(pair[1])]
    assert err.splitlines()[-1] == "abbe: 1 of 3 files could not be done: notes.tif; the reasons are above"
    code, out, _ = call(capsys, "info", *files)
    assert code == 1
    assert out.count("700 x 900 pixels") == 2


# ------------------------------------------------------------------------------------------------------------------- speech
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain µm 日本 é", "plain µm 日本 é"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines", "two\\nlines"),
        ("bidi\u202egpj", "bidi\\u202egpj"),
        ("c1\x9b2J", "c1\\x9b2J"),
        ("lone\udce9", "lone\\udce9"),
    ],
)
def test_a_terminal_never_obeys_a_name(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_progress_in_a_log_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 6.0, 7.0, 12.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with progress("enhancing\x1b") as report:
        for k in range(4):
            report(k / 4, "denoise")
    assert capsys.readouterr().err == "enhancing\\x1b: 25 %, denoise\nenhancing\\x1b: 75 %, denoise\n"


def test_a_log_of_weeks_of_waiting_stays_short(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`abbe batch --watch` reports twice a second, whether images come or not."""
    clock = count(0.0, 2.5)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with progress("batch") as report:
        for _ in range(7 * 24 * 3600 * 2 // 5):
            report(1.0, "3 of 3")
        waited = capsys.readouterr().err.splitlines()
        for _ in range(2):
            report(0.75, "3 of 4")
    assert waited[:2] == ["batch: 100 %, 3 of 3"] * 2
    assert len(waited) < 7 * 24 + 12
    assert capsys.readouterr().err == "batch: 75 %, 3 of 4\n"


def test_the_doctor_says_which_package_an_optional_part_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update of abbe, whose part needs one more than it did."""
    from abbe.cli import doctor

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in ("h5py", "torch", "napari", "qtpy") else name)
    said = doctor._extras()
    assert said == 'optional parts: cluster, formats (without h5py: pip install "abbe[formats]"), coreml; not installed: train, napari'

"""Batches as they are run: from a shell, several at once, killed at any moment, on a cluster."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tifffile

from abbe.batch import Settings, run
from abbe.batch.settings import Began
from abbe.batch.work import Task
from abbe.errors import AbbeError, MissingExtraError, ParameterError
from batch_maker import QUICK, field

Images = Callable[..., Path]
QUICKLY = ("--steps", "denoise", "--passes", "1", "--engine", "cpu", "--workers", "1")


def abbe_batch(*words: object) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "abbe", "batch", *map(str, words)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")


def files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.tif")}


def journal(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for path in out.glob(".abbe-batch/journal/*.jsonl") for line in path.read_text().splitlines() if line]


def test_the_command_says_what_came_of_each_and_where_the_table_is(tmp_path: Path, images: Images) -> None:
    folder = images("a.tif", "b.tif")
    (folder / "c.tif").write_bytes(b"no image")
    process = abbe_batch(folder, *QUICKLY)
    said, errors = process.communicate(timeout=300)
    out = tmp_path / "images_abbe"
    assert process.returncode == 1
    assert said.splitlines()[-2:] == [f"{out}: of 3 images 2 done, 1 failed", f"  {out / 'batch.csv'} has a row for each"]
    assert [line.split(":")[0] for line in said.splitlines()[:2]] == ["a.tif", "b.tif"]
    assert "c.tif: c.tif is no image that abbe knows" in errors
    assert errors.splitlines()[-1].startswith("abbe: 1 of 3 images could not be done")
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--workflow", "C"), "wanted Workflow A or B, got 'C'"),
        (("--workflow", "b", "--steps", "denoise"), "wanted --steps, --psf, --frames, --planes and --mosaic with Workflow A alone"),
        (("--steps", "fly"), "wanted steps of"),
        (("--workers", "2", "--scheduler", "tcp://127.0.0.1:1"), "wanted workers on this machine or those of a scheduler, got both"),
        (("--scheduler", "tcp://127.0.0.1:1"), "wanted a Dask scheduler at tcp://127.0.0.1:1, got no answer"),
    ],
)
def test_wrong_words_are_answered_in_one_line(words: tuple[str, ...], error: str, tmp_path: Path, images: Images) -> None:
    process = abbe_batch(images("a.tif"), "-o", tmp_path / "out", *words)
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert error in errors.splitlines()[-1]
    assert not said
    assert not (tmp_path / "out").exists()


def test_a_script_without_a_guard_is_told_of_it(tmp_path: Path, images: Images) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"from abbe.batch import run\nrun({str(images('a.tif'))!r}, {str(tmp_path / 'out')!r}, workers=1)\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("""in a script, call abbe.batch.run below `if __name__ == "__main__":`""")
    assert done.stderr.count("Traceback") == 1  # the script's own
    assert not (tmp_path / "out").exists()


def test_two_that_are_started_together_share_the_work(tmp_path: Path, images: Images) -> None:
    folder, out = images(*(f"{k}.tif" for k in range(8)), side=128), tmp_path / "out"
    both = [abbe_batch(folder, "-o", out, *QUICKLY) for _ in range(2)]
    ends = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    lines = journal(out)
    assert Counter(line["key"] for line in lines) == {f"{k}.tif": 1 for k in range(8)}
    assert len({line["by"] for line in lines}) == 2
    assert len(files(out)) == 8
    assert sorted(path.name for path in (out / ".abbe-batch").iterdir()) == ["journal", "settings.json"]


def killed_again_and_again(tmp_path: Path, images: Images, kills: int, count: int) -> None:
    folder = images(*(f"p{k % 2}/{k}.tif" for k in range(count)), side=160)
    out, calm = tmp_path / "out", tmp_path / "calm"
    options = (*QUICKLY, "--maps")
    for left in range(kills):
        rng = random.Random(left)
        runners = [abbe_batch(folder, "-o", out, *options) for _ in range(1 + left % 2)]
        time.sleep(rng.uniform(0.5, 6.0))
        for runner in runners:
            os.kill(runner.pid, signal.SIGKILL)
            runner.communicate()
    last = abbe_batch(folder, "-o", out, *options)
    said, errors = last.communicate(timeout=600)
    assert last.returncode == 0, (said, errors)
    whole = abbe_batch(folder, "-o", calm, *options)
    whole.communicate(timeout=600)
    assert files(out) == files(calm)
    assert len(files(calm)) == 4 * count
    assert sorted(path.name for path in (out / ".abbe-batch").iterdir()) == ["journal", "settings.json"]


def test_killed_twice_it_ends_as_if_it_had_not_been(tmp_path: Path, images: Images) -> None:
    killed_again_and_again(tmp_path, images, kills=2, count=3)


def test_a_script_that_no_other_process_can_read_is_told_so_before_anything_is_made(tmp_path: Path, images: Images) -> None:
    script = f"from abbe.batch import run\nrun({str(images('a.tif'))!r}, {str(tmp_path / 'out')!r}, workers=1)\n"
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 1
    assert "wanted a script in a file" in done.stderr.splitlines()[-1]
    assert "FileNotFoundError" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_killed_a_hundred_times_it_ends_as_if_it_had_not_been(tmp_path: Path, images: Images) -> None:
    killed_again_and_again(tmp_path, images, kills=100, count=60)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_on_the_shell_ends_all_processes_of_it(tmp_path: Path, images: Images) -> None:
    line = [sys.executable, "-m", "abbe", "batch", str(images("a.tif", side=700)), "-o", str(tmp_path / "out"), "--passes", "8"]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True)
    _until(lambda: list((tmp_path / "out").glob(".abbe-batch/claims/*/attempt-*")))
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[-1] == "abbe: stopped; no file was left half-written"
    assert "Traceback" not in errors
    _until(lambda: not _in_group(process.pid))
    assert not files(tmp_path / "out")
    assert not list((tmp_path / "out").glob(".abbe-batch/claims/*"))


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX systems")
def test_a_terminal_that_is_closed_does_not_end_it(tmp_path: Path, images: Images) -> None:
    ours, theirs = os.openpty()
    line = [sys.executable, "-m", "abbe", "batch", str(images("a.tif")), "-o", str(tmp_path / "out"), *QUICKLY]
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    for end in (ours, theirs):
        os.close(end)
    assert process.wait(timeout=300) == 0
    assert set(files(tmp_path / "out")) == {"a_abbe.ome.tif"}


def _until(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def _in_group(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


# ---------------------------------------------------------------------------------------------------- on a cluster
@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A Dask cluster of two worker processes on this machine."""
    distributed = pytest.importorskip("distributed", reason="clusters need the extra cluster")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=True) as cluster:
        yield cluster.scheduler_address


def test_workers_of_a_cluster_give_the_same_bytes(scheduler: str, tmp_path: Path, images: Images) -> None:
    folder, here, there = images("a.tif", "p/b.tif", "c.tif"), tmp_path / "here", tmp_path / "there"
    (folder / "c.tif").write_bytes(b"no image")
    far = run(folder, there, QUICK, scheduler=scheduler)
    near = run(folder, here, QUICK, workers=1)
    assert (far.done, far.failed) == (near.done, near.failed) == (2, 1)
    assert files(there) == files(here)
    assert {line["error"] for line in journal(there)} == {line["error"] for line in journal(here)}
    assert run(folder, there, QUICK, scheduler=scheduler).before == 2


def test_workers_of_a_cluster_share_out_the_images_of_one_file(scheduler: str, tmp_path: Path) -> None:
    folder, here, there = tmp_path / "images", tmp_path / "here", tmp_path / "there"
    folder.mkdir()
    with tifffile.TiffWriter(folder / "cells.ome.tif", ome=True) as tif:
        for k in range(5):
            tif.write(field(k, 48 + 8 * k), metadata={"axes": "YX", "Name": f"field {k}"})
    far = run(folder, there, QUICK, scheduler=scheduler)
    near = run(folder, here, QUICK, workers=1)
    assert (far.count, far.done) == (near.count, near.done) == (5, 5)
    assert files(there) == files(here)
    assert set(files(here)) == {f"cells_{k}_abbe.ome.tif" for k in range(5)}
    assert run(folder, there, QUICK, scheduler=scheduler).before == 5


def test_a_worker_that_dies_is_replaced_by_another(scheduler: str, tmp_path: Path, images: Images) -> None:
    import distributed

    folder, out = images("a.tif", "b.tif", side=256), tmp_path / "out"
    with distributed.Client(scheduler, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())
    killed: list[int] = []

    def kill(fraction: float, text: str) -> None:
        if not killed and list(out.glob(".abbe-batch/claims/*/attempt-*")):
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    settings = QUICK.model_copy(update={"passes": 8})
    assert run(folder, out, settings, scheduler=scheduler, progress=kill).done == 2
    assert killed
    assert len(files(out)) == 2


def test_a_cluster_that_cannot_see_the_folders_is_told_so(
    scheduler: str, tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    from abbe.batch import cluster

    monkeypatch.setattr(cluster, "FIRST_WORKER", 20.0)
    with pytest.raises(ParameterError, match=r"wanted workers that can read .* has no folder /nowhere"):
        cluster.Cluster(scheduler).ready(Path("/nowhere"), tmp_path, Began(settings=QUICK, models=QUICK.check()))


def test_a_cluster_with_other_weights_is_refused(scheduler: str, tmp_path: Path) -> None:
    from abbe.batch import cluster

    other = Began(settings=QUICK, models=dict.fromkeys(QUICK.check(), "0" * 64))
    hands = cluster.Cluster(scheduler)
    with pytest.raises(ParameterError, match="wanted workers with the same abbe and weights, got denoise"):
        hands.ready(tmp_path, tmp_path, other)
    hands.close()
    made = cluster._do(Task("a.tif", tmp_path / "a.tif", tmp_path, "a.ome.tif", QUICK), other)  # at one that came later
    assert made is not None
    assert "wanted a worker with the same abbe and weights" in str(made.error)


def test_a_scheduler_that_goes_away_ends_the_batch_with_a_word(tmp_path: Path, images: Images) -> None:
    pytest.importorskip("distributed", reason="clusters need the extra cluster")
    log = tmp_path / "scheduler.json"
    line = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(log)]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as lost:
        _until(log.exists)
        address = json.loads(log.read_text())["address"]
        line = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        with subprocess.Popen(line, stderr=subprocess.DEVNULL) as worker:
            folder, out = images("a.tif", "b.tif", side=256), tmp_path / "out"
            with pytest.raises(AbbeError, match=r"the connection to the scheduler at .* broke"):
                run(folder, out, Settings(passes=8), scheduler=address, progress=lambda fraction, text: lost.kill())
            worker.kill()
    assert not out.exists()


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"abbe\[cluster\]"):
        run(images("a.tif"), tmp_path / "out", QUICK, scheduler="tcp://127.0.0.1:1")
    assert not (tmp_path / "out").exists()

"""A full disk for temporary files, where exports are packed and files wait to be read: told in words, and nothing of it is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from small_disk import own_file_system

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(os.name != "posix", reason="needs a small file system")
def test_a_full_disk_for_temporary_files_is_named_wherever_it_is_met(tmp_path: Path) -> None:
    """It was "something went wrong inside abbe", or a hidden folder of the server, with the advice to choose another."""
    disk, place = tmp_path / "disk", tmp_path / "place"
    disk.mkdir()
    place.mkdir()
    command = [*own_file_system(disk), sys.executable, "-m", "tests.server.full_disk", str(place)]
    known = {**os.environ, "TMPDIR": str(disk), "ABBE_CONFIG": str(tmp_path / "settings")}
    run = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]
    said = json.loads(run.stdout.splitlines()[-1])
    assert said.pop("room again") == ["done", ""]
    assert said.pop("left") == []
    assert {name: how for name, (how, _) in said.items()} == {
        "packing": "failed",
        "writing": "failed",
        "regions": 507,
        "beads": 507,
        "upload": 507,
    }
    for name, (_, words) in said.items():
        assert "disk for temporary files" in words, name
        assert "TMPDIR" in words, name
        assert str(disk) not in words, name
        assert "abbe-server" not in words, name
        assert "another folder" not in words, name

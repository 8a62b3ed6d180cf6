"""How much memory there is, also where a container or a scheduler of jobs allows less than the machine has."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbe.restoration.room import allowed_memory, memory


@pytest.mark.parametrize(
    ("line", "folder", "name"),
    [
        ("0::/slurm/job_7/step_0", "slurm/job_7", "memory.max"),
        ("4:cpu,memory:/docker/abc", "memory/docker/abc", "memory.limit_in_bytes"),
        ("0::/", "", "memory.max"),
    ],
)
def test_a_limit_of_a_job_or_of_the_groups_around_it_counts(line: str, folder: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "self").write_text(f"3:cpuset:/else\n{line}\n")
    root = tmp_path / "cgroup"
    (root / folder).mkdir(parents=True)
    (root / folder / name).write_text("4294967296\n")
    assert min(allowed_memory(tmp_path / "self", root)) == 4294967296
    (root / folder / name).write_text("max\n")
    assert min(allowed_memory(tmp_path / "self", root)) == 2**63


def test_without_groups_it_is_the_machines(tmp_path: Path) -> None:
    assert allowed_memory(tmp_path / "none", tmp_path) == [2**63]
    there = memory()
    assert there is None or 2**28 < there < 2**63

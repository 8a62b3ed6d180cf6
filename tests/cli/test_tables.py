"""Tables that cannot be written."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from abbe.cli.tables import write
from abbe.errors import StorageError


@dataclass
class Table:
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str | int | float | None]]


def test_a_spreadsheet_on_a_full_disk_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was called a bug in abbe."""

    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="the disk is full"):
        write(tmp_path / "t.xlsx", [Table("cells", ["r"], [[0.5], [None], ["=1+1"]])], {})
    assert not list(tmp_path.iterdir())

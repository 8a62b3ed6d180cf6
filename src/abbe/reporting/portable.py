"""Where a report's files are, told without the folders of somebody's disk: a report goes to others."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from abbe.image.metadata import file_names
from abbe.reporting.model import Report


def portable(report: Report, folder: Path) -> Report:
    """The report as it is written into `folder`: files are named from there, or by name alone where the way to them leads over the root."""
    return replace(report, repeat=_portable(report.repeat, folder))


def _portable(data: Any, folder: Path) -> Any:
    if isinstance(data, dict):
        return {
            key: place(value, folder) if key == "source" and isinstance(value, str) else _portable(value, folder)
            for key, value in data.items()
        }
    return [_portable(value, folder) for value in data] if isinstance(data, list | tuple) else data


def place(source: str, folder: Path) -> str:
    """A file seen from `folder`; the names alone of several files in one text. Addresses (https://...) stay."""
    if "://" in source:
        return source
    path, here = Path(os.path.abspath(source)), Path(os.path.abspath(folder))  # links are kept: the user's own names
    if not path.exists():
        return file_names(source)
    shared = len(os.path.commonpath((path, here)).rstrip("\\/")) if path.drive == here.drive else 0
    return Path(os.path.relpath(path, here)).as_posix() if shared > len(path.drive) else path.name

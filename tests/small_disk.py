"""A disk that is really full, for whoever may make one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def own_file_system(folder: Path) -> list[str]:
    """The start of a command that sees `folder` as an empty file system of 16 MB, in memory; only it sees it, and it ends with it."""
    start = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"',
        str(folder),
    ]
    try:
        able = subprocess.run([*start, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        able = False
    if not able:
        pytest.skip("needs Linux, and the right to make a small file system")
    return start

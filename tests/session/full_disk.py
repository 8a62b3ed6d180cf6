"""Does everything that writes on a disk with room for no block, for one, for two, ... until it succeeds; run by test_kill.py.

    python full_disk.py FOLDER

FOLDER is a small file system of its own. What fails must say so in one line and leave everything as it was. The last line printed is JSON:
how often each action failed before it succeeded, and findings.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import abbe
from abbe.errors import AbbeError
from abbe.image import Image
from abbe.session import Session

BLOCK = 4096
#: what may differ after a failure: who held the lock last, and the place where versions are written
ASIDE = ("lock", "incoming")


def picture(number: int) -> Image:
    a = np.random.default_rng(number).poisson(300, (2, 70, 60)).astype(np.uint16)
    return Image.from_array(a, axes="CYX", pixel_size=(0.1, 0.1))


def actions(folder: Path) -> dict[str, Callable[[], Any]]:
    session = Session.open(folder / "cells.abbe")
    return {
        "comment": lambda: session.comments.add("a word " * 300),
        "view": lambda: session.set_view({"zoom": 2, "note": "x" * 5000}),
        "undo": session.undo,
        "revert": lambda: session.revert_to(1),
        "version": lambda: session.add_version(picture(1)),
        "new session": lambda: Session.create(folder / "new.abbe", picture(2)),
        "replaced session": lambda: Session.create(folder / "other.abbe", picture(3), overwrite=True),
        "packed session": lambda: session.pack(folder / "packed.zip", overwrite=True),
        "image": lambda: abbe.save(picture(4), folder / "image.ome.tif", overwrite=True),
        "exported image": lambda: session.export(folder / "out", parts=("image",), overwrite=True),
        "HTML": lambda: abbe.report(picture(5), folder / "report.html", overwrite=True),
        "workbook": lambda: abbe.report(picture(6), folder / "report.xlsx", overwrite=True),
    }


def contents(folder: Path) -> dict[str, str]:
    """Every file's digest."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not set(ASIDE) & set(file.relative_to(folder).parts)
    }


def steps() -> Iterator[int]:
    """Blocks that are free: every number that a session's small files can stop at, then larger ones."""
    blocks = 0
    while blocks < 2000:
        yield blocks
        blocks += 1 if blocks < 20 else blocks // 2


def leave(folder: Path, blocks: int, filler: Path) -> None:
    """Fill the file system up to some blocks."""
    status = os.statvfs(folder)
    size = (status.f_bavail - blocks * BLOCK // status.f_frsize) * status.f_frsize
    with filler.open("wb") as file:
        if size > 0:
            os.posix_fallocate(file.fileno(), 0, size)


def attempt(name: str, act: Callable[[], Any], folder: Path, findings: list[str]) -> int:
    """How often it failed before it succeeded."""
    filler = folder / "filler"
    for failures, blocks in enumerate(steps()):
        before = contents(folder)
        leave(folder, blocks, filler)
        try:
            act()
            failed = None
        except AbbeError as problem:
            failed = str(problem)
        except Exception as problem:  # a traceback is a finding
            failed = f"{type(problem).__name__}: {problem}"
            findings.append(f"{name}, {blocks} blocks free: {failed}")
        filler.unlink()
        if failed is None:
            return failures
        if "\n" in failed or not ("nothing was changed" in failed or "session is as before" in failed or "read, not written" in failed):
            findings.append(f"{name}, {blocks} blocks free, says: {failed}")
        if contents(folder) != before:
            findings.append(f"{name}, {blocks} blocks free, changed something")
        for place in ("cells.abbe", "other.abbe"):
            session = Session.open(folder / place)
            findings += [f"{name}, {blocks} blocks free: {problem}" for problem in (*session.problems, *session.verify())]
    raise RuntimeError(f"{name} never succeeds")


def main(folder: Path) -> None:
    Session.create(folder / "cells.abbe", picture(0))
    Session.create(folder / "other.abbe", picture(0))
    first = actions(folder)
    for name in ("packed session", "image", "HTML", "workbook", "exported image", "comment"):
        first[name]()
    findings: list[str] = []
    failures = {name: attempt(name, act, folder, findings) for name, act in actions(folder).items()}
    print(json.dumps({"failures": failures, "findings": findings}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Writes sessions, images and reports until it is killed; run by test_kill.py as a program of its own.

    python victim.py FOLDER KILLS SEED

Each victim is a fork that works on what the ones before it left. It tells through a pipe what it begins and what it has finished; the
parent kills it at a random moment, then looks at everything on the disk. What was finished must be there, and nothing may be wrong
without saying so.
The last line printed is JSON: kills, operations finished, and findings.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib.figure  # noqa: F401 - loaded once, in the parent
import numpy as np
import openpyxl

import abbe
from abbe.image import Image
from abbe.image.digest import pixel_digest
from abbe.reporting.renderers.html import repeat_data
from abbe.session import Session

#: seconds within which a victim is killed; most single operations take 5 to 300 ms
LONGEST = 1.0


def picture(number: int) -> Image:
    """An image that tells its number in every pixel."""
    a = (np.arange(150 * 180, dtype=np.uint32).reshape(1, 150, 180) * 7 + number) % 65521
    return Image.from_array(a.astype(np.uint16), axes="CYX", pixel_size=(0.1, 0.1))


# ---------------------------------------------------------------------------------------------- the victim
def live(folder: Path, seed: int, pipe: int) -> None:
    """Work until killed."""
    rng = random.Random(seed)

    def tell(*words: Any) -> None:
        os.write(pipe, (json.dumps(words) + "\n").encode())

    session = Session.open(folder / "cells.abbe")
    for step in range(10_000):
        number = seed * 1000 + step
        act = rng.choices(list(ACTS), [weight for weight, _ in ACTS.values()])[0]
        tell("begin", act, number)
        tell("end", act, number, ACTS[act][1](session, folder, number, rng))


def _add(session: Session, folder: Path, number: int, rng: random.Random) -> Any:
    version = session.add_version(picture(number), name=str(number))
    return version.id, version.digest


def _delete(session: Session, folder: Path, number: int, rng: random.Random) -> Any:
    if len(session.versions) < 8:
        return None
    session.delete(session.versions[1].id)
    session.purge()
    return None


def _back_and_forth(session: Session, folder: Path, number: int, rng: random.Random) -> None:
    if session.can_undo:
        session.undo()
        session.redo()
    session.revert_to(rng.choice(session.versions).id)


def _note(session: Session, folder: Path, number: int, rng: random.Random) -> Any:
    session.set_view({"zoom": number})
    return session.comments.add(str(number)).id


def _image(session: Session, folder: Path, number: int, rng: random.Random) -> None:
    abbe.save(picture(number), folder / "image.ome.tif", overwrite=True)


def _report(session: Session, folder: Path, number: int, rng: random.Random) -> None:
    abbe.report(picture(number), folder / rng.choice(("report.html", "report.xlsx")), overwrite=True)


def _pack(session: Session, folder: Path, number: int, rng: random.Random) -> None:
    session.pack(folder / "packed.zip", overwrite=True)


def _create(session: Session, folder: Path, number: int, rng: random.Random) -> None:
    Session.create(folder / "other.abbe", picture(number), overwrite=True)


#: action -> (weight, function)
ACTS: dict[str, tuple[float, Any]] = {
    "add": (6, _add),
    "delete": (1, _delete),
    "back and forth": (4, _back_and_forth),
    "note": (4, _note),
    "image": (3, _image),
    "report": (2, _report),
    "pack": (1, _pack),
    "create": (2, _create),
}


# ---------------------------------------------------------------------------------------------- the parent
class Truth:
    """What must be there: finished and not taken back."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.comments: set[str] = set()
        self.deleting = False
        self.undoing = False
        self.done: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()

    def hear(self, lines: list[str]) -> None:
        open_act = None
        for line in lines:
            kind, act, _, *rest = json.loads(line)
            open_act = act if kind == "begin" else None
            if kind == "end":
                self.done[act] += 1
                result = rest[0]
                if act == "add":
                    self.versions[result[0]] = result[1]
                elif act == "note":
                    self.comments.add(result)
                elif act == "delete":
                    self.deleting = True
        if open_act:
            self.cut[open_act] += 1
        self.deleting = self.deleting or open_act == "delete"
        self.undoing = open_act == "back and forth"


def look(folder: Path, truth: Truth) -> list[str]:
    """Everything that is wrong on the disk."""
    found: list[str] = []
    session = Session.open(folder / "cells.abbe")
    if session.read_only or session.problems:
        found.append(f"session damaged: {session.read_only} {session.problems}")
    found += [f"session: {problem}" for problem in session.verify()]
    there = {version.id: version.digest for version in session.versions}
    lost = [key for key, value in truth.versions.items() if there.get(key) != value]
    if lost and not truth.deleting:
        found.append(f"versions lost: {lost}")
    comments = {comment.id for comment in session.comments}
    if truth.undoing and session.can_redo:  # killed between undo and redo: what was undone comes back, a deletion too
        session.redo()
        comments |= {comment.id for comment in session.comments}
    truth.versions = {version.id: str(version.digest) for version in session.versions}
    for version in session.versions[1:]:
        if pixel_digest(picture(int(version.name)).pixels) != version.digest:
            found.append(f"version {version.id} is not what was added")
    if not truth.comments <= comments:
        found.append("comments lost")
    truth.comments, truth.deleting = comments, False
    return found + _files(folder)


def _files(folder: Path) -> list[str]:
    found = []
    image = folder / "image.ome.tif"
    if image.exists():
        a = np.asarray(abbe.open(image))
        if not np.array_equal(a, np.asarray(picture(int(a.flat[0])))):
            found.append("image file wrong")
    if (folder / "report.html").exists():
        text = (folder / "report.html").read_text(encoding="utf-8")
        if not text.rstrip().endswith("</html>") or not repeat_data(text):
            found.append("HTML report cut")
    if (folder / "report.xlsx").exists():
        openpyxl.load_workbook(folder / "report.xlsx").close()
    for name in ("packed.zip", "other.abbe"):
        if (folder / name).exists():
            with Session.open(folder / name) as other:
                found += [f"{name}: {problem}" for problem in (*other.problems, *other.verify())]
    return found


def main(folder: Path, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    Session.create(folder / "cells.abbe", picture(0))
    abbe.report(picture(0), folder / "warm.html")
    truth, findings = Truth(), []
    for number in range(1, kills + 1):
        lines = _kill_one(folder, seed * 10_000 + number, rng.uniform(0.0, LONGEST))
        truth.hear(lines)
        try:
            findings += [f"kill {number}: {text}" for text in look(folder, truth)]
        except Exception as problem:  # whatever cannot be read is a finding
            findings.append(f"kill {number}: {type(problem).__name__}: {problem}")
    print(json.dumps({"kills": kills, "done": truth.done, "cut": truth.cut, "findings": findings}))


def _kill_one(folder: Path, seed: int, after: float) -> list[str]:
    """Fork a victim, kill it after some seconds, and return its complete lines."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            live(folder, seed, writing)
        finally:
            os._exit(3)
    os.close(writing)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    if os.WIFEXITED(status):
        raise RuntimeError(f"the victim ended by itself: {text[-500:]}")
    return text.split("\n")[:-1]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""A table of numbers as a job: every pair of channels in the whole image and in every region."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

from abbe.errors import StorageError
from abbe.server.colocalizing import Threshold, table
from abbe.server.jobs import Progress, Work
from abbe.server.service import Service


def work(here: Service, session_id: str, version: str, pairs: Sequence[tuple[int, int]] | None, threshold: Threshold, author: str) -> Work:
    """Measures, keeps the numbers with the session, and gives the name under which the rows can be fetched."""

    def run(progress: Progress) -> dict[str, Any]:
        session = here.cabinet.get(session_id)

        def report(fraction: float, word: str) -> None:
            progress(fraction, f"measuring {word}" if fraction < 1 else "saving")

        rows = table(session, version, pairs, threshold, author, report)
        here.cabinet.changed(session_id, session)
        content = json.dumps({"rows": rows}, allow_nan=False).encode()
        handle = secrets.token_hex(8)
        here.derived.keep((session_id, "table", handle), content, len(content))
        return {"table": handle}

    return run


def find(here: Service, session_id: str, handle: str) -> bytes:
    """The rows as JSON. Raises `StorageError` when they were let go of."""
    found: bytes | None = here.derived.look_up((session_id, "table", handle))
    if found is None:
        raise StorageError("this table is not there any more; measure it again")
    return found

"""What the server writes about its own faults: a line each, for whoever keeps it running; what users ask for is in no log."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

#: the logger of all modules of the server
NAME = "abbe.server"


class OneLine(logging.Formatter):
    """Date, what failed, the kind of failure, and the line of abbe's code where it happened. Names from outside cannot forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = f"{self.formatTime(record, '%Y-%m-%d %H:%M:%S')} {record.getMessage()}"
        problem = record.exc_info[1] if record.exc_info else None
        if problem is not None:
            own = [place for place in traceback.extract_tb(problem.__traceback__) if "abbe" in Path(place.filename).parts]
            where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
            said += f": {type(problem).__name__}: {str(problem)[:300]}{where}; start with --debug to see all of it"
        return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in said)


def write_to_terminal() -> None:
    """From now on, unless the program has a log of its own already."""
    kept = logging.getLogger(NAME)
    if not kept.handlers and all(isinstance(handler, logging.NullHandler) for handler in logging.getLogger().handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(OneLine())
        kept.addHandler(handler)

"""What commands say on a terminal: safe against hostile names, plain where nobody watches.

Results go to stdout, everything else to stderr. A file's or channel's name may hold escape sequences that rewrite the screen or the
title of a terminal, and line breaks that forge a line of output: `clean` makes them visible instead.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # abbe.image brings numpy and scipy, which `abbe --help` does without
    from abbe.image import Notice

#: Unicode categories that change how the text around them is shown: control, format (bidirectional overrides), surrogate, line and
#: paragraph separators
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def clean(text: object) -> str:
    """`text` on one line, with every character that a terminal would obey written as an escape."""
    return "".join(_visible(character) for character in str(text))


def _visible(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) in _INVISIBLE:
        return character.encode("unicode_escape").decode("ascii")
    return character


def say(*lines: object, err: bool = False) -> None:
    """Print each line, cleaned."""
    stream = sys.stderr if err else sys.stdout
    for line in lines:
        print(clean(line), file=stream)


def warn(notices: Iterable[Notice]) -> None:
    """Print warnings, one a line, on stderr."""
    for notice in notices:
        say(f"note: {notice.message}", err=True)

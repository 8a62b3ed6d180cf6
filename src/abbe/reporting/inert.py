"""Text that came from files and users, made harmless before it is shown anywhere.

File names, channel names and comments can hold control characters, characters that turn the reading direction around, and formulas.
Each output escapes its own markup besides (HTML by Jinja2, PDF and XLSX by their writers); what is done here concerns all of them.
"""

from __future__ import annotations

import unicodedata

from abbe.limits import LIMITS

#: Unicode categories that change how the text around them is shown, and the two separators that break lines
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
#: joiners without which some scripts and emoji read wrongly, and which change nothing else
_HARMLESS = {"\u200c", "\u200d"}
#: longest name in a table or a caption; the whole of it is in the data
SHORT = 60
#: first characters by which spreadsheets take text for a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def inert(text: object, lines: bool = False) -> str:
    """The text with characters that act rather than show written as escapes; `lines` keeps line breaks and tabs."""
    kept = "\n\t" if lines else ""
    plain = str(text)[: LIMITS.name].replace("\r\n", "\n")
    return "".join(character if character in kept or _shows(character) else _escape(character) for character in plain)


def short(text: object, length: int = SHORT) -> str:
    """`inert`, cut where a name would burst a table; says how long it was."""
    whole = inert(text)
    return whole if len(whole) <= length else f"{whole[: length - 1]}… ({len(str(text))} characters)"


def formula_safe(text: str) -> str:
    """Text for a cell of CSV or TSV: an apostrophe before what a spreadsheet would calculate."""
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def _shows(character: str) -> bool:
    return character in _HARMLESS or unicodedata.category(character) not in _INVISIBLE


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"

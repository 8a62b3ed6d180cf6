"""Arabic, Hebrew and their like as they are seen: letters joined, and from right to left, for what draws one glyph after another.

Short texts within a line that runs from left to right, as names are: of the Unicode bidirectional algorithm (UAX #9) as much as they need.
The joined shapes are Unicode's presentation forms, which DejaVu Sans has.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

#: blocks of presentation forms: Persian and Urdu letters, then Arabic ones with the ligatures of lam and alef
_BLOCKS = (range(0xFB50, 0xFC00), range(0xFE80, 0xFEFD))
_LAM = "\u0644"


def in_view(text: str) -> str:
    """The text in the order and the shapes in which it is seen; what runs from left to right stays as it is."""
    if not any(_from_right(character) for character in text):
        return text
    out, run = [], ""
    for character in text:
        if run and (_from_right(character) or not _from_left(character)) and character != "\n":
            run += character
        elif _from_right(character):
            run = character
        else:
            out.append(_reversed(run) + character)
            run = ""
    return "".join(out) + _reversed(run)


def _reversed(run: str) -> str:
    """A run that begins with a letter from the right; what follows the last such letter and belongs to no number stays behind it."""
    end = max((k for k, character in enumerate(run, 1) if _from_right(character) or unicodedata.combining(character)), default=0)
    shaped = _joined(run[:end])
    # marks stay behind their letters, and numbers in their order
    parts = re.findall(r"\d[\d.,:/]*\d|.[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]*", shaped, re.DOTALL)
    return "".join(chr(_mirror().get(ord(part), ord(part))) if len(part) == 1 else part for part in reversed(parts)) + run[end:]


def _joined(text: str) -> str:
    """Arabic letters in the shapes that their neighbours ask for."""
    forms = _forms()
    for alef in "\u0622\u0623\u0625\u0627":  # lam and alef are one letter
        text = text.replace(_LAM + alef, forms[_LAM + alef]["isolated"])
    base = {shape: letter for letter, shapes in forms.items() for shape in shapes.values() if len(letter) == 2}
    letters = [base.get(character, character) for character in text]
    places = [k for k, letter in enumerate(letters) if not unicodedata.combining(letter[0])]
    out = list(text)
    for n, k in enumerate(places):
        shapes = forms.get(letters[k])
        if shapes is None:
            continue
        before = forms.get(letters[places[n - 1]], {}) if n else {}
        after = forms.get(letters[places[n + 1]], {}) if n + 1 < len(places) else {}
        to_right, to_left = "initial" in before and "final" in shapes, "initial" in shapes and "final" in after
        kind = ("medial" if to_left else "final") if to_right else "initial" if to_left else "isolated"
        out[k] = shapes.get(kind, text[k])
    return "".join(out)


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Letter, or lam and alef -> isolated, initial, medial and final shape."""
    found: dict[str, dict[str, str]] = {}
    for code in (code for block in _BLOCKS for code in block):
        kind, _, letters = unicodedata.decomposition(chr(code)).partition(" ")
        if kind.startswith("<"):
            letter = "".join(chr(int(part, 16)) for part in letters.split())
            found.setdefault(letter, {})[kind.strip("<>")] = chr(code)
    return found


@cache
def _mirror() -> dict[int, int]:
    left, right = "([{<\u00ab", ")]}>\u00bb"
    return str.maketrans(left + right, right + left)


def _from_right(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL")


def _from_left(character: str) -> bool:
    return unicodedata.bidirectional(character) == "L"

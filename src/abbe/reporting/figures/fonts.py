"""The typeface of reports: DejaVu Sans, which comes with matplotlib and has Latin, Greek, Cyrillic, Arabic and most symbols."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def known() -> frozenset[int]:
    """The characters that the typeface has."""
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(font_file()).get_charmap())


@cache
def font_file(bold: bool = False, mono: bool = False) -> str:
    import matplotlib

    name = "DejaVuSans" + ("Mono" if mono else "") + ("-Bold" if bold else "")
    return str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"))

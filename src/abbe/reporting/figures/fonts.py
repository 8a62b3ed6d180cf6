"""The typefaces of reports: DejaVu Sans, which comes with matplotlib and has Latin, Greek, Cyrillic, Arabic, Hebrew and most symbols, and
for everything else the fonts of this computer. What none of them has is not drawn as empty boxes: something else is said instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

#: parts of the names of font files, lower case, that have Chinese, Japanese, Korean and other scripts, and are looked at first
LIKELY = ("cjk", "sourcehan", "wqy", "droidsansfallback", "msyh", "simhei", "simsun", "pingfang", "hiragino", "stheiti", "yugoth", "meiryo",
          "msgothic", "malgun", "nanum", "applesdgothic", "arialuni", "arial unicode", "unifont", "ipag", "takao", "notosans", "nirmala",
          "leelaw")  # fmt: skip
#: endings of fonts that can be read
KINDS = (".ttf", ".ttc", ".otf", ".otc")


@cache
def known() -> frozenset[int]:
    """The characters that DejaVu Sans has."""
    return _characters(font_file())


@cache
def font_file(bold: bool = False, mono: bool = False) -> str:
    import matplotlib

    name = "DejaVuSans" + ("Mono" if mono else "") + ("-Bold" if bold else "")
    return str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"))


@lru_cache(maxsize=64)
def font(size: int, file: str | None = None) -> Any:
    """Pillow's font of letters `size` pixels high; by default DejaVu Sans."""
    from PIL import ImageFont

    return ImageFont.truetype(file or font_file(), size)


def missing(text: str) -> frozenset[int]:
    """The characters that DejaVu Sans has not."""
    return frozenset(map(ord, text)) - known() - {ord("\n")}


def files_with(characters: frozenset[int]) -> Iterator[str]:
    """Fonts of this computer that have all of these characters, likely ones first."""
    return (path for path in installed() if characters <= _characters(path))


@cache
def file_for(text: str) -> str | None:
    """A font that has the whole text: DejaVu Sans, or one of this computer; None where there is none."""
    return next(files_with(frozenset(map(ord, text))), None) if missing(text) else font_file()


@cache
def families(text: str) -> tuple[str, ...] | None:
    """Names of the fonts that matplotlib draws a text with, each for what those before have not; None where some of it has no font."""
    lacking = missing(text)
    if not lacking:
        return ("DejaVu Sans",)
    found = next(files_with(lacking), None)
    return None if found is None else ("DejaVu Sans", _family(found))


@cache
def installed() -> tuple[str, ...]:
    """Files of this computer's fonts, those first that are likely to have what DejaVu Sans has not."""
    from matplotlib.font_manager import findSystemFonts

    paths = sorted(path for path in findSystemFonts() if path.lower().endswith(KINDS))
    return tuple(sorted(paths, key=lambda path: not any(part in Path(path).name.lower() for part in LIKELY)))


@cache
def _characters(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError, UnicodeError):  # a font that cannot be read has nothing
        return frozenset()


@cache
def _family(path: str) -> str:
    """The name by which matplotlib finds a font, which it is told of."""
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    fontManager.addfont(path)
    return str(FT2Font(path).family_name)

"""Typefaces and paragraph styles of the PDF, and text made safe for its markup."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from abbe.reporting.figures.fonts import files_with, font_file
from abbe.reporting.right_to_left import in_view

INK, SOFT, MARK = "#1d2733", "#566270", "#9a3b00"
#: typefaces that readers of PDF have themselves, and the encodings of what they have: Japanese, simplified and traditional Chinese, Korean
READERS = (("HeiseiMin-W3", "shift_jis"), ("STSong-Light", "gb2312"), ("MSung-Light", "big5"), ("HYSMyeongJo-Medium", "euc_kr"))
#: points of the type in tables
TABLE_SIZE = 7.4


@cache
def register() -> frozenset[int]:
    """Set reportlab up and make the typefaces known to it, once; returns the characters that DejaVu Sans has."""
    from reportlab import rl_config
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.ttfonts import TTFont

    rl_config.useA85 = 0  # pictures as bytes: as text they are a quarter larger, and take most of a report's time
    face = TTFont("Abbe", font_file())
    pdfmetrics.registerFont(face)
    pdfmetrics.registerFont(TTFont("Abbe-Bold", font_file(bold=True)))
    for name, _ in READERS:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    pdfmetrics.registerFontFamily("Abbe", normal="Abbe", bold="Abbe-Bold", italic="Abbe", boldItalic="Abbe-Bold")
    return frozenset(face.face.charToGlyph)


def markup(text: str) -> str:
    """Text as reportlab's markup: escaped, characters that DejaVu lacks set in another typeface or as their code."""
    known = register()
    parts: list[str] = []
    for lacking, run in groupby(in_view(text), lambda character: ord(character) not in known and character != "\n"):
        letters = "".join(run)
        parts.append(_elsewhere(letters) if lacking else escape(letters))
    return "".join(parts)


@cache
def _elsewhere(letters: str) -> str:
    """Characters that DejaVu lacks: in a font of this computer, which is embedded, else in one that readers of PDF have, else as codes."""
    whole = _embedded(frozenset(map(ord, letters))) or _readers(letters)
    if whole is not None:
        return f'<font name="{whole}">{escape(letters)}</font>'
    if len(letters) > 1:
        return "".join(map(_elsewhere, letters))
    return f"U+{ord(letters):04X}"


@cache
def _embedded(characters: frozenset[int]) -> str | None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    for path in files_with(characters):
        name = f"Abbe-{path}"
        try:
            if name not in pdfmetrics.getRegisteredFontNames():
                pdfmetrics.registerFont(TTFont(name, path))
        except (TTFError, OSError):  # outlines of another kind than reportlab can embed, or a font that has gone
            continue
        return name
    return None


def _readers(letters: str) -> str | None:
    for name, encoding in READERS:
        try:
            letters.encode(encoding)
        except UnicodeEncodeError:
            continue
        return name
    return None


@cache
def styles() -> dict[str, Any]:
    from reportlab.lib.enums import TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle

    body = ParagraphStyle("body", fontName="Abbe", fontSize=9, leading=12.6, textColor=INK, spaceAfter=4, splitLongWords=1)

    def like(name: str, **changes: Any) -> Any:
        return ParagraphStyle(name, parent=body, **changes)

    return {
        "body": body,
        "title": like("title", fontName="Abbe-Bold", fontSize=18, leading=22, spaceAfter=3),
        "soft": like("soft", textColor=SOFT),
        "section": like("section", fontName="Abbe-Bold", fontSize=13, leading=16, spaceBefore=14, spaceAfter=6),
        "table": like("table", fontName="Abbe-Bold", fontSize=9.5, spaceBefore=9, spaceAfter=3),
        "caption": like("caption", fontSize=7.8, leading=10.4, textColor=SOFT, spaceBefore=3, spaceAfter=10),
        "warning": like("warning", textColor=MARK, leftIndent=9, borderPadding=2),
        "note": like("note", fontSize=7.4, leading=9.6, textColor=SOFT, spaceAfter=1, spaceBefore=1),
        "cell": like("cell", fontSize=TABLE_SIZE, leading=9.4, spaceAfter=0),
        "number": like("number", fontSize=TABLE_SIZE, leading=9.4, spaceAfter=0, splitLongWords=0, alignment=TA_RIGHT),
        "head": like("head", fontName="Abbe-Bold", fontSize=TABLE_SIZE, leading=9.4, spaceAfter=0),
        "head-number": like("head-number", fontName="Abbe-Bold", fontSize=TABLE_SIZE, leading=9.4, spaceAfter=0, alignment=TA_RIGHT),
    }

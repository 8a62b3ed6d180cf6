"""Reports as PDF, A4, with an outline of its sections; text is text, so that it can be searched and copied."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from abbe.reporting.model import Report, Section, Table
from abbe.reporting.renderers.plate import plate
from abbe.reporting.renderers.typography import TABLE_SIZE, markup, register, styles

#: A4 with margins, in points
WIDTH, HEIGHT, MARGIN = 595.3, 841.9, 45.0
FRAME = WIDTH - 2 * MARGIN
#: points of a figure's height: three with their captions fit on a page
TALLEST = 203.0


def as_pdf(report: Report) -> bytes:
    from reportlab.platypus import SimpleDocTemplate

    register()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=(WIDTH, HEIGHT),
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 10,
        title=report.title,
        author=report.software,
        creator=report.software,
        allowSplitting=1,
    )
    page = _Page(report)
    document.build(list(_story(report)), onFirstPage=page, onLaterPages=page)
    return out.getvalue()


#: points that a heading takes, and what must fit under it on its page: two lines of text, or a table's title, head and four rows. A long
#: table goes on overleaf under its head, instead of leaving a page's end white
HEADING, TEXT_BEGUN, TABLE_BEGUN = 36, 28, 100


class _Page:
    """What stands on every page: title, software, page number."""

    def __init__(self, report: Report) -> None:
        self._left = f"{report.software}, {report.created}"

    def __call__(self, canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont("Abbe", 7.5)
        canvas.setFillGray(0.4)
        canvas.drawString(MARGIN, MARGIN - 12, self._left)
        canvas.drawRightString(WIDTH - MARGIN, MARGIN - 12, f"page {document.page}")
        canvas.restoreState()


def _story(report: Report) -> Iterator[Any]:
    from reportlab.platypus import Paragraph, Spacer

    style = styles()
    yield Paragraph(markup(report.title), style["title"])
    yield Paragraph(markup(report.subtitle), style["soft"])
    yield Spacer(1, 8)
    for section in report.sections:
        yield from _section(section, style)


def _section(section: Section, style: dict[str, Any]) -> Iterator[Any]:
    from reportlab.platypus import CondPageBreak, Paragraph

    yield CondPageBreak(HEADING + (TEXT_BEGUN if section.paragraphs or section.warnings else TABLE_BEGUN))
    yield _Heading(section.title, section.key, style["section"])
    for text in section.paragraphs:
        for line in text.split("\n"):
            yield Paragraph(markup(line), style["body"])
    for text in section.warnings:
        yield Paragraph(markup(text), style["warning"])
    for figure in section.figures:
        yield plate(figure, style["caption"], FRAME, TALLEST)
    for table in (table for table in section.tables if not table.wide):
        yield from _table(table, style)


def _Heading(title: str, key: str, style: Any) -> Any:  # noqa: N802 - makes a flowable, as reportlab's classes do
    """A heading that is also an entry of the outline."""
    from reportlab.platypus import Paragraph

    class Heading(Paragraph):  # type: ignore[misc]
        def draw(self) -> None:
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(title, key, 0)
            super().draw()

    return Heading(markup(title), style)


def _table(table: Table, style: dict[str, Any]) -> Iterator[Any]:
    from reportlab.lib import colors
    from reportlab.platypus import CondPageBreak, LongTable, Paragraph, TableStyle

    numeric = [table.is_numeric(k) for k in range(len(table.columns))]
    widths, scale = _widths(table)
    looks = {name: _smaller(style[name], scale) for name in ("head-number", "head", "number", "cell")}
    head = [Paragraph(markup(name), looks["head-number" if right else "head"]) for name, right in zip(table.columns, numeric, strict=True)]
    rows = [
        [Paragraph(markup(entry.text), looks["number" if right else "cell"]) for entry, right in zip(row, numeric, strict=True)]
        for row in table.rows
    ]
    yield CondPageBreak(TABLE_BEGUN)
    yield Paragraph(markup(table.title), style["table"])
    drawn = LongTable([head, *rows], colWidths=widths, repeatRows=1, hAlign="LEFT")
    drawn.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, 0), 0.9, colors.HexColor("#1d2733")),
                ("LINEBELOW", (0, 1), (-1, -1), 0.3, colors.HexColor("#d9dfe5")),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 6),
                ("TOPPADDING", (0, 0), (-1, -1), 1.6),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.6),
            ]
        )
    )
    yield drawn
    for note in table.notes:
        yield Paragraph(markup(note), style["note"])


#: points of a cell's padding, and the widest that a word or a cell of text may make its column
PADDING, WORD, TEXT = 7.0, 96.0, 230.0
#: how much smaller letters may be in tables that are too wide; below, words and numbers are broken
SMALLER = 0.72


def _smaller(style: Any, scale: float) -> Any:
    if scale == 1:
        return style
    return style.clone(f"{style.name}-{scale:.3f}", fontSize=style.fontSize * scale, leading=style.leading * scale)


def _widths(table: Table) -> tuple[list[float], float]:
    """Of columns, and how much smaller letters are for it.

    Every number and every usual word fits on a line; what is left of the page goes to the columns with more text.
    """
    least, most = [], []
    for k, name in enumerate(table.columns):
        cells = [row[k] for row in table.rows]
        words = [word for text in (name, *(c.text for c in cells if c.number is None)) for word in text.split()]
        numbers = [_width(c.text) for c in cells if c.number is not None]
        least.append(PADDING + max([8.0, *(min(_width(word, bold=True), WORD) for word in words), *numbers]))
        most.append(max(least[-1], PADDING + max([8.0, *(min(_width(c.text), TEXT) for c in cells)])))
    room = FRAME - sum(least)
    wish = sum(most) - sum(least)
    if room < 0:
        fits = (FRAME - PADDING * len(least)) / (sum(least) - PADDING * len(least))
        scale = min(1.0, max(SMALLER, fits))
        narrow = [PADDING + scale * (width - PADDING) for width in least]
        return [width * min(1.0, FRAME / sum(narrow)) for width in narrow], scale
    share = min(1.0, room / wish) if wish > 0 else 1.0
    return [low + share * (high - low) for low, high in zip(least, most, strict=True)], 1.0


def _width(text: str, bold: bool = False) -> float:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return float(stringWidth(text, "Abbe-Bold" if bold else "Abbe", TABLE_SIZE))

"""Tables of a PDF that are wider than the page: letters get smaller before words and numbers are broken."""

from __future__ import annotations

import pytest

from abbe.reporting.model import Table
from abbe.reporting.renderers.pdf import FRAME, PADDING, SMALLER, _width, _widths
from abbe.reporting.renderers.typography import register


def table(columns: int) -> Table:
    heads = ["coefficient", *(f"super-resolved {k}" for k in range(columns - 1))]
    return Table.of("t", "Wide", heads, [["correlation", *(-0.000907969 * 10**-k for k in range(columns - 1))]])


@pytest.mark.parametrize(("columns", "smaller"), [(4, False), (8, True), (9, True)])
def test_every_number_and_word_stays_on_a_line(columns: int, smaller: bool) -> None:
    register()
    wide = table(columns)
    widths, scale = _widths(wide)
    assert sum(widths) <= FRAME + 1e-6
    assert (scale < 1) == smaller
    for k, width in enumerate(widths):
        words = [*wide.columns[k].split(), wide.rows[0][k].text]
        assert all(scale * _width(word, bold=True) <= width - PADDING + 1e-6 for word in words[:-1])
        assert scale * _width(words[-1]) <= width - PADDING + 1e-6


def test_letters_stay_legible_whatever_is_to_fit() -> None:
    register()
    widths, scale = _widths(table(40))
    assert scale == SMALLER
    assert sum(widths) == pytest.approx(FRAME)

"""The same digits wherever a number is read."""

from __future__ import annotations

import csv
import html
import re
from collections import Counter
from pathlib import Path

import openpyxl
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbe.reporting.model import Report
from abbe.reporting.numbers import digits, rounded


@settings(max_examples=60, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**18), 10**18))
def test_text_and_number_are_the_same(value: float) -> None:
    assert float(digits(value)) == rounded(value)
    assert rounded(value) == pytest.approx(value, rel=5.1e-6)


def _numbers(report: Report) -> list[str]:
    return [cell.text for table in report.tables() for row in table.rows for cell in row if cell.number is not None]


def test_the_report_has_the_numbers_of_a_paper(report_of: Report) -> None:
    keys = {table.key for table in report_of.tables()}
    assert {"images", "coefficients-1", "coefficients-2", "pixels-1", "checklist", "recipe", "versions"} <= keys
    assert len(_numbers(report_of)) > 150


def test_the_workbook_has_every_table_cell_by_cell(report_of: Report, written: dict[str, Path]) -> None:
    book = openpyxl.load_workbook(written[".xlsx"])
    lines = [[cell.value for cell in row] for sheet in book for row in sheet.iter_rows()]
    book.close()
    for table in report_of.tables():
        start = next(k for k, line in enumerate(lines) if line[0] == table.title)
        for row, line in zip(table.rows, lines[start + 2 :]):
            read = ["" if value is None else value if isinstance(value, str) else digits(value) for value in line[: len(row)]]
            assert read == [cell.text for cell in row], table.title
    numbers = [digits(value) for line in lines for value in line if isinstance(value, (int, float))]
    assert Counter(numbers) == Counter(_numbers(report_of))


def test_the_web_page_has_every_table_cell_by_cell(report_of: Report, written: dict[str, Path]) -> None:
    text = written[".html"].read_text(encoding="utf-8")
    found = [
        [[html.unescape(value) for value in re.findall(r"<td[^>]*>([^<]*)</td>", line)] for line in re.findall(r"<tr><td.*</tr>", body)]
        for body in re.findall(r"<tbody>(.*?)</tbody>", text, re.DOTALL)
    ]
    assert found == [[[cell.text for cell in row] for row in table.rows] for table in report_of.tables()]
    assert [html.unescape(value) for value in re.findall(r'<td class="number">([^<]*)</td>', text)] == _numbers(report_of)


def test_the_text_holds_every_row(report_of: Report, written: dict[str, Path]) -> None:
    lines = [line.split() for line in written[".txt"].read_text(encoding="utf-8").split("\n")]
    for table in report_of.tables():
        for row in table.rows:
            wanted = [cell.text for cell in row if cell.number is not None]
            first = row[0].text.split()
            assert any(line[: len(first)] == first and set(wanted) <= set(line) for line in lines) or not first, row


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_the_delimited_file_holds_every_number(report_of: Report, written: dict[str, Path], suffix: str, delimiter: str) -> None:
    with written[suffix].open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))
    found = Counter(row["value"] for row in rows)
    numbers = [cell.text for table in report_of.tables() for row in table.rows for cell in row[1:] if cell.number is not None]
    assert not Counter(numbers) - found


def test_a_program_finds_each_value_by_its_table_row_and_column(report_of: Report, written: dict[str, Path]) -> None:
    with written[".csv"].open(encoding="utf-8-sig", newline="") as file:
        found = Counter((line["table"], line["row"], line["column"]) for line in csv.DictReader(file))
    assert {place: count for place, count in found.items() if count > 1} == {}


def test_the_pdf_shows_every_number(report_of: Report, written: dict[str, Path]) -> None:
    reader = pypdf.PdfReader(written[".pdf"])
    words = Counter(" ".join(page.extract_text() for page in reader.pages).split())
    reader.close()
    missing = Counter(_numbers(report_of)) - words
    assert not missing


def test_undefined_numbers_give_their_reason(report_of: Report) -> None:
    for table in report_of.tables():
        if table.key.startswith("coefficients"):
            names = [row[0].text for row in table.rows if "undefined" in [cell.text for cell in row]]
            assert all(any(name in note for note in table.notes if note.startswith("Undefined: ")) for name in names)

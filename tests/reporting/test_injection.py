"""Names and comments that are attacks come out as text."""

from __future__ import annotations

import csv
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbe.errors import ParameterError
from abbe.reporting.inert import formula_safe, inert, short
from abbe.reporting.renderers.html import repeat_data

FORMULA = '=HYPERLINK("http://evil.example","free")'


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_runs_nothing_and_loads_nothing(written: dict[str, Path]) -> None:
    text = written[".html"].read_text(encoding="utf-8")
    parser = _Elements()
    parser.feed(text)
    scripts = [attributes for tag, attributes in parser.found if tag == "script"]
    assert [attributes["type"] for attributes in scripts] == ["application/json"]
    for tag, attributes in parser.found:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png;base64,", "#")), (tag, value)
    assert "default-src 'none'" in text
    assert "alert(1)" in text, "the name itself is shown"
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_workbook_has_no_formula_and_no_link(written: dict[str, Path]) -> None:
    with zipfile.ZipFile(written[".xlsx"]) as packed:
        content = {name: packed.read(name).decode("utf-8", "replace") for name in packed.namelist()}
    assert not [name for name, text in content.items() if name.startswith("xl/") and ("<f>" in text or "<hyperlink" in text)]
    book = openpyxl.load_workbook(written[".xlsx"])
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert any(FORMULA in cell.value for cell in cells)
    assert not [cell for cell in cells if cell.data_type == "f"]
    book.close()


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_no_cell_of_a_delimited_file_is_a_formula(written: dict[str, Path], suffix: str, delimiter: str) -> None:
    with written[suffix].open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file, delimiter=delimiter) for cell in row]
    assert not [
        cell for cell in cells if cell.startswith(("=", "+", "@")) or (cell.startswith("-") and not re.fullmatch(r"-[\d.e+-]+", cell))
    ]


def test_the_pdf_has_no_action_and_shows_other_scripts(written: dict[str, Path]) -> None:
    raw = re.sub(rb"stream.*?endstream", b"", written[".pdf"].read_bytes(), flags=re.DOTALL)
    assert not re.search(rb"/(JavaScript|JS|Launch|URI|SubmitForm|OpenAction|AA)\b", raw)
    reader = pypdf.PdfReader(written[".pdf"])
    text = "".join(page.extract_text() for page in reader.pages)
    reader.close()
    assert "<script>alert(1)" in text.replace("\n", "")
    assert "κύτταρα" in text
    assert text.count("n") > 9_000, "the long comment is there, broken into lines"


def test_text_for_a_terminal_has_no_control_characters(written: dict[str, Path]) -> None:
    text = written[".txt"].read_text(encoding="utf-8")
    assert not [character for character in text if (ord(character) < 32 and character != "\n") or character in "\u202e\x7f"]
    assert "\\u202e" in text


@settings(max_examples=40, deadline=None)
@given(st.text())
def test_inert_text_shows_and_does_not_act(text: str) -> None:
    assert inert(text).isprintable() or not [c for c in inert(text) if ord(c) < 32]
    assert "\u202e" not in inert(text)
    assert len(short(text)) <= 100
    assert not formula_safe(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def test_the_pages_own_data_survive_what_they_hold(written: dict[str, Path]) -> None:
    data = repeat_data(written[".html"].read_text(encoding="utf-8"))
    assert data["colocalizations"][0]["results"]["names"][0] == FORMULA
    with pytest.raises(ParameterError, match="wanted a report"):
        repeat_data("<html></html>")
    with pytest.raises(ParameterError, match="damaged"):
        repeat_data('<script type="application/json" id="abbe-repeat">{"a": </script>')

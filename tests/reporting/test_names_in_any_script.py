"""Channel names in any script: legible in charts, pictures and PDF, whatever fonts a computer has."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from abbe.image import Image
from abbe.reporting.figures import drawing
from abbe.reporting.figures.canvas import plain
from abbe.reporting.figures.charts import histograms
from abbe.reporting.figures.fonts import font_file, installed, known
from abbe.reporting.model import Report, Section
from abbe.reporting.renderers.pdf import as_pdf
from abbe.reporting.renderers.typography import markup
from abbe.reporting.right_to_left import in_view

#: signs of Yi, which hardly a computer has a font for
RARE = "\ua19e\ua30d"


@pytest.fixture(scope="module", autouse=True)
def without_fonts_for_rare_scripts() -> None:
    from matplotlib.ft2font import FT2Font

    for path in installed():
        try:
            if ord(RARE[0]) in FT2Font(path).get_charmap():
                pytest.skip("this computer has a font for Yi")
        except (OSError, RuntimeError):
            continue


def pixels(png: bytes) -> np.ndarray:
    from PIL import Image as Pillow

    return np.asarray(Pillow.open(io.BytesIO(png)))


# ------------------------------------------------------------------------------------------------ no font
def test_a_name_that_no_font_has_gives_way_to_what_tells_the_channel() -> None:
    assert plain(RARE, instead="channel 2") == "channel 2"
    assert plain("μικρό", instead="channel 2") == "μικρό"
    image = Image.from_array(np.arange(64.0).reshape(1, 8, 8), axes="CYX", channels=[RARE])
    drawn = histograms(image, None, ("original", ""), range(1), 1)()
    numbered = histograms(image.replace(channels=("channel 1",)), None, ("original", ""), range(1), 1)()
    np.testing.assert_array_equal(pixels(drawn), pixels(numbered))


def test_pictures_are_labelled_with_what_can_be_drawn() -> None:
    panel = drawing.picture(np.zeros((60, 90), np.uint8))
    given, numbered = (np.asarray(drawing.side_by_side([panel], [label])) for label in (RARE, "image 1"))
    np.testing.assert_array_equal(given, numbered)


# ------------------------------------------------------------------------------------------------ a font of this computer
def test_a_font_of_this_computer_draws_what_the_own_one_has_not(tmp_path: Path) -> None:
    """In a process of its own, with a font that draws the rare signs as A and B."""
    from fontTools.ttLib import TTFont

    font = TTFont(font_file())
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap = {ord(RARE[0]): "A", ord(RARE[1]): "B"}
    font["cmap"].tables = [table for table in font["cmap"].tables if table.isUnicode()]
    for record in font["name"].names:
        if record.nameID in (1, 4, 6, 16):
            record.string = "YiTest"
    (tmp_path / "fonts").mkdir()
    font.save(tmp_path / "fonts" / "yi.ttf")
    program = f"""
import io, numpy as np
from pypdf import PdfReader
from abbe.image import Image
from abbe.reporting.figures.charts import histograms
from abbe.reporting.figures import drawing
from abbe.reporting.model import Report, Section
from abbe.reporting.renderers.pdf import as_pdf
def drawn(name):
    image = Image.from_array(np.arange(64.0).reshape(1, 8, 8), axes="CYX", channels=[name])
    return histograms(image, None, ("original", ""), range(1), 1)()
assert drawn({RARE!r}) == drawn("AB"), "chart"
panel = drawing.picture(np.zeros((60, 90), np.uint8))
assert drawing.png(drawing.side_by_side([panel], [{RARE!r}])) == drawing.png(drawing.side_by_side([panel], ["AB"])), "picture"
page = PdfReader(io.BytesIO(as_pdf(Report({RARE!r}, "", "now", "abbe", ())))).pages[0]
assert {RARE!r} in page.extract_text(), page.extract_text()
fonts = [one.get_object() for one in page["/Resources"]["/Font"].values()]
assert any("/FontDescriptor" in font and "/FontFile2" in font["/FontDescriptor"] for font in fonts), fonts
"""
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path / "config"), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------------------ PDF
def test_readers_of_pdf_are_asked_for_the_font_that_has_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simplified Chinese has characters that Japanese fonts have not, and Korean is in neither."""
    from abbe.reporting.figures import fonts
    from abbe.reporting.renderers import typography

    typography._elsewhere.cache_clear()
    typography._embedded.cache_clear()
    monkeypatch.setattr(fonts, "installed", tuple)  # a computer without any font
    try:
        assert markup("細胞") == '<font name="HeiseiMin-W3">細胞</font>'
        assert markup("细胞") == '<font name="STSong-Light">细胞</font>'
        assert markup("세포") == '<font name="HYSMyeongJo-Medium">세포</font>'
        assert markup("a<ก") == "a&lt;U+0E01"
        assert len(PdfReader(io.BytesIO(as_pdf(Report("细胞 세포 細胞", "", "now", "abbe", (Section("a", "核"),))))).pages) == 1
    finally:
        typography._elsewhere.cache_clear()
        typography._embedded.cache_clear()


# ------------------------------------------------------------------------------------------------ from right to left
def test_arabic_is_joined_and_runs_from_right_to_left() -> None:
    """Salam: seen from the left it is an isolated meem, lam with alef at the end of a group, and a seen that begins it."""
    assert in_view("سلام") == "\ufee1\ufefc\ufeb3"
    assert in_view("بيت") == "\ufe96\ufef4\ufe91"
    assert in_view("کتاب") == "\ufe8f\ufe8e\ufe98\ufb90"  # Persian
    assert all(ord(character) in known() for character in in_view("الأنابيب الدقيقة"))


def test_numbers_brackets_and_latin_keep_their_order() -> None:
    assert in_view("DAPI (405 nm), 5%") == "DAPI (405 nm), 5%"
    assert in_view("שלום") == "םולש"
    assert in_view("GFP שלום 12.5 עולם, ok") == "GFP םלוע 12.5 םולש, ok"
    assert in_view("א(ב)ג") == "ג(ב)א"
    assert in_view("א 5") == "א 5"

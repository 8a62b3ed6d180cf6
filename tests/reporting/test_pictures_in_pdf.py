"""A picture leaves as it was drawn."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from pypdf import PdfReader

from abbe.reporting.figures import drawing
from abbe.reporting.figures.planes import shrink
from abbe.reporting.model import Figure, Report, Section
from abbe.reporting.renderers.pdf import as_pdf


def test_the_pixels_of_a_figure_in_a_pdf_are_those_that_were_drawn() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (61, 83, 3), dtype=np.uint8)
    figure = Figure("noise", "Noise", "Drawn once.", lambda: drawing.png(drawing.picture(pixels)))
    content = as_pdf(Report("title", "subtitle", "now", "abbe", (Section("one", "One", figures=(figure, figure)),)))
    found = [image.data for page in PdfReader(io.BytesIO(content)).pages for image in page.images]
    assert len(found) == 2
    for data in found:
        np.testing.assert_array_equal(np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("factor", [1, 2, 3, 9])
def test_a_shrunk_plane_holds_the_means_of_its_blocks(dtype: type, factor: int) -> None:
    plane = np.random.default_rng(2).integers(0, 200, (29, 40)).astype(dtype)
    rows, columns = 29 // factor, 40 // factor
    blocks = plane[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor).astype(float)
    np.testing.assert_allclose(shrink(plane, factor), blocks.mean(axis=(1, 3)), rtol=1e-6)

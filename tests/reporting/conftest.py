"""A session with hostile names, measured, and its report in every format; made once, for it takes seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from abbe.image import ROI, Image, Interval
from abbe.recipe import Engine, Input, Recipe, Step
from abbe.reporting.building import build
from abbe.reporting.face import RENDERERS
from abbe.reporting.model import Report
from abbe.session import Session

FORMULA = '=HYPERLINK("http://evil.example","free")'
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
RTL = "abc\u202egnp.exe\x1b]0;owned\x07\x00"
LONG = "n" * 10_000


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Two channels called like attacks, enlarged three times, compared, measured as a whole and in a ROI, with comments."""
    rng = np.random.default_rng(3)
    light = gaussian_filter(rng.random((2, 200, 196)), (0, 2, 2))
    light[1] = 0.6 * light[0] + 0.4 * light[1]
    a = rng.poisson(4000 * (light - light.min())).astype(np.uint16)
    image = Image.from_array(a, axes="CYX", pixel_size=(0.1, 0.1), channels=[FORMULA, SCRIPT])
    b = np.repeat(np.repeat(gaussian_filter(a.astype(np.float32), (0, 1, 1)), 3, axis=1), 3, axis=2)

    def like(values: np.ndarray) -> Image:
        return Image.from_array(values.astype(np.float32), axes="CYX", pixel_size=(0.1 / 3, 0.1 / 3), channels=image.channels)

    source = Input(source="cells.tif", digest="ab" * 32, shape=image.shape, dtype="uint16", channels=image.channels)
    steps = (Step(name="super_resolve", model="sr", model_version="1.2", model_digest="cd" * 32, parameters={"realism": 0.25}),)
    recipe = Recipe(operation="enhance", inputs=(source,), steps=steps, engine=Engine(name="onnxruntime", version="1.30"))
    made = like(b).replace(recipe=recipe, interval=Interval(like(b - 20), like(b + 20)), trust=like(np.full_like(b, 0.8)), original=image)
    kept = Session.create(tmp_path_factory.mktemp("reports") / "cells.abbe", made)
    kept.rename("v2", RTL)
    kept.rois.add(ROI.rectangle(2, 3, 12, 10), name=FORMULA)
    kept.colocalize()
    kept.colocalize(roi=FORMULA)
    kept.compare()
    for text in (FORMULA, SCRIPT, RTL, LONG, "zwei Zellen, 细胞, κύτταρα\nsecond line"):
        kept.comments.add(text, author=SCRIPT)
    return kept


@pytest.fixture(scope="session")
def report_of(session: Session) -> Report:
    return build(session.case())


@pytest.fixture(scope="session")
def written(report_of: Report, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report by suffix."""
    folder = tmp_path_factory.mktemp("written")
    for suffix, render in RENDERERS.items():
        (folder / f"report{suffix}").write_bytes(render(report_of))
    return {suffix: folder / f"report{suffix}" for suffix in RENDERERS}

"""`abbe rerun` compares what is undefined, verdicts and words too, whatever the magnitude of the grey values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.cli.frame import main
from abbe.session.agreement import differences
from abbe.session.repeating import rerun

DATA = re.compile(r'(<script type="application/json" id="abbe-repeat">)(.*?)(</script>)', re.DOTALL)


@pytest.fixture(autouse=True)
def _use_small_models(small_models_in_use: None) -> None: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, scale: float = 1.0) -> Path:
    """A report of an image, as HTML."""
    light = gaussian_filter(np.random.default_rng(5).random((2, 60, 60)), (0, 2, 2))
    light[1] = 0.6 * light[0] + 0.4 * light[1]
    pixels = (np.random.default_rng(6).poisson(4000 * (light - light.min())) * scale).astype(np.float32)
    abbe.save(abbe.Image.from_array(pixels, "CYX", 0.1, channels=["actin", "tubulin"]), folder / "cells.ome.tif")
    image = abbe.open(folder / "cells.ome.tif")
    made = abbe.enhance(image, steps=("denoise",))
    found = [abbe.colocalize(made), abbe.compare(original=image, transformed=made)]
    return abbe.report([made, *found], folder / "report.html")


def edited(report: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """The report with other data inside."""
    text = report.read_text(encoding="utf-8")
    found = DATA.search(text)
    assert found is not None
    data = json.loads(found[2])
    edit(data)
    changed = json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    report.write_text(text[: found.start(2)] + changed + text[found.end(2) :], encoding="utf-8")
    return report


def test_an_undefined_number_a_verdict_and_a_word_that_differ_are_counted(folder: Path) -> None:
    report = written(folder)
    before = rerun(report)
    assert before.differing == ()

    def edit(data: dict[str, Any]) -> None:
        results, channel = data["colocalizations"][0]["results"], data["comparisons"][0]["results"]["channels"][0]
        results["pearson"] = None
        results["words"] = {"tm1": "nonsense"}
        channel["verdict"]["word"] = "perhaps"
        channel["rsp"]["transformed"] = {"undefined": "no reason"}

    outcome = rerun(edited(report, edit))
    said = "\n".join(outcome.differing)
    assert "actin with tubulin, whole image, pearson: undefined or nothing before, 0." in said
    assert "words, tm1: nonsense before" in said
    assert "comparison, channels 1, verdict, word: perhaps before" in said
    assert "comparison, channels 1, rsp, transformed: undefined or nothing before, 0." in said
    assert not outcome.agrees
    assert main(["rerun", "report.html"]) == 1


def test_tiny_grey_values_that_differ_are_found(folder: Path) -> None:
    report = written(folder, scale=1e-16)
    assert rerun(report).differing == ()

    def edit(data: dict[str, Any]) -> None:
        results = data["colocalizations"][0]["results"]
        for there in (results["thresholds"], results["pixels"]["channels"][0]):
            for key in {"first", "minimum", "maximum"} & set(there):
                there[key] = 3 * there[key] + 1e-16
        results["intercept"] *= 1.001

    said = "\n".join(rerun(edited(report, edit)).differing)
    for what in ("thresholds, first", "pixels, channels 1, minimum", "pixels, channels 1, maximum", "whole image, intercept"):
        assert f"{what}: " in said, what


def test_where_nothing_was_measured_there_is_nothing_to_compare_and_it_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    abbe.save(abbe.Image.from_array(np.random.default_rng(1).poisson(50, (40, 40)).astype(np.uint16), "YX", 0.1), "one.ome.tif")
    abbe.report(abbe.open("one.ome.tif"), "one.html")
    capsys.readouterr()
    assert main(["rerun", "one.html"]) == 0
    said = capsys.readouterr()
    assert "there were no numbers to compare; all pixels are the same" in said.out
    assert "nothing was measured" in said.err


def test_a_frame_is_named_where_its_numbers_differ(folder: Path) -> None:
    series = np.random.default_rng(1).poisson(50, (3, 2, 40, 40)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(series, "TCYX", 0.1, channels=["actin", "tubulin"]), "series.ome.tif")
    image = abbe.open("series.ome.tif")
    report = abbe.report([abbe.colocalize(image, frames=(k, k + 1)) for k in (0, 2)], folder / "series.html")

    def edit(data: dict[str, Any]) -> None:
        data["colocalizations"][1]["results"]["pearson"] = 0.5

    (said,) = rerun(edited(report, edit)).differing
    assert said.startswith("actin with tubulin, whole image, frame 3 of 3, pearson: 0.5 before")


@pytest.mark.parametrize(
    ("before", "after", "agree"),
    [
        ({"pearson": 0.5}, {"pearson": 0.5 + 1e-8}, True),
        ({"pearson": 0.5}, {"pearson": 0.50001}, False),
        ({"pearson": 1e-17}, {"pearson": 3e-17}, True),  # both are 0, but for rounding
        ({"pearson": None}, {"pearson": 0.5}, False),
        ({"pearson": None}, {"pearson": None}, True),
        ({"pearson": 0.5}, {"pearson": None}, False),
        ({"pearson": 0.5}, {"pearson": 0.5, "new_measure": 0.1}, True),
        ({"slope": 1e-15}, {"slope": 2e-15}, False),
        ({"thresholds": {"first": 1e-14}, "maximum": 1e-13}, {"thresholds": {"first": 2e-14}, "maximum": 1e-13}, False),
        ({"intercept": 1e-17, "maximum": 1000.0}, {"intercept": 2e-17, "maximum": 1000.0}, True),
        ({"rsp": {"undefined": "why"}}, {"rsp": 0.9}, False),
        ({"rsp": {"undefined": "why"}}, {"rsp": {"undefined": "said otherwise"}}, True),
        ({"words": {}}, {"words": {"tm1": "strong"}}, False),
        ({"doubtful": []}, {"doubtful": ["m1"]}, False),
        ({"verdict": {"word": "improved", "line": "sharper"}}, {"verdict": {"word": "improved", "line": "said otherwise"}}, True),
        ({"verdict": {"word": "improved", "line": "sharper"}}, {"verdict": {"word": "doubtful", "line": "sharper"}}, False),
        ({"pearson": 10**400}, {"pearson": 0.5}, False),
        ({"changes": {"slope": {"before": 1e-15}}}, {"changes": {"slope": {"before": 2e-15}}}, False),
        ({"warnings": []}, {"warnings": [{"code": "new", "message": "a newer abbe says more"}]}, True),
        ({"values": [1.0, 2.0]}, {"values": [1.0]}, False),
    ],
)
def test_what_agrees(before: dict[str, Any], after: dict[str, Any], agree: bool) -> None:
    assert (differences(before, after, "it").differing == ()) == agree

"""Many regions of one image: what holds for all of them is read and found once, and what lies far from a region costs it nothing."""

from __future__ import annotations

import csv
import gc
import json
import re
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe
from abbe.cli.frame import main
from abbe.colocalization import colocalize, colocalize_all, tables
from abbe.colocalization import pair as pairs
from abbe.colocalization.over import OfFile
from abbe.image import ROI, Grid, Image, Mask
from abbe.session import Session
from abbe.session.chunks import ChunkedPixels


def _cells(shape: tuple[int, ...] = (2, 700, 900), dtype: str = "uint16") -> Image:
    rng = np.random.default_rng(7)
    coarse = rng.random((*shape[:-2], -(-shape[-2] // 8), -(-shape[-1] // 8)))
    wide = np.kron(coarse, np.ones((8, 8)))[..., : shape[-2], : shape[-1]]
    wide[1] = 0.6 * wide[0] + 0.4 * wide[1]
    pixels = rng.poisson(20 + 300 * wide**3).astype(dtype)
    axes = "CYX" if len(shape) == 3 else "CZYX"
    return Image.from_array(pixels, axes=axes, pixel_size=(0.3 if len(shape) == 4 else None, 0.1, 0.1))


def _regions() -> list[ROI]:
    rng = np.random.default_rng(8)
    mask = np.zeros((700, 900), bool)
    mask[300:340, 500:560] = rng.random((40, 60)) < 0.7
    rectangle, ellipse = ROI.rectangle(27.0, 31.0, 4.0, 6.0), ROI.ellipse(29, 40, 3, 5, 30)
    return [
        rectangle,  # over the border of two bands
        ellipse,
        ROI.polygon([(1, 1), (9, 3), (6, 12), (2, 9)], name="corner"),
        Mask(planes=mask, size=(1.0, 0.1, 0.1), name="mask"),
        rectangle | ROI.ellipse(300, 400, 20, 30, unit="pixel"),
        rectangle - ellipse,
        ROI.rectangle(-5, 60, 80, 60, name="beyond the image"),
    ]


@pytest.mark.parametrize("image", [_cells(), _cells(dtype="float32"), _cells((2, 3, 350, 900))], ids=["counts", "floats", "stack"])
def test_a_region_gives_the_digits_that_going_over_the_whole_image_gives(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [colocalize(image, roi=roi).to_dict() for roi in _regions()]
    monkeypatch.setattr(pairs.Pair, "window", lambda self, place: (slice(0, place.last - place.first), slice(0, self.grid.columns)))
    monkeypatch.setattr(ROI, "span", lambda self, grid, first, last: (first, last))
    monkeypatch.setattr(pairs, "FEW", -1.0)
    assert [json.dumps(one, sort_keys=True) for one in found] == [
        json.dumps(colocalize(image, roi=roi).to_dict(), sort_keys=True) for roi in _regions()
    ]
    inside = _regions()[0].mask(image)
    values = np.asarray(image, dtype=float)[0][:, inside]
    assert found[0]["n"] == values.shape[1] > 1000
    assert found[0]["pearson"] == pytest.approx(np.corrcoef(values)[0, 1], abs=1e-12)


def test_rows_of_a_region_are_those_of_the_whole_region() -> None:
    grid = Grid.of(_cells())
    for roi in _regions():
        whole = roi.rows(grid, 0, 0, 0, 700)
        assert np.array_equal(whole, np.concatenate([roi.rows(grid, 0, 0, y, y + 70) for y in range(0, 700, 70)]))
        assert np.array_equal(whole, roi.fill(grid, 0, 0, 0, 700))
    far = ROI.rectangle(1e300, 0, 1, 1)
    assert not far.rows(grid, 0, 0, 0, 700).any()


def test_thirty_regions_of_a_session_read_its_pixels_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = _cells((2, 300, 300))
    with Session.create(tmp_path / "cells.abbe", image) as session:
        read: list[Any] = []
        whole = ChunkedPixels.read
        monkeypatch.setattr(ChunkedPixels, "read", lambda self, region: (read.append(region), whole(self, region))[1])
        rois = [ROI.rectangle(0.9 * k, 0.8 * k, 3, 4) for k in range(30)]
        kept = session.image()
        one = colocalize_all(kept, rois=rois[:1])
        once, read[:] = len(read), []
        many = colocalize_all(kept, rois=rois)
        assert len(read) == once
        assert many[0].to_dict() == one[0].to_dict() == colocalize(kept, roi=rois[0]).to_dict()
        # what was read is let go of with the measuring: a table holds numbers, and reads pixels again when it is asked for some
        assert not any(found.pair._kept or found.pair._inside or found.pair._few for found in many)
        assert np.asarray(many[3].scattergram(16).counts).sum() == many[3].pixels.pixels


def test_progress_of_many_goes_on_within_each(tmp_path: Path) -> None:
    heard: list[float] = []
    abbe.colocalize_all(
        _cells((2, 64, 64)), rois=[ROI.rectangle(0, 0, 3, 3), ROI.rectangle(1, 1, 3, 3)], progress=lambda f, _: heard.append(f)
    )
    assert heard == sorted(heard)
    assert heard[-1] == 1
    assert any(0 < fraction < 0.5 for fraction in heard)


def test_coefficients_over_regions_are_summed_up_and_many_remarks_of_a_kind_are_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = _cells()
    abbe.save(image, tmp_path / "image.tif")
    rois = [ROI.rectangle(2.0 * k, 3.0 * k, 1.5, 1.4, name=f"cell {k}") for k in range(12)]
    abbe.save_rois(rois, tmp_path / "cells.json")
    words = ["colocalize", str(tmp_path / "image.tif"), "--roi", str(tmp_path / "cells.json"), "--whole", "--threshold", "none"]
    assert main([*words, "-o", str(tmp_path / "a.json")]) == 0
    said = capsys.readouterr()
    each = [colocalize(image, roi=roi, threshold="none")["pearson"].value for roi in rois]
    values = np.array([value for value in each if value is not None])
    assert len(values) == 12  # the whole image is no region
    assert (
        f"over 12 regions: pearson {values.mean():.4g} +- {values.std(ddof=1):.4g} (mean, SD), median {np.median(values):.4g}, "
        f"{values.min():.4g} to {values.max():.4g}"
    ) in said.out
    assert said.err.count("pixels: even if each were independent") == 3
    more = re.search(r"and (\d+) more of this kind \(too few pixels to measure\); the table Warnings", said.err)
    alike = {
        notice.message for roi in rois for notice in colocalize(image, roi=roi, threshold="none").notices if notice.code == "few_pixels"
    }
    assert more is not None
    assert int(more[1]) == len(alike) - 3
    table = next(one for one in tables(colocalize_all(image, [(0, 1)], rois, threshold="none").results) if one.title == "Over regions")
    row = dict(zip(table.head, next(row for row in table.rows if row[3] == "spearman")))
    assert (row["image"], row["regions"], row["undefined in"], row["means little in"]) == ("original", 12, 0, 0)
    assert dict(zip(table.head, next(row for row in table.rows if row[3] == "m1")))["means little in"] == 12
    assert "m1 1 +- 0 (mean, SD), median 1, 1 to 1; means little in 12" in said.out
    assert not [one for one in tables(colocalize_all(image, [(0, 1)], rois[:2]).results) if one.title == "Over regions"]


def test_many_files_are_one_table_and_each_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files with other numbers of cells, whose ROIs lie beside them under their names; one without ROIs does not stop the others."""
    (tmp_path / "plate").mkdir()
    means = []
    for k, count in enumerate((3, 5, 4)):
        pixels = np.asarray(_cells())[0, :, 0].astype(np.int64)
        pixels[1] = pixels[1] * (3 - k) // 3 + np.random.default_rng(k).poisson(40 + 40 * k, pixels[1].shape)
        image = Image.from_array(pixels.astype(np.uint16), axes="CYX", pixel_size=0.1)
        abbe.save(image, tmp_path / "plate" / f"well {k}.ome.tif")
        rois = [ROI.rectangle(12.0 * n, 14.0 * n, 10, 12, name=f"cell {n}") for n in range(count)]
        abbe.save_rois(rois, tmp_path / "plate" / f"well {k}_cells.json")
        means.append(np.mean([float(colocalize(image, roi=roi)["pearson"].value or 0) for roi in rois]))
    abbe.save(_cells(), tmp_path / "plate" / "well 3.ome.tif")
    files = [str(tmp_path / "plate" / f"well {k}.ome.tif") for k in range(4)]
    words = ["colocalize", *files, "--roi", "{}_cells.json"]
    assert main([*words, "-o", str(tmp_path / "all.csv")]) == 1
    said = capsys.readouterr()
    assert "1 of 4 files could not be done: well 3.ome.tif" in said.err
    assert (
        f"original, channel 0 with channel 1, over 3 files: pearson {np.mean(means):.4g} +- {np.std(means, ddof=1):.4g} (mean, SD), "
        f"median {np.median(means):.4g}, {min(means):.4g} to {max(means):.4g}"
    ) in said.out
    text = (tmp_path / "all.csv").read_text(encoding="utf-8-sig")
    tables_of = {part.splitlines()[0]: part.splitlines()[1:] for part in text.removeprefix("# ").split("\n\n# ")}
    coefficients = list(csv.DictReader(tables_of["Coefficients"]))
    assert [row["source"] for row in coefficients] == ["well 0.ome.tif"] * 3 + ["well 1.ome.tif"] * 5 + ["well 2.ome.tif"] * 4
    over = {row["coefficient"]: row for row in csv.DictReader(tables_of["Over files"])}
    assert float(over["pearson"]["mean"]) == pytest.approx(np.mean(means))
    assert over["pearson"]["files"] == "3"
    assert (over["m1"]["means little in"], over["spearman"]["means little in"]) == ("3", "0")
    regions = [row for row in csv.DictReader(tables_of["Over regions"]) if row["coefficient"] == "pearson"]
    assert [float(row["mean"]) for row in regions] == pytest.approx(means)
    assert len(tables_of["Definitions"]) == len(set(tables_of["Definitions"]))
    assert main([*words[:4], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["files"]
    assert [(one["source"], len(one["results"])) for one in found] == [("well 0.ome.tif", 1), ("well 1.ome.tif", 1), ("well 2.ome.tif", 1)]


def test_what_is_kept_of_a_file_holds_none_of_its_pixels() -> None:
    """Memory of many files does not grow with them: 16 MB for each of 2048 x 2048 in two channels."""
    image = _cells()
    results = colocalize_all(image, [(0, 1)], _regions()[:2]).results
    there = weakref.ref(image.pixels.array)  # type: ignore[attr-defined]
    kept = OfFile.of("cells.tif", results)
    del image, results
    gc.collect()
    assert there() is None
    assert kept.values["original", "channel 0", "channel 1"]["pearson"]


def test_a_region_in_many_frames_counts_once_and_other_thresholds_by_themselves() -> None:
    """Five frames of one cell are no five cells, and Costes' and Otsu's coefficients have no common mean."""
    still = np.asarray(_cells())[:, :2]
    series = np.random.default_rng(0).poisson(np.repeat(still, 4, axis=0).astype(np.float64)).astype(np.uint16)
    movie = Image.from_array(series, axes="TCZYX", pixel_size=0.1)
    rois = [ROI.rectangle(2.0 + 9 * k, 3.0 + 9 * k, 8, 8, name=f"cell {k}") for k in range(3)]
    alone = colocalize_all(movie, [(0, 1)], rois[:1], each="frame", threshold="none").results
    assert len(alone) == 4
    assert not [one for one in tables(alone) if one.title == "Over regions"]
    results = [*colocalize_all(movie, [(0, 1)], rois, each="frame", threshold="none").results]
    results += colocalize_all(movie, [(0, 1)], rois, threshold="otsu").results
    table = next(one for one in tables(results) if one.title == "Over regions")
    rows = [row for row in (dict(zip(table.head, cells)) for cells in table.rows) if row["coefficient"] == "pearson"]
    assert [(row["thresholds by"], row["regions"]) for row in rows] == [("none", 3), ("otsu", 3)]
    each = [[r["pearson"].value for r in results[:12] if r.region.name == roi.name] for roi in rois]
    assert [len(values) for values in each] == [4, 4, 4]
    assert rows[0]["mean"] == pytest.approx(np.mean(each))
    assert rows[0]["SD"] == pytest.approx(np.std(np.mean(each, axis=1), ddof=1))

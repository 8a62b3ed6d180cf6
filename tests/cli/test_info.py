"""`abbe info` tells what a file holds, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.cli.info import as_dict, as_text
from abbe.simulation import specimen


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cells/hela_lysosome_mito_nucleus.tif", ["3 channels x 512 x 672", "0.051493 um", "red", "RGB"]),
        ("stacks/yeast_mitochondria_tzyx.ome.tif", ["4 frames x 17 planes x 192 x 279", "0.0655 um, z-step 0.25 um"]),
        ("coloc/peers/colocsample1b-green.tif", ["33 planes", "Ch2-T1", "8-bit image", "#00ff00"]),
        ("formats/cluster.nd2", ["NA 0.95", "60x", "confocal", "12 bits used", "emission 525, 700 nm"]),
    ],
)
def test_real_files_are_described(shared_data: Path, name: str, words: list[str]) -> None:
    file = shared_data / name
    if file.suffix == ".nd2":
        pytest.importorskip("nd2")
    text = "\n".join(as_text(file, abbe.open(file)))
    for word in words:
        assert word in text


def test_json_has_the_same_facts(shared_data: Path) -> None:
    file = shared_data / "cells/hela_lysosome_mito_nucleus.tif"
    said = json.loads(json.dumps(as_dict(file, abbe.open(file))))
    assert said["shape"] == [1, 3, 1, 512, 672]
    assert said["pixel_size"]["x"] == pytest.approx(0.0514931)
    assert [c["name"] for c in said["channels"]] == ["red", "green", "blue"]
    assert said["channels"][0]["maximum"] == 4095
    assert [w["code"] for w in said["warnings"]] == ["rgb"]
    assert len(said["sha256"]) == 64


@pytest.mark.parametrize("what", ["transmitted light", "masks and labels"])
def test_what_is_no_fluorescence_is_told_once(tmp_path: Path, what: str) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:128, :128]
    disc = (y - 64) ** 2 + (x - 64) ** 2 < 900
    pixels = np.where(disc, 255, 0) if what == "masks and labels" else 200 - 120 * disc + rng.normal(0, 3, disc.shape)
    abbe.save(pixels.astype(np.uint8), tmp_path / "first.tif")
    image = abbe.open(tmp_path / "first.tif")
    assert [what in w["message"] for w in as_dict(tmp_path / "first.tif", image)["warnings"]].count(True) == 1
    abbe.save(abbe.enhance(image, steps="denoise"), tmp_path / "result.ome.tif")  # tells it from then on
    result = abbe.open(tmp_path / "result.ome.tif")
    lines = as_text(tmp_path / "result.ome.tif", result)
    assert sum(what in line for line in lines) == 1


def test_fluorescence_is_told_nothing(tmp_path: Path) -> None:
    low = np.random.default_rng(0).poisson(3 + 40 * specimen(np.random.default_rng(1), 128, "filaments"))
    abbe.save(low.astype(np.uint16), tmp_path / "cells.tif")
    assert as_dict(tmp_path / "cells.tif", abbe.open(tmp_path / "cells.tif"))["warnings"] == []


@pytest.mark.long
def test_every_shared_image_is_described(shared_data: Path) -> None:
    for file in sorted(shared_data.rglob("*.tif*")):
        lines = as_text(file, abbe.open(file))
        assert len(lines) > 4
        assert all("\n" not in line for line in lines)

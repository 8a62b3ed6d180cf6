"""An opened image goes to another process, as a pool of workers sends it, and has its pixels there."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import abbe
from abbe.errors import StorageError
from abbe.image.pixels import ScratchPixels

STACK = np.random.default_rng(0).poisson(200, (3, 2, 64, 70)).astype(np.uint16)
FILES: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "plain": (STACK[0, 0], {}),
    "zlib": (STACK[0, 0], {"compression": "zlib"}),
    "tiled": (STACK[:, 0], {"tile": (32, 32), "compression": "lzw", "photometric": "minisblack"}),
    "imagej": (STACK, {"imagej": True, "metadata": {"axes": "ZCYX"}}),
    "ome": (STACK, {"ome": True, "metadata": {"axes": "ZCYX"}, "compression": "zlib", "photometric": "minisblack"}),
    "inverted": ((STACK[0, 0] % 256).astype(np.uint8), {"photometric": "miniswhite"}),
    "jpeg": (STACK[0, 0].astype(np.uint8)[..., None].repeat(3, 2), {"photometric": "rgb", "compression": "jpeg"}),
    "masked": (np.where(STACK[0, 0] > 240, np.nan, STACK[0, 0]).astype(np.float32), {}),
}


def pixels_of(data: bytes) -> bytes:
    """In the other process."""
    return np.asarray(pickle.loads(data)).tobytes()


@pytest.fixture(scope="module")
def elsewhere() -> Any:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", FILES)
def test_an_opened_tiff_has_its_pixels_in_another_process(name: str, tmp_path: Path, elsewhere: Any) -> None:
    array, how = FILES[name]
    tifffile.imwrite(tmp_path / f"{name}.tif", array, **how)
    image = abbe.open(tmp_path / f"{name}.tif")
    for sent in (image, image.select([0])):
        assert elsewhere.submit(pixels_of, pickle.dumps(sent)).result() == np.asarray(sent).tobytes()


def test_a_measurement_comes_back_from_another_process(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "two.tif", STACK[0], compression="zlib", photometric="minisblack")
    found = abbe.colocalize(abbe.open(tmp_path / "two.tif"), ranked=False)
    again = pickle.loads(pickle.dumps(found))
    assert again.to_dict() == found.to_dict()


def test_pixels_in_a_scratch_file_are_to_be_saved_first() -> None:
    with pytest.raises(StorageError, match="save them"):
        pickle.dumps(ScratchPixels((1, 1, 1, 8, 8), np.uint8))

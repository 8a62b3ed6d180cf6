"""Microscope makers' files open with the pixels that their own libraries read, and with the facts that were recorded."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe
from abbe.errors import MissingExtraError, NotAnImageError

Reference = Callable[[Path], np.ndarray]


def nd2(path: Path) -> np.ndarray:
    with importlib.import_module("nd2").ND2File(path) as file:
        return np.asarray(file.asarray()).transpose(0, 2, 1, 3, 4)  # TZCYX


def lif(path: Path) -> np.ndarray:
    with importlib.import_module("liffile").LifFile(path) as file:
        return np.asarray(file.images[0].asarray())[None, :, None]  # CYX


def oib(path: Path) -> np.ndarray:
    return np.asarray(importlib.import_module("oiffile").imread(str(path)))[None, :, None]  # CYX


def dv(path: Path) -> np.ndarray:
    with importlib.import_module("mrc").DVFile(path) as file:
        return np.asarray(file.asarray(squeeze=True))[None]  # CZYX


def czi(path: Path) -> np.ndarray:
    return np.asarray(importlib.import_module("czifile").imread(str(path)))


FILES: list[tuple[str, str, Reference, tuple[float | None, float, float] | None, tuple[str, ...]]] = [
    ("cluster.nd2", "nd2", nd2, (0.5, 0.167809, 0.167809), ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS")),
    ("Multiposition.lif", "liffile", lif, (None, 0.758317, 0.758317), ("channel 0", "channel 1", "channel 2")),
    ("test.oib", "oiffile", oib, (None, 0.176309, 0.176309), ("CH1", "Alexa Fluor 546", "CH3")),
    ("toxo.dv", "mrc", dv, (0.3, 0.13262, 0.13262), ("channel 0", "channel 1")),
    ("CellDivision_T3_Z5_CH2_X240_Y170.czi", "czifile", lambda p: czi(p)[0, ..., 0], (0.32, 0.0905767, 0.0905767), ("LED555", "LED470")),
    ("DAPI_GFP.czi", "czifile", lambda p: czi(p)[:, :, None, :, :, 0], None, ("DAPI", "GFP")),
    ("MT-stack.czi", "czifile", lambda p: czi(p)[0, ..., 0].transpose(1, 0, 2, 3, 4), (0.371246, 0.0878588, 0.0878588), ("ChS1",)),
]


@pytest.mark.parametrize(("name", "library", "reference", "size", "channels"), FILES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_microscopes_own_file_opens(
    shared_data: Path, name: str, library: str, reference: Reference, size: Any, channels: tuple[str, ...]
) -> None:
    pytest.importorskip(library)
    path = shared_data / "formats" / name
    image = abbe.open(path)
    truth = reference(path)
    assert np.array_equal(np.asarray(image), truth)
    part = image.read((slice(0, 1), slice(0, 1), slice(0, 1), slice(3, 17), slice(5, 30)))
    assert np.array_equal(part, truth[:1, :1, :1, 3:17, 5:30])
    assert image.channels == channels
    if size is not None:
        assert image.pixel_size[1:] == pytest.approx(size[1:], rel=1e-4)
        assert image.pixel_size[0] == (None if size[0] is None else pytest.approx(size[0], rel=1e-4))


def test_a_czi_packed_with_zstandard_has_the_pixels_of_its_unpacked_kin(shared_data: Path) -> None:
    pytest.importorskip("czifile")
    packed = abbe.open(shared_data / "formats" / "CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD.czi")
    kin = abbe.open(shared_data / "formats" / "CellDivision_T3_Z5_CH2_X240_Y170.czi")
    assert packed.shape == (3, 1, 6, 200, 300)
    # The same recording, deconvolved: as smooth as microscope images are, which wrongly joined bytes would not be.
    plane = packed.plane(z=3).astype(float)
    assert np.corrcoef(plane[:, 1:].ravel(), plane[:, :-1].ravel())[0, 1] > 0.9
    assert packed.pixel_size == pytest.approx(kin.pixel_size)
    assert packed.optics.numerical_aperture == 1.2


def test_the_optics_of_an_nd2_arrive(shared_data: Path) -> None:
    pytest.importorskip("nd2")
    image = abbe.open(shared_data / "formats" / "cluster.nd2")
    assert image.bits == 12
    assert image.optics.modality == "confocal"
    assert image.optics.numerical_aperture == 0.95
    assert image.optics.emission == (525, 700)
    assert image.optics.excitation == (488, 561)


def test_other_positions_are_named(shared_data: Path) -> None:
    pytest.importorskip("liffile")
    (notice,) = abbe.open(shared_data / "formats" / "Multiposition.lif").notices
    assert notice.code == "dropped"
    assert "3 images" in notice.message


@pytest.mark.parametrize(("name", "library", "reference", "size", "channels"), FILES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_microscopes_file_that_was_cut_short_never_gives_wrong_pixels(
    shared_data: Path, tmp_path: Path, name: str, library: str, reference: Reference, size: Any, channels: tuple[str, ...]
) -> None:
    pytest.importorskip(library)
    data = (shared_data / "formats" / name).read_bytes()
    truth = reference(shared_data / "formats" / name)
    cut = tmp_path / name
    refused = 0
    for share in (0.02, 0.3, 0.7, 0.98):
        cut.write_bytes(data[: int(len(data) * share)])
        try:
            pixels = np.asarray(abbe.open(cut))
        except NotAnImageError:
            refused += 1
            continue
        assert np.array_equal(pixels, truth), share  # what is missing may be another image of the file
    assert refused


def test_a_missing_library_names_the_extra(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "nd2", None)
    with pytest.raises(MissingExtraError, match=r"abbe\[formats\]"):
        abbe.open(shared_data / "formats" / "cluster.nd2")

"""napari's reader: every format, sessions with their versions, and nothing that is not abbe's."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.image import ROI
from abbe.napari.reading import get_reader, read
from napari_maker import blob

UM = 0.1


def image() -> abbe.Image:
    return abbe.Image.from_array(np.stack([blob(), blob()]), "CYX", UM, ["DAPI", "actin"])


@pytest.mark.parametrize("name", ["cells.ome.tif", "cells.tif", "cells.zarr", "cells.png", "cells.jpg"])
def test_every_format_that_abbe_writes_is_read_back(name: str, tmp_path: Path) -> None:
    plain = abbe.Image.from_array(blob().astype(np.uint8), pixel_size=UM)
    abbe.save(plain if name.endswith(("png", "jpg")) else image(), tmp_path / name)
    reader = get_reader(str(tmp_path / name))
    assert reader is not None
    found = reader(str(tmp_path / name))
    assert len(found) == (1 if name.endswith(("png", "jpg")) else 2)
    assert all(np.asarray(data).shape == (48, 48) for data, _, _ in found)


@pytest.mark.parametrize("ending", [".tif", ".nd2", ".czi", ".lif", ".oib", ".dv"])
def test_real_files_of_microscopes_are_read(ending: str, shared_data: Path) -> None:
    """One of each kind, as far as they are here."""
    files = sorted((p for p in shared_data.rglob(f"*{ending}") if ".files" not in str(p)), key=lambda p: (p.stat().st_size, p.name))
    if not files:
        pytest.skip(f"no {ending} among the real images")
    for file in files[:40]:
        reader = get_reader(str(file))
        if reader is None:
            continue
        try:
            found = reader(str(file))
        except abbe.AbbeError:
            continue  # damaged on purpose
        assert found
        for data, attributes, _ in found:
            assert len(attributes["scale"]) == data.ndim == len(attributes["units"])
            assert attributes["contrast_limits"][0] < attributes["contrast_limits"][1]
        return
    pytest.skip(f"no whole {ending} among the real images")


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    abbe.save(image(), tmp_path / "cells.tif")
    (tmp_path / "cells.tif").rename(tmp_path / "cells.dat")
    assert get_reader(str(tmp_path / "cells.dat")) is not None
    (tmp_path / "notes.tif").write_text("no image at all")
    assert get_reader(str(tmp_path / "notes.tif")) is None


def test_several_files_at_once_are_nobodys_guess(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        abbe.save(image(), tmp_path / name)
    assert get_reader([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")]) is None
    assert get_reader([str(tmp_path / "a.tif")]) is not None


def test_a_file_that_is_damaged_or_not_there_says_so_in_a_sentence(tmp_path: Path) -> None:
    abbe.save(image(), tmp_path / "cells.ome.tif")
    os.truncate(tmp_path / "cells.ome.tif", 400)
    for name in ("cells.ome.tif", "gone.tif", "gone.abbe"):
        reader = get_reader(str(tmp_path / name))
        assert reader is not None
        with pytest.raises(abbe.AbbeError):
            [np.asarray(data) for data, _, _ in reader(str(tmp_path / name))]


def test_a_session_has_all_its_versions_where_they_belong_and_its_rois(tmp_path: Path) -> None:
    session = abbe.Session.create(tmp_path / "cells.abbe", image())
    session.enhance(steps="super_resolve", passes=1)
    session.crop((24, 96), (30, 90))
    session.revert_to(2)
    session.rois.add(ROI.rectangle(1.0, 2.0, 1.0, 1.5, name="nucleus"))
    found = {attributes["name"]: attributes for _, attributes, _ in read(str(tmp_path / "cells.abbe"))}
    originals = [name for name in found if name in ("DAPI [cells]", "actin [cells]")]
    shown = [name for name, attributes in found.items() if attributes.get("visible", True)]
    assert len(originals) == 2
    assert len(shown) == 3  # two channels of the current version, and the ROIs
    fine = found[next(name for name in shown if name.startswith("DAPI"))]
    assert fine["scale"] == pytest.approx((UM / 3, UM / 3))
    assert fine["translate"] == pytest.approx((-UM / 3, -UM / 3))
    assert fine["metadata"]["abbe"].image.original is not None
    cropped = next(a for name, a in found.items() if name.startswith("DAPI crop") or "cropped" in name.lower() or "crop" in name.lower())
    assert cropped["translate"] == pytest.approx((24 * UM / 3 - UM / 3, 30 * UM / 3 - UM / 3))
    assert any("trust" in name for name in found)
    assert found["ROIs"]["shape_type"] == ["rectangle"]

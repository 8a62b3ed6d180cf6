"""An export says how far it is within its parts, and stops there when it is told to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.errors import CancelledError
from abbe.image import ROI, Image
from abbe.session import Session


def heard_of(session: Session, folder: Path, *parts: str) -> list[float]:
    heard: list[float] = []
    session.export(folder, parts=parts, images="ome.tif", data=("csv", "txt"), progress=lambda fraction, _: heard.append(fraction))
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0.0, 1.0)
    return heard


@pytest.mark.parametrize("part", ["image", "data", "rois", "scattergram", "session"])
def test_one_part_alone_does_not_stand_at_the_start_until_its_end(session: Session, sharper: Image, tmp_path: Path, part: str) -> None:
    session.add_version(sharper.replace(original=session.image()))
    for k in range(3):
        session.rois.add(ROI.rectangle(1.0 + k, 1.0, 2.0, 3.0, name=f"cell {k}"))
    heard = heard_of(session, tmp_path / "out", part)
    assert len({round(fraction, 3) for fraction in heard if 0 < fraction < 1}) >= (1 if part == "image" else 2)


def test_parts_have_their_share_each(session: Session, tmp_path: Path) -> None:
    heard = heard_of(session, tmp_path / "out", "image", "data")
    assert any(0 < fraction < 0.5 for fraction in heard)
    assert any(0.5 < fraction < 1 for fraction in heard)


def test_an_export_that_is_cancelled_within_its_first_part_leaves_no_file(session: Session, tmp_path: Path) -> None:
    def stop(fraction: float, _: str) -> None:
        if fraction > 0:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        session.export(tmp_path / "out", parts=("image",), images="ome.tif", progress=stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_measuring_for_a_report_says_how_far_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).poisson(80, (3, 40, 40)).astype(np.uint16)
    session = Session.create(tmp_path / "three.abbe", Image.from_array(pixels, axes="CYX"))
    heard: list[float] = []
    abbe.report(session, tmp_path / "three.txt", progress=lambda fraction, _: heard.append(fraction))
    assert heard == sorted(heard)
    assert len({fraction for fraction in heard if 0 < fraction < 0.6}) >= 3, "three pairs of channels"

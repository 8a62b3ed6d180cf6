"""The range of a coefficient over an image's interval costs one decoding of it, and the numbers are those of four."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from abbe.alignment import align
from abbe.colocalization import changes, colocalize, colocalize_all, guards
from abbe.colocalization.once import Once
from abbe.image import ROI, Image, Interval
from abbe.image.pixels import MappedPixels
from abbe.session import Session
from abbe.session.chunks import ChunkedPixels


@pytest.fixture
def kept(tmp_path: Path) -> Image:
    """A result with an interval, as a session gives it back."""
    rng = np.random.default_rng(2)
    image = Image.from_array(rng.poisson(60, (2, 40, 50)).astype(np.uint16), axes="CYX", pixel_size=(None, 0.1, 0.1))
    values = np.asarray(image).astype(np.float32)
    lower, middle, upper = (Image.from_array(values + d, axes="TCZYX", pixel_size=image.pixel_size) for d in (-3, 0, 3))
    session = Session.create(tmp_path / "cells.abbe", image)
    session.add_version(middle.replace(original=image, interval=Interval(lower, upper)))
    return session.image()


def test_each_chunk_of_both_bounds_is_decoded_once(kept: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[tuple[object, ...]] = Counter()
    chunk, ranges = ChunkedPixels._chunk, changes._ranges

    def counted(self: ChunkedPixels, index: tuple[int, ...], side: tuple[int, int]) -> object:
        read[self.name, index] += 1
        return chunk(self, index, side)

    def only_here(m: object) -> object:
        monkeypatch.setattr(ChunkedPixels, "_chunk", counted)
        try:
            return ranges(m)  # type: ignore[arg-type]
        finally:
            monkeypatch.setattr(ChunkedPixels, "_chunk", chunk)

    monkeypatch.setattr(changes, "_ranges", only_here)
    assert colocalize(kept).changes is not None
    assert len(read) == 4  # two channels of the image, and of the distance of its bounds
    assert set(read.values()) == {1}


def test_the_numbers_are_the_same_without_memory_to_keep_anything(kept: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    found = colocalize(kept).changes
    monkeypatch.setattr(changes, "Once", lambda: Once(0))
    assert colocalize(kept).changes == found
    assert found is not None
    assert found["moc"].low < found["moc"].high  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["in memory", "computed", "moved"])
def test_where_the_channels_lie_is_measured_once_for_all_regions(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    first = rng.poisson(5 + 200 * (rng.random((192, 192)) > 0.99))
    image = Image.from_array(np.stack([first, np.roll(first, (2, -3), (0, 1))]).astype(np.uint16), axes="CYX")
    if kind == "computed":
        image = image.replace(pixels=MappedPixels(np.copy, (image.pixels,), image.dtype))
    if kind == "moved":
        image = align(image, {1: (0, 1)})
    looked: list[object] = []
    between = guards.between
    monkeypatch.setattr(guards, "between", lambda *planes: looked.append(1) or between(*planes))
    rois = [ROI.rectangle(x, 20, 40, 150, unit="pixel") for x in (10, 60, 110)]
    together = colocalize_all(image, rois=rois, ranked=False)
    assert len(looked) == 1
    alone = [colocalize(image, roi=roi, ranked=False) for roi in rois]
    assert [found.notices for found in together] == [found.notices for found in alone]
    assert "shifted" in {notice.code for notice in together.notices}

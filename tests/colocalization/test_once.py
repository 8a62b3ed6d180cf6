"""The range of a coefficient over an image's interval costs one decoding of it, and the numbers are those of four."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from abbe.colocalization import changes, colocalize
from abbe.colocalization.once import Once
from abbe.image import Image, Interval
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

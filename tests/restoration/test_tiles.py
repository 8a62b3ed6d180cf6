"""A plane that is restored in tiles looks as if it had been restored whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbe.image.pixels import ArrayPixels
from abbe.restoration import planes, tiles
from abbe.restoration.engine import engine, runner
from abbe.restoration.normalisation import normalisation
from abbe.restoration.planes import restore_planes
from abbe.restoration.progress import Part
from abbe.restoration.stage import Work
from abbe.zoo import Card, find
from model_maker import card, network


def some_card(receptive_field: int, multiple: int) -> Card:
    return Card.model_validate(card("denoise", network(depth=1), receptive_field=receptive_field, multiple=multiple))


sides = st.integers(1, 900)


@given(length=sides, receptive_field=st.integers(0, 120), multiple=st.sampled_from([1, 2, 4, 8, 12]), longest=st.integers(1, 700))
def test_tiles_cover_every_pixel_once_and_see_far_enough(length: int, receptive_field: int, multiple: int, longest: int) -> None:
    axis = tiles.tiling(length, 1, some_card(receptive_field, multiple), longest).y
    assert [axis.kept(k).start for k in range(len(axis.starts))] == [0, *(axis.kept(k).stop for k in range(len(axis.starts) - 1))]
    assert axis.kept(len(axis.starts) - 1).stop == length
    assert axis.side % multiple == 0
    end = axis.starts[-1] + axis.side
    for k, start in enumerate(axis.starts):
        kept = axis.kept(k)
        assert start % multiple == 0
        assert kept.start < kept.stop
        assert start == 0 or axis.offset(k) >= receptive_field
        assert start + axis.side == end or axis.offset(k) + kept.stop - kept.start + receptive_field <= axis.side
        source = axis.source(k)
        assert source.min() >= 0
        assert source.max() < length
        inside = source[axis.offset(k) : axis.offset(k) + kept.stop - kept.start]
        assert np.array_equal(inside, np.arange(kept.start, kept.stop))


@pytest.mark.parametrize("shape", [(200, 331), (97, 40), (1, 150)])
@pytest.mark.parametrize("task", ["denoise", "super_resolve"])
def test_tiled_and_whole_agree_to_rounding(task: str, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).poisson(50, (1, 1, 1, *shape)).astype(np.uint16)
    model = find(task)
    results = []
    for longest in (1216, 64):
        monkeypatch.setattr(tiles, "LONGEST", {1: longest, 3: longest})
        cpu = runner(model, engine("cpu", exact=True))
        pixels = ArrayPixels(noise)
        stage = restore_planes(pixels, Work(task, model, cpu, Part(None), True, (normalisation(pixels, 0, model.card),)))
        assert stage.spread is not None
        y, x = (n * model.card.scale for n in shape)
        region = (slice(0, 1), slice(0, 1), slice(0, 1), slice(0, y), slice(0, x))
        results.append((stage.estimate.read(region), stage.spread.read(region)))
    (whole, whole_spread), (tiled, tiled_spread) = results
    span = float(np.ptp(noise))
    assert np.abs(whole - tiled).max() < 2e-6 * span
    assert np.abs(whole_spread - tiled_spread).max() < 2e-3 * span  # kept as float16


def test_a_plane_is_read_by_whole_rows_and_each_band_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    class Watched:
        shape, dtype = (1, 1, 1, 300, 200), np.dtype(np.uint8)

        def read(self, region: tuple[slice, ...]) -> np.ndarray:
            reads.append(region)
            return np.zeros([s.stop - s.start for s in region], np.uint8)

    cut = tiles.tiling(300, 200, find("denoise").card, longest=128)
    found = list(planes.read_tiles(Watched(), (0, 0, 0), cut))
    assert len(found) == cut.count
    assert len(reads) == len(cut.y.starts)
    assert all(region[4] == slice(0, 200) for region in reads)

"""A plane that is restored in tiles looks as if it had been restored whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from abbe import Image, correct_background, enhance
from abbe.image.pixels import ArrayPixels
from abbe.restoration import planes, tiles
from abbe.restoration.engine import engine, runner
from abbe.restoration.normalisation import normalisation
from abbe.restoration.planes import restore_planes
from abbe.restoration.progress import Part
from abbe.restoration.stage import Work
from abbe.zoo import Card, find
from model_maker import card, network, save_bytes, write_model


def some_card(receptive_field: int, multiple: int) -> Card:
    return Card.model_validate(card("denoise", network(depth=1), receptive_field=receptive_field, multiple=multiple))


sides = st.integers(1, 900)


@given(
    length=sides,
    network=st.integers(0, 120),
    reach=st.sampled_from([0, 12]),
    multiple=st.sampled_from([1, 2, 4, 8, 12]),
    longest=st.integers(1, 700),
)
def test_tiles_cover_every_pixel_once_and_see_far_enough(length: int, network: int, reach: int, multiple: int, longest: int) -> None:
    axis = tiles.tiling(length, 1, some_card(network, multiple), longest, reach=reach).y
    receptive_field = network + reach
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
@pytest.mark.parametrize("task", ["denoise", "axial_plane", "background", "super_resolve"])
def test_tiled_and_whole_agree_to_rounding(task: str, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).poisson(50, (1, 1, 1, *shape)).astype(np.uint16)
    model = find(task)
    results = []
    for longest in (1216, 64):
        monkeypatch.setattr(tiles, "LONGEST", {1: longest, 3: longest})
        cpu = runner(model, engine("cpu", exact=True))
        pixels = ArrayPixels(noise)
        psf = (1.1,) if task == "super_resolve" else ()
        work = Work(task, model, cpu, Part(None), True, (normalisation(pixels, 0, model.card),), psf=psf)
        stage = restore_planes(pixels, work)
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


def meshed() -> bytes:
    """A network on 2 x 2 pixels that draws their four places with gains of 1.2, 1, 1 and 0.8."""
    gains = np.array([1.2, 1.0, 1.0, 0.8], np.float32).reshape(1, 4, 1, 1)
    nodes = [
        helper.make_node("SpaceToDepth", ["observed"], ["four"], blocksize=2),
        helper.make_node("Mul", ["four", "gains"], ["uneven"]),
        helper.make_node("DepthToSpace", ["uneven"], ["estimate"], blocksize=2, mode="DCR"),
        helper.make_node("Mul", ["estimate", "tenth"], ["spread"]),
        helper.make_node("Concat", ["estimate", "spread"], ["restored"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("observed", TensorProto.FLOAT, ["N", 1, "H", "W"])]
    outputs = [helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["N", 2, "height", "width"])]
    weights = [numpy_helper.from_array(gains, "gains"), numpy_helper.from_array(np.array(0.1, np.float32), "tenth")]
    return save_bytes(helper.make_graph(nodes, "mesh", inputs, outputs, weights))


def test_the_grid_inside_a_network_shows_as_no_mesh_after_four_or_eight_passes(tmp_path: Path) -> None:
    image = np.full((60, 70), 500, np.float32)
    image[20:40, 10:30] = 900
    image[:2] = 0

    def spread_of_places(name: str, run: Callable[..., Image]) -> float:
        model = write_model(tmp_path, name.rstrip("148"), meshed(), name=name, multiple=2, receptive_field=2)
        result = np.asarray(run(image, model=model, engine="cpu")).squeeze()[4:, 40:68]
        means = np.array([result[y::2, x::2].mean() for y in (0, 1) for x in (0, 1)])
        return float(np.ptp(means) / means.mean())

    assert spread_of_places("background", correct_background) < 1e-5
    assert spread_of_places("axial_plane", partial(enhance, steps="axial")) < 1e-4
    for passes in (4, 8):
        assert spread_of_places(f"denoise{passes}", partial(enhance, steps="denoise", passes=passes)) < 1e-5
    assert spread_of_places("denoise1", partial(enhance, steps="denoise", passes=1)) > 0.1  # the mesh is there to be seen

"""A model with context sees two images: the raw one, and what the steps before it made of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from abbe import Image, enhance
from abbe.restoration import tiles
from model_maker import save_bytes, write_model

RAW, DONE = 0.25, 0.75

pytestmark = pytest.mark.usefixtures("no_agreement")


def mixing(scale: int) -> bytes:
    """restored = RAW * observed + DONE * context, each pixel repeated `scale` times; a spread of 0."""
    weights = [numpy_helper.from_array(np.full((scale * scale, 1, 1, 1), w, np.float32), n) for n, w in (("raw", RAW), ("done", DONE))]
    nodes = [
        helper.make_node("Conv", ["observed", "raw"], ["a"], kernel_shape=[1, 1]),
        helper.make_node("Conv", ["context", "done"], ["b"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["a", "b"], ["low"]),
        helper.make_node("DepthToSpace", ["low"], ["estimate"], blocksize=scale, mode="CRD"),
        helper.make_node("Sub", ["estimate", "estimate"], ["error"]),
        helper.make_node("Concat", ["estimate", "error"], ["restored"], axis=1),
    ]
    entry: list[Any] = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 1, "H", "W"]) for n in ("observed", "context")]
    leave = helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["N", 2, "h", "w"])
    graph: onnx.GraphProto = helper.make_graph(nodes, "mixing", entry, [leave], weights)
    return save_bytes(graph)


@pytest.fixture
def both(tmp_path: Path) -> Path:
    return write_model(tmp_path, "super_resolve", mixing(3), name="mixing", context=True)


def counts(shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.uint16]]:
    return np.random.default_rng(5).poisson(40, shape).astype(np.uint16)


def without_mean(plane: Any) -> Any:
    """The level is kept cell by cell: what is left is compared within one cell."""
    part = np.asarray(plane, np.float64)[..., :27, :27]
    return part - part.mean()


@pytest.mark.parametrize("longest", [1216, 64])
def test_it_sees_the_raw_image_beside_the_denoised_one(both: Path, longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "LONGEST", {1: longest, 3: longest})
    raw = counts((2, 150, 97))
    image = Image.from_array(raw, "CYX")
    denoised = np.asarray(enhance(image, steps="denoise", engine="cpu", passes=2))[0, :, 0]
    both_steps = enhance(image, steps=("denoise", "super_resolve"), model={"super_resolve": both}, engine="cpu")
    result = np.asarray(both_steps)[0, :, 0]
    assert result.shape == (2, 450, 291)
    for c in range(2):
        wanted = np.repeat(np.repeat(RAW * raw[c] + DONE * denoised[c], 3, 0), 3, 1)
        assert np.abs(without_mean(result[c]) - without_mean(wanted)).max() < 0.3  # the level's surface bends a little within a cell


def test_alone_it_sees_the_image_twice(both: Path) -> None:
    raw = counts((60, 60))
    result = np.asarray(enhance(raw, steps="super_resolve", model=both, engine="cpu"))[0, 0, 0]
    wanted = np.repeat(np.repeat((RAW + DONE) * raw.astype(np.float64), 3, 0), 3, 1)
    assert np.abs(without_mean(result) - without_mean(wanted)).max() < 0.3


def test_a_stack_made_isotropic_has_no_raw_plane_to_see(both: Path) -> None:
    stack = Image.from_array(counts((4, 40, 40)), "ZYX", pixel_size=(0.2, 0.1, 0.1))
    even = np.asarray(enhance(stack, steps=("denoise", "axial"), engine="cpu"))[0, 0]
    result = np.asarray(enhance(stack, steps=("denoise", "axial", "super_resolve"), model={"super_resolve": both}, engine="cpu"))[0, 0]
    assert result.shape == (7, 120, 120)
    wanted = np.repeat(np.repeat((RAW + DONE) * even.astype(np.float64), 3, 1), 3, 2)
    for got, want in zip(result, wanted):
        assert np.abs(without_mean(got) - without_mean(want)).max() < 0.5


def test_something_bright_far_away_changes_nothing_at_all(both: Path) -> None:
    one = counts((64, 400))
    two = one.copy()
    two[20:40, 350:380] = 60000
    steps = ("denoise", "axial", "super_resolve")
    left, right = (np.asarray(enhance(a, steps=steps, model={"super_resolve": both}, engine="cpu"))[..., : 3 * 200] for a in (one, two))
    # what is left is the surface that keeps the mean of the plane's regions: it depends on the plane as a whole, by ten-millionths
    assert np.ptp(left - right) < 1e-7 * 60000

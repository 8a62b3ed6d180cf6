"""A network sees each tile several times, moved and turned; what it makes of them is turned and moved back, and averaged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import abbe
from abbe.cli import frame
from abbe.errors import ParameterError
from abbe.restoration.planes import PLACES, turned, turned_back
from abbe.session.repeating import repeat
from model_maker import save_bytes, write_model


def counts(height: int = 70, width: int = 45) -> np.ndarray:
    y, x = np.indices((height, width))
    light = 40 + 200 * np.exp(-((x - 30) ** 2 + (y - 20) ** 2) / 40) + 90 * (x > y)
    return np.random.default_rng(5).poisson(light).astype(np.uint16)


def leaning(scale: int = 1) -> bytes:
    """A network that gives the mean of a pixel and its right neighbour, `scale` times enlarged: on a turned image it leans elsewhere."""
    kernel = np.zeros((1, 1, 3, 3), np.float32)
    kernel[0, 0, 1, 1:] = 0.5
    nodes = [
        helper.make_node("Conv", ["observed", "kernel"], ["leant"], pads=[1, 1, 1, 1]),
        helper.make_node("Concat", ["leant", "observed"], ["small"], axis=1),
        helper.make_node("Resize", ["small", "", "scales"], ["restored"], mode="nearest"),
    ]
    inputs = [helper.make_tensor_value_info("observed", TensorProto.FLOAT, ["N", 1, "H", "W"])]
    outputs = [helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["N", 2, "height", "width"])]
    scales = np.array([1, 1, scale, scale], np.float32)
    weights = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(scales, "scales")]
    return save_bytes(helper.make_graph(nodes, "lean", inputs, outputs, weights))


def plane(image: abbe.Image) -> np.ndarray:
    return np.asarray(image).squeeze().astype(np.float64)


@pytest.mark.parametrize("turns", range(8))
def test_turning_back_undoes_turning(turns: int) -> None:
    a = np.arange(2 * 5 * 7).reshape(2, 5, 7)
    assert np.array_equal(turned_back(turned(a, turns), turns), a)


def test_all_eight_ways_to_turn_are_used() -> None:
    a = np.arange(6).reshape(2, 3)
    assert len({turned(a, turns).tobytes() + bytes(turned(a, turns).shape) for _, _, turns in PLACES}) == 8


@pytest.mark.usefixtures("no_agreement")
@pytest.mark.parametrize(("task", "scale", "step"), [("denoise", 1, "denoise"), ("super_resolve", 3, "super_resolve")])
def test_the_mean_over_all_passes_leans_nowhere(tmp_path: Path, task: str, scale: int, step: str) -> None:
    """Eight turns of "mean with the right neighbour" are the mean with each of four neighbours, on a plane that is not square."""
    model = write_model(tmp_path, task, leaning(scale), receptive_field=2, multiple=2)
    image = counts().astype(np.float32)
    once, eight = (plane(abbe.enhance(image, steps=step, model=model, engine="cpu", passes=n)) for n in (1, 8))
    right = np.repeat(np.repeat((image + np.roll(image, -1, 1)) / 2, scale, 0), scale, 1)
    around = sum(np.roll(image, by, axis) for by in (-1, 1) for axis in (0, 1))
    even = np.repeat(np.repeat(image / 2 + around / 8, scale, 0), scale, 1)
    inner = (slice(3 * scale, -3 * scale),) * 2
    # up to what keeps the mean of a region
    assert np.corrcoef(once[inner].ravel(), right[inner].ravel())[0, 1] > 1 - 1e-4
    assert np.corrcoef(eight[inner].ravel(), even[inner].ravel())[0, 1] > 1 - 1e-4
    assert np.corrcoef(once[inner].ravel(), even[inner].ravel())[0, 1] < 0.996


def test_how_often_is_recorded_and_repeated() -> None:
    image = abbe.Image.from_array(counts())
    result = abbe.enhance(image, steps=("denoise", "super_resolve"), passes={"denoise": 3})
    assert result.recipe is not None
    assert [step.parameters["passes"] for step in result.recipe.steps] == [3, 2]
    again = repeat(result.recipe, image)
    assert np.array_equal(plane(again), plane(result))
    assert again.recipe is not None
    assert [step.parameters["passes"] for step in again.recipe.steps] == [3, 2]


def test_defaults_are_two_passes_and_four_where_a_step_before_super_resolution_is_the_last() -> None:
    image = abbe.Image.from_array(counts())
    recipes = [abbe.enhance(image).recipe, *(abbe.enhance(image, steps=step).recipe for step in ("axial", "denoise"))]
    recipes.append(abbe.correct_background(image).recipe)
    assert [[step.parameters["passes"] for step in recipe.steps] for recipe in recipes if recipe] == [[2, 1, 2], [4], [4], [4]]


def test_progress_goes_on_within_a_tile_and_never_back() -> None:
    told: list[float] = []
    abbe.enhance(counts(), steps="denoise", passes=8, progress=lambda fraction, _: told.append(fraction))
    assert told == sorted(told)
    assert len(Counter(round(value, 3) for value in told)) >= 8


@pytest.mark.parametrize("passes", [0, 9, -1, 1.5, {"denoise": 0}])
def test_numbers_that_cannot_be_are_refused(passes: int) -> None:
    with pytest.raises(ParameterError, match=r"wanted a whole number of passes from 1 to 8, got"):
        abbe.enhance(counts(), steps="denoise", passes=passes)


def test_passes_for_a_step_that_is_not_done_are_refused() -> None:
    with pytest.raises(ParameterError, match="got some for 'axial'"):
        abbe.enhance(counts(), steps="denoise", passes={"axial": 2})


def test_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = str(tmp_path / "cell.tif"), str(tmp_path / "out.ome.tif")
    abbe.save(abbe.Image.from_array(counts()), file)
    assert frame.main(["enhance", file, "-o", out, "--steps", "denoise", "--passes", "1"]) == 0
    wanted = plane(abbe.enhance(abbe.open(file), steps="denoise", passes=1))
    assert np.array_equal(plane(abbe.open(out)), wanted.astype(np.float32))
    assert frame.main(["background", file, "--passes", "9"]) == 2
    assert "less than or equal to 8" in capsys.readouterr().err

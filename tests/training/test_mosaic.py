"""Weights of a denoiser for red and blue of colour cameras: what they learn from, what of the network they change, how they are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")

from pydantic import ValidationError  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from scipy.ndimage import gaussian_filter  # noqa: E402

from abbe.errors import ModelError  # noqa: E402
from abbe.image.pixels import ArrayPixels  # noqa: E402
from abbe.optics import Camera, ColourCamera  # noqa: E402
from abbe.restoration import enhance  # noqa: E402
from abbe.restoration.mosaic import has_mosaic  # noqa: E402
from abbe.simulation import mosaic_pair, specimen  # noqa: E402
from abbe.simulation.mosaics import measures_a_quarter  # noqa: E402
from abbe.training import TrainingPlan, train  # noqa: E402
from abbe.training.plan import NetworkPlan, PairsPlan, PoolPlan  # noqa: E402
from abbe.zoo import load  # noqa: E402

TINY = NetworkPlan(widths=(16, 16), blocks=(1, 1), unshuffle=2)


def plan(**changes: object) -> TrainingPlan:
    base = TrainingPlan(
        name="tiny", task="denoise", network=TINY, pool=PoolPlan(planes=4, side=160, real=0.0), steps=8, batch=2, patch=64,
        learning_rate=2e-3,
    )  # fmt: skip
    return TrainingPlan.model_validate({**base.model_dump(), **changes})


def silent(line: str) -> None: ...


class Specimens:
    def crop(self, rng: np.random.Generator, n: int) -> np.ndarray:
        sharp = specimen(rng, n)
        return (sharp / max(float(sharp.max()), 1e-6)).astype(np.float32)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A denoiser trained for seconds, and its weights for colour cameras after it."""
    runs = tmp_path_factory.mktemp("runs")
    train(plan(), runs, workers=0, report=silent, held_out=2)
    train(plan(name="colours", start="tiny", cameras="mosaic", learn="outer", seed=2), runs, workers=0, report=silent, held_out=2)
    return runs


def test_they_learn_from_images_that_are_found_later() -> None:
    found = 0
    for seed in range(24):
        pair = mosaic_pair(np.random.default_rng(seed), Specimens(), 192)
        assert pair.observed.shape == pair.truth.shape == (192, 192)
        assert np.isfinite(pair.observed).all()
        assert np.isfinite(pair.truth).all()
        found += has_mosaic(ArrayPixels(pair.observed[None, None, None]), 0)
    assert found >= 8  # what is bright hides the noise of its camera, and small planes prove little


def test_a_quarter_is_what_red_and_blue_measure() -> None:
    camera = Camera(gain=2.0, read_noise=2.0)
    for shown, passes in (("red", (1.0, 0.1, 0.1)), ("green", (0.1, 1.0, 0.1)), ("blue", (0.1, 0.1, 1.0))):
        for demosaic in ("bilinear", "gradients"):
            camera_of = ColourCamera(camera, passes, demosaic=demosaic, shown=shown)  # type: ignore[arg-type]
            assert measures_a_quarter(camera_of, 0.0, 50.0) == (shown != "green"), (shown, demosaic)


def test_the_model_gets_them_beside_its_own(runs: Path) -> None:
    made, own = load(runs / "colours"), load(runs / "tiny")
    assert made.card.name == "tiny"
    assert made.weights() == own.weights()
    other = made.for_mosaic
    assert other is not None
    assert other.card.interval_factor == made.card.mosaic.interval_factor
    assert other.card.interval_factor != own.card.interval_factor
    assert made.card.mosaic.training.seed == 2
    camera = ColourCamera(Camera(gain=2.0, read_noise=2.0), (1.0, 0.1, 0.05), demosaic="gradients", softened=0.8, shown="red")
    photons = gaussian_filter(30 * Specimens().crop(np.random.default_rng(0), 192) + 5, 1.2)
    red = camera.expose(np.random.default_rng(1), photons)[0]
    result, without = (enhance(red, steps="denoise", model=runs / name) for name in ("colours", "tiny"))
    assert result.recipe.steps[0].parameters["mosaic"] == [True]
    assert not np.array_equal(np.asarray(result), np.asarray(without))


def test_the_coarsest_grid_is_the_models_own(runs: Path) -> None:
    before, after = (load_file(runs / name / "weights.safetensors") for name in ("tiny", "colours"))
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {name for name in before if name.startswith("middle.")}
    assert (runs / "colours" / "model" / "mosaic.onnx").stat().st_size < 0.8 * (runs / "tiny" / "model" / "model.onnx").stat().st_size


def test_how_wrong_they_are_is_learnt_last_and_leaves_the_estimate_as_it_is(runs: Path) -> None:
    spread = plan(name="spread", start="colours", cameras="mosaic", learn="spread", seed=3)
    train(spread, runs, workers=0, report=silent, held_out=2)
    made, before = load(runs / "spread"), load(runs / "colours")
    assert made.weights() == before.weights()
    assert made.card.mosaic.digest != before.card.mosaic.digest
    assert made.card.mosaic.training.seed == before.card.mosaic.training.seed
    assert made.card.mosaic.training.model_extra["spread"]["seed"] == 3
    one, two = (load_file(runs / name / "weights.safetensors") for name in ("colours", "spread"))
    assert {name.split(".")[0] for name in one if not torch.equal(one[name], two[name])} == {"spread"}


@pytest.mark.parametrize(
    "wrong", [{"start": None}, {"start": "tiny", "pairs": PairsPlan(noisy="a", clean="b")}, {"start": "tiny", "task": "background"}]
)
def test_a_plan_for_them_is_a_denoisers_with_a_start(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"cameras = .mosaic. is for denoise, with start"):
        plan(**{"cameras": "mosaic", **wrong})


def test_weights_that_learnt_nothing_are_refused(runs: Path, tmp_path: Path) -> None:
    from abbe.training.export import export_mosaic

    with pytest.raises(ModelError, match="wanted weights that learnt something"):
        export_mosaic(runs / "tiny" / "weights.safetensors", runs / "tiny" / "model", tmp_path / "same", 2.0)

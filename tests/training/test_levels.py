"""A network of several levels: trained on its own coarser results, and run from the whole of a plane to its finest tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")

from pydantic import ValidationError  # noqa: E402

from abbe import correct_background  # noqa: E402
from abbe.errors import CancelledError  # noqa: E402
from abbe.image.pixels import ArrayPixels  # noqa: E402
from abbe.restoration import levels, tiles  # noqa: E402
from abbe.restoration.levels import sizes  # noqa: E402
from abbe.training import TrainingPlan, train  # noqa: E402
from abbe.training.levels import conditions, halved, told  # noqa: E402
from abbe.training.loop import Training  # noqa: E402
from abbe.training.plan import NetworkPlan, PoolPlan  # noqa: E402

TINY = NetworkPlan(widths=(16, 16), blocks=(1, 1), unshuffle=2, levels=True)


def plan(**changes: object) -> TrainingPlan:
    base = TrainingPlan(
        name="tiny", task="background", network=TINY, pool=PoolPlan(planes=4, side=160, real=0.0), steps=12, batch=2, patch=64,
        learning_rate=2e-3,
    )  # fmt: skip
    return base.model_copy(update=changes)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    return train(plan(), runs, workers=0, report=lambda line: None, held_out=2)


def image(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    haze = 60 + 30 * np.sin(x / 60) + 20 * np.cos(y / 45)
    return rng.poisson(haze + 200 * (rng.random((height, width)) > 0.995)).astype(np.uint16)


@pytest.mark.parametrize(("size", "count"), [((256, 256), 1), ((1, 1), 1), ((257, 10), 2), ((512, 300), 2), ((1025, 4), 4)])
def test_the_coarsest_level_fits(size: tuple[int, int], count: int) -> None:
    found = sizes(*size)
    assert len(found) == count
    assert max(found[-1]) <= 256


@pytest.mark.parametrize("shape", [(201, 150), (96, 333), (5, 300), (300, 1)])
def test_tiles_make_what_the_whole_makes(model: Path, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "COARSEST", 64)
    monkeypatch.setattr(levels, "BAND", 64)
    whole = np.asarray(correct_background(image(*shape), model=str(model), engine="cpu"))
    monkeypatch.setattr(tiles, "LONGEST", {1: 96, 3: 96})
    tiled = np.asarray(correct_background(image(*shape), model=str(model), engine="cpu"))
    assert whole.shape[-2:] == shape
    assert np.isfinite(whole).all()
    assert np.ptp(whole) > 0
    np.testing.assert_allclose(tiled, whole, atol=1e-3 * float(np.ptp(whole)))


def test_what_lies_beyond_a_networks_reach_counts(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "COARSEST", 32)
    one = image(40, 300)
    two = one.copy()
    two[:, 140:] += 200
    left, right = (np.asarray(correct_background(a, model=str(model), engine="cpu"))[..., :60] for a in (one, two))
    assert not np.array_equal(left, right)


def test_a_run_can_be_stopped(model: Path) -> None:
    with pytest.raises(CancelledError):
        correct_background(image(80, 80), model=str(model), engine="cpu", progress=lambda fraction, text: False)


def test_halving_takes_means_and_odd_edges_twice(model: Path) -> None:
    from abbe.restoration.normalisation import Normalisation
    from abbe.restoration.tiles import tiling
    from abbe.zoo import load

    plane = np.arange(15, dtype=np.float32).reshape(3, 5)
    level = levels.Level(ArrayPixels(plane[None, None, None]), (0, 0, 0), Normalisation(0.0, 1.0), tiling(3, 5, load(str(model)).card), 0)
    out = levels.halved(level, (2, 3)).read((slice(0, 1),) * 3 + (slice(0, 2), slice(0, 3)))[0, 0, 0]
    assert np.array_equal(out, [[3, 5, 6.5], [10.5, 12.5, 14]])


def test_conditions_come_from_the_network_and_from_the_truth(tmp_path: Path) -> None:
    network = Training(plan(), tmp_path, None, workers=0, threads=1, report=lambda line: None, held_out=2).network
    observed, truth = torch.rand(2, 1, 64, 64), torch.rand(2, 1, 64, 64)
    seen: set[tuple[float, float]] = set()
    for seed in range(40):
        made = conditions(network, observed, truth, np.random.default_rng(seed))
        assert made.observed.shape == made.context.shape == made.truth.shape == (2, 1, 32, 32)
        level, coarser = (float(value) for value in made.told[0])
        wanted = truth[..., 16:48, 16:48] if level == 0 else halved(truth)
        assert torch.equal(made.truth, wanted)
        assert bool(made.context.any()) == bool(coarser)
        seen.add((level, coarser))
    assert seen == {(0, 0), (1, 0), (1, 1), (0, 1)}
    assert told(1, 7, True).tolist() == [[2.0, 1.0]]


def test_a_stopped_training_goes_on_to_the_last_bit(tmp_path: Path) -> None:
    def training(folder: str, steps: int) -> Training:
        return Training(plan(steps=steps, decay=0.0), tmp_path / folder, None, workers=0, threads=1, report=lambda line: None, held_out=2)

    whole, parts = training("whole", 8), training("parts", 4)
    whole.run(every=100)
    parts.run(every=100)
    again = training("parts", 8)
    again.run(every=100)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])


def test_levels_go_with_one_plane_alone() -> None:
    with pytest.raises(ValidationError, match="levels"):
        NetworkPlan(levels=True, channels=5)

"""A training learns, stops, goes on as if it had not stopped, and gives a model that computes what was trained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

torch = pytest.importorskip("torch", reason="training needs the train extra")

import abbe.zoo  # noqa: E402
from abbe.errors import ModelError, ParameterError  # noqa: E402
from abbe.networks import Architecture, Restorer  # noqa: E402
from abbe.optics.width import NARROWEST, PSF_TOLD, USUAL, WIDEST  # noqa: E402
from abbe.simulation.pairs import Pair, super_resolution_pair  # noqa: E402
from abbe.training import TrainingPlan, pace, train  # noqa: E402
from abbe.training.calibration import interval_factor  # noqa: E402
from abbe.training.loop import Training, architecture  # noqa: E402
from abbe.training.own import plan_of_folder  # noqa: E402
from abbe.training.plan import NetworkPlan, PairsPlan, PoolPlan  # noqa: E402
from abbe.training.pool import Pool  # noqa: E402
from abbe.training.samples import Samples, at_edges  # noqa: E402
from abbe.training.weights import read_metadata, start_from  # noqa: E402

TINY = NetworkPlan(widths=(16, 16), blocks=(1, 1))
POOL = PoolPlan(planes=6, side=128, real=0.0)


def plan(**changes: object) -> TrainingPlan:
    base = TrainingPlan(name="tiny", task="denoise", network=TINY, pool=POOL, steps=12, batch=2, patch=32, learning_rate=2e-3)
    return base.model_copy(update=changes)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "weights.safetensors")


def silent(line: str) -> None: ...


def test_a_stopped_training_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    whole = Training(plan(), tmp_path / "a" / "tiny", None, workers=0, report=silent, held_out=4)
    whole.run(every=100)
    first = Training(plan(), tmp_path / "b" / "tiny", None, workers=0, report=silent, held_out=4)
    batches = first._batches()
    for _ in range(5):
        first._advance(*next(batches))
    first.save()
    second = Training(plan(), tmp_path / "b" / "tiny", None, workers=0, report=silent, held_out=4)
    second.run(every=100)
    one, two = weights(tmp_path / "a" / "tiny"), weights(tmp_path / "b" / "tiny")
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=2e-3, atol=2e-5)


def test_an_interrupted_training_leaves_a_checkpoint(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    training = Training(plan(steps=50), tmp_path / "tiny", None, workers=0, report=interrupt, held_out=4)
    with pytest.raises(KeyboardInterrupt):
        training.run(every=100)
    again = Training(plan(steps=50), tmp_path / "tiny", None, workers=0, report=silent, held_out=4)
    assert again.resume()
    assert again.step == 50


def test_the_spread_alone_is_learnt_beside_an_estimate_that_stays(tmp_path: Path) -> None:
    first = Training(plan(), tmp_path / "first", None, workers=0, report=silent, held_out=4)
    first.run(every=100)
    later = plan(name="later", learn="spread", start="tiny", steps=60, seed=5, network=TINY.model_copy(update={"spread_width": 8}))
    start = {"tiny": tmp_path / "first" / "weights.safetensors"}
    training = Training(later, tmp_path / "later", None, models=start, workers=0, report=silent, held_out=4)
    before = _likelihood(training)
    training.run(every=100)
    one, two = weights(tmp_path / "first"), weights(tmp_path / "later")
    for name in one:
        if not name.startswith("spread"):
            assert torch.equal(one[name], two[name]), name
    assert two["spread.0.weight"].shape[0] == 8
    assert _likelihood(training) < before - 0.05


def test_a_model_whose_spread_was_learnt_last_says_what_its_estimate_came_from(tmp_path: Path) -> None:
    first = train(plan(), tmp_path / "runs", workers=0, report=silent, held_out=4)
    later = plan(learn="spread", start="tiny", steps=8, seed=5, network=TINY.model_copy(update={"spread_width": 8}))
    made = train(later, tmp_path / "later", models={"tiny": first / "model.onnx"}, workers=0, report=silent, held_out=4)
    training = json.loads((made / "card.json").read_text())["training"]
    assert (training["steps"], training["seed"]) == (12, 1)
    assert (training["spread"]["steps"], training["spread"]["seed"]) == (8, 5)
    again = Restorer(architecture(TrainingPlan.model_validate(training["settings"])))
    start_from(again, made / "model.onnx")  # what its card says of the network is what its weights are of


def test_a_folder_of_pairs_starts_from_the_shipped_denoiser_whole(tmp_path: Path) -> None:
    shipped = Path(abbe.zoo.__file__).parent / "models" / "denoise" / "model.onnx"
    for name in ("noisy", "clean"):
        (tmp_path / name).mkdir()
    start_from(Restorer(architecture(plan_of_folder(tmp_path))), shipped)


def test_pairs_the_wrong_way_round_or_the_same_twice_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    light = 50 * rng.random((8, 8)).repeat(12, 0).repeat(12, 1)
    planes = {"quiet": rng.poisson(100 * light) / 100, "loud": rng.poisson(light)}
    for name, noisy, clean in (("right", "loud", "quiet"), ("exchanged", "quiet", "loud"), ("same", "loud", "loud")):
        for folder, plane in (("noisy", noisy), ("clean", clean)):
            (tmp_path / name / folder).mkdir(parents=True)
            tifffile.imwrite(tmp_path / name / folder / "a.tif", planes[plane].astype(np.float32))
    assert plan_of_folder(tmp_path / "right").pairs is not None
    for name in ("exchanged", "same"):
        with pytest.raises(ParameterError, match="exchanged, or their images the same"):
            plan_of_folder(tmp_path / name)


def test_missing_values_are_not_learnt_as_light(tmp_path: Path) -> None:
    from abbe.training.samples import RealPairs

    clean = 50 * np.random.default_rng(5).random((64, 64)).astype(np.float32)
    for folder in ("noisy", "clean"):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", np.where(clean > 45, np.nan, clean) if folder == "clean" else clean)
    with pytest.raises(ParameterError, match="wanted pixels that are numbers"):
        RealPairs(PairsPlan(noisy="noisy", clean="clean"), tmp_path)


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    """The first goes on undisturbed; afterwards the folder is free."""
    held = []

    def meanwhile(line: str) -> None:
        if not held:
            held.append(line)
            with pytest.raises(ParameterError, match="another training is at work"):
                train(plan(), tmp_path, workers=0, report=silent)

    made = train(plan(), tmp_path, workers=0, report=meanwhile, held_out=2)
    assert held
    assert (made / "model.onnx").is_file()
    assert train(plan(), tmp_path, workers=0, report=silent, held_out=2) == made


def _likelihood(training: Training) -> float:
    """Mean negative log-likelihood of the held-out errors under the spreads that the averaged weights give."""
    found = []
    for index in range(12):
        observed, truth = (torch.from_numpy(np.asarray(a))[None] for a in training.validation[index][:2])
        with torch.no_grad():
            restored = training.average(observed)
        spread = restored[:, 1:] + 1e-3
        found.append(float((spread.log() + (restored[:, :1] - truth).abs() / spread).mean()))
    return float(np.mean(found))


def test_a_spread_of_its_own_wants_a_model_whose_error_it_is() -> None:
    with pytest.raises(ValueError, match="whose error is learnt"):
        TrainingPlan(name="tiny", task="denoise", learn="spread")


def test_training_lowers_the_error(tmp_path: Path) -> None:
    lines: list[str] = []
    training = Training(plan(steps=500, batch=4), tmp_path / "tiny", None, workers=0, report=lines.append, held_out=12)
    training.run(every=100)
    rows = (tmp_path / "tiny" / "log.csv").read_text().splitlines()
    _, _, _, validated, given, _ = rows[-1].split(",")
    assert float(validated) > float(given) + 1
    assert (tmp_path / "tiny" / "latest.png").stat().st_size > 1000
    assert any("min left" in line for line in lines)


@pytest.mark.parametrize(
    ("task", "network", "scale"),
    [
        ("denoise", TINY, 1),
        ("super_resolve", NetworkPlan(widths=(16, 16), blocks=(1, 1), unshuffle=1, scale=3), 3),
        ("axial_stack", NetworkPlan(widths=(16, 16), blocks=(1, 1), channels=5, told=("anisotropy",)), 1),
    ],
)
def test_the_exported_model_computes_what_was_trained(tmp_path: Path, task: str, network: NetworkPlan, scale: int) -> None:
    pool = PoolPlan(planes=4, side=160, volumes=2, volume_side=48, real=0.0)
    folder = train(plan(task=task, network=network, pool=pool, steps=3), tmp_path, workers=0, report=silent, held_out=4)
    card = json.loads((folder / "card.json").read_text())
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    feeds = {"observed": rng.random((1, network.channels, 40, 56), dtype=np.float32)}
    if network.told:
        feeds["told"] = np.full((1, 1), 3.0, np.float32)
    (restored,) = session.run(None, feeds)
    assert restored.shape == (1, 2, 40 * scale, 56 * scale)
    assert restored[:, 1].min() >= 0
    trained = Restorer(Architecture(network.widths, network.blocks, network.channels, network.scale, network.unshuffle, len(network.told)))
    start_from(trained, tmp_path / "tiny" / "weights.safetensors")
    told = torch.from_numpy(feeds["told"]) if network.told else None
    with torch.no_grad():
        expected = trained(torch.from_numpy(feeds["observed"]), None, told).numpy()
    np.testing.assert_allclose(restored, expected, atol=2e-3)  # half-precision weights
    assert card["task"] == task
    start_from(trained, folder / "model.onnx")  # a shipped model can start a training


def test_brightness_passes_through_a_network_unchanged() -> None:
    network = Restorer(Architecture((16, 32), (1, 1), unshuffle=2)).eval()
    x = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(50 * x), 50 * network(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", [Architecture((16, 16, 16), (1, 2, 1), unshuffle=2), Architecture((16, 16), (2, 1), scale=3)])
def test_a_pixel_outside_the_receptive_field_changes_nothing(architecture: Architecture) -> None:
    network = Restorer(architecture).eval()
    torch.nn.init.normal_(network.tail.weight, std=0.1)
    reach, side = architecture.receptive_field, 8 * (architecture.receptive_field // 8 + 1) * 3
    x = torch.rand(1, 1, side, side)
    y = x.clone()
    y[..., :, : side - reach - 16] += 1  # all but the last columns
    s = architecture.scale
    with torch.no_grad():
        difference = (network(x) - network(y)).abs()[..., -16 * s :]
    assert difference.max() == 0


def test_real_pairs_are_fitted_to_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("noisy", "clean"):
        (tmp_path / folder).mkdir()
    for i in range(3):
        clean = rng.random((64, 64)) * 100
        tifffile.imwrite(tmp_path / "clean" / f"{i}.tif", clean.astype(np.float32))
        tifffile.imwrite(tmp_path / "noisy" / f"{i}.tif", (3 * clean + 20 + rng.normal(0, 5, clean.shape)).astype(np.float32))
    from abbe.training.samples import RealPairs

    pairs = RealPairs(PairsPlan(noisy="noisy", clean="clean"), tmp_path)
    noisy, clean = pairs.images[0]
    assert (noisy - clean).std() == pytest.approx(5, rel=0.1)


def test_a_clean_image_that_is_the_mean_of_a_few_frames_keeps_its_contrast(tmp_path: Path) -> None:
    """Of one frame of five photons least squares left a seventh of it: who learns from such pairs learns to dim."""
    rng = np.random.default_rng(0)
    points = np.zeros((128, 128))
    points[rng.integers(0, 128, 90), rng.integers(0, 128, 90)] = 1
    truth = gaussian_filter(points, 1.8)
    truth *= 5 / truth.max()
    for folder in ("noisy", "clean"):
        (tmp_path / folder).mkdir()
    for i in range(2):
        tifffile.imwrite(tmp_path / "clean" / f"{i}.tif", rng.poisson(truth, (2, 128, 128)).mean(axis=0).astype(np.float32))
        tifffile.imwrite(tmp_path / "noisy" / f"{i}.tif", (2 * rng.poisson(truth) + 30).astype(np.float32))
    from abbe.training.samples import RealPairs

    for number, (_, fitted) in enumerate(RealPairs(PairsPlan(noisy="noisy", clean="clean"), tmp_path).images):
        given = tifffile.imread(tmp_path / "clean" / f"{number}.tif")
        assert fitted.std() / given.std() == pytest.approx(2, rel=0.25)


def test_the_interval_is_calibrated_on_real_pairs_where_there_are_some(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("noisy", "clean"):
        (tmp_path / folder).mkdir()
    clean = np.tile(rng.random((8, 8)), (8, 8)).astype(np.float32)
    for i in range(3):  # a pattern, and noise, that no simulation has
        tifffile.imwrite(tmp_path / "clean" / f"{i}.tif", clean)
        tifffile.imwrite(tmp_path / "noisy" / f"{i}.tif", clean + np.float32(i))
    pairs = PairsPlan(noisy="noisy", clean="clean", share=0.0)
    mixed = Training(plan(pairs=pairs), tmp_path / "t", tmp_path, workers=0, report=silent).validation
    real = mixed.of_pairs(1.0)
    for index in range(6):
        assert not np.allclose(mixed[index].observed, mixed[index].truth, atol=1e-4)
        assert np.allclose(real[index].observed, real[index].truth, atol=1e-4)
    alone = Training(plan(), tmp_path / "s", None, workers=0, report=silent).validation
    assert alone.of_pairs(1.0) is alone


def test_wrong_plans_are_refused_with_the_field(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('name = "x"\ntask = "divination"\n')
    with pytest.raises(ParameterError, match="task"):
        TrainingPlan.read(path)
    path.write_text("name = ")
    with pytest.raises(ParameterError, match="TOML"):
        TrainingPlan.read(path)
    with pytest.raises(ParameterError, match="point --data"):
        Training(plan(pool=PoolPlan(planes=2, side=64, images={"nowhere/*.tif": 1})), tmp_path / "t", tmp_path, workers=0)


def super_resolving(**network: object) -> TrainingPlan:
    return plan(task="super_resolve", network=TINY.model_copy(update={"scale": 3, **network}))


def test_half_of_the_samples_tell_how_wide_the_psf_is_and_nearly_rightly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[tuple[bool, float]] = []

    def noted(rng: np.random.Generator, source: object, n: int, *, known: bool) -> Pair:
        pair = super_resolution_pair(rng, source, n, known=known)
        widths.append((known, pair.width))
        return pair

    monkeypatch.setattr("abbe.training.samples.super_resolution_pair", noted)
    samples = Samples(super_resolving(told=PSF_TOLD), Pool.build(POOL, tmp_path, None), None)
    told = np.array([samples[i].told for i in range(120)])
    known, width = (np.array(column) for column in zip(*widths))
    assert 0.35 < known.mean() < 0.65
    assert np.array_equal(told[:, 0] == 1, known)
    assert not told[~known].any()
    assert np.allclose(told[:, 2], told[:, 1] ** 2, rtol=1e-5)
    inside = known & (width > NARROWEST) & (width < WIDEST)
    assert np.abs(told[inside, 1] - np.log2(width[inside] / USUAL)).max() < 4 * 0.06 / np.log(2)
    assert width[known].min() < 0.5
    assert width[known].max() > 2


def test_what_is_told_is_learnt_beside_a_network_that_stays(tmp_path: Path) -> None:
    first = train(super_resolving(), tmp_path, workers=0, report=silent, held_out=2)
    told = super_resolving(told=PSF_TOLD).model_copy(update={"name": "told", "learn": "told", "start": "tiny", "steps": 20, "seed": 5})
    second = train(told, tmp_path, models={"tiny": first.parent / "weights.safetensors"}, workers=0, report=silent, held_out=2)
    before, after = weights(first.parent), weights(second.parent)
    assert all(torch.equal(values, after[name]) for name, values in before.items())
    new = {name: values for name, values in after.items() if name not in before}
    assert all(bool(values.any()) == name.endswith(".weight") for name, values in new.items())
    one, two = (json.loads((folder / "card.json").read_text()) for folder in (first, second))
    assert two["told"] == list(PSF_TOLD)
    assert two["interval_factor"] == one["interval_factor"]
    assert two["training"]["steps"] == one["training"]["steps"]
    assert two["training"]["told"]["steps"] == 20
    observed = np.random.default_rng(1).normal(size=(1, 1, 32, 32)).astype(np.float32)
    sessions = [onnxruntime.InferenceSession(str(folder / "model.onnx")) for folder in (first, second)]
    read = Restorer(architecture(told))
    start_from(read, second / "model.onnx")  # every weight is there under its name, those that are all zero too
    assert not any(values.any() for name, values in read.state_dict().items() if name.endswith(".gain.bias"))
    blind = sessions[1].run(None, {"observed": observed, "told": np.zeros((1, 3), np.float32)})[0]
    knowing = sessions[1].run(None, {"observed": observed, "told": np.ones((1, 3), np.float32)})[0]
    assert np.allclose(sessions[0].run(None, {"observed": observed})[0], blind, atol=1e-6)
    assert not np.allclose(blind, knowing, atol=1e-4)
    with pytest.raises(ValueError, match="needs start, the name of the model that is to be told"):
        TrainingPlan.model_validate({**told.model_dump(), "start": None})


@pytest.mark.parametrize("scale", [1, 3])
def test_an_image_goes_on_beyond_its_edges_as_its_mirror_image(scale: int) -> None:
    """Numbers of pixels in place of light: the mean of each pixel's part of the truth stays that pixel's own, and its order turns."""
    n = 40
    observed = np.arange(n * n, dtype=np.float32).reshape(n, n)
    part = np.arange(scale, dtype=np.float32) - (scale - 1) / 2  # where in its pixel
    truth = np.kron(observed, np.ones((scale, scale), np.float32)) + np.tile(part, n)[None, :] / 8
    beyond = set()
    for seed in range(60):
        out = at_edges(np.random.default_rng(seed), Pair(observed, truth))
        assert out.observed.shape == observed.shape
        assert out.truth.shape == truth.shape
        np.testing.assert_allclose(out.truth.reshape(n, scale, n, scale).mean(axis=(1, 3)), out.observed, rtol=1e-6)
        columns = out.observed[0]
        for x in range(1, n - 1):
            if columns[x - 1] == columns[x + 1]:  # the middle of an outermost pixel
                beyond.add("right" if columns[x] > columns[x - 1] else "left")
                reach = min(x, n - 1 - x)
                np.testing.assert_array_equal(columns[x - reach : x + reach + 1], columns[x - reach : x + reach + 1][::-1])
                before, after = out.truth[0, scale * (x - reach) : scale * x], out.truth[0, scale * (x + 1) : scale * (x + reach + 1)]
                np.testing.assert_array_equal(before, after[::-1])
    assert beyond == {"left", "right"}


def test_a_quarter_of_the_samples_lie_at_edges() -> None:
    pair = Pair(np.random.default_rng(0).random((32, 32)).astype(np.float32), np.zeros((32, 32), np.float32))
    changed = sum(not np.array_equal(at_edges(np.random.default_rng(seed), pair).observed, pair.observed) for seed in range(400))
    # two of three axes have an end in view: 1 - 1/9 of a quarter, less those that reach 0 pixels
    assert 60 < changed < 120


def test_a_plan_that_tells_nothing_sees_what_it_always_saw(tmp_path: Path) -> None:
    """Draws for what is told come from elsewhere: sample i of the same plan, told or not, is the same where nothing is known."""
    pool = Pool.build(POOL, tmp_path, None)
    silent_, telling = (Samples(super_resolving(told=told), pool, None) for told in ((), PSF_TOLD))
    blind = [i for i in range(12) if not telling[i].told.any()]
    assert len(blind) >= 2
    for i in blind:
        assert np.array_equal(silent_[i].observed, telling[i].observed)
        assert np.array_equal(silent_[i].truth, telling[i].truth)


@pytest.mark.parametrize(("task", "told"), [("denoise", PSF_TOLD), ("super_resolve", ("anisotropy",)), ("axial_stack", PSF_TOLD)])
def test_a_plan_cannot_tell_what_its_samples_do_not_know(tmp_path: Path, task: str, told: tuple[str, ...]) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(f'name = "wrong"\ntask = "{task}"\n[network]\ntold = {json.dumps(told)}\n')
    with pytest.raises(ParameterError, match=rf"a network for {task} can be told .*, not"):
        TrainingPlan.read(file)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    train(plan(steps=1), tmp_path, workers=0, report=silent, held_out=4)
    other = Restorer(Architecture((16, 32), (1, 1), unshuffle=2))
    with pytest.raises(ModelError, match="same \\[network\\]"):
        start_from(other, tmp_path / "tiny" / "weights.safetensors")


@pytest.mark.parametrize("name", ["denoise", "background", "axial_plane", "axial_stack", "super_resolve"])
def test_every_weight_of_a_shipped_model_is_there_by_name(name: str) -> None:
    """A training can start from it, and CoreML's form be made of it."""
    model = abbe.zoo.find(name)
    settings = TrainingPlan.model_validate(model.card.training.settings if model.card.training else {})
    start_from(Restorer(architecture(settings)), model.path)


def test_every_shipped_plan_can_be_read() -> None:
    plans = Path(__file__).resolve().parents[2] / "plans"
    names = [TrainingPlan.read(path).name for path in sorted(plans.glob("*.toml"))]
    assert {"denoise", "background", "axial_plane", "axial_stack", "super_resolve"} <= set(names)


def test_super_resolution_keeps_light_where_it_is() -> None:
    network = Restorer(Architecture((16, 16), (1, 1), scale=3, context=True)).eval()
    torch.nn.init.normal_(network.tail.weight, std=0.5)
    torch.manual_seed(3)
    observed, context = torch.rand(1, 1, 64, 64), torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        added = network(observed, context)[:, :1] - network.base(observed, context)
        unkept = network.tail(network.features(observed, context, None))
    broad, made = (torch.nn.functional.avg_pool2d(a, 3 * 16)[:, :, 1:-1, 1:-1].abs().max() for a in (added, unkept))
    assert float(added.std()) > 0.3 * float(unkept.std())  # what is fine passes
    assert float(broad) < 0.15 * float(made)  # what is broad does not


def test_a_network_for_two_images_grows_out_of_one_for_one(tmp_path: Path) -> None:
    small = Restorer(Architecture((16, 16), (1, 1), unshuffle=2))
    torch.nn.init.normal_(small.tail.weight, std=0.1)
    from safetensors.torch import save_file

    path = tmp_path / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in small.state_dict().items()}, path)
    large = Restorer(Architecture((16, 16), (1, 1), scale=3, unshuffle=2, context=True))
    with pytest.raises(ModelError, match="another shape"):
        start_from(large, path)
    start_from(large, path, adapt=True)
    x = torch.rand(1, 1, 32, 32)
    entry = torch.nn.functional.pixel_unshuffle
    torch.testing.assert_close(large.head(entry(torch.cat([x, x], 1), 2)), small.head(entry(x, 2)))  # the same image twice is that image
    assert torch.equal(large.middle[0].first.weight, small.middle[0].first.weight)
    assert large.finer.weight.shape[0] == 16 * 36


def test_a_deeper_network_starts_as_the_one_without_its_new_blocks(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "weights.safetensors"
    small = Restorer(Architecture((16, 16), (1, 1), unshuffle=2)).eval()
    torch.nn.init.normal_(small.tail.weight, std=0.1)
    save_file({k: v.contiguous() for k, v in small.state_dict().items()}, path)
    deep = Restorer(Architecture((16, 16), (3, 2), unshuffle=2))
    with pytest.raises(ModelError, match="another shape"):
        start_from(deep, path)
    start_from(deep, path, adapt=True)
    x = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(deep(x), small(x))
    deep(x)[:, :1].square().sum().backward()
    new = (deep.down_blocks[0][1], deep.down_blocks[0][2], deep.middle[1], deep.up_blocks[0][2])
    assert all(block.second.weight.grad is not None and block.second.weight.grad.abs().max() > 0 for block in new)  # and can learn


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_scheduler_or_ctrl_c_stops_all_its_processes_and_it_goes_on_later(tmp_path: Path, number: signal.Signals) -> None:
    plan = tmp_path / "tiny.toml"
    plan.write_text(
        'name = "tiny"\ntask = "denoise"\nsteps = 100000\nbatch = 1\npatch = 32\n'
        "[network]\nwidths = [8, 8]\nblocks = [1, 1]\n[pool]\nplanes = 2\nside = 160\nreal = 0.0\n"
    )
    line = [sys.executable, "-m", "abbe", "train", str(plan), "--runs", str(tmp_path), "--workers", "1", "--threads", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    # a shell without job control starts what it puts into the background with SIGINT ignored, and that is inherited
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(line, start_new_session=True, **pipes)  # type: ignore[call-overload]
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        told = next(text for text in process.stdout if "steps/s" in text)
        os.killpg(process.pid, number)
        rest = process.stdout.read()
        assert process.wait(60) == 1
    assert rest.splitlines()[-1] == "abbe: stopped; no file was left half-written"
    assert "bug" not in rest
    assert "Traceback" not in rest
    state = read_metadata(tmp_path / "tiny" / "checkpoint.safetensors")
    assert int(state["step"]) >= int(told.split("step ")[1].split("/")[0])
    plan.write_text(plan.read_text().replace("100000", str(int(state["step"]) + 50)))
    again = subprocess.run(line, capture_output=True, text=True, check=True)
    assert f"tiny step {int(state['step']) + 50} validation" in again.stdout + again.stderr


def test_a_part_that_is_larger_than_its_plane_is_as_dense_as_it(tmp_path: Path) -> None:
    """Stripes every 8 pixels: at the smallest scale of simulated planes, 0.4, every 3.2, however large the part."""
    stripes = np.tile((np.arange(64) % 8 < 4).astype(np.float16), (1, 64, 1))
    pool = Pool(stripes, np.zeros((0, 8, 8, 8), np.float16), [], 0.0)
    shortest = []
    for size in (16, 100, 180):
        periods = []
        for seed in range(40):
            part = pool.crop(np.random.default_rng(seed), size)
            assert part.shape == (size, size)
            spectrum = max((np.abs(np.fft.rfft(line - line.mean())) for line in (part[0], part[:, 0])), key=np.max)
            periods.append(size / max(int(spectrum.argmax()), 1))
        shortest.append(min(periods))
    assert max(shortest) < 4


def test_what_takes_long_before_the_first_step_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pace, "BETWEEN", 0.0)
    lines: list[str] = []
    training = Training(plan(), tmp_path / "tiny", None, workers=0, report=lines.append, held_out=4)
    assert [line.split(" min")[0].rsplit(" ", 1)[0] for line in lines] == [f"simulated planes {n}/6" for n in range(1, 6)]
    lines.clear()
    interval_factor(training, 3)
    assert [line.split(" min")[0].rsplit(" ", 1)[0] for line in lines] == [f"tiny interval, held-out samples {n}/3" for n in (1, 2)]
    assert all(line.endswith(" min left") for line in lines)


def test_specimens_whose_making_is_interrupted_leave_no_file_behind(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "BETWEEN", 0.0)
        with pytest.raises(KeyboardInterrupt):
            Pool.build(POOL, tmp_path, None, report=interrupt)
    assert list(tmp_path.iterdir()) == []
    Pool.build(POOL, tmp_path, None, report=silent)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are counted in /proc")
def test_a_training_that_is_killed_while_it_makes_specimens_leaves_no_process_behind(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from abbe.training.plan import PoolPlan
from abbe.training.pool import Pool
if __name__ == "__main__":
    Pool.build(PoolPlan(planes=5000, side=320), Path({str(tmp_path / "pool")!r}), None)
"""
    script = tmp_path / "make.py"
    script.write_text(code)
    own = {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    made = subprocess.Popen([sys.executable, str(script)], env={**os.environ, **own}, start_new_session=True)
    try:
        began = time.monotonic()
        while len(_of_session(made.pid)) < 4 and time.monotonic() - began < 60:  # it, two that make specimens, and Python's own helper
            time.sleep(0.2)
        assert len(_of_session(made.pid)) >= 4
        time.sleep(2)  # both are at work, or soon will be
        os.kill(made.pid, signal.SIGKILL)
        made.wait()
        began = time.monotonic()
        while _of_session(made.pid) and time.monotonic() - began < 60:
            time.sleep(0.2)
        assert _of_session(made.pid) == []
    finally:
        for left in _of_session(made.pid):
            os.kill(left, signal.SIGKILL)


def _of_session(number: int) -> list[int]:
    """Processes of a session that are not dead."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = entry.joinpath("stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue  # it has just ended
        if int(session) == number and state != "Z":
            found.append(int(entry.name))
    return found


def test_what_a_killed_training_left_half_made_goes_when_it_is_made_again(tmp_path: Path) -> None:
    made = Pool.build(PoolPlan(planes=2, side=64), tmp_path, None)
    (whole,) = tmp_path.glob("planes-*.npy")
    whole.unlink()
    old, new = (tmp_path / f"{whole.stem}.{number}.partial" for number in (1, 2))
    for left in (old, new):
        left.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert np.array_equal(Pool.build(PoolPlan(planes=2, side=64), tmp_path, None).planes, made.planes)
    assert not old.exists()
    assert new.exists()  # somebody may be writing it

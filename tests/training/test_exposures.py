"""A denoiser learns from exposures of fields that stand still, without any clean image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from scipy.ndimage import gaussian_filter, shift

torch = pytest.importorskip("torch", reason="training needs the train extra")

import abbe  # noqa: E402
from abbe.errors import ParameterError  # noqa: E402
from abbe.training import TrainingPlan, train  # noqa: E402
from abbe.training.calibration import interval_factor  # noqa: E402
from abbe.training.exposures import MOST, Exposures  # noqa: E402
from abbe.training.loop import Training  # noqa: E402
from abbe.training.losses import restoration_loss  # noqa: E402
from abbe.training.own import plan_of_folder  # noqa: E402
from abbe.training.plan import NetworkPlan, PairsPlan, PoolPlan  # noqa: E402
from abbe.training.validating import errors_of  # noqa: E402

REPEATED = PairsPlan(noisy=".", clean=".", share=0.7, repeated=True)
TINY = NetworkPlan(widths=(16, 32), blocks=(1, 1))
SIDE = 96


def silent(line: str) -> None: ...


def specimen(seed: int, side: int = SIDE) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    points = np.zeros((side, side))
    points[rng.integers(0, side, side), rng.integers(0, side, side)] = 1
    light = gaussian_filter(points, 2.0)
    return 60 * light / light.max() + 5


def exposed(rng: np.random.Generator, light: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float32]:
    """Noise that runs along the rows, as no simulated camera has it, in (count, Y, X) exposures of 2 counts per photon over 100."""
    noise = rng.normal(0, 4, (count, *light.shape))
    noise = noise + np.roll(noise, 1, axis=2) + np.roll(noise, 2, axis=2)
    return (2 * (light + noise) + 100).astype(np.float32)


def series(path: Path, frames: npt.NDArray[np.generic], axes: str = "TYX") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, frames, imagej=True, metadata={"axes": axes})


def fields(folder: Path, count: int = 6, exposures: int = 2) -> Path:
    rng = np.random.default_rng(0)
    for i in range(count):
        series(folder / f"{i}.tif", exposed(rng, specimen(i), exposures))
    return folder


def plan(**changes: object) -> TrainingPlan:
    base = TrainingPlan(
        name="tiny",
        task="denoise",
        network=TINY,
        pool=PoolPlan(planes=6, side=128, real=0.0),
        pairs=REPEATED,
        steps=12,
        batch=4,
        patch=48,
        learning_rate=2e-3,
        own=True,
    )
    return base.model_copy(update=changes)


def test_an_exposure_is_paired_with_the_mean_of_all_others(tmp_path: Path) -> None:
    exposures = Exposures(REPEATED, fields(tmp_path, 2, 5))
    field, truth = exposures.fields[0], 2 * specimen(0) + 100
    whole = (slice(None), slice(None))
    for index in range(5):
        observed, others = field.frames[index], field.others(index, whole)
        # 4 counts in three neighbours, twice; a quarter of that variance in the mean of four
        assert (observed - truth).std() == pytest.approx(2 * 4 * 3**0.5, rel=0.05)
        assert (others - truth).std() == pytest.approx(4 * 3**0.5, rel=0.05)
        assert abs(np.corrcoef((observed - truth).ravel(), (others - truth).ravel())[0, 1]) < 0.05


def test_bleaching_is_no_difference_to_learn(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in "ab":
        light = specimen(ord(name))
        frames = exposed(rng, light, 4)
        series(tmp_path / f"{name}.tif", np.stack([(frame - 100) * 0.85**i + 100 for i, frame in enumerate(frames)]))
    field = Exposures(REPEATED, tmp_path).fields[0]
    for index, left in enumerate((1.0, 0.85, 0.85**2, 0.85**3)):
        others = field.others(index, (slice(None), slice(None)))
        slope, offset = np.polyfit(gaussian_filter(2 * specimen(ord("a")), 2).ravel(), gaussian_filter(others, 2).ravel(), 1)
        assert slope == pytest.approx(left, rel=0.1)
        assert offset == pytest.approx(100, abs=4)


def test_of_a_long_series_a_few_exposures_are_used_evenly(tmp_path: Path) -> None:
    series(tmp_path / "a.tif", exposed(np.random.default_rng(0), specimen(0), 40))
    assert len(Exposures(REPEATED, tmp_path).fields[0].frames) == MOST


def test_the_square_of_errors_leads_to_the_mean_of_skewed_noise() -> None:
    """The median of photons of 1.2 expected is 1."""
    photons = torch.poisson(torch.full((1, 1, 128, 128), 1.2), generator=torch.Generator().manual_seed(0))
    base, level = torch.zeros_like(photons), torch.tensor(1.2, requires_grad=True)
    slopes = []
    for noisy in (torch.tensor([True]), torch.tensor([False])):
        restored = torch.cat([level.expand_as(photons), torch.ones_like(photons)], 1)
        loss, _ = restoration_loss(restored, photons, base, 0.05, 0.0, 0.5, noisy)
        slopes.append(float(torch.autograd.grad(loss, level)[0]))
    assert abs(slopes[0]) < 0.02 < abs(slopes[1])


def test_the_spread_learns_nothing_from_noisy_truths() -> None:
    rng = torch.Generator().manual_seed(0)
    truth, base = torch.randn((2, 1, 32, 32), generator=rng), torch.zeros((2, 1, 32, 32))
    restored = torch.cat([torch.zeros_like(truth), torch.ones_like(truth)], 1).requires_grad_()
    loss, _ = restoration_loss(restored, truth, base, 0.05, 0.0, 0.5, torch.tensor([True, False]))
    (slope,) = torch.autograd.grad(loss, restored)
    assert slope[0, 1].abs().max() == 0
    assert slope[1, 1].abs().max() > 0


@pytest.mark.parametrize("exposures", [2, 5])
def test_an_error_against_exposures_is_told_without_their_noise(exposures: int) -> None:
    rng = np.random.default_rng(2)
    light = specimen(3, 128)
    frames = rng.poisson(light, (exposures, *light.shape)).astype(np.float32)
    smoothed = gaussian_filter(frames[0], 1.5)
    base, restored, others, truth = (
        torch.from_numpy(np.asarray(plane, np.float32))[None, None] for plane in (frames[0], smoothed, frames[1:].mean(axis=0), light)
    )
    seen, told = errors_of(base, restored, truth, 0), errors_of(base, restored, others, exposures)
    assert told[1] - told[0] == pytest.approx(seen[1] - seen[0], abs=0.3)  # of 2.7 dB
    blind = errors_of(base, restored, others, 0)
    assert abs((blind[1] - blind[0]) - (seen[1] - seen[0])) > 0.5  # as it would be told with the noise of the others in it


def refused(folder: Path, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Exposures(REPEATED, folder)


def test_what_would_teach_something_wrong_is_refused(tmp_path: Path) -> None:
    rng, light = np.random.default_rng(4), specimen(0, 160)
    frames = exposed(rng, light, 6)
    cases = {
        "one": (frames[:1], "wanted two exposures or more"),
        "twice": (frames[[0, 0, 1]], "the same one twice"),
        "unrelated": (np.concatenate([exposed(rng, specimen(n, 160), 1) for n in range(2)]), "nothing in common"),
        "moving": (
            np.stack([exposed(rng, shift(light, (0, 2 * i), order=1, mode="wrap"), 1)[0] for i in range(4)]),
            "lie .* off the first",
        ),
        "running": (np.stack([frames[i : i + 3].mean(axis=0) for i in range(4)]), "running means"),
        "small": (frames[:2, :20], "at least 32 x 32"),
        "again": (frames[[0, 1, 0, 1]], "the same one twice"),
        "shutter": (np.stack([*frames[:2], *exposed(rng, 0 * light, 1), frames[3]]), "the same settings in .* 0.* times the contrast"),
        "longer": (np.stack([frames[0], 10 * (frames[1] - 100) + 100]), "the same settings in .* exposed for another time"),
    }
    for name, (wrong, words) in cases.items():
        series(tmp_path / name / "a.tif", wrong)
        refused(tmp_path / name, words)
    series(tmp_path / "stack" / "a.tif", frames, "ZYX")
    refused(tmp_path / "stack", "6 planes along z; are they time points")


def test_bright_fields_that_bleach_are_not_taken_for_running_means(tmp_path: Path) -> None:
    light, rng = 20 * specimen(0, 160), np.random.default_rng(5)
    series(tmp_path / "a.tif", np.stack([rng.poisson(light * 0.95**i) + 100 for i in range(8)]).astype(np.uint16))
    field = Exposures(REPEATED, tmp_path).fields[0]
    assert field.gains[-1] / field.gains[0] == pytest.approx(0.95**7, rel=0.01)
    assert field.frames.dtype == np.uint16  # half the memory


def test_channels_and_planes_without_specimen_do_not_cost_a_field(tmp_path: Path) -> None:
    light, rng = specimen(0, 160), np.random.default_rng(6)
    frames = np.stack([[[rng.poisson(part) + 100 for part in (light, 0 * light + 5)] for _ in range(2)] for _ in range(3)])
    series(tmp_path / "a.tif", frames.astype(np.uint16), "TZCYX")
    fields = Exposures(REPEATED, tmp_path).fields
    assert len(fields) == 2
    assert all(field.frames.std() > 5 for field in fields)


def test_a_folder_of_exposures_is_told_from_one_of_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    alone = fields(tmp_path / "alone", 2)
    for folder, frame in zip(("first", "second"), exposed(rng, specimen(0), 2)):
        (tmp_path / "two" / folder).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "two" / folder / "a.tif", frame)
    assert plan_of_folder(alone).pairs == PairsPlan(noisy=".", clean=".", share=0.5, repeated=True)
    assert (two := plan_of_folder(tmp_path / "two").pairs) == PairsPlan(noisy="first", clean="second", share=0.5, repeated=True)
    assert two is not None
    assert Exposures(two, tmp_path / "two").fields[0].frames.shape == (2, SIDE, SIDE)
    (alone / "runs").mkdir()  # of a training that was called from there
    assert plan_of_folder(alone).pairs == PairsPlan(noisy=".", clean=".", share=0.5, repeated=True)
    (tmp_path / "half" / "noisy").mkdir(parents=True)
    (tmp_path / "half" / "a.tif").touch()
    with pytest.raises(ParameterError, match=r"several time points of fields that stand still, got half with: a\.tif, noisy"):
        plan_of_folder(tmp_path / "half")


def test_a_model_learns_from_two_exposures_what_clean_images_would_teach(tmp_path: Path) -> None:
    """Measured on the truth, which neither training nor validation has seen; and the interval holds what it says."""
    lines: list[str] = []
    training = Training(
        plan(steps=300, name="two"), tmp_path / "runs" / "two", fields(tmp_path / "two"), workers=0, report=lines.append, held_out=24
    )
    training.run(every=300)
    rng, truth = np.random.default_rng(9), 2 * specimen(99, 192) + 100
    seen = exposed(rng, specimen(99, 192), 1)[0]
    low, scale = 100.0, 120.0
    observed = torch.from_numpy(np.asarray((seen - low) / scale, np.float32))[None, None]
    with torch.no_grad():
        restored = training.average(observed.contiguous(memory_format=torch.channels_last))[0].numpy()
    before, after = ((plane - truth) for plane in (seen, restored[0] * scale + low))
    gain = 10 * np.log10((before**2).mean() / (after**2).mean())
    assert gain > 5
    assert training.on_pairs is not None
    assert training.on_pairs[1] - training.on_pairs[0] == pytest.approx(gain, abs=2)
    factor = interval_factor(training, 24)
    covered = np.mean(np.abs(after) <= factor * np.abs(restored[1]) * scale)
    assert 0.75 < covered < 1


def test_the_command_takes_a_folder_of_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fields(tmp_path / "cells", 3)
    own = plan_of_folder(folder)
    made = train(
        own.model_copy(update={"steps": 2, "batch": 2, "patch": 64, "pool": PoolPlan(planes=4, side=128, real=0.0)}),
        tmp_path / "runs",
        data=folder,
        workers=0,
        report=silent,
        held_out=4,
    )
    card = json.loads((made / "card.json").read_text())
    assert card["training"]["settings"]["pairs"]["repeated"] is True
    assert card["figures"][0]["set"] == "cells, held-out pairs"
    assert card["figures"][0]["measure"] == "PSNR of patches, without the noise of the other exposures (dB)"
    result = abbe.enhance(abbe.open(folder / "0.tif"), steps=("denoise",), model=str(made))
    assert result.shape[0] == 2


def test_one_field_alone_is_called_so(tmp_path: Path) -> None:
    training = Training(plan(), tmp_path / "runs", fields(tmp_path / "one", 1), workers=0, report=silent, held_out=2)
    assert "on the one field that it was trained on" in training._facts()["failures"]


def test_a_run_of_before_goes_on(tmp_path: Path) -> None:
    """Plans of older runs do not say whether their pairs are exposures."""
    now = TrainingPlan(name="own", task="denoise", pairs=PairsPlan(noisy="noisy", clean="clean"))
    before = now.model_dump(mode="json")
    del before["pairs"]["repeated"]
    assert now.differences(before) == []
    before["pairs"]["share"] = 0.7
    assert [text.split(" ")[0] for text in now.differences(before)] == ["pairs"]


def test_only_a_denoiser_learns_from_exposures() -> None:
    with pytest.raises(ValueError, match="repeated"):
        TrainingPlan(name="wrong", task="background", pairs=REPEATED)


def test_the_spread_needs_simulated_samples() -> None:
    with pytest.raises(ValueError, match="below 1"):
        TrainingPlan(name="wrong", task="denoise", pairs=REPEATED.model_copy(update={"share": 1.0}))

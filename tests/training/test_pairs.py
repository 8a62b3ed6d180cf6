"""Pairs of noisy and clean images are learnt where both show the same in the same place; others are refused by name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from scipy.ndimage import gaussian_filter, shift

torch = pytest.importorskip("torch", reason="training needs the train extra")

from abbe.cli.frame import main  # noqa: E402
from abbe.errors import ParameterError  # noqa: E402
from abbe.training import TrainingPlan, train  # noqa: E402
from abbe.training.loop import Training  # noqa: E402
from abbe.training.own import plan_of_folder  # noqa: E402
from abbe.training.plan import NetworkPlan, PairsPlan, PoolPlan  # noqa: E402
from abbe.training.related import is_plain  # noqa: E402
from abbe.training.samples import RealPairs, told_of_pairs  # noqa: E402

Array = npt.NDArray[np.float64]

PAIRS = PairsPlan(noisy="noisy", clean="clean", share=0.5)


def silent(line: str) -> None: ...


def cells(seed: int, side: int = 160) -> Array:
    """Spots and filaments, 1 at the brightest."""
    rng = np.random.default_rng(seed)
    light = np.zeros((side, side))
    light[tuple(rng.integers(0, side, (2, side // 2)))] = rng.uniform(0.3, 1, side // 2)
    for _ in range(side // 20):
        start, angle = rng.integers(0, side, 2), rng.uniform(0, np.pi)
        path = (start + np.outer(np.linspace(-side, side, 6 * side), (np.sin(angle), np.cos(angle)))).astype(int)
        light[tuple(path[((path >= 0) & (path < side)).all(axis=1)].T)] = 0.5
    light = gaussian_filter(light, 1.4)
    return light / light.max()


def grating(seed: int, side: int = 160) -> Array:
    y, x = np.indices((side, side))
    return 0.5 + 0.5 * np.sin(2 * np.pi * (x * np.cos(seed) + y * np.sin(seed)) / 8)


def haze(seed: int, side: int = 160) -> Array:
    """Nothing that is sharp: a shift is hardly told."""
    light = np.asarray(gaussian_filter(np.random.default_rng(seed).random((side, side)), 6))
    return (light - light.min()) / np.ptp(light)


def noisy_of(light: Array, seed: int, photons: float = 20.0) -> npt.NDArray[np.uint16]:
    rng = np.random.default_rng([seed, 1])
    return (8 * rng.poisson(photons * light + 0.3) + rng.normal(100, 3, light.shape)).clip(0).astype(np.uint16)


def write(folder: Path, name: str, noisy: npt.NDArray[np.generic], clean: Array, axes: str = "YX") -> None:
    for kind, image in (("noisy", noisy), ("clean", (2000 * clean + 100).clip(0).astype(np.uint16))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / kind / name, image, imagej=True, metadata={"axes": axes})


def moved(light: Array, by: tuple[float, float]) -> Array:
    return np.asarray(shift(light, by, order=1, mode="nearest"))


@pytest.mark.parametrize(("by", "said"), [((4.0, 3.0), r"(?:4\.[89]|5\.[012]) pixels"), ((1.5, 0.0), r"1\.[3-7] pixels")])
@pytest.mark.parametrize(("side", "photons"), [(160, 20.0), (160, 3.0), (80, 20.0)])
def test_clean_images_that_lie_off_are_refused_with_how_far(
    tmp_path: Path, by: tuple[float, float], said: str, side: int, photons: float
) -> None:
    for i in range(5):
        light = cells(i, side)
        write(tmp_path, f"f{i}.tif", noisy_of(light, i, photons), moved(light, by))
    with pytest.raises(ParameterError, match=rf"got ones that lie off: f0\.tif \({said}\), f1\.tif .*learnt as blur"):
        RealPairs(PAIRS, tmp_path)
    with pytest.raises(ParameterError, match="lie on the noisy ones") as refused:
        Training(plan(pairs=PAIRS), tmp_path / "runs" / "tiny", tmp_path, workers=0, report=silent)
    assert str(tmp_path / "clean") in str(refused.value)


def test_one_pair_that_lies_off_is_named_alone_also_where_it_is_held_out(tmp_path: Path) -> None:
    for i in range(5):
        light = cells(i)
        write(tmp_path, f"f{i}.tif", noisy_of(light, i), moved(light, (0.0, 3.0) if i in (2, 4) else (0.0, 0.0)))
    with pytest.raises(ParameterError, match=r"lie off: f2\.tif \((?:2\.9|3\.0) pixels\); this"):
        RealPairs(PAIRS, tmp_path)
    with pytest.raises(ParameterError, match=r"lie off: f4\.tif \((?:2\.9|3\.0) pixels\); this"):
        RealPairs(PAIRS, tmp_path, validation=True)


def test_a_channel_that_lies_off_is_named(tmp_path: Path) -> None:
    for i in range(2):
        one, two = cells(i), cells(50 + i)
        noisy = np.stack([noisy_of(one, i), noisy_of(two, 50 + i)])
        write(tmp_path, f"f{i}.tif", noisy, np.stack([one, moved(two, (3.0, 0.0))]), "CYX")
    with pytest.raises(ParameterError, match=r"lie off: f0\.tif \(channel 2, (?:2\.9|3\.0) pixels\); this"):
        RealPairs(PAIRS, tmp_path)


@pytest.mark.parametrize("made", [cells, grating, haze])
@pytest.mark.parametrize("side", [64, 160])
@pytest.mark.parametrize("photons", [2.0, 3.0])
def test_true_pairs_of_few_photons_are_taken(tmp_path: Path, made: object, side: int, photons: float) -> None:
    """Noise moves what is measured, most where nothing is sharp, and a fine grating fits itself a period on; a quarter of a pixel is what
    microscopes leave."""
    assert callable(made)
    for number in range(4):
        folder = tmp_path / str(number)
        for i in range(5):
            light = made(10 * number + i, side)
            clean = np.random.default_rng([number, i]).poisson(photons * light, (16, side, side)).mean(axis=0) / photons
            write(folder, f"f{i}.tif", noisy_of(light, 10 * number + i, photons), moved(clean, (0.2, -0.15)) if number % 2 else clean)
        assert len(RealPairs(PAIRS, folder).images) == 4


def test_a_channel_of_another_field_is_not_hidden_by_one_that_fits(tmp_path: Path) -> None:
    for i in range(3):
        light = [cells(i), cells(100 + i)]
        noisy = np.stack([noisy_of(part, i) for part in light])
        write(tmp_path, f"f{i}.tif", noisy, np.stack([light[0], cells(500 + i)]), "CYX")
    words = r"that show something else: f0\.tif \(channel 2\), f1\.tif \(channel 2\); put channels and planes into the same order"
    with pytest.raises(ParameterError, match=words):
        RealPairs(PAIRS, tmp_path)


def test_a_stack_that_runs_the_other_way_is_refused_by_plane(tmp_path: Path) -> None:
    stack = np.stack([cells(z, 96) for z in range(3)])
    for name in ("a.tif", "b.tif"):
        write(tmp_path, name, np.stack([noisy_of(plane, z) for z, plane in enumerate(stack)]), stack[::-1], "ZYX")
    with pytest.raises(ParameterError, match=r"something else: a\.tif \(plane 1\), a\.tif \(plane 3\); put"):
        RealPairs(PAIRS, tmp_path)


def test_planes_that_show_noise_alone_are_left_out_with_a_word(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a.tif", "b.tif"):
        light = np.stack([cells(0), cells(1), 0 * cells(2)])
        clean = light + np.stack([0 * light[0], 0 * light[0], rng.normal(0.05, 0.01, light[0].shape)])
        write(tmp_path, name, np.stack([noisy_of(plane, z) for z, plane in enumerate(light)]), clean, "ZYX")
    pairs = RealPairs(PAIRS, tmp_path)
    assert len(pairs.images) == 2
    said = list(told_of_pairs((pairs, None)))
    assert said == ["note: 1 planes of the pairs show nothing in common, or noise alone, and are left out: a.tif (plane 3)"]


def test_noise_is_not_taken_for_structure() -> None:
    """White, smeared along lines as by a slow detector, smooth, and with hot pixels."""
    rng = np.random.default_rng(1)
    for side in (32, 64, 160):
        for _ in range(5):
            white = rng.normal(0, 4, (side, side))
            hot = white + 2000 * (rng.random(white.shape) < 0.001)
            assert not any(
                map(is_plain, (white, white + np.roll(white, 1, 1), gaussian_filter(white, 1.2), hot, rng.poisson(5, white.shape)))
            )
    assert all(is_plain(noisy_of(cells(seed), seed)) for seed in range(5))


def test_files_that_systems_leave_in_folders_are_passed_over(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, f"f{i}.tif", noisy_of(cells(i), i), cells(i))
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store"):
        for folder in ("noisy", "."):
            (tmp_path / folder / name).write_bytes(b"x" * 500)
    found = plan_of_folder(tmp_path).pairs
    assert found is not None
    assert len(RealPairs(found, tmp_path).images) == 2


@pytest.mark.parametrize("beside", [True, False])
def test_what_is_no_image_is_to_be_taken_out_of_its_folder(tmp_path: Path, beside: bool) -> None:
    for i in range(3):
        write(tmp_path, f"f{i}.tif", noisy_of(cells(i), i), cells(i))
    for folder in ("noisy", "clean") if beside else ("noisy",):
        (tmp_path / folder / "notes.txt").write_text("60x, 20 ms")
    words = rf"wanted images alone in the folder {re.escape(str(tmp_path / 'noisy'))}, got notes\.txt; take it out of there"
    with pytest.raises(ParameterError, match=words):
        Training(plan(pairs=PAIRS), tmp_path / "runs" / "tiny", tmp_path, workers=0, report=silent)
    if beside:
        with pytest.raises(ParameterError, match=words):
            plan_of_folder(tmp_path)


def test_folders_are_found_in_capitals_too(tmp_path: Path) -> None:
    for i in range(2):
        write(tmp_path, f"f{i}.tif", noisy_of(cells(i), i), cells(i))
    for name in ("noisy", "clean"):
        (tmp_path / name).rename(tmp_path / f"{name}_")
        (tmp_path / f"{name}_").rename(tmp_path / name.capitalize())
    found = plan_of_folder(tmp_path).pairs
    assert found is not None
    assert len(RealPairs(found, tmp_path).images) == 1


def plan(**changes: object) -> TrainingPlan:
    base = TrainingPlan(
        name="tiny",
        task="denoise",
        network=NetworkPlan(widths=(16, 16), blocks=(1, 1)),
        pool=PoolPlan(planes=4, side=96, real=0.0),
        steps=60,
        batch=4,
        patch=32,
        learning_rate=2e-3,
        sets=("cells",),
    )
    return base.model_copy(update=changes)


def test_a_model_that_is_worse_than_the_one_it_started_from_is_not_handed_over_as_a_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "cells"
    for i in range(3):
        light = cells(i)
        # those to learn from are blurred, the last one, which is held out, is not
        write(data, f"f{i}.tif", noisy_of(light, i), light if i == 2 else gaussian_filter(light, 5))
    start = {"tiny": train(plan(steps=200), tmp_path / "first", workers=0, report=silent, held_out=2) / "model.onnx"}

    def again(steps: int, rate: float, name: str = "worse") -> tuple[list[str], dict[str, list[str]]]:
        lines: list[str] = []
        wanted = plan(name=name, start="tiny", pairs=PAIRS.model_copy(update={"share": 0.7}), own=True, steps=steps, learning_rate=rate)
        made = train(wanted, tmp_path / "runs", data=data, models=start, workers=0, report=lines.append, held_out=8)
        return lines, json.loads((made / "card.json").read_text())

    lines, card = again(40, 2e-2)
    told = [re.search(r"pairs alone (\S+) dB", line).group(1) for line in lines if "pairs alone" in line]  # type: ignore[union-attr]
    began, ended = told[0], told[-1]
    assert float(ended) < float(began)
    words = f"Held-out pairs are restored worse than by the model that the training started from: {ended} dB, by tiny 0.1.0 {began} dB; use"
    assert lines[-1].startswith(f"note: {words}")
    assert card["failures"][0].startswith(words)
    assert main(["model", "show", str(tmp_path / "runs" / "worse")]) == 0
    assert f"fails: {words}" in capsys.readouterr().out
    assert again(40, 2e-2)[0][-1].startswith(f"note: {words}")  # nothing was left to do
    longer, card = again(41, 2e-2)
    assert f"by tiny 0.1.0 {began} dB" in longer[-1]  # what it began with is kept with the checkpoint
    assert f"by tiny 0.1.0 {began} dB" in card["failures"][0]
    lines, card = again(1, 1e-9, "same")
    assert not [line for line in lines if "worse" in line]
    assert card["failures"] == []

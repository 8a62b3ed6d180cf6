"""A run is of one plan and one set of images: what does not fit is told in one line, before anything takes long."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import tifffile

torch = pytest.importorskip("torch", reason="training needs the train extra")

from safetensors.torch import load_file, save_file  # noqa: E402

from abbe.errors import ParameterError  # noqa: E402
from abbe.training import TrainingPlan, train  # noqa: E402
from abbe.training.loop import Training, undisturbed  # noqa: E402
from abbe.training.plan import NetworkPlan, PairsPlan, PoolPlan  # noqa: E402
from abbe.training.record import SIMULATED  # noqa: E402
from abbe.training.weights import read_metadata  # noqa: E402

TINY = NetworkPlan(widths=(16, 16), blocks=(1, 1))
POOL = PoolPlan(planes=4, side=96, real=0.0)
PAIRS = PairsPlan(noisy="noisy", clean="clean", share=0.5)


def plan(**changes: object) -> TrainingPlan:
    base = TrainingPlan(name="tiny", task="denoise", network=TINY, pool=POOL, steps=3, batch=2, patch=32, sets=("cells",))
    return base.model_copy(update=changes)


def silent(line: str) -> None: ...


def pairs(folder: Path, count: int, seed: int = 0, side: int = 64) -> Path:
    rng = np.random.default_rng(seed)
    for name in ("noisy", "clean"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        clean = np.kron(rng.random((side // 4, side // 4)), np.ones((4, 4))) * 100
        tifffile.imwrite(folder / "clean" / f"{i}.tif", clean.astype(np.float32))
        tifffile.imwrite(folder / "noisy" / f"{i}.tif", rng.normal(clean, 60).astype(np.float32))
    return folder


def run(wanted: TrainingPlan, runs: Path, data: Path | None = None, report=silent) -> Path:  # type: ignore[no-untyped-def]
    return train(wanted, runs, data=data, workers=0, report=report, held_out=2)


def card(folder: Path) -> dict:  # type: ignore[type-arg]
    return json.loads((folder / "card.json").read_text())  # type: ignore[no-any-return]


def test_other_images_do_not_get_another_folders_model(tmp_path: Path) -> None:
    run(plan(pairs=PAIRS), tmp_path / "runs", pairs(tmp_path / "own", 3))
    other = pairs(tmp_path / "own2", 3, seed=5)
    with pytest.raises(ParameterError, match=r"images \(6 files \w+, now 6 files \w+\); give --runs another folder"):
        run(plan(pairs=PAIRS), tmp_path / "runs", other)
    with pytest.raises(ParameterError, match=r"now 8 files"):
        run(plan(pairs=PAIRS), tmp_path / "runs", pairs(tmp_path / "own", 4))


def test_the_same_images_elsewhere_are_the_same(tmp_path: Path) -> None:
    run(plan(pairs=PAIRS), tmp_path / "runs", pairs(tmp_path / "own", 3))
    run(plan(pairs=PAIRS, steps=5), tmp_path / "runs", pairs(tmp_path / "moved", 3))


def test_another_plan_of_the_name_does_not_go_on_but_a_longer_one_does(tmp_path: Path) -> None:
    run(plan(), tmp_path)
    for changed, said in (
        (plan(seed=2), r"seed \(1, now 2\)"),
        (plan(task="background"), r"task \(denoise, now background\)"),
        (plan(network=NetworkPlan(widths=(16, 32), blocks=(1, 1))), "network"),
    ):
        with pytest.raises(ParameterError, match=said):
            run(changed, tmp_path)
    assert card(run(plan(steps=5, title="Another title"), tmp_path))["training"]["steps"] == 5


def test_a_checkpoint_of_an_older_abbe_goes_on(tmp_path: Path) -> None:
    run(plan(), tmp_path)
    path = tmp_path / "tiny" / "checkpoint.safetensors"
    old = {key: value for key, value in read_metadata(path).items() if key in ("step", "seconds", "best")}
    save_file(load_file(path), path, metadata=old)
    assert card(run(plan(seed=2, steps=5), tmp_path))["training"]["steps"] == 5


def test_fewer_steps_than_are_done_leave_the_model_as_it_is(tmp_path: Path) -> None:
    first = (run(plan(steps=5), tmp_path) / "model.onnx").read_bytes()
    lines: list[str] = []
    again = run(plan(steps=2), tmp_path, report=lines.append)
    assert lines == ["tiny: 5 steps are done already, 2 were asked for; it stays as it is"]
    assert (again / "model.onnx").read_bytes() == first


@pytest.mark.parametrize("kept", [4, 60, 2000, -1])
def test_a_checkpoint_cut_short_is_named(tmp_path: Path, kept: int) -> None:
    run(plan(), tmp_path)
    path = tmp_path / "tiny" / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ParameterError, match=r"checkpoint\.safetensors, which is damaged .* delete it"):
        run(plan(steps=5), tmp_path)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('name = "a name"', "name: wanted letters, digits"),
        ('name = "../../evil"', "name: wanted letters, digits"),
        ("seed = -1", "seed: .*greater than or equal to 0"),
        ("patch = 33", "multiple of 8 for this .network., got 33; take 32"),
        ("[pool]\nplanes = 0", "planes = 0"),
        ('task = "axial_stack"\n[network]\nchannels = 5', "volumes = 0"),
        ('task = "axial_plane"', "volumes = 0"),
        ('task = "super_resolve"', "scale 3 and channels 1 for super_resolve, got scale 1"),
        ('task = "super_resolve"\n[network]\nscale = 3\n[pairs]\nnoisy = "a"\nclean = "b"', r"no \[pairs\] for super_resolve"),
        ('task = "super_resolve"\n[network]\nscale = 3\nlevels = true', "levels need a network of one plane"),
    ],
)
def test_a_plan_that_cannot_be_trained_is_refused_when_it_is_read(tmp_path: Path, lines: str, said: str) -> None:
    usual = [line for line in ('name = "x"', 'task = "denoise"') if not re.search(rf"^{line.split()[0]} ", lines, re.M)]
    (tmp_path / "plan.toml").write_text("\n".join([*usual, lines]))
    with pytest.raises(ParameterError, match=said):
        TrainingPlan.read(tmp_path / "plan.toml")


def test_wrong_folders_are_found_before_anything_is_made(tmp_path: Path) -> None:
    data = pairs(tmp_path / "own", 2)
    (data / "clean" / "1.tif").unlink()
    wrong = [(data, "for each noisy one, by the same name, got none for 1.tif"), (tmp_path / "nowhere", "which is none")]
    (tmp_path / "empty").mkdir()
    wrong.append((tmp_path / "empty", "wanted noisy images in the folder .*noisy, got none"))
    wrong.append((pairs(tmp_path / "small", 2, side=24), "at least 32 x 32 pixels .* got none in 0.tif"))
    nan = pairs(tmp_path / "nan", 2)
    tifffile.imwrite(nan / "noisy" / "0.tif", np.full((64, 64), np.nan, np.float32))
    wrong.append((nan, r"got 0\.tif, which show nothing in common"))
    for folder, said in wrong:
        with pytest.raises(ParameterError, match=said) as raised:
            run(plan(pairs=PAIRS), tmp_path / "runs", folder)
        assert ("--data" in str(raised.value)) == (folder == tmp_path / "nowhere")
    assert not list(tmp_path.glob("runs/pool/*"))


def test_pairs_of_different_fields_are_refused_by_name_and_very_noisy_ones_are_not(tmp_path: Path) -> None:
    data = pairs(tmp_path / "own", 3, side=128)
    noisy = data / "noisy" / "0.tif"
    rng = np.random.default_rng(3)
    tifffile.imwrite(noisy, rng.normal(tifffile.imread(data / "clean" / "0.tif"), 300).astype(np.float32))
    run(plan(pairs=PAIRS), tmp_path / "runs", data)
    for other in (rng.normal(tifffile.imread(data / "clean" / "1.tif"), 10), -tifffile.imread(data / "clean" / "0.tif")):
        tifffile.imwrite(noisy, other.astype(np.float32))
        with pytest.raises(ParameterError, match=r"of the same fields, got 0\.tif, which show nothing in common"):
            run(plan(pairs=PAIRS), tmp_path / "runs2", data)


def test_a_card_names_what_was_seen(tmp_path: Path) -> None:
    data, lines = pairs(tmp_path / "own", 3), []
    first = run(plan(pairs=PAIRS), tmp_path / "runs", report=lines.append)
    assert card(first)["training"]["sets"] == [SIMULATED]
    assert "real images are left out" in lines[0]
    tuned = plan(name="tuned", start="tiny", pairs=PAIRS, own=True, licence="that of the images", sets=("more",))
    both = train(tuned, tmp_path / "runs", data=data, models={"tiny": first / "model.onnx"}, workers=0, report=silent, held_out=2)
    made = card(both)
    assert made["training"]["sets"] == ["more", SIMULATED]
    assert made["training"]["start"] == "tiny 0.1.0"
    assert made["training"]["plan"] is None
    assert made["licence"] == made["training"]["licence"] == "that of the images"
    again = tuned.model_copy(update={"name": "again", "start": "tuned", "sets": (), "pairs": None})
    weights = {"tuned": tmp_path / "runs" / "tuned" / "weights.safetensors"}
    third = train(again, tmp_path / "runs", models=weights, workers=0, report=silent, held_out=2)
    assert card(third)["training"]["sets"] == [SIMULATED, "more"]


def test_one_pair_alone_is_said_to_have_been_seen(tmp_path: Path) -> None:
    lines: list[str] = []
    made = run(plan(pairs=PAIRS), tmp_path, pairs(tmp_path / "own", 1), lines.append)
    assert "the one pair that it was trained on" in lines[0]
    assert "the one pair that it was trained on" in card(made)["failures"][0]
    assert not card(run(plan(pairs=PAIRS), tmp_path / "more", pairs(tmp_path / "own2", 2)))["failures"]


def test_time_counts_at_checkpoints(tmp_path: Path) -> None:
    def stop(line: str) -> None:
        raise KeyboardInterrupt

    training = Training(plan(steps=60), tmp_path / "tiny", None, workers=0, report=stop, held_out=2)
    with pytest.raises(KeyboardInterrupt):
        training.run(every=1000)
    assert float(read_metadata(tmp_path / "tiny" / "checkpoint.safetensors")["seconds"]) > 0


def test_ctrl_c_within_a_step_waits_for_its_end(tmp_path: Path) -> None:
    training = Training(plan(steps=9), tmp_path / "tiny", None, workers=0, report=silent, held_out=2)
    stepped = []

    def interrupt(*_: object) -> None:
        stepped.append({name: p.detach().clone() for name, p in training.network.named_parameters()})
        if len(stepped) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    training.optimizer.register_step_post_hook(interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            training.run()
    finally:
        signal.signal(signal.SIGINT, before)
    path = tmp_path / "tiny" / "checkpoint.safetensors"
    assert read_metadata(path)["step"] == "3"
    saved = load_file(path)
    assert all(torch.equal(values, saved[f"weights.{name}"]) for name, values in stepped[2].items())


def test_signals_are_as_before_outside_a_step() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with undisturbed():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before

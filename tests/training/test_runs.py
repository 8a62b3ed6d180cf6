"""A run is of one plan and one set of images: what does not fit is told in one line, before anything takes long."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

torch = pytest.importorskip("torch", reason="training needs the train extra")

from safetensors.torch import load_file, save_file  # noqa: E402

import abbe  # noqa: E402
from abbe.cli.frame import main  # noqa: E402
from abbe.errors import ParameterError  # noqa: E402
from abbe.training import TrainingPlan, train  # noqa: E402
from abbe.training.loop import Training, undisturbed  # noqa: E402
from abbe.training.plan import NetworkPlan, PairsPlan, PoolPlan  # noqa: E402
from abbe.training.record import SIMULATED, images_of  # noqa: E402
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
    # a model that is not whole is made again
    (again / "model.onnx").write_bytes(first[:100])
    assert (run(plan(steps=5), tmp_path) / "model.onnx").read_bytes() == first


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
        ("stepz = 3", "stepz: there is no such key; did you mean 'steps'"),
        ("[network]\nwidts = [4]", "network.widts: there is no such key; did you mean 'widths'"),
        ('task = "denoize"', "task: wanted 'denoise', .* or 'super_resolve', got 'denoize'"),
        ('steps = "many"\nbatch = 2.5', "steps: wanted a valid integer, got 'many'; batch: wanted a valid integer, got 2.5"),
        ("learning_rate = nan", "learning_rate: wanted a finite number, got nan"),
        ("knee = inf", "knee: wanted a finite number, got inf"),
        ("spread_weight = -1.0", "spread_weight: wanted a value greater than or equal to 0, got -1.0"),
        ("seed = 99999999999999999999", "seed: wanted a value less than or equal to"),
        ("patch = 1000000", "patch: wanted a value less than or equal to 2048"),
        ("[network]\nwidths = [0, 8]\nblocks = [1, 1]", "network.widths.0: wanted a value greater than or equal to 1, got 0"),
        ("[network]\nwidths = [8, 8]\nblocks = [1]", "as many blocks as widths, .* got 2 widths and 1 blocks"),
        ("[network]\nwidths = [4, 4, 4, 4, 4, 4, 4, 4, 4]\nblocks = [1, 1, 1, 1, 1, 1, 1, 1, 1]", "multiples of 256 at most, got 512"),
        ('[pool.images]\n"/etc/*" = 1', "pool.images./etc/.: wanted a path below the data folder"),
        ('[pool.images]\n"a/../../*" = 1', "wanted a path below the data folder"),
        ('[pool.images]\n"" = 1', "wanted a path below the data folder"),
        ('[pool.images]\n"a**b" = 1', "as a folder of its own"),
        ('[pool.images]\n"." = 1', "wanted a path below the data folder"),
        ("[pairs]\nnoisy = 'n'\nclean = '..\\c'", "pairs.clean: wanted a path below the data folder"),
        ("[network]\nwidths = []", r"network.widths: wanted 1 at least, got \[\]$"),
        ('start = "denoise"\n[adversarial]\nwidths = [0]', "adversarial.widths.0: wanted a value greater than or equal to 1, got 0$"),
        ('after = "denoise"', "after: wanted a valid list, got 'denoise'"),
        ('[pool.images]\n"*.tif" = 0', "wanted a value greater than or equal to 1, got 0"),
        ('[pairs]\nnoisy = "/data/n"\nclean = "c"', "pairs.noisy: wanted a path below the data folder"),
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
    wrong.append((nan, r"pixels that are numbers, got none in .*0\.tif \(all are NaN or infinite\); take it out"))
    even = pairs(tmp_path / "even", 2)
    tifffile.imwrite(even / "noisy" / "0.tif", np.full((64, 64), 7, np.float32))
    wrong.append((even, r"neither is even, got none in 0\.tif"))
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


def test_weights_that_run_away_are_told_of_and_give_no_model(tmp_path: Path) -> None:
    with pytest.raises(
        ParameterError, match=r"at step 2 of tiny: its weights ran away. Give the plan a lower learning_rate \(it is 1e\+30\)"
    ):
        run(plan(learning_rate=1e30), tmp_path)
    assert not (tmp_path / "tiny" / "model").exists()
    assert not (tmp_path / "tiny" / "checkpoint.safetensors").exists()


def test_models_that_cannot_come_before_are_named_before_anything_is_made(tmp_path: Path) -> None:
    for name in ("super_resolve", "background", "axial_stack"):
        with pytest.raises(ParameterError, match=f"wanted models in after that make one plane of one.*got {name}; take it out"):
            run(plan(after=(name,), pool=PoolPlan(planes=2, side=64)), tmp_path)


def test_from_python_a_plan_starts_from_the_model_that_it_names(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"wanted the weights of nowhere, which tiny starts from, got none: .* there are: axial_plane"):
        run(plan(start="nowhere"), tmp_path)
    run(plan(), tmp_path)
    lines: list[str] = []
    second = run(plan(name="second", start="tiny", steps=1), tmp_path, report=lines.append)
    assert lines[0] == f"second: takes tiny as trained in {tmp_path / 'tiny'}"
    assert card(second)["training"]["start"] == "tiny"
    rows = (tmp_path / "second" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "0", "1"]  # what it started from, and what came out


def test_a_killed_run_has_each_step_once_in_its_table(tmp_path: Path) -> None:
    train(plan(steps=4), tmp_path, workers=0, every=1, report=silent, held_out=1)
    table = tmp_path / "tiny" / "log.csv"
    before = table.read_text().splitlines()
    table.write_text("\n".join([*before, "5,0.1,0.2,9.9,9.9,1e-4", "6,0."]))  # beyond the checkpoint, the last cut short
    train(plan(steps=6), tmp_path, workers=0, every=1, report=silent, held_out=1)
    after = table.read_text().splitlines()
    assert after[:5] == before
    assert [row.split(",")[0] for row in after] == ["step", "1", "2", "3", "4", "5", "6"]


def test_exchanged_folders_are_refused_in_a_plan_too(tmp_path: Path) -> None:
    data = pairs(tmp_path / "own", 3)
    for noisy, clean in (("clean", "noisy"), ("noisy", "noisy")):
        with pytest.raises(ParameterError, match="are the two folders exchanged, or their images the same"):
            run(plan(pairs=PairsPlan(noisy=noisy, clean=clean)), tmp_path / "runs", data)
    section = plan(task="background", name="section", pairs=PairsPlan(noisy="clean", clean="noisy"), steps=1)
    run(section, tmp_path / "runs", data)  # a confocal section may have more noise than a widefield image


def test_a_network_that_no_card_could_describe_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    far = plan(network=NetworkPlan(widths=(4,) * 7, blocks=(1,) * 6 + (6,), unshuffle=1), patch=64)
    with pytest.raises(ParameterError, match="sees 1024 pixels to each side at most, got one that sees 1"):
        run(far, tmp_path)


def test_images_that_nothing_can_be_learnt_from_are_named(tmp_path: Path) -> None:
    data, image = tmp_path / "data", np.random.default_rng(0).random((64, 64)).astype(np.float32)
    data.mkdir()
    tifffile.imwrite(data / "flat.tif", np.full((64, 64), 7, np.uint16))
    tifffile.imwrite(data / "fine.tif", image)
    image[5:9, 3] = np.nan
    tifffile.imwrite(data / "lacking.tif", image)
    for name, factor, said in (
        ("flat.tif", 1, "wanted images flat.tif of at least 48 x 48 pixels, not even"),
        ("fine.tif", 2, "wanted images fine.tif of at least 48 x 48 pixels once they are binned by 2, not even"),
        ("lacking.tif", 1, "wanted pixels that are numbers, got some that are none in .*lacking.tif"),
    ):
        with pytest.raises(ParameterError, match=said):
            run(plan(pool=PoolPlan(planes=0, real=1.0, images={name: factor})), tmp_path / "runs", data)


def test_specimens_that_no_disk_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"wanted room for 1,000,000,000 simulated planes of 8192 pixels a side, .* GB, got"):
        run(plan(pool=PoolPlan(planes=10**9, side=8192)), tmp_path)


def test_held_out_pairs_are_measured_by_themselves_and_stand_on_an_own_models_card(tmp_path: Path) -> None:
    lines: list[str] = []
    wanted = plan(pairs=PAIRS, own=True, steps=2)
    made = train(wanted, tmp_path / "runs", data=pairs(tmp_path / "own", 3), workers=0, report=lines.append, held_out=6)
    told = next(line for line in lines if "validation" in line)
    alone, shown = map(float, re.search(r"on held-out pairs alone (\S+) dB, input (\S+) dB", told).groups())  # type: ignore[union-attr]
    # the same again from what was saved, sample by sample
    training = Training(wanted, tmp_path / "runs" / "tiny", tmp_path / "own", workers=0, report=silent, held_out=6)
    assert training.resume()
    other = training.validation
    real = [i for i in range(6) if other.is_real(i)]
    assert 0 < len(real) < 6
    held = other.pairs.images[0][0]  # type: ignore[union-attr]
    assert len(other.pairs.images) == 1  # type: ignore[union-attr]
    assert held.shape == (64, 64)
    found = []
    for i in real:
        observed, truth = (torch.from_numpy(a)[None] for a in other[i][:2])
        with torch.no_grad():
            result = training.average(observed)[:, :1]
        span = float(truth.max() - truth.min()) + 1e-3
        found.append([10 * np.log10(span**2 / float((a - truth).square().mean())) for a in (result, observed)])
    assert np.allclose(np.mean(found, 0), [alone, shown], atol=0.01)
    figure = card(made)["figures"][0]
    assert figure["set"] == "cells, held-out pairs"
    assert [figure["abbe"], figure["input"]] == pytest.approx([alone, shown], abs=0.01)
    single = train(
        wanted.model_copy(update={"name": "one"}), tmp_path / "runs", data=pairs(tmp_path / "one", 1), workers=0, report=silent, held_out=2
    )
    assert card(single)["figures"] == []  # of a pair that was learnt there is no figure


def test_images_named_beside_a_folder_that_brings_its_own_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = pairs(tmp_path / "own", 2)
    assert main(["train", str(own), "--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == 1
    assert "wanted --data with a plan alone, got it with" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("name", "words"), [("cells.tif", "which is an image; name its folder"), ("cells", "if it is an image, name its")])
def test_an_image_in_place_of_a_plan_is_called_one(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", np.full((40, 40), 0xB6FF, np.uint16))
    (tmp_path / "cells.tif").rename(tmp_path / name)
    assert main(["train", str(tmp_path / name), "--runs", str(tmp_path / "runs")]) == 1
    err = capsys.readouterr().err
    assert words in err
    assert "codec" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' names are text")
def test_names_that_are_no_text_are_digested_as_they_are(tmp_path: Path) -> None:
    data = pairs(tmp_path / "own", 2)
    named = images_of(plan(pairs=PAIRS), data)
    for name in ("noisy", "clean"):
        (data / name / "0.tif").rename(data / name / os.fsdecode(b"\xff.tif"))
    other = images_of(plan(pairs=PAIRS), data)
    assert other.startswith("4 files ")
    assert other != named
    run(plan(pairs=PAIRS), tmp_path / "runs", data)


@pytest.mark.parametrize("learn", ["spread", "all"])
def test_a_run_that_goes_on_started_from_the_model_of_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learn: str) -> None:
    """As most plans in plans/ do: called again, it took its own weights for what it had started from."""
    first = run(plan(seed=3), tmp_path / "first")
    before = card(first)
    monkeypatch.setenv("ABBE_MODELS", str(tmp_path / "first"))
    network = TINY.model_copy(update={"spread_width": 8})
    lines: list[str] = []
    for steps in (1, 2):
        made = run(plan(learn=learn, start="tiny", steps=steps, network=network), tmp_path / "later", report=lines.append)
    training = card(made)["training"]
    assert not any("takes tiny" in line for line in lines)
    if learn == "all":
        assert (training["start"], training["steps"]) == ("tiny 0.1.0", 2)
    else:
        assert (training["steps"], training["seed"]) == (before["training"]["steps"], 3)
        assert training["spread"]["steps"] == 2
    # called once more, it is not made again
    kept = (made / "card.json").stat().st_mtime_ns
    run(plan(learn=learn, start="tiny", steps=2, network=network), tmp_path / "later")
    assert (made / "card.json").stat().st_mtime_ns == kept


def test_a_table_that_a_kill_left_empty_gets_its_header(tmp_path: Path) -> None:
    run(plan(), tmp_path)
    (tmp_path / "tiny" / "log.csv").write_text("")
    for steps in (4, 5):
        run(plan(steps=steps), tmp_path)
    rows = (tmp_path / "tiny" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "4", "5"]


def test_noisy_images_may_lie_in_the_data_folder_itself(tmp_path: Path) -> None:
    data = pairs(tmp_path / "own", 3)
    for path in (data / "noisy").iterdir():
        path.rename(data / path.name)
    file = tmp_path / "plan.toml"
    file.write_text('name = "x"\ntask = "denoise"\n[pairs]\nnoisy = "."\nclean = "clean"\n')
    assert run(plan(pairs=TrainingPlan.read(file).pairs), tmp_path / "runs", data).is_dir()


def test_pairs_that_were_compressed_with_loss_are_told(tmp_path: Path) -> None:
    data, said = pairs(tmp_path / "own", 3), list[str]()
    Training(plan(pairs=PAIRS), tmp_path / "runs" / "one", data, workers=0, threads=1, report=said.append, held_out=1)
    assert not [line for line in said if "loss" in line]
    for folder in ("noisy", "clean"):
        for i in range(3):
            place = data / folder / f"{i}.tif"
            abbe.save(abbe.open(place), data / folder / f"{i}.jpg")
            place.unlink()
    Training(plan(pairs=PAIRS), tmp_path / "runs" / "two", data, workers=0, threads=1, report=said.append, held_out=1)
    told = [line for line in said if "loss" in line]
    assert len(told) == 1
    assert "6 files of the pairs were compressed with loss (clean/0.jpg, " in told[0]

"""The adversarial partner of a fidelity model: how it is trained, kept, and gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")

from safetensors.torch import load_file  # noqa: E402

from abbe.errors import ModelError, ParameterError  # noqa: E402
from abbe.networks import Discriminator  # noqa: E402
from abbe.training import TrainingPlan, train  # noqa: E402
from abbe.training.adversary import Adversary  # noqa: E402
from abbe.training.loop import Training  # noqa: E402
from abbe.training.plan import AdversarialPlan, NetworkPlan, PoolPlan  # noqa: E402
from abbe.training.weights import read_weights  # noqa: E402
from abbe.zoo import load  # noqa: E402

TINY = NetworkPlan(widths=(16, 16), blocks=(1, 1), unshuffle=2, scale=3, context=True)
#: strong and quick, so that a few steps show
STRONG = AdversarialPlan(weight=0.1, widths=(8, 8), learning_rate=5e-3)


def plan(**changes: object) -> TrainingPlan:
    base = TrainingPlan(
        name="tiny", task="super_resolve", network=TINY, pool=PoolPlan(planes=4, side=160, real=0.0), steps=10, batch=2, patch=32,
        learning_rate=2e-3,
    )  # fmt: skip
    return base.model_copy(update=changes)


def partner(adversarial: AdversarialPlan = STRONG, **changes: object) -> TrainingPlan:
    return plan(name="partner", start="tiny", adversarial=adversarial, seed=2, **changes)


@pytest.fixture(scope="module")
def fidelity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a super-resolution trained for seconds."""
    runs = tmp_path_factory.mktemp("runs")
    train(plan(), runs, workers=0, report=silent, held_out=2)
    return runs / "tiny" / "weights.safetensors"


def silent(line: str) -> None: ...


def training(wanted: TrainingPlan, folder: Path, fidelity: Path, report=silent) -> Training:
    return Training(wanted, folder, None, models={"tiny": fidelity}, workers=0, threads=1, report=report, held_out=2)


def state(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoint.safetensors")


def test_a_stopped_training_goes_on_with_its_discriminator_to_the_last_bit(tmp_path: Path, fidelity: Path) -> None:
    training(partner(), tmp_path / "whole", fidelity).run(every=100)
    first = training(partner(), tmp_path / "stopped", fidelity)
    batches = first._batches()
    for _ in range(4):
        first._advance(*next(batches))
    first.save()
    assert first.adversary is not None
    assert first.adversary.steps > 0
    training(partner(), tmp_path / "stopped", fidelity).run(every=100)
    one, two = state(tmp_path / "whole"), state(tmp_path / "stopped")
    assert one.keys() == two.keys()
    assert any(name.startswith("adversary.") for name in one)
    assert any(name.startswith("adversary-optimizer.") for name in one)
    assert [name for name in one if not torch.equal(one[name], two[name])] == []


def test_it_starts_from_the_fidelity_model(tmp_path: Path, fidelity: Path) -> None:
    own = training(partner(), tmp_path / "t", fidelity).network.state_dict()
    assert all(torch.equal(own[name], weights) for name, weights in load_file(fidelity).items())


def test_without_weight_it_is_plain_training(tmp_path: Path, fidelity: Path) -> None:
    lonely = partner(STRONG.model_copy(update={"weight": 0.0}))
    training(lonely, tmp_path / "nothing", fidelity).run(every=100)
    plain = training(partner().model_copy(update={"adversarial": None}), tmp_path / "plain", fidelity)
    plain.network.load_state_dict(load_file(fidelity))
    plain.average.load_state_dict(load_file(fidelity))
    plain.run(every=100)
    training(partner(), tmp_path / "strong", fidelity).run(every=100)
    nothing, without, strong = (load_file(tmp_path / name / "weights.safetensors") for name in ("nothing", "plain", "strong"))
    assert all(torch.equal(nothing[name], without[name]) for name in without)
    assert not torch.equal(strong["tail.weight"], without["tail.weight"])


def test_a_discriminator_that_is_right_does_not_learn() -> None:
    torch.manual_seed(0)
    observed, truth, made = torch.rand(4, 1, 16, 16), torch.rand(4, 1, 48, 48), torch.zeros(4, 1, 48, 48)
    adversary = Adversary.of(AdversarialPlan(widths=(8, 16), learning_rate=5e-3), context=False)
    for _ in range(200):
        adversary.challenge(observed, None, made, truth)
    learnt = adversary.steps
    assert 0 < learnt < 150  # the two are easy to tell apart
    before = {name: parameter.clone() for name, parameter in adversary.network.named_parameters()}
    adversary.challenge(observed, None, made, truth)
    assert adversary.steps == learnt
    assert all(torch.equal(before[name], parameter) for name, parameter in adversary.network.named_parameters())
    # shown the truth alone it is right about half, so it learns
    adversary.challenge(observed, None, truth, truth)
    assert adversary.steps == learnt + 1


def test_the_term_pulls_a_candidate_towards_what_passes_for_the_truth() -> None:
    torch.manual_seed(1)
    observed, truth = torch.rand(4, 1, 16, 16), torch.rand(4, 1, 48, 48)
    smooth = torch.nn.functional.avg_pool2d(truth, 5, 1, 2, count_include_pad=False)
    adversary = Adversary.of(AdversarialPlan(widths=(8, 16), learning_rate=5e-3), context=False)
    for _ in range(60):
        adversary.challenge(observed, None, smooth, truth)
    term, lower = (float(adversary.challenge(observed, None, a, truth).mean()) for a in (smooth, 0.5 * (smooth + truth)))
    assert lower < term


def test_a_discriminator_does_not_know_how_bright_an_image_is() -> None:
    torch.manual_seed(2)
    network = Discriminator((8, 16), context=True).eval()
    observed, context, candidate = torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16), torch.rand(2, 1, 48, 48)
    with torch.no_grad():
        dim = network(observed, context, candidate)
        bright = network(500 * observed + 70, 500 * context + 70, 500 * candidate + 70)
        other = network(observed, context, candidate.flip(3))
    torch.testing.assert_close(dim, bright, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(dim, other, atol=1e-3)


def test_progress_and_table_tell_of_the_adversary(tmp_path: Path, fidelity: Path) -> None:
    lines: list[str] = []
    training(partner(steps=50), tmp_path / "t", fidelity, lines.append).run(every=25)
    assert any("steps/s" in line and "discriminator right" in line for line in lines)
    header, start, *rows = (tmp_path / "t" / "log.csv").read_text().splitlines()
    assert header.endswith("fine_detail,adversarial,right,learnt")
    assert start.startswith("0,")  # the fidelity model, to compare with
    assert [row.split(",")[0] for row in rows] == ["25", "50"]
    term, right, learnt = (float(cell) for cell in rows[0].split(",")[-3:])
    assert term > 0
    assert 0 < right <= 1
    assert 0 < learnt <= 1


def test_a_partner_of_nobody_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('name = "x"\ntask = "denoise"\n[adversarial]\nweight = 0.01\n')
    with pytest.raises(ParameterError, match="start"):
        TrainingPlan.read(path)
    path.write_text('name = "x"\ntask = "denoise"\nstart = "denoise"\n[adversarial]\nweight = 3\n')
    with pytest.raises(ParameterError, match=r"adversarial\.weight"):
        TrainingPlan.read(path)


def test_the_partner_is_exported_beside_its_fidelity_model(tmp_path: Path, fidelity: Path) -> None:
    folder = train(partner(), tmp_path, models={"tiny": fidelity}, workers=0, report=silent, held_out=2)
    original = fidelity.parent / "model"
    assert (folder / "model.onnx").read_bytes() == (original / "model.onnx").read_bytes()
    model = load(folder)
    trained = load_file(tmp_path / "partner" / "weights.safetensors")
    for realism, wanted in ((0, load_file(fidelity)), (1, trained)):
        (tmp_path / "mixed.onnx").write_bytes(model.at(realism).weights())
        got = read_weights(tmp_path / "mixed.onnx")
        assert got.keys() == wanted.keys()
        assert all(torch.allclose(got[name], wanted[name], rtol=1e-3, atol=1e-6) for name in wanted)  # half precision
    assert not torch.equal(trained["tail.weight"], load_file(fidelity)["tail.weight"])
    assert model.card.name == "tiny"
    assert model.card.realism.default == 0
    assert model.card.realism.training is not None
    assert model.card.realism.training.plan == "plans/partner.toml"
    assert model.card.of(b"other").realism.partner is None


def test_a_partner_of_the_finest_grid_holds_its_own_weights_alone(tmp_path: Path, fidelity: Path) -> None:
    finest = partner(learn="finest")
    folder = train(finest, tmp_path, models={"tiny": fidelity}, workers=0, report=silent, held_out=2)
    own, learnt = load_file(fidelity), load_file(tmp_path / "partner" / "weights.safetensors")
    differ = {name for name in own if not torch.equal(own[name], learnt[name])}
    assert differ == {"up_blocks.0.0.first.weight", "up_blocks.0.0.second.weight", "finer.weight", "tail.weight"}
    assert read_weights(folder / "partner.onnx").keys() == differ
    model = load(folder)
    (tmp_path / "mixed.onnx").write_bytes(model.at(1).weights())
    got = read_weights(tmp_path / "mixed.onnx")
    assert all(torch.allclose(got[name], learnt[name], rtol=1e-3, atol=1e-6) for name in learnt)
    # what stops goes on, though some weights have no moments
    again = training(finest, tmp_path / "partner", fidelity)
    assert again.resume()
    assert all(torch.equal(a, learnt[name]) for name, a in again.average.state_dict().items())


def test_a_partner_may_lie_part_of_the_way(tmp_path: Path, fidelity: Path) -> None:
    quarter = partner(STRONG.model_copy(update={"share": 0.25}))
    folder = train(quarter, tmp_path, models={"tiny": fidelity}, workers=0, report=silent, held_out=2)
    own, learnt = load_file(fidelity), load_file(tmp_path / "partner" / "weights.safetensors")
    (tmp_path / "mixed.onnx").write_bytes(load(folder).at(1).weights())
    got = read_weights(tmp_path / "mixed.onnx")
    for name in ("tail.weight", "head.weight"):
        assert torch.allclose(got[name], own[name].lerp(learnt[name], 0.25), rtol=2e-3, atol=1e-5)
        assert not torch.allclose(got[name], learnt[name], rtol=2e-3, atol=1e-5)


def test_a_partner_that_learnt_nothing_is_refused(tmp_path: Path, fidelity: Path) -> None:
    idle = partner(learn="finest", steps=1, learning_rate=1e-12)
    with pytest.raises(ModelError, match="learnt something"):
        train(idle, tmp_path, models={"tiny": fidelity}, workers=0, report=silent, held_out=1)


def test_a_partner_without_its_fidelity_model_says_what_to_do(tmp_path: Path, fidelity: Path) -> None:
    with pytest.raises(ParameterError, match="whose partner"):
        train(partner(), tmp_path, workers=0, report=silent)
    alone = tmp_path / "alone" / "weights.safetensors"
    alone.parent.mkdir()
    alone.write_bytes(fidelity.read_bytes())
    with pytest.raises(ModelError, match="train it first"):
        train(partner(steps=1), tmp_path, models={"tiny": alone}, workers=0, report=silent, held_out=1)

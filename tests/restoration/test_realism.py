"""Realism mixes a model with its adversarial partner, weight by weight; the result says so, and can be made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from abbe import Image, correct_background, enhance
from abbe.errors import ModelError, ParameterError
from abbe.session.repeating import repeat
from abbe.zoo import load
from model_maker import network, write_model, write_partner

FIDELITY, PARTNER = network(seed=1), network(seed=2)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    return write_partner(write_model(tmp_path, "denoise", FIDELITY, name="pair"), PARTNER)


def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(100, (40, 50)).astype(np.uint16)


def denoised(model: Path, realism: float | None) -> Image:
    return enhance(counts(), steps="denoise", model=model, realism=realism, engine="cpu")


def codes(image: Image) -> set[str]:
    return {notice.code for notice in image.notices}


def test_at_0_it_is_the_fidelity_model_byte_for_byte_and_at_1_its_partner(pair: Path, tmp_path: Path) -> None:
    assert load(pair).weights() == FIDELITY
    assert load(pair).at(0).weights() == FIDELITY
    assert load(pair).at(1).weights() == PARTNER
    alone, partner = (write_model(tmp_path, "denoise", content, name=f"only{k}") for k, content in enumerate((FIDELITY, PARTNER)))
    for realism, same in ((None, alone), (0.0, alone), (1.0, partner)):
        assert np.asarray(denoised(pair, realism)).tobytes() == np.asarray(denoised(same, None)).tobytes()


@pytest.mark.parametrize("share", [0.25, 0.8])
def test_between_them_every_weight_is_that_share_of_the_way(pair: Path, share: float) -> None:
    contents = (FIDELITY, PARTNER, load(pair).at(share).weights())
    own, other, mixed = ({t.name: t for t in onnx.load_from_string(c).graph.initializer} for c in contents)
    for name, tensor in mixed.items():
        a, b, c = (numpy_helper.to_array(x[name]).astype(np.float64) for x in (own, other, mixed))
        step = np.finfo(numpy_helper.to_array(tensor).dtype).eps
        assert np.allclose(c, (1 - share) * a + share * b, rtol=step, atol=step * np.abs(a).max()), name
    onnx.checker.check_model(onnx.load_from_string(contents[2]))


def test_what_was_mixed_stands_in_the_recipe_and_comes_out_again(pair: Path) -> None:
    result = denoised(pair, 0.4)
    (step,) = result.recipe.steps
    assert step.parameters["realism"] == 0.4
    assert step.parameters["partner_digest"] == load(pair).card.realism.partner
    assert not np.array_equal(np.asarray(result), np.asarray(denoised(pair, 0.0)))
    recipe = result.recipe.model_copy(update={"steps": (step.model_copy(update={"model": str(pair)}),)})
    assert np.asarray(repeat(recipe, Image.from_array(counts()))).tobytes() == np.asarray(result).tobytes()


def test_a_card_whose_default_changed_does_not_change_what_is_made_again(pair: Path) -> None:
    before = denoised(pair, None)
    write_partner(pair, PARTNER, default=0.6)
    assert denoised(pair, None).recipe.steps[0].parameters["realism"] == 0.6
    steps = (before.recipe.steps[0].model_copy(update={"model": str(pair)}),)
    again = repeat(before.recipe.model_copy(update={"steps": steps}), Image.from_array(counts()))
    assert np.asarray(again).tobytes() == np.asarray(before).tobytes()


def test_models_without_a_partner_say_that_realism_does_nothing_for_them(pair: Path) -> None:
    result = enhance(counts(), model={"denoise": pair}, realism=0.5)
    (notice,) = (n for n in result.notices if n.code == "realism")
    assert str(notice) == "realism 0.5 has no effect on axial_plane, super_resolve: they have no adversarially trained partner"
    plain = enhance(counts(), steps="super_resolve", realism=0.5)
    assert np.asarray(plain).tobytes() == np.asarray(enhance(counts(), steps="super_resolve")).tobytes()
    assert codes(plain) >= {"realism"}
    assert plain.recipe.steps[0].parameters["realism"] == 0
    assert "realism" not in codes(enhance(counts(), steps="super_resolve", realism=0))


def test_the_interval_is_said_to_be_calibrated_at_0_alone(pair: Path, tmp_path: Path) -> None:
    assert "uncalibrated" in codes(denoised(pair, 0.1))
    assert not codes(denoised(pair, 0.0)) & {"uncalibrated", "realism"}
    crisp = write_partner(write_model(tmp_path, "background", FIDELITY, name="crisp"), PARTNER, default=1.0)
    background = correct_background(counts(), model=crisp, engine="cpu")
    assert "uncalibrated" in codes(background)
    assert background.recipe.steps[0].parameters["realism"] == 1


def some_of(content: bytes, *names: str, nodes: bool = False) -> bytes:
    """Some of the weights of a model, by name, in a file without operators."""
    model = onnx.load_from_string(content)
    kept = [tensor for tensor in model.graph.initializer if tensor.name in names]
    assert len(kept) == len(names)
    if not nodes:
        del model.graph.node[:]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return bytes(model.SerializeToString())


def test_a_partner_may_be_those_weights_alone_that_differ(pair: Path) -> None:
    last = "conv1_kernel_half"
    write_partner(pair, some_of(PARTNER, last))
    contents = (FIDELITY, PARTNER, load(pair).at(1).weights())
    own, other, mixed = ({t.name: t for t in onnx.load_from_string(c).graph.initializer} for c in contents)
    assert len(own) > 1
    for name, tensor in mixed.items():
        assert tensor == (other if name == last else own)[name]
    whole, half = (np.asarray(denoised(pair, share)) for share in (0.0, 0.5))
    assert not np.array_equal(whole, half)


def test_some_weights_of_another_network_are_no_partner(pair: Path) -> None:
    last = onnx.load_from_string(PARTNER).graph.initializer[1]
    odd = onnx.load_from_string(some_of(PARTNER, last.name))
    odd.graph.initializer[0].name = "elsewhere"
    wide = onnx.load_from_string(some_of(PARTNER, last.name))
    values = numpy_helper.to_array(last)
    wide.graph.initializer[0].CopyFrom(numpy_helper.from_array(values[None], last.name))
    for content in (odd.SerializeToString(), wide.SerializeToString(), some_of(PARTNER, last.name, nodes=True)):
        write_partner(pair, content)
        with pytest.raises(ModelError, match="graph differs"):
            denoised(pair, 0.5)
    write_partner(pair, some_of(PARTNER))
    with pytest.raises(ModelError, match="with weights"):
        denoised(pair, 0.5)


def test_background_correction_takes_a_share_too_and_it_comes_out_again(tmp_path: Path) -> None:
    model = write_partner(write_model(tmp_path, "background", FIDELITY, name="crisp"), PARTNER)
    faithful, crisp = (correct_background(counts(), model=model, engine="cpu", realism=share) for share in (None, 0.5))
    assert not np.array_equal(np.asarray(faithful), np.asarray(crisp))
    write_partner(model, PARTNER, default=1.0)  # the card's default changes
    for result in (faithful, crisp):
        step = result.recipe.steps[0].model_copy(update={"model": str(model)})
        again = repeat(result.recipe.model_copy(update={"steps": (step,)}), Image.from_array(counts()))
        assert np.asarray(again).tobytes() == np.asarray(result).tobytes()


@pytest.mark.parametrize("realism", [-0.1, 1.5, float("nan")])
def test_realism_beyond_0_and_1_is_refused(pair: Path, realism: float) -> None:
    with pytest.raises(ParameterError, match="from 0"):
        denoised(pair, realism)


def test_a_partner_that_does_not_belong_is_refused(pair: Path) -> None:
    (pair / "partner.onnx").write_bytes(network(seed=5))
    with pytest.raises(ModelError, match=r"digest.*partner\.onnx"):
        denoised(pair, 0.5)
    assert denoised(pair, 0.0).shape  # the model itself is whole
    write_partner(pair, network(seed=2, depth=2))
    with pytest.raises(ModelError, match="graph differs"):
        denoised(pair, 0.5)
    (pair / "partner.onnx").unlink()
    with pytest.raises(ModelError, match="got: No such file"):
        denoised(pair, 0.5)
    lonely = write_model(pair.parent, "denoise", FIDELITY, name="lonely")
    with pytest.raises(ModelError, match="no adversarial partner"):
        load(lonely).at(0.5)

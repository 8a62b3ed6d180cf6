"""A model is used only when it is the one its card describes, and nothing but a network."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from abbe.errors import ModelError
from abbe.zoo import MODELS_VARIABLE, Card, catalogue, damaged, find, load, models
from abbe.zoo.graph import check_graph
from model_maker import card, network, save_bytes, write_model


@pytest.fixture(autouse=True)
def _no_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "BUILT_IN", tmp_path / "built-in")
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)


def test_a_model_is_found_by_name_folder_card_or_weights(tmp_path: Path) -> None:
    place = write_model(tmp_path / "built-in", "denoise")
    for way in ("denoise", place, place / "card.json", place / "model.onnx"):
        model = find(way)
        assert model.card.task == "denoise"
        assert model.weights() == (place / "model.onnx").read_bytes()
    assert find("denoise").built_in
    assert not find(place).built_in


def test_a_card_and_weights_may_lie_apart(tmp_path: Path) -> None:
    place = write_model(tmp_path, "denoise")
    moved = tmp_path / "weights.onnx"
    (place / "model.onnx").rename(moved)
    assert load(place / "card.json", moved).weights()
    with pytest.raises(ModelError, match="get the model again"):
        load(place).weights()


def test_an_exported_model_is_found_by_either_of_its_two_files(tmp_path: Path) -> None:
    place = write_model(tmp_path, "denoise")
    weights, described = tmp_path / "yeast.v2.onnx", tmp_path / "yeast.v2.json"
    (place / "card.json").rename(described)
    (place / "model.onnx").rename(weights)
    other = write_model(tmp_path / "beside", "background")
    (other / "model.onnx").rename(tmp_path / "model.onnx")  # of another model, in the same folder
    for way in (weights, described):
        assert find(way).weights() == weights.read_bytes()
    weights.unlink()
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"yeast\.v2\.onnx"):
        find(described).weights()
    with pytest.raises(ModelError, match=r"wanted a model at .*yeast\.v2\.onnx, which is not there"):
        find(tmp_path / "nowhere" / "yeast.v2.onnx")


def test_weights_without_a_card_say_both_names_that_it_may_have(tmp_path: Path) -> None:
    place = write_model(tmp_path, "denoise")
    (place / "model.onnx").rename(tmp_path / "yeast.onnx")
    with pytest.raises(ModelError, match=r"beside .*yeast\.onnx, yeast\.json or card\.json, got none"):
        find(tmp_path / "yeast.onnx")


@pytest.mark.parametrize("name", ["x3.zip", "x3.mlpackage"])
def test_a_package_for_other_programs_is_said_to_be_none_that_abbe_reads(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    for way in (name, tmp_path / name):
        with pytest.raises(ModelError, match="a package for other programs, which abbe does not read"):
            find(way)


def test_the_users_own_models_are_listed_after_abbes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "built-in", "denoise")
    write_model(tmp_path / "mine", "denoise", name="yeast")
    single = write_model(tmp_path / "other", "background", name="haze")
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep.join([str(tmp_path / "mine"), str(single), str(tmp_path / "nowhere")]))
    assert [model.card.name for model in models()] == ["denoise", "yeast", "haze"]
    assert damaged() == ()


def test_the_folder_of_a_training_stands_for_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_model(tmp_path / "somewhere", "denoise", name="yeast").rename(tmp_path / "model")
    folder = tmp_path / "runs" / "yeast"
    folder.mkdir(parents=True)
    run.rename(folder / "model")
    (tmp_path / "runs" / "pool").mkdir()
    assert find(folder).path == folder / "model" / "model.onnx"
    for place in (tmp_path / "runs", folder, folder / "model"):
        monkeypatch.setenv(MODELS_VARIABLE, str(place))
        assert [model.path for model in models()] == [folder / "model" / "model.onnx"]
        assert find("yeast").weights()
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "runs" / "pool"))
    with pytest.raises(ModelError, match="pool, where there is none"):
        find("yeast")


def test_an_own_model_cannot_take_the_name_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "built-in", "denoise")
    write_model(tmp_path / "mine", "denoise", network(seed=7))
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "mine"))
    assert find("denoise").built_in
    assert "rename it" in str(damaged()[0])


def test_an_unknown_model_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    write_model(tmp_path / "built-in", "denoise")
    with pytest.raises(ModelError, match="there are: denoise"):
        find("nonsense")


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    place = write_model(tmp_path, "denoise")
    content = bytearray((place / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (place / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="digest"):
        load(place).weights()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"task": "magic"}, "task"),
        ({"scale": 3}, "scale 3"),
        ({"observed_channels": 5}, "observed_channels"),
        ({"digest": "abc"}, "digest"),
        ({"name": "../../etc"}, "name"),
        ({"normalisation": {"low_percentile": 99, "high_percentile": 1}}, "normalisation"),
        ({"receptive_field": -1}, "receptive_field"),
        ({"surprise": 1}, "surprise"),
        ({"format": 99}, "update abbe"),
    ],
)
def test_a_wrong_card_says_which_field_is_wrong(change: dict[str, object], word: str) -> None:
    text = json.dumps(card("denoise", b"") | change)
    with pytest.raises(ModelError, match=word):
        Card.from_json(text, "card.json")


@given(st.binary(max_size=200))
def test_a_card_of_any_bytes_raises_nothing_but_a_model_error(content: bytes) -> None:
    with pytest.raises(ModelError):
        Card.from_json(content, "card.json")


def test_a_broken_card_does_not_hide_the_other_models(tmp_path: Path) -> None:
    write_model(tmp_path / "built-in", "denoise")
    broken = write_model(tmp_path / "built-in", "background")
    (broken / "card.json").write_text("{")
    assert [model.card.name for model in models()] == ["denoise"]
    assert "background" in str(damaged()[0])


# ---------------------------------------------------------------------------------------------------- what a file may hold


def graph_of(*nodes: onnx.NodeProto) -> bytes:
    observed = helper.make_tensor_value_info("observed", TensorProto.FLOAT, ["N", 1, "H", "W"])
    restored = helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["N", 1, "H", "W"])
    return save_bytes(helper.make_graph(list(nodes), "test", [observed], [restored]))


def test_an_honest_network_passes() -> None:
    check_graph(network())
    check_graph(network(3))
    check_graph(network(1, 5))


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    onnx.save(onnx.load_from_string(network()), tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0, location="secret")
    with pytest.raises(ModelError, match="without external data"):
        check_graph((tmp_path / "m.onnx").read_bytes())


def test_external_data_inside_a_constant_or_a_branch_is_refused() -> None:
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    with pytest.raises(ModelError, match="external data"):
        check_graph(graph_of(constant))
    branch = helper.make_graph([constant], "branch", [], [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])])
    choice = helper.make_node("If", ["observed"], ["restored"], then_branch=branch, else_branch=branch)
    with pytest.raises(ModelError, match="external data"):
        check_graph(graph_of(choice))


@pytest.mark.parametrize("domain", ["com.microsoft", "my.company", "ai.onnx.ml"])
def test_operators_of_others_are_refused(domain: str) -> None:
    node = helper.make_node("EPContext", ["observed"], ["restored"], domain=domain)
    with pytest.raises(ModelError, match=domain):
        check_graph(graph_of(node))


def test_a_model_nested_without_end_is_refused() -> None:
    content = b""
    for _ in range(40):  # graph > node > attribute > graph ...
        for field in (6, 5, 1):
            content = bytes([field << 3 | 2]) + varint(len(content)) + content
    with pytest.raises(ModelError, match="nested"):
        check_graph(bytes([7 << 3 | 2]) + varint(len(content)) + content)


def varint(n: int) -> bytes:
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


@given(st.binary(max_size=300))
def test_bytes_that_are_no_model_raise_nothing_but_a_model_error(content: bytes) -> None:
    with pytest.raises(ModelError):
        check_graph(content)


@given(at=st.floats(0, 1, exclude_max=True))
def test_a_model_that_is_cut_short_is_refused(at: float) -> None:
    content = network(depth=1)
    cut = content[: int(at * len(content))]
    try:
        check_graph(cut)
    except ModelError:
        return
    onnx.load_from_string(cut)  # a cut between two fields is a valid protobuf: the digest refuses it


def test_a_pickle_is_no_model(tmp_path: Path) -> None:
    import pickle

    content = pickle.dumps({"weights": np.zeros(3)})
    place = write_model(tmp_path, "denoise", content)
    with pytest.raises(ModelError, match="ONNX"):
        load(place).weights()


def test_a_length_beyond_the_file_is_refused() -> None:
    with pytest.raises(ModelError, match="cut short"):
        check_graph(bytes([7 << 3 | 2]) + struct.pack("<B", 100) + b"abc")

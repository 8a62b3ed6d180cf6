"""A name stands for one model, or for none that is taken silently."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from abbe.cli.frame import main
from abbe.errors import ModelError
from abbe.zoo import MODELS_VARIABLE, catalogue, find, models
from model_maker import network, write_model


@pytest.fixture(autouse=True)
def _no_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "BUILT_IN", tmp_path / "built-in")
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)


def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Models of two people whose folders of images are both called pairs."""
    made = []
    for number, person in enumerate(("ada", "ben")):
        made.append(
            write_model(tmp_path / "runs", "denoise", network(seed=number), name="denoise-pairs").rename(tmp_path / "runs" / person)
        )
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "runs"))
    return made[0], made[1]


def test_a_name_that_two_models_have_is_refused_with_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, ben = two(tmp_path, monkeypatch)
    with pytest.raises(ModelError, match="wanted one model called denoise-pairs, got 2 that differ, in ") as refused:
        find("denoise-pairs")
    for words in (str(ada), str(ben), "give the path of the one that is meant", "calls a model after the folder of its images"):
        assert words in str(refused.value)
    for folder in (ada, ben):
        assert find(folder).path == folder / "model.onnx"
    card = json.loads((ben / "card.json").read_text())
    (ben / "card.json").write_text(json.dumps({**card, "name": "denoise-ben"}))
    assert find("denoise-pairs").path.parent == ada
    assert find("denoise-ben").path.parent == ben


def test_the_command_refuses_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ada, ben = two(tmp_path, monkeypatch)
    assert main(["model", "show", "denoise-pairs"]) == 1
    err = capsys.readouterr().err
    assert str(ada) in err
    assert str(ben) in err


def test_a_copy_of_a_model_is_that_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = write_model(tmp_path / "runs", "denoise", name="yeast")
    shutil.copytree(place, tmp_path / "copies" / "yeast")
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep.join(map(str, (tmp_path / "runs", place, tmp_path / "copies"))))
    assert find("yeast").path == place / "model.onnx"
    assert [model.card.name for model in models()] == ["yeast"]


def test_a_folder_that_is_named_twice_holds_its_model_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = write_model(tmp_path / "runs", "denoise", name="yeast")
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep.join(map(str, (tmp_path / "runs", place))))
    assert find("yeast").path == place / "model.onnx"
    assert catalogue.damaged() == ()


def test_abbes_own_models_stay_what_their_names_stand_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "built-in", "denoise")
    write_model(tmp_path / "mine", "denoise", network(seed=7))
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "mine"))
    assert find("denoise").built_in


def test_an_export_where_models_are_looked_for_is_told_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "built-in", "denoise")
    place, folder = write_model(tmp_path, "denoise", name="yeast"), tmp_path / "models"
    folder.mkdir()
    for name in ("mine", "other"):
        shutil.copy(place / "model.onnx", folder / f"{name}.onnx")
        shutil.copy(place / "card.json", folder / f"{name}.json")
    (folder / "alone.onnx").write_bytes(b"")
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    for name, said in (("other", f"{folder / 'other.onnx'}"), ("yeast", f"{folder / 'mine.onnx'} (and 1 more)")):
        with pytest.raises(ModelError) as refused:
            find(name)
        assert str(refused.value).endswith(f"An export lies there, which is no folder of a model and is used by its path: {said}")
    assert find(folder / "mine.onnx").weights()

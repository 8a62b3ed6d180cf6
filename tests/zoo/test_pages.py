"""The models' pages say what their cards say, and the figures on the cards come from the quality check."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from abbe.zoo import load, models
from model_maker import network, write_model, write_partner

DOCS = Path(__file__).resolve().parents[2] / "docs" / "models"


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script docs/models/make.py."""
    monkeypatch.syspath_prepend(str(DOCS))
    import importlib

    return importlib.import_module("make")


def quality(sets: list[str]) -> dict[str, object]:
    one = {"raw": 30.0, "affine": 31.0, "ssim": 0.8, "detail": 0.3}
    row = {"n": 4, "input": one, "plain": one | {"affine": 32.0}, "abbe": one | {"affine": 33.5}, "gain": 1.5, "worst": 0.2}
    return {"rows": dict.fromkeys(sets, row), "checks": {}}


@pytest.mark.parametrize("name", [model.card.name for model in models() if model.built_in])
def test_a_models_page_is_the_one_that_its_card_makes(make: ModuleType, name: str) -> None:
    card = next(model.card for model in models() if model.card.name == name)
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == make.page(card), "run: python docs/models/make.py"


def test_every_picture_on_a_page_is_there(make: ModuleType) -> None:
    named = [picture for known in make.KNOWN.values() for picture in known.failures.values() if picture]
    assert named
    assert not [picture for picture in named if not (DOCS / "pictures" / f"failure-{picture}.png").exists()]
    assert (DOCS / "pictures" / "structures.png").exists()


def test_figures_of_the_quality_check_go_to_the_model_that_they_measure(make: ModuleType, tmp_path: Path) -> None:
    result = quality(
        ["denoise/w2s/val", "sr/er/30 photons, sigma 3.2", "axial/one plane/vesicles", "axial/vesicles/z-step x2", "background/er + haze"]
    )
    sets = {
        name: {figure.set for figure in make.measured(result, name)} for name in ("denoise", "super_resolve", "axial_plane", "axial_stack")
    }
    assert sets["denoise"] == {"w2s/val"}
    assert sets["super_resolve"] == {"er/30 photons, sigma 3.2"}
    assert sets["axial_plane"] == {"one plane/vesicles"}
    assert sets["axial_stack"] == {"vesicles/z-step x2"}
    place = write_model(tmp_path, "denoise")
    make.write_card(load(place), result)
    card = load(place).card
    best = next(f for f in card.figures if "fitting gain" in f.measure)
    assert (best.input, best.plain, best.abbe) == (31.0, 32.0, 33.5)
    assert card.failures
    assert "| w2s/val | 31.00 | 32.00 | 33.50 | +1.50 | +0.20 | 4 |" in make.page(card)


def test_measuring_again_replaces_the_figures_of_the_same_set_alone(make: ModuleType, tmp_path: Path) -> None:
    place = write_model(tmp_path, "denoise", figures=[{"set": "mine", "measure": "PSNR (dB)", "abbe": 40.0}])
    for _ in range(2):
        make.write_card(load(place), quality(["denoise/w2s/val"]))
    figures = load(place).card.figures
    assert [f.set for f in figures].count("mine") == 1
    assert len(figures) == 1 + len(make.MEASURES)
    assert load(place).weights()  # the card still belongs to its weights
    assert json.loads((place / "card.json").read_text())["digest"] == load(place).card.digest


def test_what_realism_gains_and_costs_goes_onto_the_card_and_the_page(make: ModuleType, tmp_path: Path) -> None:
    place = write_partner(write_model(tmp_path, "super_resolve"), network(3, seed=4, told=3))
    assert "## Realism" not in make.page(load(write_model(tmp_path / "alone", "super_resolve")).card)
    found = {
        "er/30 photons": {"detail": {"0": 0.1, "0.5": 0.11, "1": 0.125}, make.EXCHANGED[0]: {"0": 30.0, "0.5": 29.8, "1": 29.25}},
        "sim": {"detail": {"0": 0.2, "1": 0.25}, "bias": {"0": 1.0, "1": 1.2}},
    }
    make.write_exchange(load(place), found)
    text = make.page(load(place).card)
    assert "## Realism" in text
    assert f"| set | {make.EXCHANGED[0]} | detail |" in text
    assert "| er/30 photons | 30.00, 29.25 | 0.100, 0.125 |" in text
    assert "| sim |  | 0.200, 0.250 |" in text
    assert {one.measure for one in load(place).card.realism.figures} == {"detail", "bias", make.EXCHANGED[0]}
    assert load(place).at(1).weights()  # the card still belongs to both files

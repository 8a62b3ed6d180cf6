"""A small network with abbe's architecture and random weights, as a model of the zoo."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbe.conversion import parity
from abbe.zoo import Model, load
from model_maker import write_model

SMALL = {"widths": [16, 16], "blocks": [1, 1], "unshuffle": 2}


@pytest.fixture(autouse=True)
def _small_test_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "SIDE", 64)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A denoiser of random convolutions; no torch behind it."""
    return load(write_model(tmp_path_factory.mktemp("zoo"), "denoise"))


@pytest.fixture(scope="session", params=["denoise", "axial_stack", "super_resolve"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model as a training exports it, with everything that a network of abbe may have; weights of a first step."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from abbe.networks import Restorer
    from abbe.training import TrainingPlan
    from abbe.training.export import export
    from abbe.training.loop import architecture

    more = {"axial_stack": {"channels": 5, "told": ["anisotropy"]}, "super_resolve": {"scale": 3, "unshuffle": 1}}.get(request.param, {})
    plan = TrainingPlan.model_validate({"name": request.param, "task": request.param, "network": SMALL | more, "pool": {"volumes": 1}})
    torch.manual_seed(3)
    network = Restorer(architecture(plan))
    for name, weights in network.named_parameters():
        if "gain" in name or name in ("tail.weight", "spread.weight"):
            torch.nn.init.normal_(weights, std=0.02)
    folder: Path = tmp_path_factory.mktemp("run")
    save_file(network.state_dict(), folder / "weights.safetensors", metadata={"plan": plan.model_dump_json(), "step": "1", "seconds": "1"})
    return load(export(folder / "weights.safetensors", folder / "model"))

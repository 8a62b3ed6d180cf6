"""A network with its weights as torch traces it: what converters of other formats start from."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from abbe.errors import ModelError
from abbe.networks import Restorer
from abbe.training.export import _Named
from abbe.training.loop import architecture
from abbe.training.plan import TrainingPlan


def traced(plan: TrainingPlan, weights: dict[str, npt.NDArray[np.float32]]) -> Any:
    """The plan's network as a `torch.jit.ScriptModule` whose inputs are observed, then context and told where it has them.

    `weights` by the names that the ONNX file has. Raises `ModelError` when they are those of another network.
    """
    network = Restorer(architecture(plan)).eval()
    given = {name.removeprefix("network."): torch.from_numpy(np.array(values)) for name, values in weights.items()}
    wanted = network.state_dict()
    differ = [name for name in wanted if name not in given or given[name].shape != wanted[name].shape]
    if differ:
        raise ModelError(f"wanted the weights of the network that the card describes, got others ({differ[0]}); get the model again")
    network.load_state_dict({name: given[name] for name in wanted})
    a, side = network.architecture, 8 * network.architecture.multiple
    inputs: list[Tensor] = [torch.rand(1, a.channels, side, side)]
    inputs += [torch.rand(1, 1, side, side)] if a.context else []
    inputs += [torch.rand(1, a.told)] if a.told else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.trace(_Named(network).eval(), tuple(inputs), check_trace=False)

"""The adversary of a fidelity model: a discriminator that learns to tell results from truths, with its optimizer and its state.

Least-squares loss (Mao et al., "Least squares generative adversarial networks", ICCV 2017). The discriminator is stepped only while it is
right about at most a given share of what it is shown, the rule of the multi-scale GAN of Uzunova, Ehrhardt & Handels (Comput Med Imaging
Graph 86:101801, 2020): one that is always right teaches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from abbe.networks import Discriminator
from abbe.training.plan import AdversarialPlan

#: scores above this say "truth"
BOUND = 0.5


@dataclass(slots=True)
class Account:
    """Means since the last row of the table."""

    count: int = 0
    term: float = 0.0
    right: float = 0.0
    stepped: int = 0

    def add(self, term: float, right: float, stepped: bool) -> None:
        self.count, self.term, self.right, self.stepped = self.count + 1, self.term + term, self.right + right, self.stepped + stepped

    def row(self) -> tuple[float, float, float]:
        """(adversarial term, share that the discriminator was right about, share of steps in which it learnt)."""
        n = max(self.count, 1)
        return self.term / n, self.right / n, self.stepped / n

    def __str__(self) -> str:
        term, right, stepped = self.row()
        return f"adversarial {term:.3f}, discriminator right {right:.0%}, learnt in {stepped:.0%} of the steps"


@dataclass(slots=True)
class Adversary:
    """`challenge()` once a step: what the generator's loss gains; the discriminator learns on the way where it may."""

    plan: AdversarialPlan
    network: Discriminator
    optimizer: torch.optim.Adam
    #: how often the discriminator was stepped
    steps: int = 0
    account: Account = field(default_factory=Account)

    @classmethod
    def of(cls, plan: AdversarialPlan, *, context: bool) -> Adversary:
        network = Discriminator(plan.widths, context=context).to(memory_format=torch.channels_last)
        return cls(plan, network, torch.optim.Adam(network.parameters(), plan.learning_rate, betas=(0.5, 0.99)))

    def challenge(self, observed: Tensor, context: Tensor | None, candidate: Tensor, truth: Tensor) -> Tensor:
        """(N,): the adversarial term of each candidate, before its weight: 0 where the discriminator takes all of it for the truth."""
        right, stepped = self._learn(observed, context, candidate.detach(), truth)
        self.network.requires_grad_(False)
        term = (self.network(observed, context, candidate) - 1).square().mean((1, 2, 3))
        self.network.requires_grad_(True)
        self.account.add(float(term.detach().mean()), right, stepped)
        return term

    def _learn(self, observed: Tensor, context: Tensor | None, candidate: Tensor, truth: Tensor) -> tuple[float, bool]:
        """(share that it was right about, was it stepped)."""
        twice = [None if a is None else torch.cat([a, a]) for a in (observed, context)]
        assert twice[0] is not None
        real, made = self.network(twice[0], twice[1], torch.cat([truth, candidate])).chunk(2)
        right = float(((real > BOUND).float().mean() + (made <= BOUND).float().mean()) / 2)
        if right > self.plan.accuracy:
            return right, False
        loss = ((real - 1).square().mean() + made.square().mean()) / 2
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        return right, True

    # ------------------------------------------------------------------------------------------ state
    def tensors(self) -> dict[str, Tensor]:
        """Everything that a checkpoint needs beside `steps`."""
        names = [name for name, _ in self.network.named_parameters()]
        out = {f"adversary.{k}": v.contiguous() for k, v in self.network.state_dict().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            out |= {f"adversary-optimizer.{names[i]}.{k}": state[k].contiguous() for k in ("exp_avg", "exp_avg_sq")}
        return out

    def restore(self, tensors: dict[str, Tensor], steps: int) -> None:
        """From a checkpoint's tensors. Those of a training without an adversary leave it as it is."""
        own = {k.removeprefix("adversary."): v for k, v in tensors.items() if k.startswith("adversary.")}
        if not own:
            return
        self.network.load_state_dict(own)
        self.steps = steps
        self.optimizer.load_state_dict(
            optimizer_state(self.optimizer, dict(self.network.named_parameters()), tensors, "adversary-optimizer.", steps)
        )


def optimizer_state(
    optimizer: torch.optim.Optimizer, parameters: dict[str, torch.nn.Parameter], tensors: dict[str, Tensor], prefix: str, steps: int
) -> dict[str, Any]:
    """What `optimizer.load_state_dict` wants, from moments by name of `parameters`, which are in its order; each lies in memory as its
    parameter does."""
    moments = {}
    for i, (name, parameter) in enumerate(parameters.items()):
        if f"{prefix}{name}.exp_avg" not in tensors:
            continue
        mean, square = (torch.empty_like(parameter).copy_(tensors[f"{prefix}{name}.{k}"]) for k in ("exp_avg", "exp_avg_sq"))
        moments[i] = {"step": torch.tensor(float(steps)), "exp_avg": mean.detach(), "exp_avg_sq": square.detach()}
    return {"state": moments, "param_groups": optimizer.state_dict()["param_groups"]}

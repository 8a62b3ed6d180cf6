"""The training loop: resumable to the sample, with a running average of the weights, a progress line, a table and pictures."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from abbe.errors import ParameterError
from abbe.networks import Architecture, Restorer
from abbe.networks.discriminator import fine_detail
from abbe.storage.undisturbed import undisturbed
from abbe.training.adversary import Account, Adversary, optimizer_state
from abbe.training.exposures import pairs_of
from abbe.training.levels import conditions
from abbe.training.losses import error_unit, restoration_loss
from abbe.training.own import refuse_exchanged
from abbe.training.picture import save_picture
from abbe.training.plan import TrainingPlan
from abbe.training.pool import Pool, left_to_the_parent
from abbe.training.record import NO_IMAGES, SEEN_ALONE, check_same, checkpoint_state, facts_of, images_of, origin, told_of_worse
from abbe.training.samples import Sample, Samples, divided, told_of_pairs
from abbe.training.table import keep_rows, write_row
from abbe.training.validating import errors_of
from abbe.training.weights import GAIN, read_metadata, start_from
from abbe.training.wrong import diverged
from abbe.zoo.card import FARTHEST

Report = Callable[[str], None]
#: share of the samples of a model with context for which the observed image is not the raw one but what the models before made of it:
#: so it also serves where the raw image is not on the same grid (a stack made isotropic), or is denoised already
RAW_ABSENT = 0.2
#: how many times faster what the network is told through is learnt: it starts at 0, is to come near 1, and moves by the rate at most
GAINS_PACE = 10.0


def parted(network: Restorer) -> tuple[dict[str, torch.nn.Parameter], dict[str, torch.nn.Parameter]]:
    """Parameters by name: all but those of what the network is told through, and those."""
    named = dict(network.named_parameters())
    return {name: p for name, p in named.items() if GAIN not in name}, {name: p for name, p in named.items() if GAIN in name}


def joined(network: Restorer) -> dict[str, torch.nn.Parameter]:
    """All parameters by name, in the optimizer's order."""
    rest, gains = parted(network)
    return rest | gains


def autocast() -> torch.autocast:
    """bfloat16 where the CPU computes with it; elsewhere it would be emulated, ten times slower than float32."""
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.autocast("cpu", torch.bfloat16, enabled=any(able.get(name) for name in ("amx_bf16", "avx512_bf16")))


def architecture(plan: TrainingPlan) -> Architecture:
    n = plan.network
    return Architecture(
        n.widths, n.blocks, n.channels, n.scale, n.unshuffle, len(n.is_told), n.context or n.levels, n.levels, n.spread_width
    )


class _Stream(Dataset[Sample]):
    """Samples from `first` on, as the data loader wants them."""

    def __init__(self, samples: Samples, first: int, count: int) -> None:
        self.samples, self.first, self.count = samples, first, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        return self.samples[self.first + index]


def _together(samples: list[Sample]) -> tuple[npt.NDArray[np.float32], ...]:
    """A batch as arrays: they come through a pipe, where tensors would come through a server that complains when it is stopped."""
    return tuple(np.stack([np.asarray(part, np.float32) for part in parts]) for parts in zip(*samples))


class Training:
    """One run of a plan in a folder. `run()` goes on from the last checkpoint there."""

    def __init__(
        self, plan: TrainingPlan, folder: Path, data: Path | None, *, pools: Path | None = None, models: dict[str, Path] | None = None,
        workers: int = 1, threads: int = 2, report: Report = print, held_out: int = 48,
    ) -> None:  # fmt: skip
        self.plan, self.folder, self.report, self.workers, self.held_out = plan, folder, report, workers, held_out
        if data and not data.is_dir():
            raise ParameterError(f"wanted the folder of the plan's images, got {data}, which is none; point --data at it")
        if lack := plan.lacking(real=data is not None):
            raise ParameterError(f"{lack}, or point --data at the plan's images")
        if (reach := architecture(plan).receptive_field) > FARTHEST:
            raise ParameterError(
                f"wanted a [network] that sees {FARTHEST} pixels to each side at most, got one that sees {reach}; "
                "give it fewer widths or blocks"
            )
        self.images = images_of(plan, data)
        check_same(folder, plan, self.images)
        folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(threads)
        torch.manual_seed(plan.seed)
        if plan.pairs and data and not plan.pairs.repeated:
            refuse_exchanged(data / plan.pairs.noisy, data / plan.pairs.clean, louder=plan.task == "denoise")
        held = [data / plan.pairs.clean / path.name for path in divided(plan.pairs, data)[1]] if plan.pairs and data else []
        own, other = (pairs_of(plan.pairs, data, validation=late) for late in (False, True))
        for said in told_of_pairs((own, other)):
            report(said)
        pool = Pool.build(plan.pool, pools or folder.parent / "pool", data, without=held, report=report)
        self.samples, self.validation = Samples(plan, pool, own), Samples(plan, pool, other, validation=True)
        #: errors are measured on pairs that are not learnt
        self.unseen = own is None or bool(held)
        self.network = Restorer(architecture(plan)).to(memory_format=torch.channels_last)
        self.average = Restorer(architecture(plan)).to(memory_format=torch.channels_last).eval().requires_grad_(False)
        if plan.adversarial and plan.start not in (models or {}):
            raise ParameterError(f"wanted the weights of {plan.start}, whose partner {plan.name} is, got none; name them in models=")
        if plan.start and models:
            start_from(self.network, models[plan.start], adapt=plan.adversarial is None and plan.cameras == "any")
        if plan.learn != "all":
            self.network.requires_grad_(False)
            for parameter in self._learnt():
                parameter.requires_grad_(True)
        self.before = [_before(name, models[name]) for name in plan.after] if models else []
        self.average.load_state_dict(self.network.state_dict())
        groups = [{"params": list(some.values()), "pace": pace} for some, pace in zip(parted(self.network), (1.0, GAINS_PACE)) if some]
        self.optimizer = torch.optim.AdamW(groups, plan.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4)
        self.adversary = Adversary.of(plan.adversarial, context=plan.network.context) if plan.adversarial else None
        self.step, self.seconds, self.best = 0, 0.0, -np.inf
        #: PSNR of the held-out pairs alone, of what the model sees and of what it makes, as last measured (dB); and of what the model makes
        #: that it starts from
        self.on_pairs: tuple[float, float] | None = None
        self.began: float | None = None
        self.origin = origin(models[plan.start]) if plan.start and models else None

    @property
    def _unit(self) -> str:
        """What real images of the plan come by."""
        return "field" if self.plan.pairs and self.plan.pairs.repeated else "pair"

    def _learnt(self) -> list[torch.nn.Parameter]:
        """What is learnt where it is not everything."""
        if self.plan.learn == "told":  # without a constant: told zeros, nothing changes
            return [p for name, p in self.network.named_parameters() if GAIN in name and name.endswith(".weight")]
        parts = {"spread": [self.network.spread], "outer": self.network.outer()}.get(self.plan.learn, self.network.finest())
        return [p for part in parts for p in part.parameters()]

    # ------------------------------------------------------------------------------------------ state
    def _facts(self) -> dict[str, str]:
        """What the card says besides."""
        failures = [worse] if (worse := self.worse) else []
        failures += [] if self.unseen else [SEEN_ALONE.format(self._unit)]
        return facts_of(self.plan, self.images, self.origin, self.on_pairs, failures)

    @property
    def worse(self) -> str:
        """What to know where held-out pairs are restored worse than by the model that the training started from; else empty. An adversary
        is meant to lose some of that."""
        if self.began is None or self.on_pairs is None or self.origin is None or self.plan.adversarial:
            return ""
        return told_of_worse(self.on_pairs[1], self.began, self.origin.name)

    def save(self) -> None:
        """A checkpoint, whole or not at all."""
        names = list(joined(self.network))
        tensors = {f"weights.{k}": v.contiguous() for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v.contiguous() for k, v in self.average.state_dict().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{names[i]}.{k}": state[k].contiguous() for k in ("exp_avg", "exp_avg_sq")}
        partial = self.folder / "checkpoint.partial"
        state = {"step": str(self.step), "seconds": str(self.seconds), "best": str(self.best)}
        state |= {"plan": self.plan.model_dump_json(), "images": self.images}
        if self.began is not None and self.on_pairs is not None:
            state["pairs"] = json.dumps([self.began, *self.on_pairs])
        if self.adversary:
            tensors |= self.adversary.tensors()
            state["adversary_steps"] = str(self.adversary.steps)
        save_file(tensors, partial, metadata=state)
        partial.replace(self.folder / "checkpoint.safetensors")
        partial = self.folder / "weights.partial"
        save_file({k: v.contiguous() for k, v in self.average.state_dict().items()}, partial, metadata=state | self._facts())
        partial.replace(self.folder / "weights.safetensors")

    def resume(self) -> bool:
        """Go on from the folder's checkpoint, if there is one."""
        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return False
        state, tensors = checkpoint_state(path), load_file(path)

        def part(prefix: str) -> dict[str, Tensor]:
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

        self.network.load_state_dict(part("weights."))
        self.average.load_state_dict(part("average."))
        self.step, self.seconds, self.best = int(state["step"]), float(state["seconds"]), float(state["best"])
        if "pairs" in state:
            self.began, *measured = json.loads(state["pairs"])
            self.on_pairs = measured[0], measured[1]
        self.optimizer.load_state_dict(optimizer_state(self.optimizer, joined(self.network), tensors, "optimizer.", self.step))
        if self.adversary:
            self.adversary.restore(tensors, int(state.get("adversary_steps", 0)))
        return True

    # ------------------------------------------------------------------------------------------ running
    def run(self, *, every: int = 500, checkpoint_seconds: float = 180.0) -> bool:
        """Train to the plan's last step; a validation, a picture and a row in `log.csv` every so many steps. Was there anything to do?

        An interruption (Ctrl-C, SIGTERM as KeyboardInterrupt) waits for the step to end, and leaves a checkpoint of it.
        """
        resumed = self.resume()
        keep_rows(self.folder / "log.csv", self.step if resumed else None)
        if self.plan.wants_images and self.images == NO_IMAGES:
            self.report(f"{self.plan.name}: no data folder was given, so the plan's real images are left out; it sees simulated ones alone")
        if not self.unseen:
            self.report(f"{self.plan.name}: one {self._unit} alone. {SEEN_ALONE.format(self._unit)}")
        if self.step >= self.plan.steps:
            self.report(f"{self.plan.name}: {self.step} steps are done already, {self.plan.steps} were asked for; it stays as it is")
            return False
        try:
            if self.plan.start and not resumed:
                self._validate(0.0)  # what the model gives that it starts from: the row that later ones are compared with
                self.began = self.on_pairs[1] if self.on_pairs else None
            self._run(every, checkpoint_seconds)
        except KeyboardInterrupt:
            with undisturbed():
                self.save()
            raise
        return True

    def _run(self, every: int, checkpoint_seconds: float) -> None:
        plan = self.plan
        saved = began = counted = time.monotonic()
        loss_sum, count = 0.0, 0
        for batch in self._batches():
            with undisturbed():
                loss_sum, count = loss_sum + self._advance(*batch), count + 1
                now = time.monotonic()
                self.seconds, counted = self.seconds + now - counted, now
            if self.step % 50 == 0:
                rate = count / (now - began)
                left = (plan.steps - self.step) / rate / 60
                told = f"{plan.name} step {self.step}/{plan.steps} loss {loss_sum / count:.4f} {rate:.2f} steps/s {left:.0f} min left"
                self.report(f"{told}; {self.adversary.account}" if self.adversary else told)
            last = self.step >= plan.steps
            if self.step % every == 0 or last:
                self._validate(loss_sum / count)
                loss_sum, count = 0.0, 0
                began = counted = time.monotonic()  # validations do not count
            if now - saved > checkpoint_seconds or last:
                with undisturbed():
                    self.save()
                saved = now

    def _batches(self) -> Iterator[tuple[Tensor, ...]]:
        done = self.step * self.plan.batch
        stream = _Stream(self.samples, done, self.plan.steps * self.plan.batch - done)
        more: dict[str, Any] = {"prefetch_factor": 4, "worker_init_fn": left_to_the_parent} if self.workers else {}
        for batch in DataLoader(stream, self.plan.batch, num_workers=self.workers, collate_fn=_together, **more):
            yield tuple(torch.from_numpy(part) for part in batch)

    def _rate(self) -> float:
        """Learning rate: a short warm-up, constant, then a linear fall to zero."""
        plan = self.plan
        left = (plan.steps - self.step) / max(plan.decay * plan.steps, 1)
        return plan.learning_rate * min(1.0, (self.step + 1) / 200) * max(min(1.0, left), 0.01)

    def _advance(self, observed: Tensor, truth: Tensor, told: Tensor, level: Tensor, exposures: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate() * group["pace"]
        observed, context, truth, told = self.prepared(self.network, observed, truth, told, level, self.step)
        with autocast():
            restored = self.network(observed, context, told if told.numel() else None)
        base = self.network.base(observed, context)
        noisy = exposures > 0
        plan = self.plan
        loss, fidelity = restoration_loss(restored, truth, base, plan.spread_weight, plan.fourier_weight, plan.knee, noisy)
        if self.adversary:
            term = self.adversary.challenge(observed, context, restored[:, :1].float(), truth)
            # in the unit of the fidelity loss, sample by sample: the weight is that beside an error in the unit of the signal
            loss = loss + self.adversary.plan.weight * (term / error_unit(base, truth).flatten()).mean()
        if not bool(torch.isfinite(loss)):
            raise diverged(plan.name, plan.learning_rate, self.step + 1)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(self.plan.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.network.parameters()):
                slow.lerp_(fast, 1 - keep)
        return float(fidelity)

    def prepared(
        self, network: Restorer, observed: Tensor, truth: Tensor, told: Tensor, level: Tensor, index: int
    ) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """What this model sees, and what it should give: observed (N, C, H, W), context (N, 1, H, W) or None, the truth, and the told.

        A model with context sees the raw image as `observed` and the output of the models before it as `context`; one without sees that
        output alone. A model that takes the background away takes it from the truth too. One of several levels sees `network`'s own
        coarser results.
        """
        if self.plan.task == "axial_stack":
            context = observed[:, -1:].contiguous() if self.plan.network.context else None
            seen = observed[:, : self.plan.network.channels].contiguous(memory_format=torch.channels_last)
            return seen, context, truth, told
        result = observed
        rng = np.random.default_rng([self.plan.seed, 9, index])
        for number, earlier in enumerate(self.before if index % 2 else self.before[:1]):
            with torch.no_grad(), autocast():
                estimate = earlier(result.contiguous(memory_format=torch.channels_last))[:, :1].float()
            if number == 0:
                result = estimate
                continue
            share = float(rng.uniform(0.2, 1))  # the engine takes part of what the axial step would take
            result = (share * estimate + (1 - share) * result).clamp_min(0)
            truth = truth - share * level.view(-1, 1, 1, 1)
        if self.plan.network.levels:
            with autocast():
                return conditions(network, result, truth, rng)
        if not self.plan.network.context:
            return result.contiguous(memory_format=torch.channels_last), None, truth, told
        draws = torch.from_numpy(rng.random(len(observed))).view(-1, 1, 1, 1)
        observed = torch.where(draws < RAW_ABSENT, result, observed)
        return observed.contiguous(memory_format=torch.channels_last), result, truth, told

    def _validate(self, loss: float) -> None:
        gains, before, fine, rows = [], [], [], []
        for i in range(self.held_out):
            observed, truth, told, level, exposures = (torch.from_numpy(np.asarray(a))[None] for a in self.validation[i])
            seen, context, truth, told = self.prepared(self.average, observed, truth, told, level, i)
            with torch.no_grad():
                restored = self.average(seen, context, told if told.numel() else None)
            shown, made = errors_of(self.network.base(seen, context), restored[:, :1], truth, float(exposures))
            before.append(shown)
            gains.append(made)
            fine.append(float(fine_detail(restored[:, :1]).std() / fine_detail(truth).std().clamp_min(1e-6)))
            if i < 8:
                shown = seen if self.plan.network.levels else observed
                rows.append((shown[0, shown.shape[1] // 2].numpy(), restored[0, 0].numpy(), truth[0, 0].numpy()))
        value = float(np.mean(gains))
        if not math.isfinite(value):
            raise diverged(self.plan.name, self.plan.learning_rate, self.step)
        self.best = max(self.best, value)
        told, alone = f"{self.plan.name} step {self.step} validation {value:.2f} dB, input {np.mean(before):.2f} dB", {}
        real = [self.validation.is_real(i) for i in range(self.held_out)]
        if any(real) and self.unseen:
            shown, made = (float(np.mean(np.array(values)[real])) for values in (before, gains))
            self.on_pairs, alone = (shown, made), {"pairs_db": f"{made:.3f}", "pairs_input_db": f"{shown:.3f}"}
            told += "" if all(real) else f"; on held-out pairs alone {made:.2f} dB, input {shown:.2f} dB"
        self.report(told)
        save_picture(self.folder / "latest.png", rows)
        row = {
            "step": str(self.step),
            "minutes": f"{self.seconds / 60:.1f}",
            "loss": f"{loss:.5f}",
            "validation_db": f"{value:.3f}",
            "input_db": f"{np.mean(before):.3f}",
            "learning_rate": f"{self._rate():.2e}",
        } | alone
        if self.adversary:
            account, self.adversary.account = self.adversary.account, Account()
            figures = [f"{figure:.4f}" for figure in account.row()] if account.count else ["", "", ""]
            row |= dict(zip(("fine_detail", "adversarial", "right", "learnt"), [f"{np.median(fine):.4f}", *figures]))
            self.report(f"{self.plan.name} step {self.step} fine detail {np.median(fine):.3f} of the truth's")
        write_row(self.folder / "log.csv", row)


def _before(name: str, path: Path) -> Restorer:
    """A model of the chain before this one, which sees the result of the one before it and nothing else."""
    network = _frozen(path)
    a = network.architecture
    if (a.channels, a.scale, a.told, a.context) != (1, 1, 0, False):
        raise ParameterError(
            f"wanted models in after that make one plane of one, on the same pixels, and are told nothing, as denoise and axial_plane, "
            f"got {name}; take it out"
        )
    return network


def _frozen(path: Path) -> Restorer:
    """A trained network for use alone, from a training's weights or from a model's folder (its card has the plan)."""
    if path.suffix == ".onnx":
        card = json.loads((path.parent / "card.json").read_text(encoding="utf-8"))
        plan = TrainingPlan.model_validate(card["training"]["settings"])
    else:
        plan = TrainingPlan.model_validate_json(read_metadata(path)["plan"])
    network = Restorer(architecture(plan)).to(memory_format=torch.channels_last).eval().requires_grad_(False)
    start_from(network, path)
    return network

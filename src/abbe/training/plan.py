"""`TrainingPlan`: everything that decides what weights come out of a training, as a TOML file in the repository or a user's folder."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from abbe.errors import ParameterError
from abbe.optics.width import PSF_TOLD

Task = Literal["denoise", "background", "axial_plane", "axial_stack", "super_resolve"]


#: what a network of several levels is told: how often the image was halved (at most `levels.DEEPEST`), and is there a coarser result
LEVELS_TOLD = ("level", "coarser")
#: what samples of a task can tell a network: z-step over pixel size, and the width of the PSF
TOLD = {"axial_stack": ("anisotropy",), "super_resolve": PSF_TOLD}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkPlan(_Frozen):
    """See `abbe.networks.Architecture`."""

    widths: tuple[int, ...] = (48, 96, 160)
    blocks: tuple[int, ...] = (2, 2, 2)
    channels: int = 1
    scale: int = 1
    unshuffle: int = 2
    told: tuple[str, ...] = ()
    #: the raw image is seen beside the output of the models before
    context: bool = False
    #: the image is restored on ever finer grids, each result the context of the next (`training.levels`); a patch is then seen in its
    #: middle half alone, with the coarser level's result of all of it
    levels: bool = False
    #: feature channels of a layer that the spread of the error has to itself
    spread_width: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_context(self) -> NetworkPlan:
        if self.levels and (self.context or self.scale > 1 or self.channels > 1 or self.told):
            raise ValueError("levels need a network of one plane, scale 1, no other context and nothing else that it is told")
        return self

    @property
    def is_told(self) -> tuple[str, ...]:
        """Names of what the network is told, in order."""
        return LEVELS_TOLD if self.levels else self.told


class PoolPlan(_Frozen):
    """What truth is made of."""

    #: plans with equal seeds and sizes share their simulated specimens
    seed: int = 11
    #: simulated planes (fine grid, `side` pixels a side) and volumes
    planes: int = 2400
    side: int = 320
    volumes: int = 0
    volume_side: int = 96
    #: share of crops that come from real images where there are some
    real: float = Field(default=0.35, ge=0, le=1)
    #: crisp or clean images, as globs below the data folder, each with the factor by which it is binned first to lose its noise
    images: dict[str, int] = Field(default_factory=dict)


class PairsPlan(_Frozen):
    """Real noisy / clean pairs: files of the same name in two folders below the data folder."""

    noisy: str
    clean: str
    #: share of samples
    share: float = Field(default=0.2, ge=0, le=1)


class AdversarialPlan(_Frozen):
    """The adversarial partner of a fidelity model: `start` names that model, whose loss is kept and whose network this is."""

    #: of the adversarial term, beside an error of 1 in the unit of the signal
    weight: float = Field(default=0.007, ge=0, le=0.1)
    #: feature channels of the discriminator, which halves the grid with each
    widths: tuple[int, ...] = Field(default=(24, 48, 64), min_length=1, max_length=5)
    learning_rate: float = Field(default=1e-3, gt=0)
    #: the discriminator learns only while it is right about at most this share
    accuracy: float = Field(default=0.8, gt=0.5, le=1)
    #: how far towards what was trained the partner lies that is kept: less where all of it loses too much that is true
    share: float = Field(default=1.0, gt=0, le=1)


class TrainingPlan(_Frozen):
    """A training. Two trainings with equal plans and data see equal samples in equal order."""

    name: str
    task: Task
    title: str = ""
    seed: int = 1
    network: NetworkPlan = NetworkPlan()
    pool: PoolPlan = PoolPlan()
    pairs: PairsPlan | None = None
    adversarial: AdversarialPlan | None = None
    #: another plan's name, whose weights the training starts from
    start: str | None = None
    #: the models before this one in the chain: it sees their output. Every other batch goes through the first alone, so that the later
    #: ones can be left out in use
    after: tuple[str, ...] = ()
    steps: int = Field(default=8000, ge=1)
    batch: int = Field(default=16, ge=1)
    #: side of a training patch on the observed grid
    patch: int = Field(default=128, ge=16)
    learning_rate: float = Field(default=5e-4, gt=0)
    #: the last share of steps in which the learning rate falls to zero
    decay: float = Field(default=0.3, ge=0, le=1)
    #: exponential moving average of the weights
    average: float = Field(default=0.999, ge=0, lt=1)
    #: "spread": the estimate stays as it is, bit for bit, and the spread of its error alone is learnt. "finest": what the network makes of
    #: its features on the finest grid, on the way out, and nothing before. "told": what it makes of what it is told, alone; told zeros it
    #: stays what it was, bit for bit, and samples always tell
    learn: Literal["all", "spread", "finest", "told"] = "all"
    #: where an error's cost turns from its square to its amount, in units of the input's own error
    knee: float = Field(default=0.5, gt=0)
    #: weight of the spread's likelihood, of the Fourier-amplitude term
    spread_weight: float = 0.05
    fourier_weight: float = 0.0
    sets: tuple[str, ...] = ()
    licence: str = "CC BY 4.0"

    @model_validator(mode="after")
    def _whose(self) -> TrainingPlan:
        if self.adversarial is not None and not self.start:
            raise ValueError("a plan with [adversarial] needs start: the name of the fidelity model whose partner it trains")
        told = TOLD.get(self.task, ())
        if self.network.told and self.network.told != told:
            offered = f"told = {list(told)}, or nothing" if told else "nothing"
            raise ValueError(f"a network for {self.task} can be told {offered}, not {list(self.network.told)}")
        if self.learn == "told" and (not self.network.told or not self.start):
            raise ValueError('learn = "told" needs start, the name of the model that is to be told, and told in [network]')
        if self.learn == "spread" and (self.adversarial is not None or not self.start):
            raise ValueError('learn = "spread" needs start: the name of the model whose error is learnt, and no [adversarial]')
        return self

    @classmethod
    def read(cls, path: Path) -> TrainingPlan:
        """From a TOML file. Raises `ParameterError` naming the field that is wrong."""
        try:
            data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
            raise ParameterError(f"wanted a training plan (TOML) at {path}, got: {problem}") from problem
        try:
            return cls.model_validate(data)
        except ValidationError as problem:
            first = problem.errors()[0]
            raise ParameterError(f"{path.name}: {'.'.join(map(str, first['loc'])) or 'plan'}: {first['msg']}") from problem

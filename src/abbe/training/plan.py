"""`TrainingPlan`: everything that decides what weights come out of a training, as a TOML file in the repository or a user's folder."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from abbe.errors import ParameterError
from abbe.optics.width import PSF_TOLD
from abbe.training.wrong import below, in_words
from abbe.zoo.card import AXIAL_SLICES, LEVELLED, MULTIPLE, Name

Task = Literal["denoise", "background", "axial_plane", "axial_stack", "super_resolve"]


#: what a network of several levels is told: how often the image was halved (at most `levels.DEEPEST`), and is there a coarser result
LEVELS_TOLD = ("level", "coarser")
#: what samples of a task can tell a network: z-step over pixel size, and the width of the PSF
TOLD = {"axial_stack": ("anisotropy",), "super_resolve": PSF_TOLD}
#: tasks whose samples come from simulated volumes; those of the others come from planes
FROM_VOLUMES = ("axial_plane", "axial_stack")
#: what says how long a training lasts and what it is called, and changes none of its samples
ASIDE = ("name", "steps", "title", "sets", "licence", "own")

#: largest seed that torch takes
SEED = 2**63 - 1
#: folders and patterns of files below the data folder
Below = Annotated[str, AfterValidator(below)]
#: folders below the data folder, or that folder itself
Folder = Annotated[str, AfterValidator(lambda folder: folder if folder in (".", "./") else below(folder))]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NetworkPlan(_Frozen):
    """See `abbe.networks.Architecture`."""

    #: of each level; as many `blocks`, of which a level may have none
    widths: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(default=(48, 96, 160), min_length=1)
    blocks: tuple[Annotated[int, Field(ge=0, le=64)], ...] = Field(default=(2, 2, 2), min_length=1)
    channels: int = Field(default=1, ge=1)
    scale: int = Field(default=1, ge=1)
    unshuffle: int = Field(default=2, ge=1)
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
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"wanted as many blocks as widths, one number for each level, got {len(self.widths)} widths and {len(self.blocks)} blocks"
            )
        if self.multiple > MULTIPLE:
            raise ValueError(
                f"wanted sides that are multiples of {MULTIPLE} at most, got {self.multiple}: give fewer widths, or a smaller unshuffle"
            )
        if self.levels and (self.context or self.scale > 1 or self.channels > 1 or self.told):
            raise ValueError("levels need a network of one plane, scale 1, no other context and nothing else that it is told")
        return self

    @property
    def multiple(self) -> int:
        """Input sides must be multiples of this."""
        return int(self.unshuffle * 2 ** (len(self.widths) - 1))

    @property
    def is_told(self) -> tuple[str, ...]:
        """Names of what the network is told, in order."""
        return LEVELS_TOLD if self.levels else self.told


class PoolPlan(_Frozen):
    """What truth is made of."""

    #: plans with equal seeds and sizes share their simulated specimens
    seed: int = Field(default=11, ge=0, le=SEED)
    #: simulated planes (fine grid, `side` pixels a side) and volumes
    planes: int = Field(default=2400, ge=0)
    side: int = Field(default=320, ge=32, le=8192)
    volumes: int = Field(default=0, ge=0)
    volume_side: int = Field(default=96, ge=32, le=1024)
    #: share of crops that come from real images where there are some
    real: float = Field(default=0.35, ge=0, le=1)
    #: crisp or clean images, as globs below the data folder, each with the factor by which it is binned first to lose its noise
    images: dict[Below, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)


class PairsPlan(_Frozen):
    """Real noisy / clean pairs: files of the same name in two folders below the data folder; or, `repeated`, exposures of fields that stand
    still: the time points of the files in either folder, which may be one and the same (`training.exposures`)."""

    noisy: Folder
    clean: Folder
    #: share of samples
    share: float = Field(default=0.2, ge=0, le=1)
    #: none of the images is clean: each exposure is what the others are to be restored to
    repeated: bool = False


class AdversarialPlan(_Frozen):
    """The adversarial partner of a fidelity model: `start` names that model, whose loss is kept and whose network this is."""

    #: of the adversarial term, beside an error of 1 in the unit of the signal
    weight: float = Field(default=0.007, ge=0, le=0.1)
    #: feature channels of the discriminator, which halves the grid with each
    widths: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(default=(24, 48, 64), min_length=1, max_length=5)
    learning_rate: float = Field(default=1e-3, gt=0)
    #: the discriminator learns only while it is right about at most this share
    accuracy: float = Field(default=0.8, gt=0.5, le=1)
    #: how far towards what was trained the partner lies that is kept: less where all of it loses too much that is true
    share: float = Field(default=1.0, gt=0, le=1)


def _differ(before: Any, now: Any) -> bool:
    """Are they not the same, but for fields of a part of a plan that one of the two has alone."""
    if isinstance(before, dict) and isinstance(now, dict):
        return any(before[key] != now[key] for key in before.keys() & now.keys())
    return bool(before != now)


class TrainingPlan(_Frozen):
    """A training. Two trainings with equal plans and data see equal samples in equal order."""

    name: Name
    task: Task
    title: str = ""
    seed: int = Field(default=1, ge=0, le=SEED)
    network: NetworkPlan = NetworkPlan()
    pool: PoolPlan = PoolPlan()
    pairs: PairsPlan | None = None
    adversarial: AdversarialPlan | None = None
    #: another plan's name, whose weights the training starts from
    start: Name | None = None
    #: the models before this one in the chain: it sees their output. Every other batch goes through the first alone, so that the later
    #: ones can be left out in use
    after: tuple[Name, ...] = ()
    steps: int = Field(default=8000, ge=1)
    batch: int = Field(default=16, ge=1, le=4096)
    #: side of a training patch on the observed grid
    patch: int = Field(default=128, ge=16, le=2048)
    learning_rate: float = Field(default=5e-4, gt=0)
    #: the last share of steps in which the learning rate falls to zero
    decay: float = Field(default=0.3, ge=0, le=1)
    #: exponential moving average of the weights
    average: float = Field(default=0.999, ge=0, lt=1)
    #: what took the simulated images of a denoiser. "mosaic": red or blue of a colour camera, to be used for such images alone, beside the
    #: weights that the plan starts from (`abbe.restoration.mosaic`)
    cameras: Literal["any", "mosaic"] = "any"
    #: "outer": all but the layers on the coarsest grid, which hold half of the weights. "spread": the estimate stays as it is, bit for bit,
    #: and the spread of its error alone is learnt. "finest": what the network makes of its features on the finest grid, on the way out, and
    #: nothing before. "told": what it makes of what it is told alone; told zeros it stays what it was, bit for bit, and samples always tell
    learn: Literal["all", "outer", "spread", "finest", "told"] = "all"
    #: where an error's cost turns from its square to its amount, in units of the input's own error
    knee: float = Field(default=0.5, gt=0)
    #: weight of the spread's likelihood, of the Fourier-amplitude term
    spread_weight: float = Field(default=0.05, ge=0)
    fourier_weight: float = Field(default=0.0, ge=0)
    sets: tuple[str, ...] = ()
    #: of the weights
    licence: str = "Apache-2.0"
    #: made for a user's folder: no file in plans/ has it
    own: bool = False

    @model_validator(mode="after")
    def _whose(self) -> TrainingPlan:
        if self.adversarial is not None and not self.start:
            raise ValueError("a plan with [adversarial] needs start: the name of the fidelity model whose partner it trains")
        if self.cameras == "mosaic" and (self.task != "denoise" or not self.start or self.pairs or self.adversarial):
            raise ValueError('cameras = "mosaic" is for denoise, with start, the model that it is for, and no [pairs] or [adversarial]')
        told = TOLD.get(self.task, ())
        if self.network.told and self.network.told != told:
            offered = f"told = {list(told)}, or nothing" if told else "nothing"
            raise ValueError(f"a network for {self.task} can be told {offered}, not {list(self.network.told)}")
        if self.learn == "told" and (not self.network.told or not self.start):
            raise ValueError('learn = "told" needs start, the name of the model that is to be told, and told in [network]')
        if self.learn == "spread" and (self.adversarial is not None or not self.start):
            raise ValueError('learn = "spread" needs start: the name of the model whose error is learnt, and no [adversarial]')
        return self

    @model_validator(mode="after")
    def _fits_its_task(self) -> TrainingPlan:
        """What a model's card holds true of its task, and samples of it can be made."""
        network, scale, slices = self.network, 3 if self.task == "super_resolve" else 1, AXIAL_SLICES if self.task == "axial_stack" else 1
        if (network.scale, network.channels) != (scale, slices):
            raise ValueError(
                f"wanted a [network] of scale {scale} and channels {slices} for {self.task}, got scale {network.scale} and channels "
                f"{network.channels}"
            )
        if network.levels and self.task not in LEVELLED:
            raise ValueError(f"wanted levels for {', '.join(LEVELLED)} alone, got them for {self.task}; leave them out")
        # a network of levels sees patches a quarter the size, two levels up
        step = network.multiple * (4 if network.levels else 1)
        if self.patch % step:
            near = max(step, round(self.patch / step) * step)
            raise ValueError(f"wanted a patch that is a multiple of {step} for this [network], got {self.patch}; take {near}")
        if self.pairs and scale != 1:
            raise ValueError("wanted no [pairs] for super_resolve, whose truth lies on a finer grid than its input; leave them out")
        if self.pairs and self.pairs.repeated and (self.task != "denoise" or self.adversarial is not None or self.fourier_weight):
            raise ValueError("wanted repeated [pairs] for denoise alone, without [adversarial] and fourier_weight: what they show is noisy")
        if self.pairs and self.pairs.repeated and self.pairs.share == 1:
            raise ValueError("wanted a share of repeated [pairs] below 1: how large errors are is learnt from simulated images alone")
        if self.pairs and self.task == "axial_stack":
            raise ValueError("wanted no [pairs] for axial_stack, which is trained on simulated stacks alone; leave them out")
        if lack := self.lacking(real=True):
            raise ValueError(lack)
        return self

    def lacking(self, *, real: bool) -> str:
        """What samples of the plan need and cannot have, with or without its `real` images; empty: nothing."""
        if self.task in FROM_VOLUMES:
            return "" if self.pool.volumes else f"wanted simulated volumes for {self.task}, got volumes = 0; give [pool] some, as 160"
        if self.pool.planes or not self.simulates(real=real):
            return ""
        return f"wanted simulated planes for {self.task}, got planes = 0; give [pool] some, as 2400"

    @property
    def wants_images(self) -> bool:
        """Are there real images in it."""
        return bool(self.pairs or self.pool.images)

    def simulates(self, *, real: bool) -> bool:
        """Is there anything simulated in the samples, with or without the plan's `real` images."""
        alone = (self.pairs and self.pairs.share == 1) or (self.pool.images and self.pool.real == 1)
        return self.task in FROM_VOLUMES or not (real and alone)

    def differences(self, before: dict[str, Any]) -> list[str]:
        """Fields, each with what it was and is, in which a training that began with the plan `before` was another one than this.

        Fields that one of the two has alone are of another version of abbe, and are passed over.
        """
        now = self.model_dump(mode="json")
        both = {key: value for key, value in now.items() if key in before and key not in ASIDE}
        return [f"{key} ({before[key]}, now {value})" for key, value in both.items() if _differ(before[key], value)]

    @classmethod
    def read(cls, path: Path) -> TrainingPlan:
        """From a TOML file. Raises `ParameterError` naming the field that is wrong."""
        try:
            data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as problem:
            raise ParameterError(
                f"wanted a training plan (TOML), got {path}, which is no text in UTF-8; if it is an image, name its folder"
            ) from problem
        except (OSError, tomllib.TOMLDecodeError) as problem:
            raise ParameterError(f"wanted a training plan (TOML) at {path}, got: {problem}") from problem
        try:
            return cls.model_validate(data)
        except ValidationError as problem:
            raise ParameterError(f"{path.name}: {in_words(problem, cls)}") from problem

"""Which models there are: those that come with abbe, and the user's own.

A model is a folder with `card.json` and `model.onnx`, with `partner.onnx` where it has an adversarial partner, and `mosaic.onnx` where it
has weights for colour cameras. A training leaves its model in the folder `model` of its run: the run's folder stands for it. The user's own
are found in the folders that the environment variable ABBE_MODELS names (separated as in PATH); each may be a model or hold several.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from abbe.errors import ModelError
from abbe.limits import LIMITS
from abbe.zoo.card import Card
from abbe.zoo.graph import check_graph, mix

MODELS_VARIABLE = "ABBE_MODELS"
BUILT_IN = Path(__file__).parent / "models"
#: where a training's model lies in the folder of its run
OF_A_RUN = "model"
#: weights of the adversarial partner, beside the model's own
PARTNER = "partner.onnx"
#: weights for images of colour cameras, as far as they are others, likewise
MOSAIC = "mosaic.onnx"
#: what `abbe model export` makes for other programs, and abbe itself does not read
PACKAGES = (".zip", ".mlpackage")
#: largest weights file that is read (bytes); abbe's own models are below 2**23
LARGEST = 2**30


@dataclass(frozen=True, slots=True)
class Model:
    """A card and where its weights are. Weights are read, and checked against the card, when they are needed."""

    card: Card
    path: Path
    built_in: bool = False
    #: share of the adversarial partner's weights; None: the card's default. Made with `at()`
    mixed: float | None = None
    #: with its weights for colour cameras; made with `for_mosaic`
    mosaic: bool = False

    @property
    def realism(self) -> float:
        """The share of the partner's weights in those that `weights()` gives; 0 where there is no partner."""
        return self.card.realism.default if self.mixed is None else self.mixed

    def at(self, realism: float) -> Model:
        """The model with this share of its partner's weights mixed in. Raises `ModelError` where it has no partner."""
        if realism and self.card.realism.partner is None:
            raise ModelError(f"wanted {self.card.name} at realism {realism:g}, but it has no adversarial partner; leave realism at 0")
        return replace(self, mixed=realism)

    @property
    def for_mosaic(self) -> Model | None:
        """The same network with its weights for colour cameras; None where it has none, or is to have a partner's mixed in."""
        if self.card.mosaic is None or self.realism:
            return None
        return replace(self, card=self.card.model_copy(update={"interval_factor": self.card.mosaic.interval_factor}), mosaic=True)

    def weights(self) -> bytes:
        """The ONNX file, with its partner's weights mixed in as `realism` says, at 0 as it is; or with those for colour cameras in place.

        Raises `ModelError` when a file is absent, is not the one that the card describes, or is not to be trusted.
        """
        own = self._file(self.path, self.card.digest)
        if self.mosaic and self.card.mosaic is not None:
            return self._with(own, MOSAIC, self.card.mosaic.digest, 1.0)
        if not self.realism or self.card.realism.partner is None:
            return own
        return self._with(own, PARTNER, self.card.realism.partner, self.realism)

    def _with(self, own: bytes, name: str, digest: str, share: float) -> bytes:
        """`own` with this share of the weights in the file `name` beside it."""
        path = self.path.with_name(name)
        other = self._file(path, digest)
        try:
            return mix(own, other, share)
        except ModelError as problem:
            raise ModelError(f"{path}: {problem}") from problem

    def _file(self, path: Path, digest: str) -> bytes:
        try:
            if path.stat().st_size > LARGEST:
                raise ModelError(f"wanted weights of at most {LARGEST} bytes, got more in {path}; it is no model of abbe")
            content = path.read_bytes()
        except OSError as problem:
            raise ModelError(f"wanted the weights of {self.card.name} at {path}, got: {problem.strerror}; {self._remedy}") from problem
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise ModelError(
                f"wanted the weights of {self.card.name} {self.card.version} with digest {digest[:12]}..., got "
                f"{found[:12]}... at {path}; the file was changed or damaged: {self._remedy}"
            )
        try:
            check_graph(content)
        except ModelError as problem:
            raise ModelError(f"{path}: {problem}") from problem
        return content

    @property
    def _remedy(self) -> str:
        return "install abbe again" if self.built_in else "get the model again, or export it anew"


def models() -> tuple[Model, ...]:
    """Every model whose card can be read: abbe's own by name, then the user's under names not taken. Weights are not read."""
    return _scan()[0]


def damaged() -> tuple[ModelError, ...]:
    """What is wrong with the model folders that are left out."""
    return _scan()[1]


def find(name: str | os.PathLike[str]) -> Model:
    """A model by its name, or by the path of its folder, card or ONNX file. Abbe's own come before the user's.

    Raises `ModelError` with the names there are, or where two of the user's have that name and are not the same.
    """
    if not isinstance(name, str | os.PathLike):
        raise ModelError(f"wanted a model by its name or path, or a name for each step, got {type(name).__name__}")
    text = os.fspath(name)
    every, problems = _readable()
    known = _by_name(every)
    if text in known:
        _refuse_ambiguous(known[text], every)
        return known[text]
    path = Path(text)
    if path.suffix in PACKAGES:
        raise ModelError(
            f"wanted a model, got {text}, a package for other programs, which abbe does not read; give the model's name, or its ONNX form "
            "(abbe model export --to onnx, NAME.onnx with NAME.json)"
        )
    if path.suffix in (".onnx", ".json") or path.is_dir():
        return load(path)
    names = ", ".join(known) or "none"
    hint = f"; not readable: {problems[0]}" if problems else ""
    place = os.environ.get(MODELS_VARIABLE)
    barren = f", now {place}, where there is none" if place and all(model.built_in for model in every) else ""
    raise ModelError(
        f"wanted a model, got {text!r}; there are: {names}{hint}. Your own go into a folder that {MODELS_VARIABLE} names{barren}"
        f"{_told_of_exports(text)}"
    )


def _refuse_ambiguous(model: Model, every: tuple[Model, ...]) -> None:
    """Raises `ModelError` where another of the user's models, that is not a copy of it, has the name of this one."""
    if model.built_in:
        return
    others = [other for other in every if other.card.name == model.card.name and other.card != model.card]
    if others:
        name, folders = model.card.name, [str(one.path.parent) for one in (model, *others)]
        raise ModelError(
            f"wanted one model called {name}, got {len(folders)} that differ, in {' and in '.join(folders)}; give the path of the one that "
            f"is meant, as {folders[0]}, or another name in its card.json. (abbe train calls a model after the folder of its images, so "
            "that two folders of one name give two models of one name)"
        )


def _told_of_exports(text: str) -> str:
    """Exports (NAME.onnx with NAME.json) in the folders where models are looked for by name, and how such are used."""
    roots = [Path(part) for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if part]
    found = [path for root in roots if root.is_dir() for path in sorted(root.glob("*.onnx")) if path.with_suffix(".json").is_file()]
    meant = [path for path in found if text in (path.stem, path.name)] or found
    if not meant:
        return ""
    more = f" (and {len(meant) - 1} more)" if len(meant) > 1 else ""
    return f". An export lies there, which is no folder of a model and is used by its path: {meant[0]}{more}"


def load(path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> Model:
    """A model from its folder, from its card or ONNX file (the other lies beside it), or from a card and a weights file.

    Beside NAME.onnx lies NAME.json, as an export leaves them, or card.json; beside NAME.json likewise NAME.onnx or model.onnx.
    """
    place = Path(path)
    if weights is not None:
        return Model(_read_card(_card_in(place)), Path(weights))
    if place.suffix == ".onnx":
        return Model(_read_card(_card_of(place)), place)
    card = _card_in(place)
    return Model(_read_card(card), _weights_of(card))


def _card_in(place: Path) -> Path:
    return _model_in(place) / "card.json" if place.is_dir() else place


def _card_of(weights: Path) -> Path:
    """The card of an ONNX file. Raises `ModelError` where there is none."""
    known = (weights.with_suffix(".json"), weights.with_name("card.json"))
    found = next((card for card in known if card.exists()), None)
    if found is None and not weights.exists():
        raise ModelError(f"wanted a model at {weights}, which is not there")
    if found is None:
        raise ModelError(
            f"wanted a model's card beside {weights}, {' or '.join(card.name for card in known)}, got none; an export writes it: "
            "keep the two together"
        )
    return found


def _weights_of(card: Path) -> Path:
    """Where the weights of a card are, or should be."""
    named, usual = card.with_suffix(".onnx"), card.with_name("model.onnx")
    return usual if card.name == "card.json" or (usual.exists() and not named.exists()) else named


def _read_card(path: Path) -> Card:
    try:
        with path.open("rb") as file:
            text = file.read(LIMITS.metadata + 1)
    except OSError as problem:
        raise ModelError(f"wanted a model's card at {path}, got: {problem.strerror}; it lies beside the model's ONNX file") from problem
    return Card.from_json(text, str(path))


def _scan() -> tuple[tuple[Model, ...], tuple[ModelError, ...]]:
    """The first model of each name, and what is wrong with the others."""
    every, problems = _readable()
    known = _by_name(every)
    doubled = [
        ModelError(f"the model in {model.path.parent} has the name of the one in {first.path.parent}; rename it in its card.json")
        for model in every
        if (first := known[model.card.name]) is not model
    ]
    return tuple(known.values()), (*problems, *doubled)


def _by_name(every: tuple[Model, ...]) -> dict[str, Model]:
    """The first of each name."""
    known: dict[str, Model] = {}
    for model in every:
        known.setdefault(model.card.name, model)
    return known


def _readable() -> tuple[tuple[Model, ...], tuple[ModelError, ...]]:
    """Every model whose card can be read, and what is wrong with the cards of the others."""
    found: list[Model] = []
    problems: list[ModelError] = []
    for folder, built_in in _folders():
        try:
            found.append(Model(_read_card(folder / "card.json"), folder / "model.onnx", built_in))
        except ModelError as problem:
            problems.append(problem)
    return tuple(found), tuple(problems)


def _model_in(folder: Path) -> Path:
    """The folder itself, or that of the model which a training left in it."""
    return folder / OF_A_RUN if not (folder / "card.json").is_file() and (folder / OF_A_RUN / "card.json").is_file() else folder


def _folders() -> list[tuple[Path, bool]]:
    """Every folder with a card.json, each once, abbe's own first, in the order of their names."""
    roots = [(BUILT_IN, True)]
    roots += [(Path(part), False) for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if part]
    folders: dict[Path, tuple[Path, bool]] = {}
    for root, built_in in roots:
        candidates = [root, *(sorted(root.iterdir()) if root.is_dir() else ())]
        for folder in map(_model_in, candidates):
            if (folder / "card.json").is_file():
                folders.setdefault(folder.resolve(), (folder, built_in))
    return list(folders.values())

"""What a run began with, kept beside its weights: with another plan, or other images, it does not go on, and its card says what it saw."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError

from abbe.errors import ParameterError
from abbe.training.plan import TrainingPlan
from abbe.training.samples import divided
from abbe.training.weights import read_metadata

#: said of a run without real images
NO_IMAGES = "none"
#: as cards name them
SIMULATED = "simulated specimens"
#: what is to be known of a training with a single pair, or field of exposures
SEEN_ALONE = (
    "Its errors and its 90 % interval were measured on the one {} that it was trained on: on other images expect larger errors, more of "
    "them outside the interval."
)
#: by how much a model is worse than another on the same patches where that is told (dB): less is no difference that anyone sees
SEEN_WORSE = 0.05


class Origin(NamedTuple):
    """The model that a training starts from."""

    #: with its version, where it has one
    name: str
    #: what it was trained on
    sets: tuple[str, ...]


def origin(weights: Path) -> Origin:
    """Of a run's `weights.safetensors`, or of a model's file, whose card lies beside it."""
    if weights.suffix != ".onnx":
        state = read_metadata(weights)
        plan = json.loads(state["plan"])
        return Origin(plan["name"], tuple(json.loads(state["sets"]) if "sets" in state else plan["sets"]))
    if not (weights.parent / "card.json").exists():
        return Origin(weights.stem, ())
    card = json.loads((weights.parent / "card.json").read_text(encoding="utf-8"))
    return Origin(f"{card['name']} {card['version']}", tuple(card["training"]["sets"]))


def sets_of(plan: TrainingPlan, images: str, start: Origin | None) -> list[str]:
    """What the weights of a run have seen: the plan's sets where their images were there, simulations, and what the start has seen."""
    real = images != NO_IMAGES
    own = plan.sets if real or not plan.wants_images else ()
    made = (SIMULATED,) if plan.simulates(real=real) else ()
    return list(dict.fromkeys([*own, *made, *(start.sets if start else ())]))


def facts_of(
    plan: TrainingPlan, images: str, start: Origin | None, on_pairs: tuple[float, float] | None, failures: list[str]
) -> dict[str, str]:
    """What the card of a run's model says besides its plan. `on_pairs`: PSNR of held-out pairs, as they are and restored (dB)."""
    facts = {"sets": json.dumps(sets_of(plan, images, start))}
    if start:
        facts["start"] = start.name
    if on_pairs and plan.own:  # of other plans other figures are on the card, of other images
        without = ", without the noise of the other exposures" if plan.pairs and plan.pairs.repeated else ""
        what = {"set": f"{', '.join(plan.sets)}, held-out pairs", "measure": f"PSNR of patches{without} (dB)"}
        facts["figures"] = json.dumps([what | dict(zip(("input", "abbe"), (round(value, 3) for value in on_pairs)))])
    return facts | ({"failures": json.dumps(failures)} if failures else {})


def told_of_worse(now: float, began: float, start: str) -> str:
    """One sentence where held-out pairs are restored worse than before, with both figures (PSNR, dB); else empty."""
    if not now < began - SEEN_WORSE:
        return ""
    return (
        f"Held-out pairs are restored worse than by the model that the training started from: {now:.2f} dB, by {start} {began:.2f} dB; use "
        "that one, or train with more pairs, or for other numbers of steps."
    )


def images_of(plan: TrainingPlan, data: Path | None) -> str:
    """How many files the plan's real images are, and a digest of their names and contents."""
    files = sorted(set(_files(plan, data))) if data else []
    if data is None or not files:
        return NO_IMAGES
    digest = hashlib.sha256()
    for path in files:
        digest.update(os.fsencode(path.relative_to(data).as_posix()) + f"\n{path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{len(files)} files {digest.hexdigest()[:12]}"


def _files(plan: TrainingPlan, data: Path) -> Iterator[Path]:
    found = [path for pattern in plan.pool.images for path in data.glob(pattern)]
    if plan.pairs:
        noisy = [path for part in divided(plan.pairs, data) for path in part]
        found += [*noisy, *(data / plan.pairs.clean / path.name for path in noisy)]
    for path in found:
        yield from (path,) if path.is_file() else (inner for inner in path.rglob("*") if inner.is_file())


def check_same(folder: Path, plan: TrainingPlan, images: str) -> None:
    """Raises `ParameterError` when `folder` has a checkpoint of another training. One without a record, of an older abbe, goes on."""
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        return
    state = checkpoint_state(path)
    differ = plan.differences(json.loads(state["plan"])) if "plan" in state else []
    if state.get("images", images) != images:
        differ.append(f"images ({state['images']}, now {images})")
    if differ:
        raise ParameterError(
            f"wanted the training that {folder} began with, got another {', '.join(differ)}; give --runs another folder, or the plan "
            "another name, or delete that folder"
        )


def checkpoint_state(path: Path) -> dict[str, str]:
    """The text in a checkpoint's header. Raises `ParameterError` when the file is damaged."""
    try:
        return read_metadata(path)
    except SafetensorError as problem:
        raise ParameterError(
            f"wanted a checkpoint to go on from, got {path}, which is damaged ({problem}); delete it to begin anew: weights.safetensors "
            "beside it holds what was learnt"
        ) from problem

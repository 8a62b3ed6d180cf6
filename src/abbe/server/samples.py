"""Sample images for the empty first screen: simulated, so that their truth is known and nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass

from abbe.errors import ParameterError
from abbe.image import Image
from abbe.server.opening import keep
from abbe.server.service import Service
from abbe.simulation import simulate_cell


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    title: str
    text: str
    seed: int
    light: float


SAMPLES = (
    Sample("cell", "A cell, three colours", "Nucleus, microtubules and lysosomes, as a widefield microscope sees them", 1, 1.0),
    Sample("dim-cell", "The same in low light", "A tenth of the light: what little exposure leaves to see", 1, 0.1),
    Sample("another-cell", "Another cell", "Another shape, the same three colours", 7, 0.5),
)


def offered() -> list[dict[str, str]]:
    return [{"name": s.name, "title": s.title, "text": s.text} for s in SAMPLES]


def make(here: Service, name: str, folder: str = "") -> str:
    """Simulate a sample and keep it as a session; returns its id."""
    sample = next((s for s in SAMPLES if s.name == name), None)
    if sample is None:
        raise ParameterError(f"wanted one of the samples {', '.join(s.name for s in SAMPLES)}, got {name!r}")
    image: Image = simulate_cell(seed=sample.seed, light=sample.light).image
    return keep(here, image, f"sample {sample.name}", folder)

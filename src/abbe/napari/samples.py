"""Sample images: simulated, so that their truth is known and nothing is downloaded."""

from __future__ import annotations

from functools import cache

from abbe.napari.layers import LayerData, layers
from abbe.napari.seat import Seat
from abbe.simulation import SimulatedCell, simulate_cell


def cell() -> list[LayerData]:
    """A cell in three colours, as a widefield microscope sees it."""
    return layers(_simulated(1.0).image, title="cell")


def dim_cell() -> list[LayerData]:
    """The same cell with a tenth of the light."""
    return layers(_simulated(0.1).image, title="dim cell")


def cell_truth() -> list[LayerData]:
    """What is in focus in the cell: expected counts of a microscope without blur and noise, on pixels three times finer."""
    made = _simulated(1.0)
    return layers(made.truth, Seat.of(made.image).moved(made.image, made.truth), title="cell", what="truth")


@cache
def _simulated(light: float) -> SimulatedCell:
    """Simulating takes seconds; its layers lie beside each other."""
    return simulate_cell(seed=1, light=light)

"""Specimens and image pairs whose truth is known."""

from abbe.simulation.cell import SimulatedCell, simulate_cell
from abbe.simulation.mosaics import mosaic_pair
from abbe.simulation.pairs import Pair, background_pair, denoising_pair, section_pair, super_resolution_pair, thin_pair
from abbe.simulation.structures import specimen
from abbe.simulation.volumes import volume

__all__ = [
    "Pair",
    "SimulatedCell",
    "background_pair",
    "denoising_pair",
    "mosaic_pair",
    "section_pair",
    "simulate_cell",
    "specimen",
    "super_resolution_pair",
    "thin_pair",
    "volume",
]

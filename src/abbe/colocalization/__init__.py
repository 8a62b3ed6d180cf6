"""Colocalization of two channels: coefficients, thresholds, scattergram, revealed pixels, randomisation, objects."""

from __future__ import annotations

from abbe.colocalization.analysis import colocalize
from abbe.colocalization.definitions import DEFINITIONS, Definition
from abbe.colocalization.result import Background, Change, Coefficient, Colocalization, Region, Thresholds

__all__ = ["DEFINITIONS", "Background", "Change", "Coefficient", "Colocalization", "Definition", "Region", "Thresholds", "colocalize"]

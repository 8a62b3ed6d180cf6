"""Colocalization of two channels: coefficients, thresholds, scattergram, revealed pixels, randomisation, objects."""

from __future__ import annotations

from abbe.colocalization.analysis import colocalize
from abbe.colocalization.definitions import DEFINITIONS, Definition
from abbe.colocalization.many import ColocalizationTable, colocalize_all
from abbe.colocalization.result import Background, Change, Coefficient, Colocalization, Region, Thresholds
from abbe.colocalization.tabulation import Table, tables

__all__ = [
    "DEFINITIONS",
    "Background",
    "Change",
    "Coefficient",
    "Colocalization",
    "ColocalizationTable",
    "Definition",
    "Region",
    "Table",
    "Thresholds",
    "colocalize",
    "colocalize_all",
    "tables",
]

"""The zoo: models with their cards, found by name, checked by digest before they are used."""

from abbe.zoo.card import Card, Exchange, Figure, Mosaic, Realism, Training
from abbe.zoo.catalogue import MODELS_VARIABLE, MOSAIC, PARTNER, Model, damaged, find, load, models

__all__ = [
    "MODELS_VARIABLE",
    "MOSAIC",
    "PARTNER",
    "Card",
    "Exchange",
    "Figure",
    "Model",
    "Mosaic",
    "Realism",
    "Training",
    "damaged",
    "find",
    "load",
    "models",
]

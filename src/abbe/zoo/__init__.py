"""The zoo: models with their cards, found by name, checked by digest before they are used."""

from abbe.zoo.card import Card, Exchange, Figure, Realism, Training
from abbe.zoo.catalogue import MODELS_VARIABLE, PARTNER, Model, damaged, find, load, models

__all__ = ["MODELS_VARIABLE", "PARTNER", "Card", "Exchange", "Figure", "Model", "Realism", "Training", "damaged", "find", "load", "models"]

"""The zoo: models with their cards, found by name, checked by digest before they are used."""

from abbe.zoo.card import Card, Figure, Training
from abbe.zoo.catalogue import MODELS_VARIABLE, Model, damaged, find, load, models

__all__ = ["MODELS_VARIABLE", "Card", "Figure", "Model", "Training", "damaged", "find", "load", "models"]

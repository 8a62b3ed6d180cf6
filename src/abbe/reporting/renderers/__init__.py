"""Renderers of a report: each gets the model and gives bytes."""

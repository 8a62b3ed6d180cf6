"""TIFF and its dialects."""

from abbe.formats.tiff.reading import Tiff

__all__ = ["Tiff"]

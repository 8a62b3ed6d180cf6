"""OME-Zarr: read in versions 0.4 and 0.5, written in 0.5."""

from abbe.formats.zarr.reading import Zarr

__all__ = ["Zarr"]

"""Images: pixels with their axes, sizes, channels, warnings and origin."""

from abbe.image._image import Image, Interval, as_image
from abbe.image.metadata import Optics, PixelSize, Provenance
from abbe.image.notice import Notice

__all__ = ["Image", "Interval", "Notice", "Optics", "PixelSize", "Provenance", "as_image"]

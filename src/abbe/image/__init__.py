"""Images: pixels with their axes, sizes, channels, warnings and origin."""

from abbe.image._image import Image, Interval, as_image
from abbe.image.arranging import Order, arranged
from abbe.image.grid import Grid, Unit
from abbe.image.metadata import Optics, PixelSize, Provenance
from abbe.image.notice import Notice
from abbe.image.roi import ROI
from abbe.image.roi_mask import Mask
from abbe.image.roi_shapes import Combination, Ellipse, Polygon, Rectangle

__all__ = [
    "ROI",
    "Combination",
    "Ellipse",
    "Grid",
    "Image",
    "Interval",
    "Mask",
    "Notice",
    "Optics",
    "Order",
    "PixelSize",
    "Polygon",
    "Provenance",
    "Rectangle",
    "Unit",
    "arranged",
    "as_image",
]

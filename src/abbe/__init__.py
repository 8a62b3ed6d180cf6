"""abbe: super-resolved images from conventional fluorescence microscopy, with numbers you can defend.

    import abbe

    image = abbe.open("cells.tif")
    sharp = abbe.enhance(image)
    abbe.save(sharp, "sharp.ome.tif")

Everything here is loaded when first used: `import abbe` alone costs almost nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from abbe._version import __version__

# ONNX Runtime reports its use to its maker unless it is told not to before it is loaded. Whose images are looked at is nobody's business;
# whoever wants to report sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from abbe.alignment import ChannelShift as ChannelShift
    from abbe.alignment import align as align
    from abbe.alignment import channel_shifts as channel_shifts
    from abbe.colocalization import Colocalization as Colocalization
    from abbe.colocalization import ColocalizationTable as ColocalizationTable
    from abbe.colocalization import colocalize as colocalize
    from abbe.colocalization import colocalize_all as colocalize_all
    from abbe.comparison import Comparison as Comparison
    from abbe.comparison import compare as compare
    from abbe.errors import AbbeError as AbbeError
    from abbe.formats import Saved as Saved
    from abbe.formats import merge as merge
    from abbe.formats import open as open
    from abbe.formats import save as save
    from abbe.formats.rois import open_rois as open_rois
    from abbe.formats.rois import save_rois as save_rois
    from abbe.image import ROI as ROI
    from abbe.image import Image as Image
    from abbe.image import Interval as Interval
    from abbe.image import Notice as Notice
    from abbe.recipe import Recipe as Recipe
    from abbe.reporting import report as report
    from abbe.restoration import advise as advise
    from abbe.restoration import correct_background as correct_background
    from abbe.restoration import enhance as enhance
    from abbe.restoration import verdict as verdict
    from abbe.session import Session as Session

#: public name -> the room that holds it
_ROOMS = {
    "AbbeError": "abbe.errors",
    "ChannelShift": "abbe.alignment",
    "ROI": "abbe.image",
    "align": "abbe.alignment",
    "channel_shifts": "abbe.alignment",
    "Colocalization": "abbe.colocalization",
    "ColocalizationTable": "abbe.colocalization",
    "colocalize": "abbe.colocalization",
    "colocalize_all": "abbe.colocalization",
    "open_rois": "abbe.formats.rois",
    "save_rois": "abbe.formats.rois",
    "Comparison": "abbe.comparison",
    "Image": "abbe.image",
    "Interval": "abbe.image",
    "Notice": "abbe.image",
    "Recipe": "abbe.recipe",
    "Saved": "abbe.formats",
    "Session": "abbe.session",
    "compare": "abbe.comparison",
    "advise": "abbe.restoration",
    "correct_background": "abbe.restoration",
    "verdict": "abbe.restoration",
    "enhance": "abbe.restoration",
    "merge": "abbe.formats",
    "open": "abbe.formats",
    "report": "abbe.reporting",
    "save": "abbe.formats",
}

__all__ = [
    "ROI",
    "AbbeError",
    "ChannelShift",
    "Colocalization",
    "ColocalizationTable",
    "Comparison",
    "Image",
    "Interval",
    "Notice",
    "Recipe",
    "Saved",
    "Session",
    "__version__",
    "advise",
    "align",
    "channel_shifts",
    "colocalize",
    "colocalize_all",
    "compare",
    "correct_background",
    "enhance",
    "merge",
    "open",
    "open_rois",
    "report",
    "save",
    "save_rois",
    "verdict",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        value = getattr(importlib.import_module(_ROOMS[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'abbe' has no attribute {name!r}; it has: {', '.join(sorted(__all__))}")


def __dir__() -> list[str]:
    return sorted(__all__)

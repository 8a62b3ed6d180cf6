"""Microscope makers' own formats, behind the extra `formats`.

Each reader is thin: a maintained library takes the file apart, abbe puts planes and metadata in its own order.
"""

from abbe.formats.vendor.czi import Czi
from abbe.formats.vendor.dv import Dv
from abbe.formats.vendor.ims import Ims
from abbe.formats.vendor.lif import Lif
from abbe.formats.vendor.nd2 import Nd2
from abbe.formats.vendor.oif import Oif

__all__ = ["Czi", "Dv", "Ims", "Lif", "Nd2", "Oif"]

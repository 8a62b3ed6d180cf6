"""Opening, saving and merging image files: by content, whole or not at all."""

from abbe.formats.merging import merge
from abbe.formats.opening import image_names, open
from abbe.formats.saving import Saved, save
from abbe.formats.untrusted import open_untrusted

__all__ = ["Saved", "image_names", "merge", "open", "open_untrusted", "save"]

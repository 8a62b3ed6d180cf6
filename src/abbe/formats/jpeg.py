"""JPEG: what a microscope image should not be, and often is."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from PIL.JpegImagePlugin import JpegImageFile

from abbe.errors import LimitError
from abbe.formats.damage import decoding
from abbe.formats.found import Found
from abbe.image import Notice
from abbe.image.axes import check_size
from abbe.image.pixels import Array, ArrayPixels
from abbe.limits import LIMITS

#: most pixels along a side that the format can hold (ITU-T T.81, B.2.2)
SIDE = 65535
#: high enough that the loss is about the noise of one grey level; still a loss
QUALITY = 95

#: how abbe marks its account in the comment
MARK = "abbe.account="
#: most characters of an account: a segment has at most 65533 bytes (ITU-T T.81, B.2.4.5)
LONGEST = 65533 - len(MARK)

_LOST = (
    "compressed as JPEG: fine detail and weak signal are lost, and blocks of 8 x 8 pixels appear; use the microscope's own file where "
    "there is one"
)


@dataclass(frozen=True, slots=True)
class Jpeg:
    """The format, for `abbe.formats.opening`."""

    name: str = "JPEG"

    def claims(self, head: bytes, path: Path) -> bool:
        return head.startswith(b"\xff\xd8\xff")

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        notices = [Notice("lossy", _LOST)]
        data = path.read_bytes()
        with decoding(path.name), JpegImageFile(io.BytesIO(data)) as picture:  # without Pillow's own, smaller limit on size
            width, height = picture.size
            check_size((1, 1, 1, height, width))
            if width * height * len(picture.getbands()) > LIMITS.segment:
                raise LimitError(f"wanted a JPEG of at most {LIMITS.segment} bytes of pixels, got {width} x {height}")
            if picture.mode == "CMYK":
                notices.append(Notice("converted", "printing colours (CMYK) were converted to red, green and blue"))
                array = np.asarray(picture.convert("RGB"))
            else:
                array = np.asarray(picture)
        planes = array.reshape(height, width, -1).transpose(2, 0, 1)
        return Found(
            ArrayPixels(planes[None, :, None]),
            format="JPEG",
            notices=tuple(notices),
            rgb=planes.shape[0] == 3,
            account=_account(picture.info.get("comment")),
        )


def _account(comment: object) -> str | None:
    """What abbe wrote into the comment, if it was abbe."""
    text = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else ""
    return text.removeprefix(MARK) if text.startswith(MARK) else None


def write(path: Path, array: Array, account: str) -> Notice:
    """Write (Y, X) or (Y, X, 3) uint8, colours at full resolution, with `account` as comment, and say what was lost."""
    PIL.Image.fromarray(array).save(path, "JPEG", quality=QUALITY, subsampling=0, comment=(MARK + account).encode() if account else b"")
    return Notice("lossy", "saved as JPEG, which loses fine detail; keep a TIFF for measurements")

"""Was something lost when the pixels were compressed? Several methods can do both, and only the compressed bytes tell."""

from __future__ import annotations

from abbe.image import Notice

JPEG, JPEG_2000, WEBP, JPEG_XR = "JPEG", "JPEG 2000", "WebP", "JPEG XR"
#: TIFF's numbers of compression methods that may lose something
METHODS = {
    **dict.fromkeys((6, 7, 33007), JPEG),
    **dict.fromkeys((33003, 33004, 33005, 34712), JPEG_2000),
    **dict.fromkeys((34927, 50001), WEBP),
    **dict.fromkeys((22610, 34934), JPEG_XR),
}


def of_segment(compression: int, data: bytes) -> Notice | None:
    """The warning for a file whose first strip or tile is `data`; None when nothing was lost."""
    method = METHODS.get(compression)
    if method is None or (method == JPEG and _lossless_jpeg(data)) or (method == JPEG_2000 and _reversible(data)):
        return None
    if method == WEBP and data[12:16] == b"VP8L":
        return None
    verb = "may lose" if method == JPEG_XR else "loses"
    return Notice(
        "lossy", f"compressed as {method}, which {verb} fine detail and weak signal; use the microscope's own file where there is one"
    )


def _lossless_jpeg(data: bytes) -> bool:
    """Its frame header is SOF3, lossless (ITU-T T.81, table B.1), or SOF55, JPEG-LS."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in (0xC3, 0xF7):
            return True
        if marker in (0xC0, 0xC1, 0xC2, 0xDA):
            return False
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _reversible(data: bytes) -> bool:
    """Its wavelet is the reversible 5-3 (ITU-T T.800, A.6.1: the last byte of COD's fixed part is 1)."""
    start = data.find(b"\xff\x52")
    return start >= 0 and data[start + 13 : start + 14] == b"\x01"

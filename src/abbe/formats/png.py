"""PNG: grey, RGB, palette; 1 to 16 bits; read after a look at its chunks, written row by row.

W3C PNG Specification, third edition. Pillow reads 16-bit colour as 8 bits, so pixels are decoded by libpng (imagecodecs).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from PIL.PngImagePlugin import PngImageFile

from abbe.errors import LimitError, NotAnImageError
from abbe.formats import account, colours
from abbe.formats.damage import decoding
from abbe.formats.found import Found
from abbe.image import Notice, PixelSize
from abbe.image.axes import check_size
from abbe.image.pixels import Array, ArrayPixels
from abbe.limits import LIMITS

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
#: deflate cannot expand more than this (1032:1): a picture that claims more than its bytes can hold is damaged or hostile
EXPANSION = 1032


@dataclass(frozen=True, slots=True)
class Chunks:
    """What the chunks before and after the pixels say."""

    width: int
    height: int
    depth: int
    kind: int
    palette: Array | None
    bits: int | None
    pixel_size: PixelSize
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Png:
    """The format, for `abbe.formats.opening`."""

    name: str = "PNG"

    def claims(self, head: bytes, path: Path) -> bool:
        return head.startswith(SIGNATURE)

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        data = path.read_bytes()
        said = _chunks(data, path.name)
        notices: list[Notice] = []
        color = indices = None
        if said.palette is not None and colours.is_intensity_table(said.palette):
            array, color = _indices(data, path.name), colours.of_table(said.palette)
        else:
            array = _decode(data, path.name)
            indices = None if said.palette is None else ArrayPixels(_indices(data, path.name)[None, None, None])
        array = array.reshape(said.height, said.width, -1)
        if array.shape[2] == 2:
            array = array[..., :1]
            notices.append(Notice("dropped", "the picture's transparency (alpha) was left out"))
        if said.depth == 1 and said.kind == GREY:
            array = (array > 0).astype(np.uint8)
            notices.append(Notice("converted", "true and false were read as 1 and 0"))
        elif said.depth < 8 and said.kind == GREY:
            notices.append(Notice("converted", f"{said.depth}-bit grey was read as 0 to 255"))
        rgb = array.shape[2] >= 3
        return Found(
            ArrayPixels(array.transpose(2, 0, 1)[None, :, None]),
            format="PNG",
            pixel_size=said.pixel_size,
            colors=() if rgb else (color,),
            bits=1 if said.depth == 1 and said.kind == GREY else said.bits,
            facts={key: text for key, text in said.texts.items() if key != account.NAMESPACE},
            notices=tuple(notices),
            rgb=rgb,
            account=said.texts.get(account.NAMESPACE),
            indices=indices,
        )


def _decode(data: bytes, name: str) -> Array:
    with decoding(name):
        array: Array = imagecodecs.png_decode(data)
    return array


def _indices(data: bytes, name: str) -> Array:
    """The palette indices themselves: what was measured, where the palette is a lookup table."""
    with decoding(name), PngImageFile(io.BytesIO(data)) as picture:  # without Pillow's own, smaller limit on size
        array: Array = np.asarray(picture)
    return array


def _chunks(data: bytes, name: str) -> Chunks:
    """Walk the chunks, their checksums included. Raises `NotAnImageError` for a file that was cut short."""
    found: dict[bytes, bytes] = {}
    texts: dict[str, str] = {}
    packed = 0
    for kind, body in _walk(data, name):
        if kind == b"IDAT":
            packed += len(body)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            texts.update(_text(kind, body))
        else:
            found.setdefault(kind, body)
    header = found.get(b"IHDR", b"")
    if len(header) != 13:
        raise NotAnImageError(f"{name} is damaged: a PNG without a header")
    width, height, depth, kind = struct.unpack(">IIBB", header[:10])
    if width == 0 or height == 0 or kind not in SAMPLES:
        raise NotAnImageError(f"{name} is damaged: it claims {width} x {height} pixels of kind {kind}")
    check_size((1, 1, 1, height, width))
    size = height * (width * SAMPLES[kind] * depth + 7) // 8
    if size > packed * EXPANSION + 1024:
        raise NotAnImageError(f"{name} is damaged: it claims {width} x {height} pixels, more than its {packed} bytes can hold")
    if size > LIMITS.segment:
        raise LimitError(f"wanted a PNG of at most {LIMITS.segment} bytes of pixels, got {size}; save it as tiled TIFF")
    palette = found.get(b"PLTE")
    return Chunks(
        width,
        height,
        depth,
        kind,
        palette=np.frombuffer(palette, np.uint8).reshape(-1, 3) if kind == PALETTE and palette and len(palette) % 3 == 0 else None,
        bits=_bits(found.get(b"sBIT"), depth),
        pixel_size=_pixel_size(found.get(b"pHYs")),
        texts=texts,
    )


def _walk(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + 8 + length]
        check = data[position + 8 + length : position + 12 + length]
        if len(check) < 4:
            break
        if zlib.crc32(kind + body) != int.from_bytes(check, "big"):
            raise NotAnImageError(f"{name} is damaged: a checksum in it is wrong; copy it again from its source")
        yield kind, body
        if kind == b"IEND":
            return
        position += 12 + length
    raise NotAnImageError(f"{name} is cut short: its end is missing; copy it again from its source")


def _text(kind: bytes, body: bytes) -> dict[str, str]:
    key, _, rest = body.partition(b"\0")
    try:
        if kind == b"tEXt":
            text = rest.decode("latin-1")
        elif kind == b"zTXt":
            text = _inflate(rest[1:]).decode("latin-1")
        else:
            packed, rest = rest[0], rest[2:]
            rest = rest.split(b"\0", 2)[2]
            text = (_inflate(rest) if packed else rest).decode()
    except (zlib.error, ValueError, IndexError):
        return {}
    limit = LIMITS.metadata if key.decode("latin-1") == account.NAMESPACE else LIMITS.name
    return {key.decode("latin-1"): text[:limit]}


def _inflate(packed: bytes) -> bytes:
    return zlib.decompressobj().decompress(packed, LIMITS.metadata)


def _bits(significant: bytes | None, depth: int) -> int | None:
    """From sBIT: how many bits the source had."""
    return max(significant) if significant and max(significant) <= depth else None


def _pixel_size(body: bytes | None) -> PixelSize:
    """From pHYs (pixels per metre), where it is that of a microscope: see `abbe.formats.tiff.resolution`."""
    if body is None or len(body) != 9 or body[8] != 1:
        return None, None, None
    per_x, per_y = struct.unpack(">II", body[:8])
    if min(per_x, per_y) < 1e5:  # 10 um and more are the pixels of print
        return None, None, None
    return None, 1e6 / per_y, 1e6 / per_x


# ---------------------------------------------------------------------------------------------------------- writing
def write(
    file: BinaryIO,
    bands: Iterable[Array],
    size: tuple[int, int],
    dtype: np.dtype[Any],
    samples: int,
    pixel_size: PixelSize,
    texts: dict[str, str],
) -> None:
    """Write (rows, width, samples) bands of uint8 or uint16 from top to bottom, in memory that does not grow; `size` is (width, height)."""
    kind = RGB if samples == 3 else GREY
    file.write(SIGNATURE)
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", *size, dtype.itemsize * 8, kind, 0, 0, 0))
    _, y, x = pixel_size
    if y is not None and x is not None:
        _chunk(file, b"pHYs", struct.pack(">IIB", _per_metre(x), _per_metre(y), 1))
    for key, text in texts.items():
        _chunk(file, b"iTXt", key.encode("latin-1", "replace") + b"\0\1\0\0\0" + zlib.compress(text.encode("utf-8", "replace")))
    packer = zlib.compressobj(6)
    above = np.zeros(size[0] * samples * dtype.itemsize, np.uint8)
    for band in bands:
        rows = np.ascontiguousarray(band, dtype.newbyteorder(">")).reshape(len(band), -1).view(np.uint8)
        filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
        filtered[:, 0] = 2  # filter "up": the difference to the row above, byte by byte
        filtered[1:, 1:] = rows[1:] - rows[:-1]
        filtered[0, 1:] = rows[0] - above
        above = rows[-1].copy()
        packed = packer.compress(filtered.tobytes())
        if packed:
            _chunk(file, b"IDAT", packed)
    _chunk(file, b"IDAT", packer.flush())
    _chunk(file, b"IEND", b"")


def _per_metre(micrometre: float) -> int:
    return min(max(round(1e6 / micrometre), 1), 2**31 - 1)


def _chunk(file: BinaryIO, kind: bytes, body: bytes) -> None:
    file.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))

"""Arrays of chunks on disk: Zarr 3, one codec chain, every chunk with its own checksum.

The chain is bytes (little-endian), blosc (zstd, bit-shuffled), crc32c: any Zarr 3 library reads it. abbe reads and writes chunks itself,
because a chunk that is missing must be an error: a Zarr library takes it for an empty one and gives zeros, a silent wrong image after a
crash. A tile of 256 pixels also takes 0.5 ms instead of 4.

Specification: zarr-specs.readthedocs.io, core protocol version 3, and its blosc and crc32c codecs.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numcodecs.blosc import Blosc

from abbe.errors import SessionError
from abbe.image.pixels import Array, Region, Shape, region_shape
from abbe.session.places import Place

#: pixels along a chunk's side: a 512 tile is one file, a 256 tile a quarter of one
SIDE = 512
#: zstd level 3 gives within 2 % of level 9's size on camera noise, four times as fast
LEVEL = 3


def metadata(shape: Shape, dtype: np.dtype[Any]) -> dict[str, Any]:
    """What `zarr.json` of an array says; dimension names as OME-Zarr asks."""
    side = (min(SIDE, shape[3]), min(SIDE, shape[4]))
    blosc = {"typesize": dtype.itemsize, "cname": "zstd", "clevel": LEVEL, "shuffle": "bitshuffle", "blocksize": 0}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 1, 1, *side]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "blosc", "configuration": blosc},
            {"name": "crc32c"},
        ],
        "dimension_names": ["t", "c", "z", "y", "x"],
        "attributes": {},
    }


def write_block(folder: Path, region: Region, block: Array, shape: Shape, pool: ThreadPoolExecutor) -> int:
    """Write a block whose corner lies on a chunk's corner; returns the bytes written. Nothing is flushed yet."""
    side_y, side_x = min(SIDE, shape[3]), min(SIDE, shape[4])
    codec = Blosc(cname="zstd", clevel=LEVEL, shuffle=Blosc.BITSHUFFLE)

    def one(index: tuple[int, ...]) -> int:
        i, j, k, r, c = index
        part = block[i, j, k, r * side_y : (r + 1) * side_y, c * side_x : (c + 1) * side_x]
        whole = np.zeros((side_y, side_x), block.dtype)
        whole[: part.shape[0], : part.shape[1]] = part
        packed = bytes(codec.encode(whole.astype(block.dtype.newbyteorder("<"), copy=False)))
        t, p, z = region[0].start + i, region[1].start + j, region[2].start + k
        file = folder / _key((t, p, z, region[3].start // side_y + r, region[4].start // side_x + c))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(packed + google_crc32c.value(packed).to_bytes(4, "little"))
        return len(packed) + 4

    rows, columns = -(-block.shape[3] // side_y), -(-block.shape[4] // side_x)
    return sum(pool.map(one, itertools.product(*map(range, (*block.shape[:3], rows, columns)))))


def _key(index: tuple[int, ...]) -> str:
    return "c/" + "/".join(map(str, index))


@dataclass(frozen=True)
class ChunkedPixels:
    """Pixels of one array in a session; read chunk by chunk, each checked. `name` is the array's folder within the session."""

    place: Place
    name: str

    @cached_property
    def _layout(self) -> tuple[Shape, np.dtype[Any], tuple[int, int]]:
        try:
            entry = json.loads(self.place.read(f"{self.name}/zarr.json"))
            t, c, z, y, x = (int(n) for n in entry["shape"])
            dtype = np.dtype(entry["data_type"])
            side_y, side_x = (int(n) for n in entry["chunk_grid"]["configuration"]["chunk_shape"][3:])
            names = [codec["name"] for codec in entry["codecs"]]
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise SessionError(
                f"the pixels {self.name} of {self.place.title} are missing or damaged; revert to another version"
            ) from problem
        if names != ["bytes", "blosc", "crc32c"] or min(side_y, side_x) < 1 or min(t, c, z, y, x) < 1 or dtype.kind not in "uif":
            raise SessionError(f"wanted pixels as abbe writes them in {self.name}, got codecs {', '.join(names)}; update abbe")
        return (t, c, z, y, x), dtype, (side_y, side_x)

    @property
    def shape(self) -> Shape:
        return self._layout[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._layout[1]

    def read(self, region: Region) -> Array:
        """Raises `SessionError` when a chunk of the region is missing or damaged."""
        _, dtype, side = self._layout
        out = np.empty(region_shape(region), dtype)
        for i, t in enumerate(range(region[0].start, region[0].stop)):
            for j, c in enumerate(range(region[1].start, region[1].stop)):
                for k, z in enumerate(range(region[2].start, region[2].stop)):
                    self._read_plane((t, c, z), region, side, out[i, j, k])
        return out

    def _read_plane(self, plane: tuple[int, int, int], region: Region, side: tuple[int, int], out: Array) -> None:
        y, x = region[3], region[4]
        for row in range(y.start // side[0], -(-y.stop // side[0])):
            top, bottom = max(y.start, row * side[0]), min(y.stop, (row + 1) * side[0])
            for column in range(x.start // side[1], -(-x.stop // side[1])):
                left, right = max(x.start, column * side[1]), min(x.stop, (column + 1) * side[1])
                chunk = self._chunk((*plane, row, column), side)
                out[top - y.start : bottom - y.start, left - x.start : right - x.start] = chunk[
                    top - row * side[0] : bottom - row * side[0], left - column * side[1] : right - column * side[1]
                ]

    def _chunk(self, index: tuple[int, ...], side: tuple[int, int]) -> Array:
        try:
            packed = self.place.read(f"{self.name}/{_key(index)}")
        except OSError as problem:
            raise self._damaged(index, "missing") from problem
        body, check = packed[:-4], packed[-4:]
        if google_crc32c.value(body) != int.from_bytes(check, "little"):
            raise self._damaged(index, "damaged")
        dtype = self.dtype
        expected = side[0] * side[1] * dtype.itemsize
        if len(body) < 16 or int.from_bytes(body[4:8], "little") != expected:  # blosc's header: bytes once decoded
            raise self._damaged(index, "damaged")
        return np.frombuffer(Blosc().decode(body), dtype.newbyteorder("<")).reshape(side).astype(dtype, copy=False)

    def _damaged(self, index: tuple[int, ...], how: str) -> SessionError:
        t, c, z, row, column = index
        where = f"frame {t}, channel {c}, plane {z}, rows from {row * SIDE}, columns from {column * SIDE}"
        return SessionError(f"the pixels of {self.name} in {self.place.title} are {how} at {where}; revert to another version")

    def files(self) -> Iterator[str]:
        """Every file that this array should have."""
        (t, c, z, y, x), _, (side_y, side_x) = self._layout
        yield f"{self.name}/zarr.json"
        for index in itertools.product(range(t), range(c), range(z), range(-(-y // side_y)), range(-(-x // side_x))):
            yield f"{self.name}/{_key(index)}"

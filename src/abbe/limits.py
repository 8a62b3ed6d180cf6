"""One frozen budget for everything that could grow without end: pixels, bytes, seconds, nesting.

The budget guards against mistakes and hostile files, not against large science: a file within it is processed in
memory that does not grow with it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Budget of one process. Frozen: a run's behaviour must not depend on who changed a global."""

    #: most pixels of one image over all its axes; 2**40 is a million 1024 x 1024 planes
    pixels: int = 2**40
    #: most pixels along one side of a plane; 2**20 at 0.1 um is a 10 cm slide
    side: int = 2**20
    #: most channels of one image; hyperspectral detectors have 32 to 300
    channels: int = 1024
    #: arrays larger than this live in a scratch file, not in memory (bytes)
    in_memory: int = 512 * 2**20
    #: most bytes of one compressed segment (strip, tile, chunk) once decoded
    segment: int = 2**31
    #: most bytes of metadata (XML, JSON) that is parsed
    metadata: int = 64 * 2**20
    #: deepest nesting of metadata
    nesting: int = 64
    #: most characters of a channel name or a comment that is kept
    name: int = 10_000
    #: seconds for a decoder in a child process
    decode_seconds: float = 60.0
    #: bytes of address space for a decoder in a child process
    decode_memory: int = 4 * 2**30


LIMITS = Limits()

"""Channels of transmitted light, which microscopes record beside fluorescence."""

from __future__ import annotations

from collections.abc import Sequence

from abbe.image import Notice


def transmitted(names: Sequence[str | None], known: Sequence[bool]) -> tuple[Notice, ...]:
    """The word about each channel that the file knows to be of transmitted light; a name per channel, None where it has none."""
    said = "recorded with transmitted light; the models know fluorescence alone, and what they make of it means nothing"
    return tuple(Notice("optics", f"{name or f'channel {k}'}: {said}") for k, (name, dark) in enumerate(zip(names, known)) if dark)

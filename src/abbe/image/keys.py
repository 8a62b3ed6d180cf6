"""Channels as people write them."""

from __future__ import annotations

from abbe.image._image import Image


def channel_key(image: Image, text: str) -> int | str:
    """A channel by name, or by number where none has that name; what `Image.channel` takes."""
    return int(text) if text.isdecimal() and text not in image.channels else text

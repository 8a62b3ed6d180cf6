"""Images and sessions to work on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abbe.image import Image, Interval
from abbe.recipe import Input, Recipe, Step
from abbe.session import Session


@pytest.fixture
def image() -> Image:
    """Two channels of camera counts, 0.1 um, sides that no tile divides."""
    a = np.random.default_rng(1).poisson(200, (2, 300, 230)).astype(np.uint16)
    return Image.from_array(a, axes="CYX", pixel_size=(0.1, 0.1), channels=["actin", "tubulin"], bits=12, time_step=2.0)


@pytest.fixture
def session(tmp_path: Path, image: Image) -> Session:
    return Session.create(tmp_path / "cells.abbe", image)


@pytest.fixture
def sharper(image: Image) -> Image:
    """What an enhancement gives: three times the pixels, float, with recipe, interval and trust."""
    a = np.repeat(np.repeat(np.asarray(image).astype(np.float32), 3, axis=3), 3, axis=4) + 0.125
    size = (None, 0.1 / 3, 0.1 / 3)

    def like(values: np.ndarray) -> Image:
        return Image.from_array(values.astype(np.float32), axes="TCZYX", pixel_size=size, channels=image.channels)

    return like(a).replace(
        recipe=Recipe(
            operation="enhance",
            inputs=(Input(shape=image.shape, dtype="uint16", channels=image.channels),),
            steps=(Step(name="super_resolve", model="sr", model_version="1", parameters={"realism": 0.25}),),
        ),
        interval=Interval(like(a - 3), like(a + 3)),
        trust=like(np.clip(a / a.max(), 0, 1)),
    )

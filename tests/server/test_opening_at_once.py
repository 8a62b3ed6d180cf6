"""Two devices that open one image at the same moment work on one session, and different images get one each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

import abbe

from .conftest import Running


def test_an_image_that_two_open_at_once_has_one_session(server: Running, device: httpx.Client, folder: Path) -> None:
    names = [f"cells {k}" for k in range(3)]
    for name in names:
        pixels = np.random.default_rng(len(name)).integers(0, 4000, (2, 600, 600)).astype(np.uint16)
        abbe.save(abbe.Image.from_array(pixels, axes="CYX"), folder / f"{name}.tif")
        with ThreadPoolExecutor(4) as devices:
            answers = list(devices.map(lambda _, name=name: device.post("/api/open", json={"path": f"{name}.tif"}), range(4)))  # type: ignore[misc]
        assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert [path.name for path in folder.glob(f"{name}*.abbe")] == [f"{name}.abbe"]


def test_images_of_one_name_that_are_opened_at_once_have_a_session_each(server: Running, device: httpx.Client, folder: Path) -> None:
    image = abbe.Image.from_array(np.random.default_rng(1).integers(0, 200, (1, 600, 600)).astype(np.uint8), axes="CYX")
    files = [f"field.{suffix}" for suffix in ("tif", "ome.tif", "png", "jpg")]
    for file in files:
        abbe.save(image, folder / file)
    with ThreadPoolExecutor(4) as devices:
        answers = list(devices.map(lambda file: device.post("/api/open", json={"path": file}), files))
    assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 4
    assert [device.post("/api/open", json={"path": file}).json()["id"] for file in files] == [answer.json()["id"] for answer in answers]
    assert server.app.state.service.folders._opening == {}

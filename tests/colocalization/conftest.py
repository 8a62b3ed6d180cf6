"""Images of two channels: made here, and those of other programs' tests with what these programs say of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from abbe.image import Image, Mask


def blobs(rng: np.random.Generator, size: int = 96, sigma: float = 2.0, count: int = 60) -> npt.NDArray[np.float64]:
    """Points blurred as a microscope does, brightest 1."""
    points = np.zeros((size, size))
    points[rng.integers(0, size, count), rng.integers(0, size, count)] = rng.uniform(0.3, 1, count)
    blurred = gaussian_filter(points, sigma)
    return blurred / blurred.max()


def camera(rng: np.random.Generator, clean: npt.NDArray[np.float64], photons: float = 300, offset: int = 100) -> npt.NDArray[np.uint16]:
    """Counts of a camera: shot noise and an offset."""
    counts: npt.NDArray[np.uint16] = (rng.poisson(clean * photons) + rng.normal(offset, 2, clean.shape)).clip(0).round().astype(np.uint16)
    return counts


@pytest.fixture
def partly() -> Image:
    """Two channels that share half of their structure."""
    rng = np.random.default_rng(7)
    shared, first, second = (blobs(rng) for _ in range(3))
    planes = np.stack([camera(rng, shared + first), camera(rng, 0.6 * (shared + second))])
    return Image.from_array(planes, axes="CYX", pixel_size=0.1, channels=["actin", "tubulin"])


# ---------------------------------------------------------------------------------------------- other programs
@pytest.fixture(scope="module")
def peers(shared_data: Path) -> Path:
    folder = shared_data / "coloc" / "peers"
    if not folder.is_dir():
        pytest.skip("the images of other programs' tests are not here")
    return folder


@pytest.fixture(scope="module")
def cases(peers: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((peers / "expected.json").read_text())["cases"]
    return found


def pair(peers: Path, first: str, second: str) -> Image:
    planes = [tifffile.imread(peers / Path(name).name) for name in (first, second)]
    return Image.from_array(np.stack(planes), axes="CYX" if planes[0].ndim == 2 else "CZYX")


def case(peers: Path, entry: dict[str, Any]) -> tuple[Image, Mask | None]:
    image = pair(peers, entry["a"], entry["b"])
    roi = None if entry["mask"] is None else Mask.from_pixels(tifffile.imread(peers / Path(entry["mask"]).name) > 0, image)
    return image, roi


def measurable(cases: dict[str, Any], peers: Path) -> list[str]:
    return [name for name, entry in cases.items() if all((peers / Path(entry[k]).name).exists() for k in "ab")]

"""Labels and rims are told from specimens: by one value, straight borders and an edge that no lens makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, rotate

from abbe.image.unmeasured import unmeasured
from abbe.simulation import specimen


def micrograph(seed: int = 0, side: int = 160, photons: float = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    light = gaussian_filter(specimen(rng, side), 1.5)
    return (rng.poisson(photons * light + 20) + 100).astype(np.uint16)


def boxed(value: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    image, box = micrograph(seed), np.zeros((160, 160), bool)
    box[130:150, 90:155] = True
    image[box] = value
    return image, box


@pytest.mark.parametrize("value", [0, 65535])
def test_a_box_burned_in_is_found_to_the_pixel(value: int) -> None:
    image, box = boxed(value)
    assert np.array_equal(unmeasured(image), box)


def test_what_is_written_in_a_box_belongs_to_it() -> None:
    image, box = boxed(0)
    image[135:145, 100:104] = image[135:138, 104:110] = 4000
    assert np.array_equal(unmeasured(image), box)


def test_the_rim_of_a_shifted_image() -> None:
    image = micrograph()
    image[:11] = 0
    image[:, 140:] = 0
    found = unmeasured(image)
    assert found is not None
    assert np.array_equal(found, image == 0)


def test_a_rim_all_around() -> None:
    image = np.pad(micrograph(), 20)
    assert np.array_equal(unmeasured(image), image == 0)


@pytest.mark.parametrize("order", [0, 1])
def test_the_wedges_of_a_turned_image(order: int) -> None:
    """Interpolation softens their edges by a pixel or two, which go with them."""
    image = rotate(micrograph().astype(np.float32), 9, reshape=False, order=order, cval=0)
    outside = rotate(np.ones((160, 160), np.float32), 9, reshape=False, order=1, cval=0) == 0
    found = unmeasured(image)
    assert found is not None
    missed = np.count_nonzero(outside & ~found) / np.count_nonzero(outside)
    assert missed < 0.02
    assert np.count_nonzero(found & ~outside) < 3 * 4 * 160


def test_a_field_of_view_that_is_round() -> None:
    y, x = np.indices((160, 160)) - 80
    image = np.where(np.hypot(y, x) < 75, micrograph(), 0)
    assert np.array_equal(unmeasured(image), image == 0)


@settings(max_examples=40, deadline=None, derandomize=True)
@example(seed=12521, photons=1000, offset=0, blur=1.0)  # a dark corner beside a bright cell
@given(seed=st.integers(0, 10**6), photons=st.sampled_from([0.5, 3, 30, 1000]), offset=st.sampled_from([0, 100]), blur=st.floats(0.6, 4))
def test_specimens_are_no_labels(seed: int, photons: float, offset: int, blur: float) -> None:
    rng = np.random.default_rng(seed)
    light = gaussian_filter(specimen(rng, 128), blur)
    counts = rng.poisson(photons * light) + rng.normal(offset, 2, light.shape)
    for image in (np.clip(counts, 0, 255).astype(np.uint8), np.clip(counts - offset - 4, 0, None).astype(np.float32), light):
        assert unmeasured(image) is None


@pytest.mark.parametrize(("seed", "photons"), [(18, 3), (100, 10), (103, 10), (160, 3), (252, 10), (289, 3)])
def test_darkness_where_single_photons_are_counted_is_no_label(seed: int, photons: float) -> None:
    """There it is mostly 0, up to the next specimen: a corner that a filament parts from the rest has a straight, sharp edge by chance."""
    rng = np.random.default_rng(seed)
    light = gaussian_filter(specimen(rng, 128), 1.2)
    assert unmeasured(rng.poisson(photons * light + 0.01).astype(np.uint8)) is None


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((100, 100)),
        np.ones((100, 100), np.uint8),
        np.pad(np.ones((40, 40), np.uint8), 30),  # a drawing, without noise
        np.ones((5, 300)),
        np.ones((1, 1)),
        np.where(np.random.default_rng(0).random((128, 128)) < 0.01, 50, 0),  # nothing but a few photons
    ],
)
def test_images_of_nothing_and_drawings_are_left_alone(image: np.ndarray) -> None:
    assert unmeasured(image) is None


def test_saturated_cells_and_thresholded_ones_are_specimens() -> None:
    y, x = np.indices((160, 160))
    cell = 400 * np.exp(-((y - 80) ** 2 + (x - 70) ** 2) / 2 / 25**2)
    image = np.clip(np.random.default_rng(1).poisson(cell + 10), 0, 255).astype(np.uint8)
    assert np.count_nonzero(image == 255) > 1000
    assert unmeasured(image) is None
    sparse = micrograph()
    assert unmeasured(np.where(sparse > np.percentile(sparse, 70), sparse, 0)) is None

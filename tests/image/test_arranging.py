"""Planes of an image that are read as other numbers of channels, planes and frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import abbe
from abbe.errors import AxesError
from abbe.image import arranged
from abbe.image.arranging import ORDERS, Order
from abbe.image.pixels import ArrayPixels, Region


def numbered(t: int, c: int, z: int) -> abbe.Image:
    """Planes of 3 x 4 pixels, each with its number in the sequence as its value: channels change fastest, then planes, then frames."""
    number = np.arange(t * z * c).reshape(t, z, c).transpose(0, 2, 1)
    return abbe.Image.from_array(np.broadcast_to(number[..., None, None], (t, c, z, 3, 4)).astype(np.uint16), axes="TCZYX")


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.sampled_from(ORDERS), st.data())
def test_every_plane_comes_where_its_place_in_the_sequence_says(t: int, c: int, z: int, order: Order, data: st.DataObject) -> None:
    channels = data.draw(st.sampled_from([n for n in range(1, 7) if t * c * z % n == 0]))
    planes = data.draw(st.sampled_from([n for n in range(1, 13) if t * c * z // channels % n == 0]))
    frames = t * c * z // channels // planes
    lengths = {"C": channels, "Z": planes, "T": frames}
    slowest, middle, fastest = reversed(order)
    sequence = np.arange(t * c * z).reshape(lengths[slowest], lengths[middle], lengths[fastest])
    wanted = sequence.transpose([(slowest, middle, fastest).index(letter) for letter in "TCZ"])
    found = np.asarray(arranged(numbered(t, c, z), channels=channels, planes=planes, frames=frames, order=order))
    assert found.shape == (frames, channels, planes, 3, 4)
    np.testing.assert_array_equal(found[..., 2, 3], wanted)


def test_a_region_is_read_alone_and_the_mask_goes_along() -> None:
    image = numbered(1, 1, 12)
    image = image.replace(mask=ArrayPixels(np.asarray(image) % 2 == 1))
    two = arranged(image, channels=2, planes=6, frames=1)
    region: Region = (slice(0, 1), slice(1, 2), slice(2, 4), slice(1, 3), slice(0, 4))
    np.testing.assert_array_equal(two.read(region)[0, 0, :, 0, 0], [5, 7])
    assert two.mask is not None
    assert np.asarray(two.mask)[0, :, :, 0, 0].tolist() == [[False] * 6, [True] * 6]


def test_what_belongs_to_channels_stays_where_their_number_does() -> None:
    image = numbered(4, 2, 1).replace(
        channels=("actin", "tubulin"), colors=("#00ff00", "#ff00ff"), pixel_size=(None, 0.1, 0.1), time_step=2.0
    )
    stack = arranged(image, channels=2, planes=4, frames=1)
    assert (stack.channels, stack.colors, stack.pixel_size) == (image.channels, image.colors, image.pixel_size)
    np.testing.assert_array_equal(np.asarray(stack)[0], np.asarray(image)[:, :, 0].transpose(1, 0, 2, 3))
    four = arranged(image, channels=4, planes=2, frames=1)
    assert four.channels == ("channel 0", "channel 1", "channel 2", "channel 3")
    assert arranged(image, channels=2, planes=1, frames=4) is image


@pytest.mark.parametrize(("channels", "planes", "frames"), [(5, 2, 1), (0, 12, 1), (12, 12, 1), (-1, -12, 1)])
def test_numbers_that_do_not_make_what_there_is_are_refused(channels: int, planes: int, frames: int) -> None:
    with pytest.raises(AxesError, match=r"make the 12 there are.*1 x 12 x 1 now"):
        arranged(numbered(1, 1, 12), channels=channels, planes=planes, frames=frames)


def test_an_unknown_order_and_a_computed_image_are_refused() -> None:
    with pytest.raises(AxesError, match="an order out of CZT"):
        arranged(numbered(1, 1, 12), channels=2, planes=6, frames=1, order="XYZ")  # type: ignore[arg-type]
    smooth = abbe.correct_background(np.random.default_rng(0).poisson(9, (2, 32, 32)).astype(np.float32))
    with pytest.raises(AxesError, match="one that abbe computed"):
        arranged(smooth, channels=2, planes=1, frames=1)

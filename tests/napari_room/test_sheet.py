"""Layers of any origin as images: what they tell, what is asked, what is refused with a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.errors import AxesError, LimitError, ParameterError
from abbe.napari import samples
from abbe.napari.layers import layers, map_layers
from abbe.napari.seat import Seat
from abbe.napari.sheet import channel_names, guess_axes, guess_size, offers, pair, sheet, together
from abbe.napari.writing import image_of, write
from napari_maker import blob, described, layer

UM = 0.1


# ------------------------------------------------------------------------------------------------ layers of other programs
def test_a_plain_layer_is_in_pixels_of_unknown_size() -> None:
    plain = layer(blob())
    made = sheet(plain)
    assert made.image.pixel_size == (None, None, None)
    assert made.image.channels == ("layer",)
    assert np.array_equal(np.asarray(made.image)[0, 0, 0], plain.data)


def test_the_pixels_are_those_of_the_moment_and_not_what_another_plugin_makes_of_them_later() -> None:
    pixels = blob()
    made = sheet(layer(pixels))
    pixels[:] = 0
    assert np.asarray(made.image).max() > 100


@pytest.mark.parametrize(
    ("unit", "um"), [("um", 1), ("micrometer", 1), ("nm", 1e-3), ("nanometer", 1e-3), ("mm", 1e3), ("pixel", 1)], ids=str
)
def test_the_scale_is_the_pixel_size_in_its_unit(unit: str, um: float) -> None:
    plain = layer(np.zeros((4, 8, 8), np.uint8), scale=(3.0, 0.5, 0.5), units=(unit,) * 3)
    assert guess_size(plain) == pytest.approx((3 * um, 0.5 * um, 0.5 * um))


def test_a_scale_of_one_pixel_says_nothing() -> None:
    assert guess_size(layer(blob())) == (None, None, None)


@pytest.mark.parametrize(("ndim", "axes"), [(2, "YX"), (3, "ZYX"), (4, "TZYX"), (5, "TCZYX")])
def test_axes_without_names_are_the_usual_ones(ndim: int, axes: str) -> None:
    assert guess_axes(layer(np.zeros((2,) * ndim, np.uint8))) == axes


def test_axes_with_names_are_those() -> None:
    named = layer(np.zeros((2, 3, 8, 9), np.uint8), axis_labels=("c", "t", "y", "x"))
    assert guess_axes(named) == "CTYX"
    assert channel_names(named) == ("layer 1", "layer 2")
    assert sheet(named).image.shape == (3, 2, 1, 8, 9)


def test_axes_that_are_said_count_whatever_the_layer_is_thought_to_have() -> None:
    made = sheet(layer(np.zeros((8, 9, 5), np.uint8), scale=(0.2, 0.2, 0.7)), axes="YXZ")
    assert made.image.shape == (1, 1, 5, 8, 9)
    assert made.image.pixel_size == (0.7, 0.2, 0.2)
    assert made.seat.axes == "YXZ"


def test_results_of_turned_axes_lie_as_the_layer_does() -> None:
    made = sheet(layer(np.stack([blob(24)] * 2, axis=-1), scale=(0.2, 0.2, 0.7)), axes="YXZ")
    fine = abbe.Image.from_array(np.zeros((2, 72, 72), np.float32), pixel_size=(0.7, 0.2 / 3, 0.2 / 3))
    (data, attributes, _), *_ = layers(fine, made.seat.moved(made.image, fine), "layer")
    assert data.shape == (72, 72, 2)
    assert attributes["scale"] == pytest.approx((0.2 / 3, 0.2 / 3, 0.7))


def test_six_axes_want_to_be_named() -> None:
    many = layer(np.zeros((1, 1, 2, 2, 4, 4), np.uint8))
    assert guess_axes(many) == ""
    with pytest.raises(AxesError, match="write them into the field Axes"):
        sheet(many)


def test_of_a_multiscale_layer_the_finest_level_counts() -> None:
    levels = [blob(64), blob(64)[::2, ::2]]
    assert sheet(layer(levels, multiscale=True, scale=(UM, UM))).image.shape[3:] == (64, 64)


def test_pixels_that_are_no_numbers_are_masked() -> None:
    a = blob().astype(np.float32)
    a[4, 5] = np.nan
    made = sheet(layer(a)).image
    assert made.mask is not None
    assert np.asarray(made.mask).sum() == 1
    assert "non_finite" in {notice.code for notice in made.notices}


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.float64])
def test_any_pixel_type_will_do(dtype: type) -> None:
    assert sheet(layer(blob().astype(dtype))).image.shape == (1, 1, 1, 48, 48)


def test_frames_have_their_time_step() -> None:
    film = layer(np.zeros((3, 8, 8), np.uint8), axis_labels=("t", "y", "x"), scale=(2.0, UM, UM), units=("min", "um", "um"))
    assert sheet(film).image.time_step == 120


# ------------------------------------------------------------------------------------------------ refused with a word
REFUSED = {
    "an RGB picture": (layer(np.zeros((8, 8, 3), np.uint8), rgb=True), "Split RGB"),
    "labels": (layer(np.zeros((8, 8), np.int32), kind="labels"), "a layer of labels"),
    "a turned layer": (layer(blob(), rotate=[[0.0, -1.0], [1.0, 0.0]]), "rotated"),
    "a sheared layer": (layer(blob(), shear=[0.3]), "rotated, sheared"),
    "a layer under an affine": (layer(blob(), affine=[[1, 0.2, 0], [0, 1, 0], [0, 0, 1]]), "transformed"),
    "a mirrored layer": (layer(blob(), scale=(1.0, -1.0)), "mirrored"),
    "complex numbers": (layer(blob().astype(np.complex64)), "complex"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_abbe_cannot_work_on_is_refused_in_a_sentence(what: str) -> None:
    refused, word = REFUSED[what]
    with pytest.raises(abbe.AbbeError, match=word):
        sheet(refused)


def test_a_layer_too_large_for_memory_is_told_to_come_from_its_file() -> None:
    class Endless:
        shape, dtype, ndim = (400_000, 400_000), np.dtype(np.uint16), 2

        def __len__(self) -> int:
            return self.shape[0]

    with pytest.raises(LimitError, match="open the file itself with abbe"):
        sheet(layer(Endless()))


# ------------------------------------------------------------------------------------------------ layers of abbe's own
def test_a_layer_of_abbe_gives_the_image_itself_with_all_its_channels() -> None:
    found = [described(*one) for one in samples.cell()]
    made = sheet(found[2])
    assert made.image.channels == ("nucleus", "microtubules", "lysosomes")
    assert made.image.optics.numerical_aperture
    assert [(offer.title, offer.layers) for offer in offers([*found, layer(blob())])] == [("cell", (0, 1, 2)), ("layer", (3,))]


def test_whoever_rescales_a_layer_of_abbe_says_what_its_pixel_size_is() -> None:
    data, attributes, kind = samples.cell()[0]
    assert sheet(described(data, {**attributes, "scale": (0.2, 0.2)}, kind)).image.pixel_size == (None, 0.2, 0.2)
    moved = sheet(described(data, {**attributes, "translate": (7.0, 8.0)}, kind))
    assert moved.image is attributes["metadata"]["abbe"].image
    assert moved.seat.translate == (7.0, 8.0)


def test_whoever_gives_a_layer_of_abbe_a_unit_says_what_its_pixel_size_is() -> None:
    image = abbe.Image.from_array(blob())
    data, attributes, kind = layers(image)[0]
    assert attributes["units"] == ("pixel", "pixel")
    made = sheet(described(data, {**attributes, "units": ("um", "um"), "scale": (0.1, 0.1)}, kind))
    assert made.image.pixel_size == (None, 0.1, 0.1)
    assert made.seat.units == ("um", "um")
    assert sheet(described(data, {**attributes, "units": ("um", "um")}, kind)).image.pixel_size == (None, 1.0, 1.0)
    data, attributes, kind = samples.cell()[0]
    as_before = sheet(described(data, {**attributes, "units": ("micrometer", "micrometer")}, kind))
    assert as_before.image is attributes["metadata"]["abbe"].image


# ------------------------------------------------------------------------------------------------ channels of several layers
def test_channels_of_one_image_keep_their_places_so_that_the_original_is_measured_in_the_same() -> None:
    made = sheet(described(*samples.cell()[0]))
    assert pair((made, 2), (made, 1)) == (made, (2, 1))


def test_layers_enhanced_one_by_one_are_compared_with_their_originals() -> None:
    parts = []
    for name in ("actin", "tubulin"):
        image = abbe.Image.from_array(blob() + (name == "actin"), pixel_size=UM, channels=[name])
        parts.append((sheet(described(*layers(abbe.correct_background(image, passes=1), title=name)[0])), 0))
    both, channels = pair(*parts)
    assert channels == (0, 1)
    assert both.image.channels == ("actin", "tubulin")
    assert both.image.original is not None
    found = abbe.colocalize(both.image, channels)
    plain = abbe.colocalize(abbe.merge([part[0].image.original for part in parts]))
    assert found.original is not None
    assert found.original.pearson == plain.pearson


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (layer(blob(32)), "same pixels"),
        (layer(blob(), translate=(3.0, 0.0)), "same place"),
        (layer(blob(), scale=(2.0, 2.0)), "same place"),
    ],
)
def test_layers_that_do_not_lie_over_each_other_are_no_channels_of_one_image(other: object, word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        together([(sheet(layer(blob())), 0), (sheet(other), 0)])  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ files
def test_layers_in_nm_and_in_um_lie_over_each_other_as_napari_shows_them() -> None:
    um = layer(blob(), scale=(0.1, 0.1), translate=(2.0, 3.0), units=("um", "um"), name="um")
    nm = layer(blob(), scale=(100.0, 100.0), translate=(2000.0, 3000.0), units=("nm", "nm"), name="nm")
    both, channels = pair((sheet(um), 0), (sheet(nm), 0))
    assert both.image.channels == ("um", "nm")
    assert channels == (0, 1)
    moved = layer(blob(), scale=(100.0, 100.0), translate=(2.0, 3.0), units=("nm", "nm"))
    with pytest.raises(ParameterError, match="same place"):
        pair((sheet(um), 0), (sheet(moved), 0))


def test_layers_of_one_image_are_saved_as_that_image(tmp_path: Path) -> None:
    image = abbe.Image.from_array(np.stack([blob()] * 2), "CYX", UM, ["actin", "tubulin"], colors=("#ff0000", None))
    result = abbe.correct_background(image, passes=1)
    (path,) = write(str(tmp_path / "both.ome.tif"), layers(result, title="cell"))
    back = abbe.open(path)
    assert back.channels == ("actin", "tubulin")
    assert back.pixel_size == pytest.approx((None, UM, UM))
    assert back.provenance.history == result.provenance.history
    (one,) = write(str(tmp_path / "one.ome.tif"), layers(result, title="cell")[1:])
    assert abbe.open(one).channels == ("tubulin",)


def test_layers_of_other_programs_become_channels_with_their_names_and_colours(tmp_path: Path) -> None:
    red = {"name": "red", "colors": [[0, 0, 0, 1], [1, 0, 0, 1]]}
    found = [layer(blob(), name="a", colormap=red, scale=(UM, UM)), layer(blob(), name="b", scale=(UM, UM))]
    image = image_of(found)
    assert image.channels == ("a", "b")
    assert image.colors == ("#ff0000", None)
    assert image.pixel_size == (None, UM, UM)


def test_a_file_that_is_there_is_replaced_only_when_somebody_says_so(tmp_path: Path) -> None:
    path = str(tmp_path / "cells.ome.tif")
    write(path, samples.cell())
    before = Path(path).read_bytes()
    with pytest.raises(abbe.AbbeError, match=r"already"):
        write(path, samples.dim_cell())
    with pytest.raises(abbe.AbbeError, match="stays as it is"):
        write(path, samples.dim_cell(), ask=lambda p: False)
    assert Path(path).read_bytes() == before
    write(path, samples.dim_cell(), ask=lambda p: True)
    assert Path(path).read_bytes() != before


def test_an_original_and_its_result_are_no_channels_of_one_file(tmp_path: Path) -> None:
    image = abbe.Image.from_array(blob(), pixel_size=UM)
    result = abbe.enhance(image, "super_resolve", passes=1)
    with pytest.raises(ParameterError, match="same pixels"):
        write(str(tmp_path / "x.ome.tif"), [*layers(image), *layers(result)])
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------ what is saved is what is seen
def test_all_channels_of_a_layer_are_saved_beside_another_layer() -> None:
    """Of a layer with an axis C the first channel alone was saved, and nothing said so."""
    several = np.stack([blob(), blob() // 2, blob() // 3])
    found = [layer(several, name="multi", axis_labels=("c", "y", "x")), layer(blob() // 4, name="single")]
    saved = image_of(found)
    assert saved.channels == ("multi 1", "multi 2", "multi 3", "single")
    assert np.array_equal(np.asarray(saved)[0, :, 0], np.concatenate([several, found[1].data[None]]))


def renamed(data: object, attributes: dict[str, object], kind: str, **other: object) -> object:
    """A layer that abbe made, with what a user changed of it."""
    return described(data, attributes | other, kind)


def test_channels_are_saved_as_their_layers_are_called_and_coloured() -> None:
    """Files without names of channels are those that people rename."""
    image = abbe.Image.from_array(np.stack([blob(), blob()[::-1]]), "CYX", 0.1)
    original = abbe.enhance(image, steps=("denoise",), passes=1)
    for shown, what in ((image, ""), (original, "denoised")):
        one, two = layers(shown, title="cells", what=what)
        blue = {"colors": [[0, 0, 0, 1], [0, 0, 1, 1]], "name": "blue"}
        tail = " denoised [cells]" if what else " [cells]"
        saved = image_of([renamed(*one, name="DAPI", colormap=blue), renamed(*two, name=f"GFP{tail}")])
        assert saved.channels == ("DAPI", "GFP")
        assert saved.colors == ("#0000ff", None)
        assert np.array_equal(np.asarray(saved), np.asarray(shown))
        assert saved.original is None or saved.original.channels == ("DAPI", "GFP")
        # napari numbers layers that are called alike, which is no name that anybody gave
        assert image_of([renamed(*one), renamed(*two, name=f"{two[1]['name']} [1]")]).channels == image.channels
    alone = layers(image.select([0]), title="cells")[0]
    assert image_of([renamed(*alone, name="DAPI")]).channels == ("DAPI",)
    assert image_of([renamed(*alone)]).channels == image.channels[:1]


def test_a_map_is_told_from_an_image() -> None:
    image = abbe.Image.from_array(blob(), pixel_size=0.1)
    trust = abbe.Image.from_array(np.ones(blob().shape, np.float32), pixel_size=0.1)
    shown = [described(*one) for one in (*map_layers(trust, Seat.of(image), "cells", "trust"), *layers(image))]
    assert [offer.is_map for offer in offers(shown)] == [True, False]

"""Red and blue of a colour camera are told by their noise, and denoised by weights for such images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

import abbe
from abbe import Image, enhance
from abbe.errors import ModelError, ParameterError
from abbe.image.pixels import ArrayPixels
from abbe.optics import Camera, ColourCamera, expose
from abbe.reporting.sections.methods import _step
from abbe.restoration.mosaic import has_mosaic, mosaics_in
from abbe.session.repeating import _differences, repeat
from abbe.simulation import specimen
from abbe.zoo import load
from model_maker import network, write_model, write_mosaic, write_partner

OWN, OTHERS = network(seed=1), network(seed=2)
CAMERA = Camera(gain=2.0, offset=20.0, read_noise=2.0)


def photons(side: int = 256, seed: int = 0, most: float = 40.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sharp = gaussian_filter(specimen(rng, side), 1.2)
    return (most * (sharp / max(float(sharp.max()), 1e-6) + 0.05)).astype(np.float32)


def colour(shown: str, demosaic: str = "gradients", softened: float = 0.8, filtered: float = 0.5, **changes: int) -> np.ndarray:
    passes = {"red": (1.0, 0.1, 0.05), "green": (0.1, 1.0, 0.1), "blue": (0.05, 0.1, 1.0)}[shown]
    camera = ColourCamera(CAMERA, passes, (1.5, 1.0, 1.5), demosaic, softened=softened, shown=shown)  # type: ignore[arg-type]
    return gaussian_filter(camera.expose(np.random.default_rng(1), photons(**changes))[0], filtered)


def found(plane: np.ndarray) -> bool:
    return has_mosaic(ArrayPixels(np.asarray(plane)[None, None, None]), 0)


@pytest.mark.parametrize("shown", ["red", "blue"])
@pytest.mark.parametrize(("demosaic", "softened", "filtered"), [("gradients", 0.8, 0.5), ("gradients", 0.8, 0.0), ("gradients", 0.0, 0.6)])
def test_red_and_blue_of_a_colour_camera_are_found_wherever_the_image_begins(
    shown: str, demosaic: str, softened: float, filtered: float
) -> None:
    plane = colour(shown, demosaic, softened, filtered)
    assert all(found(plane[y:, x:]) for y in (0, 1) for x in (0, 1))
    assert found(plane.T)
    low, high = plane.min(), plane.max()
    assert found(np.round((plane - low) / (high - low) * 255).astype(np.uint8))


def test_green_is_not_nor_is_what_no_mosaic_made() -> None:
    assert not found(colour("green"))
    assert not found(colour("green", "bilinear", 0.0, 0.0))
    assert not found(colour("red", "bilinear", 0.0, 0.0))  # interpolated alone: the denoiser's own weights are better there
    noisy = expose(np.random.default_rng(2), photons(), CAMERA)[0]
    assert not found(noisy)
    assert not found(photons())
    assert not found(gaussian_filter(noisy, 0.7))
    assert not found(zoom(noisy[:160, :160], 1.6, order=1))
    assert not found(np.zeros((256, 256)))
    assert not found(np.full((256, 256), 1e300))


def test_lines_and_columns_that_differ_are_no_mosaic() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1, (256, 256))
    for rows, columns in ((1.5, 1.0), (1.0, 1.5)):
        noise_by_line = noise * np.where(np.arange(256) % 2, rows, 1.0)[:, None] * np.where(np.arange(256) % 2, columns, 1.0)
        assert not found(100 + noise_by_line)
    offset = np.random.default_rng(4).poisson(20, (256, 256)) + 5.0 * (np.arange(256)[:, None] % 2 * (np.arange(256) % 2))
    assert not found(offset)  # darker or brighter is not noisier
    rougher = noise * np.where(np.add.outer(np.arange(256), np.arange(256)) % 2, 1.5, 1.0)
    assert not found(100 + rougher)  # two places alike: green's


def test_no_crowd_of_any_specimen_is_taken_for_one() -> None:
    for seed in range(12):
        sharp = photons(192, seed, most=10 ** (1 + seed % 3))
        assert not found(expose(np.random.default_rng(seed), sharp, CAMERA)[0])


def test_small_planes_and_empty_ones_are_left_alone() -> None:
    for side in (1, 2, 5, 17, 60):
        assert not found(np.random.default_rng(0).normal(0, 1, (side, side)))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_mosaic(write_model(tmp_path, "denoise", OWN, name="both", interval_factor=2.0), OTHERS, interval_factor=3.0)


def denoised(image: object, model: Path, **how: object) -> Image:
    return enhance(image, steps="denoise", model=model, engine="cpu", passes=1, **how)  # type: ignore[arg-type]


def test_such_a_channel_gets_the_other_weights_and_every_other_its_own(model: Path, tmp_path: Path) -> None:
    red, green = colour("red"), colour("green")
    both = Image.from_array(np.stack([green, red]), axes="CYX", channels=["actin", "mitochondria"])
    own, others = (write_model(tmp_path, "denoise", content, name=f"only{k}") for k, content in enumerate((OWN, OTHERS)))
    result = denoised(both, model)
    assert np.array_equal(np.asarray(result)[0, 0], np.asarray(denoised(both, own))[0, 0])
    assert np.array_equal(np.asarray(result)[0, 1], np.asarray(denoised(both, others))[0, 1])
    (notice,) = (n for n in result.notices if n.code == "mosaic")
    assert notice.message.startswith("mitochondria: denoised by weights for red and blue of colour cameras")
    parameters = result.recipe.steps[0].parameters
    assert (parameters["mosaic"], parameters["mosaic_digest"]) == ([False, True], load(model).card.mosaic.digest)
    assert ", in 1 of 2 channels with its weights for red and blue of colour cameras" in _step(result.recipe.steps[0], True)
    alone = denoised(both, model, channels=["mitochondria"])
    assert alone.recipe.steps[0].parameters["mosaic"] == [True]
    assert np.array_equal(np.asarray(alone)[0, 1], np.asarray(result)[0, 1])
    assert ", with its weights for red and blue of colour cameras" in _step(alone.recipe.steps[0], True)


def test_the_interval_is_that_of_the_weights_that_were_used(model: Path, tmp_path: Path) -> None:
    red = colour("red")
    alone = write_model(tmp_path, "denoise", OTHERS, name="alone", interval_factor=3.0)
    mine, same = denoised(red, model), denoised(red, alone)
    width, wanted = (np.asarray(a.interval.upper) - np.asarray(a.interval.lower) for a in (mine, same))
    assert np.allclose(width, wanted, rtol=2e-3, atol=5e-3)  # kept as float16
    assert np.allclose(np.asarray(mine.trust), np.asarray(same.trust), atol=2e-3)


def test_nothing_changes_for_images_without_a_mosaic(model: Path, tmp_path: Path) -> None:
    plane = expose(np.random.default_rng(2), photons(), CAMERA)[0]
    own = write_model(tmp_path, "denoise", OWN, name="own")
    result = denoised(plane, model)
    assert np.asarray(result).tobytes() == np.asarray(denoised(plane, own)).tobytes()
    assert "mosaic" not in result.recipe.steps[0].parameters
    assert not [n for n in result.notices if n.code == "mosaic"]


def test_with_realism_its_own_weights_and_their_partner_are_mixed_and_it_says_so(model: Path) -> None:
    write_partner(model, network(seed=3))
    result = denoised(colour("red"), model, realism=0.5)
    assert "mosaic" not in result.recipe.steps[0].parameters
    assert result.recipe.steps[0].parameters["realism"] == 0.5
    (notice,) = (n for n in result.notices if n.code == "mosaic")
    assert "weights for colour cameras were not used" in notice.message


def test_somebody_who_knows_decides(model: Path) -> None:
    red, plain = colour("red"), expose(np.random.default_rng(2), photons(), CAMERA)[0]
    assert "mosaic" not in denoised(red, model, mosaic=False).recipe.steps[0].parameters
    assert denoised(plain, model, mosaic=True).recipe.steps[0].parameters["mosaic"] == [True]
    assert denoised(red[:40, :40], model, mosaic=True).recipe.steps[0].parameters["mosaic"] == [True]  # too small to tell
    pair = Image.from_array(np.stack([red, red]), axes="CYX")
    assert denoised(pair, model, mosaic=[True, False]).recipe.steps[0].parameters["mosaic"] == [True, False]
    turned = enhance(pair, "denoise", [1, 0], {"denoise": model}, passes=1, mosaic=[True, False])  # as the channels were named
    assert turned.recipe.steps[0].parameters["mosaic"] == [False, True]
    for wrong in ([True], "yes", 1):
        with pytest.raises(ParameterError, match="wanted mosaic as True, False, one of these for each of 2 channels"):
            denoised(pair, model, mosaic=wrong)
    with pytest.raises(ParameterError, match="wanted the step denoise for mosaic"):
        enhance(red, steps="axial", mosaic=True)


def again(result: Image, model: Path, image: np.ndarray) -> Image:
    """The recipe of a result done once more, with the model that lies there by now."""
    steps = (result.recipe.steps[0].model_copy(update={"model": str(model)}),)  # type: ignore[union-attr]
    return repeat(result.recipe.model_copy(update={"steps": steps}), Image.from_array(image))  # type: ignore[union-attr]


def test_what_was_used_comes_out_again_and_not_what_would_be_used_now(tmp_path: Path) -> None:
    red, plain = colour("red"), expose(np.random.default_rng(2), photons(), CAMERA)[0]
    model = write_model(tmp_path, "denoise", OWN, name="both")
    before = denoised(red, model)  # by a model without such weights
    write_mosaic(model, OTHERS)
    assert np.asarray(again(before, model, red)).tobytes() == np.asarray(before).tobytes()
    for image, how in ((red, {}), (plain, {"mosaic": True}), (red, {"mosaic": False})):
        result = denoised(image, model, **how)
        assert np.asarray(again(result, model, image)).tobytes() == np.asarray(result).tobytes()
    write_mosaic(model, network(seed=5))
    result = denoised(red, model)
    said = list(_differences(result.recipe, again(denoised(red, write_model(tmp_path, "denoise", OWN, name="other")), model, red)))
    assert any("for colour cameras" in line for line in said)


def test_nothing_is_told_from_the_noise_of_a_result(model: Path, tmp_path: Path) -> None:
    """Networks leave patterns of their own in every other pixel."""
    once = denoised(colour("red"), write_model(tmp_path, "denoise", network(seed=1, strength=0.0), name="nothing"))
    assert has_mosaic(once.pixels, 0)
    assert "mosaic" not in denoised(once, model).recipe.steps[0].parameters
    assert mosaics_in(once) == (False,)
    assert mosaics_in(Image.from_array(colour("red"))) == (True,)


def test_frames_that_share_their_light_are_told_apart_by_the_weights_for_them(model: Path, tmp_path: Path) -> None:
    """How alike frames are is told by what the denoiser takes."""
    series = Image.from_array(np.stack([colour("red", side=200)] * 3), axes="TYX")
    alone = write_model(tmp_path, "denoise", OTHERS, name="alone")
    one, two = (np.asarray(denoised(series, which, frames=1)) for which in (model, alone))
    assert np.array_equal(one, two)


def test_weights_that_are_not_those_of_the_card_are_refused(model: Path) -> None:
    (model / "mosaic.onnx").write_bytes(network(seed=4))
    with pytest.raises(ModelError, match="was changed or damaged"):
        denoised(colour("red"), model)
    (model / "mosaic.onnx").unlink()
    with pytest.raises(ModelError, match=r"mosaic\.onnx"):
        denoised(colour("red"), model)
    assert denoised(expose(np.random.default_rng(2), photons(), CAMERA)[0], model).shape == (1, 1, 1, 256, 256)


def test_a_card_has_them_for_denoising_alone(tmp_path: Path) -> None:
    place = write_mosaic(write_model(tmp_path, "background", OWN, name="wrong"), OTHERS)
    with pytest.raises(ModelError, match="weights for colour cameras are for the task denoise"):
        load(place)
    card = json.loads((write_mosaic(write_model(tmp_path, "denoise", OWN, name="right"), OTHERS) / "card.json").read_text())
    right = load(tmp_path / "right").card
    assert right.of(b"other").mosaic is None
    assert card["mosaic"]["digest"] == right.mosaic.digest
    assert '"mosaic"' in right.to_json()
    assert '"mosaic"' not in right.of(b"other").to_json()  # as cards were before there were any


def test_every_image_of_a_real_colour_camera_is_found_and_no_other(shared_data: Path) -> None:
    for folder in ("raw", "gt"):
        for path in sorted((shared_data / "fmd" / folder).glob("*.png")):
            plane = np.squeeze(np.asarray(abbe.open(path)))
            assert found(plane) == ("_G_" not in path.name), path
            assert found(plane[101:301, 50:250]) == ("_G_" not in path.name), path
    for pattern in ("w2s/val/noisy/*.tif", "hagen/noisy/*.tif", "er/val/*.tif", "cells/*.tif"):
        for path in sorted(shared_data.glob(pattern))[:12]:
            assert not any(mosaics_in(abbe.open(path))), path

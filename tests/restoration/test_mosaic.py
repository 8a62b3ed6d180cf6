"""Red and blue of a colour camera are told by their noise, and denoised by weights for such images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from abbe import Image, enhance
from abbe.errors import ModelError
from abbe.image.pixels import ArrayPixels
from abbe.optics import Camera, ColourCamera, expose
from abbe.reporting.sections.methods import _step
from abbe.restoration.mosaic import has_mosaic
from abbe.session.repeating import repeat
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
@pytest.mark.parametrize(("demosaic", "softened", "filtered"), [("bilinear", 0.0, 0.0), ("gradients", 0.8, 0.5), ("gradients", 0.0, 0.0)])
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
    assert notice.message.startswith("mitochondria: noise differs between every other pixel")
    parameters = result.recipe.steps[0].parameters
    assert (parameters["mosaic"], parameters["mosaic_digest"]) == ([1], load(model).card.mosaic.digest)
    assert "in one channel with its weights for red and blue of a colour camera" in _step(result.recipe.steps[0], True)


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


def test_with_realism_its_own_weights_and_their_partner_are_mixed(model: Path) -> None:
    write_partner(model, network(seed=3))
    result = denoised(colour("red"), model, realism=0.5)
    assert "mosaic" not in result.recipe.steps[0].parameters
    assert result.recipe.steps[0].parameters["realism"] == 0.5


def test_what_was_used_comes_out_again(model: Path) -> None:
    red = colour("red")
    result = denoised(red, model)
    steps = (result.recipe.steps[0].model_copy(update={"model": str(model)}),)
    again = repeat(result.recipe.model_copy(update={"steps": steps}), Image.from_array(red))
    assert np.asarray(again).tobytes() == np.asarray(result).tobytes()


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
    assert load(tmp_path / "right").card.of(b"other").mosaic is None
    assert card["mosaic"]["digest"] == load(tmp_path / "right").card.mosaic.digest

"""A model in another form is the same model, says what it costs, and is written whole or not at all."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.cli.frame import main
from abbe.conversion import FORMS, convert, parity
from abbe.conversion.onnx_forms import as_onnx
from abbe.conversion.palette import palettise
from abbe.conversion.parity import runtime, samples
from abbe.errors import ExistsError, ModelError, ParameterError
from abbe.zoo import Model, find, load
from abbe.zoo.graph import check_graph, kernel_types


def run(content: bytes, image: np.ndarray) -> np.ndarray:
    return parity.runtime(content)({"observed": image})


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).random((1, 1, 40, 48), np.float32)


def test_half_weights_are_half_the_size_and_the_same_to_the_bit_once_loaded(small: Model, image: np.ndarray) -> None:
    single, half = (as_onnx(small.weights(), p) for p in ("fp32", "fp16"))
    assert len(half) < 0.62 * len(single)  # a small network: names and operators weigh as well
    assert kernel_types(single) == {1}
    assert kernel_types(half) == {10}
    np.testing.assert_array_equal(run(single, image), run(as_onnx(single, "fp32"), image))
    np.testing.assert_allclose(run(single, image), run(small.weights(), image), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run(half, image), run(single, image), atol=2e-3)


def test_a_model_in_the_form_asked_for_is_the_same_file(small: Model) -> None:
    half = as_onnx(small.weights(), "fp16")
    assert as_onnx(half, "fp16") == half


def test_every_form_of_onnx_is_one_that_abbe_itself_would_load(small: Model) -> None:
    for precision in ("fp32", "fp16", "palettised8"):
        content = as_onnx(small.weights(), precision)
        check_graph(content)
        onnx.checker.check_model(onnx.load_from_string(content))


def test_eight_bits_cannot_be_made_exact_again(small: Model) -> None:
    wide = np.random.default_rng(0)
    model = onnx.load_from_string(small.weights())
    kernel = onnx.numpy_helper.from_array(wide.normal(size=(16, 16, 3, 3)).astype(np.float32), "unused_kernel")
    model.graph.initializer.append(kernel)
    packed = as_onnx(model.SerializeToString(), "palettised8")
    with pytest.raises(ModelError, match="convert the model that they came from"):
        as_onnx(packed, "fp32")


def test_a_palette_follows_the_weights_better_than_even_steps() -> None:
    kernel = np.random.default_rng(0).standard_t(4, (48, 48, 3, 3)).astype(np.float32)
    palette = palettise(kernel)
    step = np.abs(kernel).max() / 127
    even = np.round(kernel / step) * step
    error = lambda a: float(np.sqrt(np.mean((a - kernel) ** 2)))  # noqa: E731
    assert palette.indices.dtype == np.uint8
    assert len(np.unique(palette.kernel)) <= 256
    assert error(palette.kernel) < 0.7 * error(even)
    # few different weights need no rounding at all
    few = np.array([-2.0, 0.5, 4.0], np.float32)[np.random.default_rng(1).integers(0, 3, (16, 16))]
    np.testing.assert_array_equal(palettise(few).kernel, few)


def test_the_exported_file_is_used_as_any_other_model(small: Model, tmp_path: Path, image: np.ndarray) -> None:
    done = convert(small, tmp_path / "mine.onnx", precision="fp32")
    again = load(tmp_path / "mine.onnx")
    assert done.beside == (tmp_path / "mine.json",)
    assert again.card.digest != small.card.digest
    np.testing.assert_allclose(run(again.weights(), image), run(small.weights(), image), rtol=1e-5, atol=1e-6)


def test_a_form_says_what_it_costs(small: Model, tmp_path: Path) -> None:
    done = convert(small, tmp_path / "a.onnx", precision="fp32")
    assert done.size == (tmp_path / "a.onnx").stat().st_size
    assert done.difference is not None
    assert done.difference.small
    assert abs(done.difference.loss) < 0.02
    assert done.difference.shift < 0.01


def test_a_form_that_changes_brightness_is_taken_only_when_asked_for(small: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "LARGEST_SHIFT", -1.0)  # so that any form changes it too much
    asked = convert(small, tmp_path / "asked.onnx", precision="fp16")
    unasked = convert(small, tmp_path / "unasked.onnx")
    assert (asked.form.precision, unasked.form.precision) == ("fp16", "fp32")
    assert "single precision was taken" in unasked.remark


def test_a_difference_is_the_one_between_the_results() -> None:
    truth = np.zeros((32, 32), np.float32)
    truth[8:24, 8:24] = 1
    sample = parity.Sample({"observed": truth[None, None]}, truth, 0.0, 1.0)
    same = lambda inputs: np.stack([inputs["observed"][:, 0]] * 2, 1)  # noqa: E731
    brighter = lambda inputs: same(inputs) * np.float32(1.05)  # noqa: E731
    assert parity.difference(same, same, [sample]).shift == 0
    found = parity.difference(same, brighter, [sample])
    assert found.shift == pytest.approx(0.05, rel=1e-5)
    assert found.largest == pytest.approx(0.05, rel=1e-5)
    assert not found.small


def test_nothing_is_replaced_unasked_and_nothing_left_behind(small: Model, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("mine")
    with pytest.raises(ExistsError):
        convert(small, tmp_path / "a.onnx")
    assert {p.name for p in tmp_path.iterdir()} == {"a.json"}
    assert (tmp_path / "a.json").read_text() == "mine"
    convert(small, tmp_path / "a.onnx", overwrite=True, measure=False)
    assert json.loads((tmp_path / "a.json").read_text())["task"] == "denoise"


def test_a_wrong_ending_or_form_is_told_in_one_line(small: Model, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"ends in \.mlpackage"):
        convert(small, tmp_path / "a.onnx", to="coreml")
    with pytest.raises(ParameterError, match="fp32, fp16, palettised8"):
        convert(small, tmp_path / "a.onnx", precision="int8")
    assert not list(tmp_path.iterdir())


def test_a_bioimageio_package_holds_what_its_description_names(small: Model, tmp_path: Path) -> None:
    import hashlib

    done = convert(small, tmp_path / "a.zip", to="bioimageio", measure=False)
    with zipfile.ZipFile(done.path) as package:
        files = {name: package.read(name) for name in package.namelist()}
    described = json.loads(files["rdf.yaml"])
    named = [
        described["documentation"],
        described["weights"]["onnx"],
        *(t["test_tensor"] for t in described["inputs"] + described["outputs"]),
    ]
    for entry in named:
        assert hashlib.sha256(files[entry["source"]]).hexdigest() == entry["sha256"]
    assert set(files) == {"rdf.yaml", *(entry["source"] for entry in named)}
    convert(small, tmp_path / "b.zip", to="bioimageio", measure=False)
    assert (tmp_path / "b.zip").read_bytes() == done.path.read_bytes()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the validator leaves files open
def test_a_bioimageio_package_obeys_the_formats_own_validator(trained: Model, tmp_path: Path) -> None:
    spec = pytest.importorskip("bioimageio.spec")
    convert(trained, tmp_path / "a.zip", to="bioimageio", measure=False)
    with spec.ValidationContext(perform_io_checks=False):
        found = spec.load_description(tmp_path / "a.zip", format_version="latest")
    assert not isinstance(found, spec.InvalidDescr), found.validation_summary.format()


def _package(name: str, tmp_path: Path) -> tuple[dict[str, bytes], dict]:  # type: ignore[type-arg]
    convert(find(name), tmp_path / "a.zip", to="bioimageio", measure=False)
    with zipfile.ZipFile(tmp_path / "a.zip") as package:
        files = {entry: package.read(entry) for entry in package.namelist()}
    return files, json.loads(files["rdf.yaml"])


@pytest.mark.parametrize(("name", "added"), [("denoise", True), ("background", False), ("axial_plane", False)])
def test_a_readme_says_how_the_result_becomes_counts(tmp_path: Path, name: str, added: bool) -> None:
    readme = _package(name, tmp_path)[0]["README.md"].decode()
    assert ("plus the low percentile, is counts" in readme) == added
    assert ("background, which is 0" in readme) != added
    assert "the spread times the span is counts, with nothing added" in readme


def test_a_package_of_a_model_with_levels_says_how_to_run_them(tmp_path: Path) -> None:
    files, described = _package("background", tmp_path)
    assert "until its longer side is at most 256 pixels" in files["README.md"].decode()
    observed, context, told = described["inputs"]
    assert "own estimate on a grid half as fine" in context["description"]
    assert [step["id"] for step in context["preprocessing"]] == ["ensure_dtype"]  # it has its scale already
    assert "scale_range" in [step["id"] for step in observed["preprocessing"]]
    assert [axis.get("channel_names") for axis in told["axes"]][1] == ["level", "coarser"]
    assert max(len(tensor["description"]) for tensor in described["inputs"] + described["outputs"]) <= 128  # the format's limit
    assert "`told`: level: how often the grid was halved" in files["README.md"].decode()
    values = {name: np.load(io.BytesIO(files[f"test_{name}.npy"])) for name in ("observed", "context", "told", "restored")}
    assert values["told"].tolist() == [[0.0, 1.0]]
    low, high = np.percentile(values["observed"], (1, 99.8))
    scaled = {"observed": (values["observed"] - low) / (high - low), "context": values["context"], "told": values["told"]}
    restored = runtime(files["model.onnx"])({key: value.astype(np.float32) for key, value in scaled.items()})
    np.testing.assert_allclose(restored, values["restored"], atol=1e-4)


def test_a_licence_that_is_no_identifier_stands_in_the_readme(small: Model, tmp_path: Path) -> None:
    own = replace(small, card=small.card.model_copy(update={"licence": "that of the images"}))
    convert(own, tmp_path / "a.zip", to="bioimageio", measure=False)
    with zipfile.ZipFile(tmp_path / "a.zip") as package:
        assert json.loads(package.read("rdf.yaml"))["license"] is None
        assert "Licence: that of the images" in package.read("README.md").decode()


def test_test_images_tell_super_resolution_how_wide_their_lens_is() -> None:
    told = np.array([sample.inputs["told"][0] for sample in samples(find("super_resolve").card)])
    assert (told[:, 0] == 1).all()
    assert len(set(told[:, 1])) == len(told)
    np.testing.assert_allclose(told[:, 2], told[:, 1] ** 2, rtol=1e-5)


def test_every_target_has_every_precision() -> None:
    assert len(FORMS) == 9
    assert len({str(f) for f in FORMS}) == 9


def test_the_command_writes_the_file_and_says_what_it_costs(small: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "export", str(small.path), "--precision", "fp32", "-o", str(tmp_path / "x.onnx")]) == 0
    told = capsys.readouterr().out
    assert "single precision" in told
    assert "dB against the truth" in told
    assert main(["model", "export", str(small.path), "-o", str(tmp_path / "x.onnx")]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main(["model", "export", str(small.path), "--to", "tensorflow"]) == 2


@pytest.mark.parametrize("name", ["denoise", "background", "axial_plane", "axial_stack", "super_resolve"])
def test_the_test_images_of_every_shipped_model_fit_its_inputs(name: str) -> None:
    model = find(name)
    sample = samples(model.card)[0]
    result = runtime(model.weights())(sample.inputs)
    assert result.shape[2:] == sample.truth.shape
    assert np.isfinite(result).all()


def test_whoever_follows_the_readme_gets_the_pixels_of_abbe(tmp_path: Path) -> None:
    files, _ = _package("denoise", tmp_path)
    text = " ".join(files["README.md"].decode().split())
    assert "percentiles 1 and 99.8 become 0 and 1" in text
    rng = np.random.default_rng(3)
    lines = 40 * np.exp(-0.5 * ((np.arange(100)[:, None] + np.arange(92) - 95) / 3.0) ** 2)
    image = np.clip(rng.poisson(lines / 8) * 8 + rng.normal(0, 9, lines.shape) - 4, 0, 255)  # clipped: the network gives more light
    wanted = np.asarray(abbe.enhance(image, "denoise", passes=1, engine="cpu", exact=True))[0, 0, 0]

    # as its README says, and nothing else
    low, high = np.percentile(image, (1, 99.8))
    assert "goes on beyond its edges as its own mirror image (outermost pixels once), 16 pixels of it at each end" in text
    assert "at the last, as many more as make a multiple of 32" in text
    height, width = image.shape
    more = [(16, 16 + -(side + 32) % 32) for side in image.shape]
    scaled = ((np.pad(image, more, mode="reflect") - low) / (high - low)).astype(np.float32)
    result = runtime(files["model.onnx"])({"observed": scaled[None, None]})[0, 0, 16 : 16 + height, 16 : 16 + width]
    result = result.astype(np.float64) * (high - low) + low
    alone = result
    assert "left darker than the darkest of the plane" in text
    result = np.maximum(result, image.min())
    assert "In cells of 32 x 32 pixels" in text
    assert "A cell that the plane's end cuts off has its mean, and its centre where a whole one has it" in text
    parts = [[slice(at, at + 32) for at in range(0, side, 32)] for side in image.shape]
    lacking = np.array([[(image - result)[y, x].mean() for x in parts[1]] for y in parts[0]])

    def surface(cells: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            cells = np.apply_along_axis(lambda a: np.convolve(np.pad(a, 1, mode="edge"), (0.25, 0.5, 0.25), "valid"), axis, cells)
        for axis, side in ((0, height), (1, width)):
            centres = 32 * np.arange(cells.shape[axis]) + 15.5
            cells = np.apply_along_axis(lambda a, n=side, c=centres: np.interp(np.arange(n), c, a), axis, cells)
        return cells

    given, where = surface(lacking), surface(lacking**2)
    result = result + given + where * (image.mean() - (result + given).mean()) / where.mean()
    assert np.abs(result - wanted).max() < 1e-3
    assert np.abs(alone - wanted).max() > 0.1  # the network alone is not abbe


def test_so_does_whoever_takes_light_of_other_planes_away(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:100, :92]
    haze = 60 + 150 * np.exp(-((y - 40) ** 2 + (x - 50) ** 2) / 800)
    image = rng.poisson(haze + 300 * np.exp(-0.5 * ((y + x - 95) / 3.0) ** 2)).astype(np.float64)
    low, high = np.percentile(image, (1, 99.8))
    more = [(16, 16 + -(side + 32) % 32) for side in image.shape]
    scaled = ((np.pad(image, more, mode="reflect") - low) / (high - low)).astype(np.float32)
    inside = slice(16, 116), slice(16, 108)

    files, _ = _package("background", tmp_path)
    assert "has one grid: `level` 0, `coarser` 0, `context` zeros" in files["README.md"].decode()
    given = {"observed": scaled[None, None], "context": np.zeros_like(scaled[None, None]), "told": np.zeros((1, 2), np.float32)}
    result = np.maximum(runtime(files["model.onnx"])(given)[0, 0][inside] * (high - low), 0)
    assert np.abs(result - np.asarray(abbe.correct_background(image, passes=1, engine="cpu", exact=True))[0, 0, 0]).max() < 1e-3

    (tmp_path / "a.zip").unlink()
    files, _ = _package("axial_plane", tmp_path)
    text = " ".join(files["README.md"].decode().split())
    assert "smoothed by a Gaussian (sigma 3 pixels, cut off at 12); p is (H / B - 0.1) / 0.4," in text
    assert "0.65 (1 - p^2 (3 - 2 p)) H is added to the estimate" in text
    estimate = runtime(files["model.onnx"])({"observed": scaled[None, None]})[0, 0]
    h, b = (gaussian_filter(part, 3, mode="nearest", radius=12) for part in (scaled - estimate, scaled))
    p = np.clip((h / np.maximum(b, 1e-6) - 0.1) / 0.4, 0, 1)
    result = np.maximum((estimate + 0.65 * (1 - p**2 * (3 - 2 * p)) * h)[inside] * (high - low), 0)
    wanted = np.asarray(abbe.enhance(image, "axial", passes=1, engine="cpu", exact=True))[0, 0, 0]
    assert np.abs(result - wanted).max() < 1e-3
    assert np.abs(np.maximum(estimate[inside] * (high - low), 0) - wanted).max() > 10  # the network alone is not abbe

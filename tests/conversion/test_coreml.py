"""A CoreML package, read back, is the network that was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abbe.conversion import convert, parity
from abbe.conversion.mil import read_coreml
from abbe.errors import ModelError
from abbe.zoo import Model

pytest.importorskip("coremltools")
pytest.importorskip("torch")


def shapes(model: Model, side: tuple[int, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs = {"observed": rng.random((1, model.card.observed_channels, *side), np.float32)}
    if model.card.told:
        inputs["told"] = np.full((1, len(model.card.told)), 3, np.float32)
    return inputs


def test_a_package_computes_what_the_model_does_at_any_size(trained: Model, tmp_path: Path) -> None:
    done = convert(trained, tmp_path / "a.mlpackage", to="coreml", precision="fp32", measure=False)
    back, own = parity.runtime(read_coreml(done.path)), parity.runtime(trained.weights())
    for side in ((32, 48), (64, 40)):
        inputs = shapes(trained, side)
        np.testing.assert_allclose(back(inputs), own(inputs), rtol=1e-3, atol=1e-4)


def test_half_precision_halves_the_package_and_keeps_brightness(trained: Model, tmp_path: Path) -> None:
    single = convert(trained, tmp_path / "single.mlpackage", to="coreml", precision="fp32", measure=False)
    half = convert(trained, tmp_path / "half.mlpackage", to="coreml", precision="fp16")
    weights = [sum(f.stat().st_size for f in done.path.rglob("weight.bin")) for done in (single, half)]
    assert weights[1] < 0.55 * weights[0]
    assert half.difference is not None
    assert half.difference.small
    assert abs(half.difference.loss) < 0.02


def test_eight_bit_palettes_hold_the_same_weights_as_the_onnx_form(trained: Model, tmp_path: Path) -> None:
    from abbe.conversion.onnx_forms import as_onnx

    done = convert(trained, tmp_path / "a.mlpackage", to="coreml", precision="palettised8", measure=False)
    inputs = shapes(trained, (48, 48))
    ours = parity.runtime(as_onnx(trained.weights(), "palettised8"))(inputs)
    theirs = parity.runtime(read_coreml(done.path), as_written=True)(inputs)
    np.testing.assert_allclose(theirs, ours, atol=0.02)
    assert sum(f.stat().st_size for f in done.path.rglob("weight.bin")) < 2 * trained.card.parameters


def test_the_package_says_how_to_feed_it(trained: Model, tmp_path: Path) -> None:
    from coremltools.models import MLModel

    done = convert(trained, tmp_path / "a.mlpackage", to="coreml", measure=False)
    package = MLModel(str(done.path), skip_model_load=True)
    assert package.user_defined_metadata["abbe.low_percentile"] == "1"
    assert "low and high being the percentiles 1 and 99.8 of the whole image" in package.input_description["observed"]
    sizes = package.get_spec().description.input[0].type.multiArrayType.shapeRange.sizeRanges
    assert [s.upperBound > s.lowerBound for s in sizes] == [False, False, True, True]


def test_a_model_without_its_plan_cannot_become_coreml(small: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="what network denoise is"):
        convert(small, tmp_path / "a.mlpackage", to="coreml")
    assert not list(tmp_path.iterdir())

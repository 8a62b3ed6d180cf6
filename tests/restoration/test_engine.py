"""Engines: what is there, what they compute in, and that models are run as their cards say."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

import abbe.restoration
import abbe.zoo
from abbe.errors import ModelError
from abbe.networks import Architecture, Restorer
from abbe.restoration import available, enhance
from abbe.restoration.engine import Engine, Region, Runner, engine, measured_precision, runner
from abbe.training.export import half_weights, to_onnx
from abbe.zoo import Card, Model, find, load
from abbe.zoo.halves import halves
from model_maker import TOLD, card, network, probe, save_bytes, write_model

needs_openvino = pytest.mark.skipif("openvino" not in available(), reason="no OpenVINO for this platform")


def test_the_plain_cpu_provider_is_always_there() -> None:
    assert "cpu" in available()
    assert engine("cpu").precision == "fp32"


def test_the_probe_is_the_file_that_it_is_said_to_be() -> None:
    assert (Path(abbe.restoration.__file__).parent / "probe.onnx").read_bytes() == probe()


def test_every_engine_here_is_exact_when_asked() -> None:
    for name in available():
        assert measured_precision(Engine(name, exact=True)) == "fp32"


@needs_openvino
def test_openvino_exact_agrees_with_the_plain_provider() -> None:
    pixels = np.random.default_rng(0).poisson(100, (70, 90)).astype(np.uint16)
    plain, exact, fast = (
        np.asarray(enhance(pixels, engine=name, exact=is_exact), np.float64)
        for name, is_exact in (("cpu", False), ("openvino", True), ("openvino", False))
    )
    assert np.abs(plain - exact).max() < 1e-4 * np.ptp(plain)
    assert np.abs(plain - fast).max() < 0.05 * np.ptp(plain)


@needs_openvino
def test_openvino_gives_the_same_bytes_each_time() -> None:
    pixels = np.random.default_rng(0).poisson(100, (70, 90)).astype(np.uint16)
    one, two = (np.asarray(enhance(pixels, engine="openvino")).tobytes() for _ in range(2))
    assert one == two


SHIPPED = sorted(path.parent.name for path in (Path(abbe.zoo.__file__).parent / "models").glob("*/card.json"))


@needs_openvino
@pytest.mark.parametrize("name", SHIPPED)
def test_openvino_runs_every_shipped_model_as_the_plain_provider_does(name: str) -> None:
    model = load(Path(abbe.zoo.__file__).parent / "models" / name)
    rng = np.random.default_rng(1)
    side = 48
    observed = rng.random((1, model.card.observed_channels, side, side), np.float32)
    context = rng.random((1, 1, side, side), np.float32) if model.card.context else None
    told = dict.fromkeys(model.card.told, 3.0)
    plain, other = (Runner(model, Engine(kind, exact=True)).run(observed, told, context) for kind in ("cpu", "openvino"))
    np.testing.assert_allclose(other, plain, atol=2e-4)


@needs_openvino
def test_openvino_reports_to_nobody(tmp_path: Path) -> None:
    code = (
        "import sys, numpy; from abbe.restoration.engine import Engine, measured_precision\n"
        "measured_precision(Engine('openvino'))\n"
        "assert 'openvino' in sys.modules and 'openvino_telemetry' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []  # its identifier and its count of uses would be kept there


def test_a_session_is_made_once_and_serves_several_threads() -> None:
    model, cpu = find("denoise"), engine("cpu")
    assert runner(model, cpu) is runner(model, cpu)
    images = [np.random.default_rng(k).random((1, 1, 32, 32), np.float32) for k in range(8)]
    alone = [runner(model, cpu).run(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(runner(model, cpu).run, images))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together))


def test_a_card_that_does_not_fit_its_weights_is_refused(tmp_path: Path) -> None:
    wrong_scale = write_model(tmp_path, "super_resolve", network(scale=1))
    with pytest.raises(ModelError, match="do not belong together"):
        Runner(load(wrong_scale), engine("cpu")).run(np.ones((1, 1, 16, 16), np.float32))
    wants_context = write_model(tmp_path, "denoise", network(), name="contextual", context=True)
    with pytest.raises(ModelError, match="context"):
        Runner(load(wants_context), engine("cpu"))


def test_a_network_that_cannot_run_says_so_in_one_line(tmp_path: Path) -> None:
    content = save_bytes(
        helper.make_graph(
            [helper.make_node("NoSuchOperator", ["observed"], ["restored"])],
            "broken",
            [helper.make_tensor_value_info("observed", TensorProto.FLOAT, ["N", 1, "H", "W"])],
            [helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["N", 2, "H", "W"])],
        )
    )
    place = write_model(tmp_path, "denoise", content)
    with pytest.raises(ModelError, match="wanted a network that ONNX Runtime can run") as problem:
        Runner(load(place), engine("cpu"))
    assert "\n" not in str(problem.value)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space, and what is mapped")
def test_a_network_that_finds_no_memory_says_that_it_is_memory() -> None:
    script = (
        "import os, resource, numpy as np\n"
        "from abbe.restoration.engine import Runner, engine\n"
        "from abbe.zoo import find\n"
        "at_work = Runner(find('denoise'), engine('cpu'))\n"
        "at_work.run(np.ones((1, 1, 64, 64), np.float32))\n"
        "pixels = np.ones((1, 1, 2048, 2048), np.float32)\n"
        "mapped = int(open('/proc/self/statm').read().split()[0]) * os.sysconf('SC_PAGE_SIZE')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (mapped + 2**27, mapped + 2**27))\n"
        "try:\n    at_work.run(pixels)\nexcept MemoryError as problem:\n    print('memory:', problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout == "memory: denoise on 2048 x 2048 pixels\n", done.stderr


def test_a_model_is_told_what_its_card_says_and_nothing_unknown(tmp_path: Path) -> None:
    told = helper.make_graph(
        [
            helper.make_node("Concat", ["observed", "observed"], ["both"], axis=1),
            helper.make_node("ReduceMax", ["told"], ["most"], axes=[0, 1], keepdims=0),
            helper.make_node("Mul", ["both", "most"], ["restored"]),
        ],
        "told",
        [
            helper.make_tensor_value_info("observed", TensorProto.FLOAT, ["N", 1, "H", "W"]),
            helper.make_tensor_value_info("told", TensorProto.FLOAT, ["N", 1]),
        ],
        [helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["N", 2, "H", "W"])],
    )
    place = write_model(tmp_path, "denoise", save_bytes(told), told=["anisotropy"])
    asked = Runner(load(place), engine("cpu"))
    assert asked.run(np.ones((2, 1, 8, 8), np.float32), {"anisotropy": 3.0}).max() == 3
    with pytest.raises(ModelError, match="anisotropy"):
        asked.run(np.ones((1, 1, 8, 8), np.float32), {})


def test_changed_weights_are_never_run(tmp_path: Path) -> None:
    place = write_model(tmp_path, "denoise")
    honest = load(place)
    forged = Model(Card.model_validate(card("denoise", b"something else")), honest.path)
    with pytest.raises(ModelError, match="digest"):
        runner(forged, engine("cpu"))


def _random_network(context: bool, told: int, unshuffle: int, spread_width: int = 0) -> bytes:
    torch.manual_seed(3)
    shape = Architecture((16, 16), (1, 1), scale=3, unshuffle=unshuffle, told=told, context=context, spread_width=spread_width)
    network = Restorer(shape).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.mul_(20.0 if name.startswith("tail") else 1.0).add_(0.05 * torch.randn_like(parameter) if ".gain." in name else 0.0)
    return half_weights(to_onnx(network)).SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("context", "told", "unshuffle", "spread_width"), [(True, 3, 2, 0), (False, 0, 1, 0), (True, 0, 4, 16), (True, 3, 2, 8)]
)
@pytest.mark.parametrize("kept", [None, (slice(0, 5), slice(0, 96)), (slice(41, 64), slice(3, 50)), (slice(20, 44), slice(60, 61))])
def test_the_finer_image_made_in_bands_of_what_is_kept_is_that_of_the_whole_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: bool, told: int, unshuffle: int, spread_width: int, kept: Region | None
) -> None:
    names = TOLD[:told]
    content = _random_network(context, told, unshuffle, spread_width)
    parts = halves(content)
    assert parts is not None
    rng = np.random.default_rng(2)
    observed, beside = rng.random((2, 1, 64, 96), np.float32), rng.random((2, 1, 64, 96), np.float32)
    feed = {"observed": observed} | ({"context": beside} if context else {}) | ({"told": np.full((2, 3), 0.5, np.float32)} if told else {})
    whole = engine("cpu").session(content).run(["restored"], feed)[0]
    monkeypatch.setattr("abbe.restoration.engine.BAND", 64 * 12)
    place = write_model(tmp_path, "super_resolve", content, told=list(names), context=context, multiple=2 * unshuffle)
    ours = Runner(load(place), engine("cpu")).run(observed, dict.fromkeys(names, 0.5), beside, kept)
    y, x = kept or (slice(0, 64), slice(0, 96))
    inside = (..., slice(3 * y.start, 3 * y.stop), slice(3 * x.start, 3 * x.stop))
    np.testing.assert_allclose(ours[inside], whole[inside], atol=2e-5 * np.ptp(whole))
    assert np.ptp(whole[:, 0]) > 1  # something is added to what is enlarged


def test_a_network_without_a_finer_grid_is_run_whole() -> None:
    assert halves(find("denoise").weights()) is None
    assert halves(network(scale=3)) is None


def test_a_file_whose_nodes_go_in_a_circle_is_not_parted() -> None:
    model = onnx.load_from_string(_random_network(context=True, told=0, unshuffle=2))
    first = next(node for node in model.graph.node if node.op_type == "Relu")
    last = next(node for node in model.graph.node if node.input[1:] == ["network.finer.weight"])
    first.input[0] = last.input[0]
    assert halves(model.SerializeToString()) is None


#: a process that sees images of 256 sizes, and says by how many MB it grew with the last three quarters of them
GROWING = """
import os
import numpy as np
from abbe.restoration.engine import engine, runner
from abbe.restoration.request import choose_models

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

run = runner(choose_models(("denoise",), None, "")["denoise"], engine("openvino")).run
sizes = [(8 * h, 8 * w) for h in range(4, 20) for w in range(4, 20)]
for k, (h, w) in enumerate(sizes):
    if k == 64:
        before = resident()
    image = np.zeros((1, 1, h, w), np.float32)
    run(image, None, image)
print(resident() - before)
"""


@needs_openvino
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="how much memory a process has is read from /proc")
def test_images_of_many_sizes_take_no_more_memory_than_of_a_few() -> None:
    """It grew by 1.4 MB with each size and network: 270 MB here, and a batch of images that all differ in size by gigabytes."""
    said = subprocess.run([sys.executable, "-c", GROWING], capture_output=True, text=True, check=True, timeout=300).stdout
    assert float(said) < 80

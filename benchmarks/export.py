"""What each form of each model costs: size, and difference from single precision on simulated images.

    python benchmarks/export.py [--models denoise ...] [--forms "onnx fp16" "coreml palettised8" ...] [--trained RUNS] [--json out.json]

"dB" is the change of PSNR against the truth, "alike" the PSNR between the two results (the worst image), "light" the largest relative
change of the light in structure on any image, "pixel" the largest change of a pixel over the image's range. ONNX is computed by ONNX
Runtime's CPU provider. CoreML packages are read back and computed operator by operator, each result rounded to half precision where the
package says so.

With --trained, a folder of runs that hold weights.safetensors: what storing the weights as they were trained in half precision costs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from abbe.conversion import FORMS, Difference, convert, form, parity
from abbe.conversion.onnx_forms import as_onnx
from abbe.zoo import Model, find, models


def measure(model: Model, names: list[str], runs: Path | None) -> dict[str, dict[str, float]]:
    """Form -> figures of one model, printed as they come."""
    rows: dict[str, dict[str, float]] = {}
    size = len(as_onnx(model.weights(), "fp32"))
    if runs is not None and (runs / model.card.name / "weights.safetensors").exists():
        rows["half of trained weights"] = figures(halved(model, runs), 0.5)
        show(model.card.name, "half of trained weights", rows["half of trained weights"])
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            to, precision = name.split()
            wanted = form(to, precision)
            done = convert(model, Path(folder, precision + wanted.suffix), to=to, precision=precision, overwrite=True)
            assert done.difference is not None
            rows[name] = figures(done.difference, done.size / size) | {"bytes": done.size}
            show(model.card.name, name, rows[name])
    return rows


def halved(model: Model, runs: Path) -> Difference:
    """The weights of the model's training, as they are now, in half precision against single precision."""
    from abbe.networks import Restorer
    from abbe.training import TrainingPlan
    from abbe.training.export import to_onnx
    from abbe.training.loop import architecture
    from abbe.training.weights import read_metadata, start_from

    weights = runs / model.card.name / "weights.safetensors"
    network = Restorer(architecture(TrainingPlan.model_validate_json(read_metadata(weights)["plan"]))).eval()
    start_from(network, weights)
    single = to_onnx(network).SerializeToString()
    return parity.difference(parity.runtime(single), parity.runtime(as_onnx(single, "fp16")), parity.samples(model.card))


def figures(cost: Difference, size: float) -> dict[str, float]:
    return {"size": size, "dB": -cost.loss, "single": cost.single, "alike": cost.alike, "light": cost.shift, "pixel": cost.largest}


def show(name: str, kind: str, row: dict[str, float]) -> None:
    print(
        f"{name:14s} {kind:24s} {row['size']:5.0%} {row['dB']:+8.4f} dB of {row['single']:5.2f}  alike {row['alike']:6.1f} dB  "
        f"light {row['light']:8.4%}  pixel {row['pixel']:7.3%}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=[model.card.name for model in models()])
    parser.add_argument("--forms", nargs="*", default=[str(f) for f in FORMS if f.to != "bioimageio"])
    parser.add_argument("--trained", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {name: measure(find(name), options.forms, options.trained) for name in options.models}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

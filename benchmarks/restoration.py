"""Time and memory of restoration, per image size and step: python benchmarks/restoration.py [--sizes 256,1024] [--engines cpu] [--file]

Each figure comes from a fresh process. "first" is the first call, with sessions set up and networks compiled; "again" is the second.
CPU seconds are those of all threads: on a busy machine they tell more than the clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = ("denoise", "axial", "super_resolve", "background", "denoise,axial,super_resolve")

CHILD = """
import json, resource, sys, time
import numpy as np
import abbe
size, steps, engine, exact, file = json.loads(sys.argv[1])
def run(image):
    if steps == "background":
        return abbe.correct_background(image, engine=engine, exact=exact)
    return abbe.enhance(image, steps=tuple(steps.split(",")), engine=engine, exact=exact)
def once():
    wall, cpu = time.perf_counter(), time.process_time()
    if file:
        abbe.save(run(abbe.open(file)), file + ".out.ome.tif", overwrite=True)
    else:
        run(pixels)
    return time.perf_counter() - wall, time.process_time() - cpu
if not file:
    pixels = np.random.default_rng(0).poisson(100, (size, size)).astype(np.uint16)
first, again = once(), (once() if size <= 2048 else (float("nan"),) * 2)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps([*first, *again, peak]))
"""


def measure(size: int, steps: str, engine: str, exact: bool, file: str | None) -> list[float]:
    """[first wall, first CPU, again wall, again CPU (seconds), peak resident bytes] of a fresh process."""
    request = json.dumps([size, steps, engine, exact, file])
    answer = subprocess.run([sys.executable, "-c", CHILD, request], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(answer.stderr.strip().splitlines()[-1])
    return [float(v) for v in json.loads(answer.stdout.splitlines()[-1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="256,512,1024,2048,4096")
    parser.add_argument("--steps", nargs="*", default=STEPS, help="step, or steps separated by commas")
    parser.add_argument("--engines", default="auto")
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--file", action="store_true", help="from file to file, instead of from array to array")
    options = parser.parse_args()
    print(f"{'size':>5} {'steps':32} {'engine':9} {'first s':>8} {'CPU s':>7} {'again s':>8} {'CPU s':>7} {'peak MB':>8}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, options.sizes.split(",")):
            file = write_image(Path(folder), size) if options.file else None
            for steps in options.steps:
                for engine in options.engines.split(","):
                    *seconds, peak = measure(size, steps, engine, options.exact, file)
                    shown = " ".join(f"{s:{w}.2f}" for s, w in zip(seconds, (8, 7, 8, 7)))
                    print(f"{size:5} {steps:32} {engine:9} {shown} {peak / 1e6:8.0f}", flush=True)


def write_image(folder: Path, size: int) -> str:
    import numpy as np

    import abbe

    path = folder / f"{size}.tif"
    abbe.save(np.random.default_rng(0).poisson(100, (size, size)).astype(np.uint16), path)
    return str(path)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Colocalization of a 3072 x 3072 uint16 pair, beside scikit-image, scipy and numpy in the same run.

    python benchmarks/colocalization.py [--size 3072] [--repeat 5] [--json out.json]

Times are the best of several, one after the other in one process, so that what else runs on the machine meets all of them. Compiling is
timed apart: `first` is the first call of a fresh process with an empty cache of compiled kernels, `warm` the first with a filled one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats
from skimage import measure as skimage_measure

from abbe.colocalization import colocalize, costes, ranks
from abbe.colocalization.pair import Pair, select
from abbe.colocalization.result import Background, Region, Thresholds
from abbe.colocalization.scattergram import scattergram
from abbe.colocalization.sums import measure, measure_now, measure_signs, measure_thresholds
from abbe.colocalization.values import Values
from abbe.image import Image


def specimen(size: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Two channels of a 16-bit camera with structure that they share in part."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:size, :size] / 40
    shared = np.exp(3 * np.sin(x) * np.sin(1.3 * y))
    own = [np.exp(3 * np.sin(x * k) * np.cos(y / k)) for k in (0.7, 1.7)]
    return np.stack([rng.poisson(100 + 300 * (shared + one)).clip(0, 65535).astype(np.uint16) for one in own])


def best(function: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def skimage_calls(a: Any, b: Any, threshold: int) -> tuple[float, ...]:
    """The sums-based coefficients that scikit-image has; its overlap coefficient gets floats, because it overflows on integers."""
    return (
        skimage_measure.pearson_corr_coeff(a, b)[0],
        skimage_measure.manders_overlap_coeff(a.astype(float), b.astype(float)),
        skimage_measure.manders_coloc_coeff(a, b > threshold),
        skimage_measure.manders_coloc_coeff(b, a > threshold),
    )


def in_three_passes(pair: Pair) -> None:
    """Those with thresholds and Li's quotient too: a pass over both images each."""
    measure_thresholds(pair, 401, 401)
    measure_signs(pair, measure_now(pair))


def fresh(code: str, cache: str) -> float:
    """Seconds of CPU and waiting for a call in a fresh process, imports not counted."""
    program = f"import time, numpy as np, abbe\nabbe.colocalize\nimport numba\n{code}"
    out = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "NUMBA_CACHE_DIR": cache}, capture_output=True, text=True, check=True
    )
    return float(out.stdout)


FIRST = (
    "i = abbe.Image.from_array(np.random.default_rng(0).integers(0, 900, (2, 64, 64)).astype('u2'), axes='CYX')\n"
    "t = time.perf_counter(); abbe.colocalize(i); print(time.perf_counter() - t)"
)


def peak_memory(size: int) -> tuple[float, float]:
    """(bytes of both images, most bytes above what the process held with them) in MB, for one colocalize, in a fresh process."""
    code = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); import colocalization as c, abbe\n"
        "a = c.specimen(int(sys.argv[2])); i = abbe.Image.from_array(a, axes='CYX')\n"
        "abbe.colocalize(abbe.Image.from_array(a[:, :64, :64].copy(), axes='CYX'))\n"
        "import threading, time\n"
        "now = lambda: int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()\n"
        "base = now(); top = [base]; on = [True]\n"
        "def watch():\n"
        "    while on[0]:\n"
        "        top[0] = max(top[0], now()); time.sleep(0.001)\n"
        "w = threading.Thread(target=watch); w.start(); abbe.colocalize(i); on[0] = False; w.join()\n"
        "print(a.nbytes / 2**20, (top[0] - base) / 2**20)"
    )
    here = os.path.dirname(os.path.abspath(__file__))
    out = subprocess.run([sys.executable, "-c", code, here, str(size)], capture_output=True, text=True, check=True)
    images, more = out.stdout.split()
    return float(images), float(more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=3072)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    planes = specimen(arguments.size)
    a, b = planes
    image = Image.from_array(planes, axes="CYX")
    pair = select(image, (0, 1), Region(None, (0, 1), (0, 1)), Background("none"))
    colocalize(Image.from_array(planes[:, :64, :64].copy(), axes="CYX"))  # compiles
    n = arguments.repeat
    sums = measure(pair)
    values = Values(pair, sums)
    none = Thresholds("none", "", None, None)
    rows: list[tuple[str, float, str, float | None]] = []

    mine, got = best(lambda: measure_now(pair), n)
    theirs, wanted = best(lambda: skimage_calls(a, b, 0), 2)
    assert np.isclose(got.all.pearson(), wanted[0], rtol=1e-10)
    rows.append(("sums: Pearson, MOC, k1, k2, M1, M2", mine, "scikit-image, 4 calls", theirs))
    mine, _ = best(lambda: in_three_passes(pair), n)
    theirs2, _ = best(lambda: skimage_calls(a, b, 400)[2:], 2)
    rows.append(("the same, tM1, tM2, r above, ICQ, ...", mine, "scikit-image, 6 calls", theirs + theirs2))

    mine, rho = best(lambda: ranks.spearman(Values(pair, sums)), n)
    theirs, scipy_rho = best(lambda: scipy.stats.spearmanr(a.ravel(), b.ravel()).statistic, 1)
    assert abs(rho - scipy_rho) < 1e-12, (rho, scipy_rho)
    rows.append(("Spearman", mine, "scipy", theirs))

    mine, _ = best(lambda: scattergram(pair, none, None, None), n)
    theirs, _ = best(lambda: np.histogram2d(a.ravel(), b.ravel(), 256), 1)
    rows.append(("scattergram, 256 bins", mine, "np.histogram2d", theirs))

    mine, _ = best(lambda: costes.find(pair, sums, "costes"), n)
    rows.append(("Costes threshold", mine, "target 0.3 s", None))
    mine, _ = best(lambda: ranks.kendall(values), 2)
    rows.append(("Kendall tau-b", mine, "", None))
    mine, _ = best(lambda: colocalize(image), 2)
    rows.append(("colocalize, everything by default", mine, "", None))

    print(f"{arguments.size} x {arguments.size} uint16 pair, {os.cpu_count()} cores, {platform.processor() or platform.machine()}")
    for what, seconds, other, reference in rows:
        beside = f"{other:22s} {reference:8.3f} s   {reference / seconds:6.1f} x" if reference is not None else other
        print(f"{what:36s} {seconds:8.4f} s   {beside}")
    with tempfile.TemporaryDirectory() as cache:
        first, warm = fresh(FIRST, cache), fresh(FIRST, cache)
    print(f"first call of a process: {first:.1f} s with nothing compiled yet, {warm:.2f} s after")
    images, more = peak_memory(arguments.size)
    print(f"memory: both images {images:.0f} MB, colocalize {more:.0f} MB more")
    if arguments.json:
        found = {what: {"seconds": s, "beside": other, "reference": r} for what, s, other, r in rows}
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"rows": found, "first_call": first, "warm_call": warm, "more_memory_mb": more}, file, indent=2)


if __name__ == "__main__":
    main()

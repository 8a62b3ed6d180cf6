"""What a form costs: its result beside that of single precision, on simulated images whose truth is known.

The images are those that the model's task is about, from a fixed seed: four fields, from a few photons to many. A model that is told
something is told what is true of the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from abbe.conversion.manual import takes_background
from abbe.optics.width import told_of_psf
from abbe.simulation import background_pair, denoising_pair, section_pair, specimen, super_resolution_pair, volume
from abbe.simulation.stacks import axial_pair
from abbe.zoo import Card

Array = npt.NDArray[np.float32]
#: tensors by the name of the input that they go to -> (N, 2, H, W) float32: estimate and spread
Run = Callable[[dict[str, Array]], Array]

#: a form that changes the brightness of structure by more than this is not one to use unasked
LARGEST_SHIFT = 0.01
#: side of the test images (pixels); a multiple of every network's `multiple`
SIDE = 160
_IMAGES = 4
_SEED = 1873  # Abbe's paper


class Sample(NamedTuple):
    """What goes into a network, normalised, and what is true."""

    inputs: dict[str, Array]
    #: (H, W)
    truth: Array
    #: counts = normalised * span + low
    low: float
    span: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A form beside single precision. All are of the estimate, on images that single precision restores to the PSNR `single`."""

    #: dB against the truth, after the affine fit: single precision, and how much the form loses (negative: it gains)
    single: float
    loss: float
    #: dB between the two results; the larger, the more alike
    alike: float
    #: largest relative change of the light in structure (above the mean) on any image
    shift: float
    #: largest change of a pixel, relative to the range of the image
    largest: float

    @property
    def small(self) -> bool:
        """Fit to be used unasked."""
        return self.shift <= LARGEST_SHIFT

    def __str__(self) -> str:
        return f"{-self.loss:+.3f} dB against the truth ({self.single:.2f} dB), light in structure changed by at most {self.shift:.2%}"


class _Specimens:
    """A `Source` of simulated planes."""

    def crop(self, rng: np.random.Generator, size: int) -> Array:
        return specimen(rng, size)


def samples(card: Card) -> list[Sample]:
    """The test images of a model, the same each time."""
    return [_sample(card, np.random.default_rng([_SEED, index])) for index in range(_IMAGES)]


def _sample(card: Card, rng: np.random.Generator) -> Sample:
    facts: dict[str, float] = {}
    if card.task == "axial_stack":
        observed, truth, facts["anisotropy"] = axial_pair(rng, volume(rng, 96), 96, card.observed_channels)
    elif card.task == "axial_plane":
        pair = section_pair(rng, volume(rng, 96), 96)
        observed, truth = pair.observed[None], pair.truth
    else:
        make = {"denoise": denoising_pair, "background": background_pair, "super_resolve": super_resolution_pair}[card.task]
        pair = make(rng, _Specimens(), SIDE)
        while not np.ptp(pair.truth):  # an empty field says nothing
            pair = make(rng, _Specimens(), SIDE)
        observed, truth = pair.observed[None], pair.truth
        facts |= told_of_psf(pair.width or None)
    normal = card.normalisation
    low, high = np.percentile(observed, (normal.low_percentile, normal.high_percentile))
    span = max(float(high - low), 1e-6)
    seen = ((observed - low) / span).astype(np.float32)[None]
    inputs = {"observed": seen}
    if card.levels:  # the finest, after a coarser one that found the truth
        result = truth if takes_background(card) else truth - low
        inputs["context"] = gaussian_filter(result / span, 1).astype(np.float32)[None, None]
        facts |= {"level": 0.0, "coarser": 1.0}
    elif card.context:
        middle = seen.shape[1] // 2
        inputs["context"] = gaussian_filter(seen[:, middle : middle + 1], (0, 0, 1, 1))
    if card.told:
        inputs["told"] = np.array([[facts.get(name, 0.0) for name in card.told]], np.float32)
    return Sample(inputs, truth, float(low), span)


def difference(single: Run, other: Run, images: list[Sample]) -> Difference:
    """`other` beside `single` on `images`."""
    before, after, alike, shift, largest = [], [], [], [], []
    for sample in images:
        a, b = (run(sample.inputs)[0, 0].astype(np.float64) for run in (single, other))
        structure = a > a.mean()
        level = a[~structure].mean()
        before.append(_affine_psnr(a, sample.truth))
        after.append(_affine_psnr(b, sample.truth))
        span = max(float(np.ptp(a)), 1e-9)
        alike.append(10 * np.log10(span**2 / max(float(np.mean((a - b) ** 2)), 1e-14 * span**2)))
        shift.append(abs(float((b - a)[structure].sum() / max((a - level)[structure].sum(), 1e-9))))
        largest.append(float(np.abs(a - b).max()) / span)
    loss = float(np.mean(before) - np.mean(after))
    return Difference(float(np.mean(before)), loss, float(np.min(alike)), max(shift), max(largest))


def _affine_psnr(image: npt.NDArray[np.float64], truth: Array) -> float:
    """PSNR in dB after the gain and offset that bring the image closest to the truth."""
    t = truth.astype(np.float64)
    centred = image - image.mean()
    gain = np.mean(centred * (t - t.mean())) / max(float(centred.var()), 1e-12)
    return float(10 * np.log10(np.ptp(t) ** 2 / max(float(np.mean((gain * centred + t.mean() - t) ** 2)), 1e-12)))


def runtime(content: bytes, *, as_written: bool = False) -> Run:
    """ONNX Runtime's own CPU code on a model. `as_written`: every operator as the file has it, without optimisation."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if as_written:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = {entry.name for entry in session.get_inputs()}

    def run(inputs: dict[str, Array]) -> Array:
        result: Array = session.run(["restored"], {name: inputs[name] for name in names})[0]
        return result

    return run

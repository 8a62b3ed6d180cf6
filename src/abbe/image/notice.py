"""What a user should know about an image before believing it: warnings that travel with it into the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: what each code of a warning is about; the message gives the particulars
CODES = {
    "lossy": "the file was compressed with loss",
    "eight_bit": "only 256 grey levels",
    "saturated": "pixels at the top of the value range",
    "axes_guessed": "the file does not say what its axes are",
    "dropped": "something in the file was left out",
    "converted": "the pixel type was changed",
    "non_finite": "pixels that are not numbers",
    "unmeasured": "parts of the image that no camera measured, such as a label, a rim or a dead row",
    "offset": "values so far from 0 that float32 loses fine differences",
    "z-step": "planes further apart than the axial model was made for",
    "spikes": "hot pixels and cosmic rays that were left out",
    "clipped": "values did not fit the file's pixel type",
    "doubtful": "the result is not supported by the data",
    "pixel_size": "the pixel size is missing, was guessed, or does not fit the z-step",
    "damaged": "the file is damaged in part",
    "inverted": "the file asks to be shown inverted",
    "rgb": "colours of an RGB picture, read as channels",
    "merged": "channels came from several files",
    "coarse": "rounding or clipping left little of what was computed",
    "channels": "two images name their channels alike, in another order",
    "too_sure": "a P value that supposes more independent pixels than there are",
    "chance": "a correlation that unrelated channels reach as well",
    "bleed_through": "one channel's light may appear in another",
    "roi": "a ROI may not lie where it was drawn",
    "few_pixels": "too few pixels to measure",
    "outliers": "a few pixels decide a measurement",
    "threshold": "an automatic threshold was not found, or means little",
    "changed": "processing changed a measurement",
    "negative": "values below 0, where light cannot be",
    "engine": "another inference engine than the one asked for was used",
    "enlarged": "channels that were only brought to a finer grid",
    "blur": "a stack whose blur along z could not be told",
    "realism": "models without an adversarial partner cannot be made more realistic",
    "uncalibrated": "interval and trust were not calibrated for these settings",
    "frames": "frames of a time series that share their light",
    "planes": "planes of a stack that share their light",
    "shifted": "one channel lies off another",
    "aligned": "channels that were moved onto one another",
    "mosaic": "a colour camera, which interpolates most of its pixels",
    "told": "what somebody said of the image in place of its file",
    "optics": "the optics do not fit what the models were trained for",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One warning. `code` is one of `CODES`, for scripts; `message` is for people."""

    code: str
    message: str

    def __str__(self) -> str:
        return self.message

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message}


def join(*groups: tuple[Notice, ...]) -> tuple[Notice, ...]:
    """All notices once, in order of appearance."""
    return tuple(dict.fromkeys(notice for group in groups for notice in group))

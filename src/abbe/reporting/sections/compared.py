"""What the methods say of comparisons: every measure of the report's tables that has a number, with its literature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abbe.reporting.case import Case, Measured

SQUIRREL = "Culley S et al. Quantitative mapping and minimization of super-resolution optical imaging artifacts. Nat Methods 15:263 (2018)"
DECORRELATION = "Descloux A, Grußmayer KS, Radenovic A. Parameter-free image resolution estimation. Nat Methods 16:918 (2019)"
SSIM = "Wang Z et al. Image quality assessment: from error visibility to structural similarity. IEEE Trans Image Process 13:600 (2004)"
MICROSSIM = "Ashesh A, Deschamps J, Jug F. MicroSSIM: improved structural similarity for comparing microscopy data. arXiv:2408.08747 (2024)"
TWO_FRAMES = (
    "Banterle N et al. Fourier ring correlation as a resolution criterion for super-resolution microscopy. J Struct Biol 183:363 (2013)"
)
ONE_IMAGE = "Koho S et al. Fourier ring correlation simplifies image restoration in fluorescence microscopy. Nat Commun 10:3103 (2019)"
CURVES = "van Heel M, Schatz M. Fourier shell correlation threshold criteria. J Struct Biol 151:250 (2005)"
#: ring correlations: key of the results -> what they are of, and whose they are
RINGS = {
    "frc_one_image": ("one image by splitting", ONE_IMAGE),
    "frc_two_frames": ("two frames", TWO_FRAMES),
    "frc_with_truth": ("image and truth", TWO_FRAMES),
}


def sentences(case: Case, references: list[str]) -> Iterator[str]:
    """How results were compared with their originals; `references`: what numbers stand for."""
    if not case.comparisons:
        return

    def of(*sources: str) -> str:
        return f"[{', '.join(str(references.index(source) + 1) for source in sources)}]"

    if resolved(case):
        yield f"Results were compared with the original by RSP, RSE and decorrelation analysis {of(SQUIRREL, DECORRELATION)}."
    else:
        yield f"Results were compared with the original by RSP and RSE {of(SQUIRREL)}."
    against = dict.fromkeys(_reference(measured, channel) for measured in case.comparisons for channel in measured.data["channels"])
    whom = " or ".join(against)
    yield f"PSNR, SSIM {of(SSIM)}, MicroSSIM {of(MICROSSIM)} and NRMSE are against {whom}."
    if found := _rings(case):
        kinds = "; ".join(f"of {RINGS[key][0]} {of(RINGS[key][1])}, threshold {' or '.join(found[key])}" for key in found)
        curves = f"; the thresholds half-bit and 3-sigma are curves {of(CURVES)}" if _curves(found) else ""
        yield f"Fourier ring correlation was {kinds}{curves}."


def _reference(measured: Measured, channel: Mapping[str, Any]) -> str:
    """What an image was compared with; the original is enlarged where the image has finer pixels, and only there."""
    if channel["reference"] == "truth":
        return "the truth"
    return "the plainly enlarged original" if enlarged(measured.data) else "the original"


def enlarged(data: Mapping[str, Any]) -> bool:
    """Has the compared image more pixels along y or x than its original? Yes, where the numbers of an earlier abbe do not tell."""
    scale = (data.get("grid") or {}).get("scale") or (1, 2, 2)
    return any(factor != 1 for factor in scale[1:])


def literature(case: Case) -> list[str]:
    """The literature of `sentences`, in their order."""
    if not case.comparisons:
        return []
    found = _rings(case)
    rings = dict.fromkeys(RINGS[key][1] for key in found)
    return [SQUIRREL, *([DECORRELATION] if resolved(case) else []), SSIM, MICROSSIM, *rings, *([CURVES] if _curves(found) else [])]


def resolved(case: Case) -> bool:
    """Did decorrelation analysis give a number? A report that measures unasked leaves it out; some pixels and images have none."""
    entries = [entry for measured in case.comparisons for entry in measured.data.get("resolution") or ()]
    return any(isinstance(value, (int, float)) for entry in entries for value in entry["decorrelation"].values())


def thresholds(key: str, told: str) -> str:
    """The threshold of a ring correlation; with the truth it is always one half."""
    return "1/2" if key == "frc_with_truth" else told


def _rings(case: Case) -> dict[str, list[str]]:
    """The ring correlations that gave a number, and their thresholds."""
    found: dict[str, list[str]] = {}
    for key in RINGS:
        entries = [entry for measured in case.comparisons for entry in measured.data.get("resolution") or ()]
        told = dict.fromkeys(
            thresholds(key, str(entry.get("threshold", "1/7")))
            for entry in entries
            if any(isinstance(value, (int, float)) for value in entry[key].values())
        )
        if told:
            found[key] = list(told)
    return found


def _curves(found: dict[str, list[str]]) -> bool:
    return any(word in ("half-bit", "3-sigma") for words in found.values() for word in words)

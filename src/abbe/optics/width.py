"""How wide a lens's point-spread function is: what super-resolution is told, where somebody knows.

Where a soft specimen under a sharp lens looks like a sharp one under a soft lens, an image does not say how much of its blur is the lens's.
Who measured a bead, or knows the lens and the colour of the light, does.
"""

from __future__ import annotations

import math

#: names of what a network is told of the PSF, in order
PSF_TOLD = ("psf_known", "psf_width", "psf_width_squared")
#: widths (standard deviation, pixels) that networks are told at least and at most: a 10x/0.45 lens before 6.5 um pixels has 0.37, a zoomed
#: confocal microscope at 20 nm has 4
NARROWEST, WIDEST = 0.4, 4.0
#: the width of which a network is told 0: a 60x/1.4 lens before 6.5 um pixels has 0.7, a 100x/1.4 one 1.2
USUAL = 0.85


def told_of_psf(sigma: float | None) -> dict[str, float]:
    """What a network is told of a PSF whose standard deviation is `sigma` pixels; zeros where nobody knows (None).

    The octaves from `USUAL`, and their square, so that what it makes of them can bend.
    """
    if sigma is None:
        return dict.fromkeys(PSF_TOLD, 0.0)
    octaves = math.log2(min(max(sigma, NARROWEST), WIDEST) / USUAL)
    return dict(zip(PSF_TOLD, (1.0, octaves, octaves**2)))

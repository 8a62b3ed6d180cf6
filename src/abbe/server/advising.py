"""Before a run: which workflow suits the image, why, and what the result will take."""

from __future__ import annotations

from typing import Any

from abbe.session import Session

#: pixels per second of the whole chain on two cores: 1024 x 1024 in 5 s; the page calls it an estimate, and the job's own pace replaces it
PACE = 1024 * 1024 / 5


def advice(session: Session, version: str | None = None) -> dict[str, Any]:
    """For the panels of Workflow A and B."""
    from abbe.restoration.advice import advise

    image = session.image(version)
    found = advise(image, workflow="A")  # which of the two fits is said all the same; the size is that of enhancing
    return {
        "workflow": found.workflow,
        "reason": found.reason,
        "remarks": list(found.remarks),
        "foreign": list(found.foreign),
        "shape": list(found.output_shape),
        "bytes": found.output_bytes,
        "fits": found.fits,
        "seconds": image.size / PACE,
        "noise": [noise.sigma for noise in found.noise],
        # um by the file's optics
        "psf": [width and round(width * (image.pixel_size[2] or 0), 3) for width in found.psf],
    }

"""What each model is for, and where it is known to fail: written into its card and its page by make.py.

A failure has a name, a sentence for the card, and a specimen of `pictures.py` that shows it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """The words on a model's page that no measurement gives."""

    description: str
    #: sentence -> name of the picture that shows it, or None
    failures: dict[str, str | None]
    #: (set, whose network, measure, figure) of networks by others on the same images
    peers: tuple[tuple[str, str, str, float], ...] = ()


_AFFINE = "PSNR after fitting gain and offset (dB)"
#: a blind denoiser trained on the Fluorescence Microscopy Denoising set, on the same images; the last is a set that it was trained on
_FMD_NET = (("w2s/val", _AFFINE, 31.7), ("hagen", _AFFINE, 28.6), ("bacteria16", _AFFINE, 34.3), ("fmd", "PSNR (dB)", 35.5))

KNOWN = {
    "denoise": Known(
        "What the file would have been without noise, in the file's own units. Blind: it is told neither camera nor noise level. The first "
        "step of Workflow A, and the start from which the other models were trained.",
        {
            "At one or two photons per pixel thin filaments break up or vanish; what is left looks clean, and is not complete.": "faint",
            "Noise with a pattern that no simulated camera had (a grid, periodic stripes) is taken for structure and kept.": "stripes",
            "Dense structure as fine as the pixels in a bright image (a lens much sharper than the pixels, 1,000 photons and more) comes "
            "out softer than it went in: there is hardly any noise to take, leave the step out.": None,
            "Blobs all alike, without anything dark between them, three to eight pixels apart under a sharp lens, are partly taken for "
            "smooth noise, the more the brighter they are (at 300 photons 2 to 11 dB lost, at 3,000 10 and more, there up to twelve pixels "
            "apart): `verdict` calls such results doubtful; leave the step out.": None,
        },
        tuple((name, "trained on FMD (the first three sets unseen)", what, value) for name, what, value in _FMD_NET),
    ),
    "background": Known(
        "Structure alone: haze, autofluorescence, uneven illumination and noise removed, the background at 0. For Workflow B.",
        {
            "An even, extended signal (a diffuse protein) is neither kept nor removed: it loses light and comes out mottled.": "diffuse",
            "On images that are super-resolved already, the finest detail comes out softer than it went in.": None,
        },
    ),
    "axial_plane": Known(
        "Light from above and below taken away from a single plane; what is in focus as a confocal section shows it. No replacement for a "
        "stack.",
        {
            "In thick, crowded specimens out-of-focus structure that is nearly as sharp as what is in focus stays.": "crowded",
            "Large, evenly bright objects lose light in their middle, where nothing tells them from haze.": None,
        },
    ),
    "axial_stack": Known(
        "Isotropic voxels from a stack whose z-step is known: each slice across the planes is restored, along both orientations.",
        {
            "Between planes more than about three widths of the point-spread function apart there is nothing to restore from; what lies "
            "there is interpolated.": None,
            "Where one place is 300 times brighter than another, deblurring with the true point-spread function (which nobody has) is up "
            "to 3 dB nearer to the bright part; what is dim gains less than elsewhere.": None,
        },
    ),
    "super_resolve": Known(
        "Three times as many pixels along y and x, with the detail that the image supports and that specimens of its kind have.",
        {
            "Parallel lines closer than about the width of the point-spread function come out as one line, which wavers.": "merged",
            "Crowds of blobs closer than two or three widths of the point-spread function (speckles, packed vesicles, chromatin) come out "
            "joined by thin, faint bridges that are not there; a coarser picture of them, denoised alone, is the safer one.": None,
            "At low light thin structure is drawn smoother and more continuous than it is; look at `trust` before counting breaks.": None,
        },
    ),
}

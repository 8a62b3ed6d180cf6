"""Super-resolution is told how wide the lens's point-spread function is, where somebody knows: a person, or the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.cli import frame
from abbe.errors import ParameterError
from abbe.image.metadata import Optics, Provenance
from abbe.optics.width import NARROWEST, WIDEST, told_of_psf
from abbe.restoration.psf import choose_psf, from_optics
from abbe.restoration.request import choose_models
from abbe.session.repeating import repeat
from abbe.simulation import specimen
from abbe.simulation.pairs import bin3

FWHM = 2.3548
PLAN_APO = Optics(numerical_aperture=1.4, modality="widefield", emission=(520.0,), excitation=(488.0,))


def image(optics: Optics = PLAN_APO, size: float | None = 0.1, pixels: Any = None) -> abbe.Image:
    counts = np.random.default_rng(3).poisson(100, (1, 1, 1, 48, 48)).astype(np.uint16) if pixels is None else pixels
    return abbe.Image.from_array(counts, axes="TCZYX", pixel_size=(None, size, size), optics=optics)


def specimens(width: float, photons: float = 300) -> tuple[np.ndarray, np.ndarray]:
    """(truth, 3 times finer; what a camera sees of it through a Gaussian PSF of `width` pixels): filaments and vesicles."""
    rng = np.random.default_rng(8)
    truth = np.concatenate([specimen(np.random.default_rng(seed), 288) for seed in (2, 5)], axis=1).astype(np.float64)
    seen = bin3(gaussian_filter(truth, 3 * width))
    return truth, (rng.poisson(np.maximum(seen, 0) * photons) * 2 + rng.normal(100, 3, seen.shape)).clip(0, 65535).astype(np.uint16)


def widths_of(result: abbe.Image) -> dict[str, Any]:
    assert result.recipe is not None
    found: dict[str, Any] = result.recipe.to_dict()["steps"][-1]["parameters"]["psf"]
    return found


# ------------------------------------------------------------------------------------------------ by the file
def test_width_by_the_optics_of_a_camera_and_of_a_scanned_beam() -> None:
    assert from_optics(image(), 0) == pytest.approx(1.1 * FWHM * 0.21 * 0.520 / 1.4 / 0.1, abs=1e-3)
    confocal = Optics(numerical_aperture=1.4, modality="confocal", emission=(520.0,), excitation=(488.0,))
    assert from_optics(image(confocal), 0) == pytest.approx(1.1 * FWHM * 0.21 * 0.488 / 1.4 / 0.1, abs=1e-3)


@pytest.mark.parametrize(
    ("optics", "size"),
    [
        (PLAN_APO, None),
        (PLAN_APO, 0.02),  # finer than any conventional image needs
        (Optics(numerical_aperture=1.4), 0.1),
        (Optics(emission=(520.0,)), 0.1),
        (Optics(numerical_aperture=1.4, emission=(520.0,), modality="structured illumination"), 0.1),
        (Optics(numerical_aperture=1.4, emission=(520.0,), modality="multiphoton"), 0.1),
    ],
)
def test_where_the_file_does_not_say_nothing_is_told(optics: Optics, size: float | None) -> None:
    assert from_optics(image(optics, size), 0) is None
    result = abbe.enhance(image(optics, size), steps="super_resolve")
    assert widths_of(result) == {"fwhm_pixels": [None], "from": "unknown"}


def test_pixels_as_coarse_as_before_weak_objectives_tell_a_width_where_nothing_else_does() -> None:
    """Untold, the network takes for fine what is close: nuclei get bright rims."""
    coarse = image(Optics(), 0.65)
    made = abbe.enhance(coarse, steps="super_resolve")
    assert widths_of(made) == {"fwhm_pixels": [1.3], "from": "pixel size"}
    assert ["Say the width (psf)" in n.message for n in made.notices if n.code == "optics"] == [True]
    assert np.array_equal(np.asarray(made), np.asarray(abbe.enhance(coarse, steps="super_resolve", psf="1.3px")))
    assert widths_of(abbe.enhance(coarse, steps="super_resolve", psf="unknown"))["from"] == "unknown"
    for other in (image(Optics(), 0.1), image(Optics(), 352.8), image(PLAN_APO, 0.4), image(Optics(modality="multiphoton"), 0.65)):
        assert choose_psf(other, [0], choose_models(("super_resolve",), None, ""), None)[0].source != "pixel size"
    blurred = 1e5 * gaussian_filter(specimens(1.0)[0], 9) + np.random.default_rng(1).normal(100, 0.1, (288, 576))
    soft = image(Optics(), 0.65, blurred[None, None, None].astype(np.float32))
    assert choose_psf(soft, [0], choose_models(("super_resolve",), None, ""), None)[0].source == "unknown"


def test_what_abbe_super_resolved_has_not_the_lens_s_width_any_more() -> None:
    finer = abbe.enhance(image(), steps="super_resolve")
    assert widths_of(finer)["from"] == "file"
    assert from_optics(finer, 0) is None
    named = image().replace(provenance=Provenance(history=("merged from super_resolve (old).tif",)))
    assert from_optics(named, 0) is not None  # a name says nothing


def test_optics_that_cannot_be_are_not_believed() -> None:
    """Points one pixel wide did not come through a lens that blurs over five."""
    _, sharp = specimens(0.5, photons=20_000)
    wrong = Optics(numerical_aperture=0.4, emission=(520.0,))
    result = abbe.enhance(image(wrong, 0.13, sharp[None, None, None]), steps="super_resolve")
    assert widths_of(result) == {"fwhm_pixels": [None], "from": "unknown"}
    assert [notice.code for notice in result.notices if "finer detail than the lens" in notice.message] == ["optics"]


# ------------------------------------------------------------------------------------------------ by a person
def test_a_width_that_the_image_contradicts_is_taken_as_the_widest_that_it_allows() -> None:
    """Undoing more blur than there was would draw dark rims around everything."""
    _, sharp = specimens(0.5, photons=20_000)
    result = abbe.enhance(sharp, steps="super_resolve", psf="6px")
    (taken,) = widths_of(result)["fwhm_pixels"]
    assert 1 < taken < 4
    assert [notice.code for notice in result.notices if "the widest that it allows" in notice.message] == ["optics"]
    again = abbe.enhance(sharp, steps="super_resolve", psf=f"{taken}px")
    assert np.array_equal(np.asarray(result), np.asarray(again))
    assert not [notice for notice in again.notices if notice.code == "optics"]


@pytest.mark.parametrize(
    ("psf", "pixels"),
    [
        (0.25, 2.5),
        ("0.25", 2.5),
        ("2.5px", 2.5),
        (" 2.5 px", 2.5),
        ([0.25], 2.5),
        (["2.5px"], 2.5),
        ("unknown", None),
        ([None], None),
        ("-", None),
    ],
)
def test_um_and_pixels(psf: Any, pixels: float | None) -> None:
    widths, notices = choose_psf(image(), (0,), choose_models(("super_resolve",), None, ""), psf)
    assert widths.pixels == (pixels,)
    assert widths.source == ("given" if pixels else "unknown")
    assert not notices


def test_one_per_channel() -> None:
    two = abbe.Image.from_array(np.zeros((1, 2, 1, 32, 32), np.uint8), axes="TCZYX", pixel_size=(None, 0.1, 0.1), channels=("DAPI", "GFP"))
    models = choose_models(("super_resolve",), None, "")
    assert choose_psf(two, (0, 1), models, "0.2,2.6px")[0].pixels == (2.0, 2.6)
    assert choose_psf(two, (0, 1), models, [0.2, None])[0].pixels == (2.0, None)
    assert choose_psf(two, (0, 1), models, 0.2)[0].pixels == (2.0, 2.0)
    assert choose_psf(two, (1,), models, [0.2])[0].pixels == (2.0,)
    with pytest.raises(ParameterError, match=r"one per channel that is enhanced \(DAPI, GFP\), got 3"):
        choose_psf(two, (0, 1), models, [1, 2, 3])


def test_what_is_said_of_each_channel_is_of_the_channel_as_it_was_named() -> None:
    """Channels are done in the image's order, in whichever they are named."""
    two = abbe.Image.from_array(
        np.random.default_rng(3).poisson(100, (1, 2, 1, 32, 32)).astype(np.uint16),
        axes="TCZYX",
        pixel_size=(None, 0.1, 0.1),
        channels=("DAPI", "GFP"),
    )
    for psf in ([0.2, "3px"], "0.2,3px"):
        result = abbe.enhance(two, steps="super_resolve", channels=["GFP", "DAPI"], psf=psf, passes=1)
        assert result.recipe is not None
        assert result.recipe.steps[-1].parameters["psf"]["fwhm_pixels"] == [3.0, 2.0]
    with pytest.raises(ParameterError, match=r"one per channel that is enhanced \(DAPI, GFP\), got 3"):
        abbe.enhance(two, steps="super_resolve", channels=["GFP", "DAPI"], psf=[1, 2, 3])


@pytest.mark.parametrize("psf", [0, -1, "0px", "0.0004px", "nan", "inf", "wide", "", True, "2.6 um"])
def test_what_is_no_width_is_refused(psf: Any) -> None:
    with pytest.raises(ParameterError, match="wanted the FWHM of a PSF in um"):
        abbe.enhance(image(), steps="super_resolve", psf=psf)


@pytest.mark.parametrize(
    ("psf", "told"),
    [
        (240, "at most 50 um, got 240 um; if that is nm, say 0.24"),
        ("1e30", "at most 50 um, got 1e30 um"),
        ("300px", "at most 200px, got 300px"),
    ],
)
def test_a_width_that_no_lens_has_is_refused(psf: Any, told: str) -> None:
    """Most often nm where um are wanted."""
    with pytest.raises(ParameterError) as refused:
        abbe.enhance(image(), steps="super_resolve", psf=psf)
    assert str(refused.value).endswith(f"PSF of {told}")


def test_um_without_a_pixel_size_and_a_width_without_super_resolution_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"wanted square pixels of known size for a psf of 0.25 um, got unknown x unknown"):
        abbe.enhance(image(size=None), steps="super_resolve", psf=0.25)
    with pytest.raises(ParameterError, match="wanted a psf for the step super_resolve"):
        abbe.enhance(image(), steps="denoise", psf=0.25)
    abbe.enhance(image(), steps="denoise", psf="unknown")


def test_a_width_beyond_what_was_learnt_is_told_as_the_nearest_and_said() -> None:
    result = abbe.enhance(image(), steps="super_resolve", psf="30px")
    assert any("beyond what super-resolution learnt" in notice.message for notice in result.notices)
    edge = abbe.enhance(image(), steps="super_resolve", psf=f"{FWHM * WIDEST:.3f}px")
    assert np.allclose(np.asarray(result), np.asarray(edge), atol=0.05)
    assert told_of_psf(0.01) == told_of_psf(NARROWEST)


# ------------------------------------------------------------------------------------------------ what it does
def test_nothing_known_is_the_image_alone() -> None:
    bare = abbe.Image.from_array(np.asarray(image())[0, 0, 0])
    results = [np.asarray(abbe.enhance(one, psf=psf)) for one, psf in ((bare, None), (bare, "unknown"), (image(), "unknown"))]
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_a_repeated_run_is_told_the_same() -> None:
    for source, psf in ((image(Optics(), 0.65), None), (image(), None), (image(), 0.31), (image(), "unknown"), (image(size=None), "2.9px")):
        made = abbe.enhance(source, psf=psf)
        assert made.recipe is not None
        again = repeat(made.recipe, source)
        assert widths_of(again)["fwhm_pixels"] == widths_of(made)["fwhm_pixels"]
        assert np.array_equal(np.asarray(again), np.asarray(made))


def test_from_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "cell.ome.tif", tmp_path / "finer.abbe"
    abbe.save(image(), file)
    assert frame.main(["enhance", str(file), "-o", str(out), "--steps", "super_resolve", "--psf", "0.3"]) == 0
    with abbe.Session.open(out, read_only=True) as session:
        assert widths_of(session.image()) == {"fwhm_pixels": [3.0], "from": "given"}
    assert "by its optics" not in capsys.readouterr().out  # it is not the file's that is used
    assert frame.main(["enhance", str(file), "-o", str(out), "--overwrite"]) == 0
    assert "point-spread function 2.0 pixels wide by its optics" in capsys.readouterr().out
    assert frame.main(["enhance", str(file), "-o", str(out), "--overwrite", "--psf", "wide"]) == 1
    assert "wanted the FWHM of a PSF" in capsys.readouterr().err

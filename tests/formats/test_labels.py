"""Label images as ROIs: what segmentation programs write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import tifffile
from scipy.ndimage import gaussian_filter, label

import abbe
from abbe.cli.frame import main
from abbe.errors import LimitError, NotAnImageError, ParameterError
from abbe.formats.untrusted import open_untrusted
from abbe.image import Mask


def blobs(shape: tuple[int, int], seed: int = 0) -> npt.NDArray[np.int64]:
    """Cells of odd shapes, some with holes, some at the edge, numbered from 1."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 4)
    numbers, _ = label(field > np.quantile(field, 0.6))
    return np.asarray(numbers, np.int64)


@pytest.fixture
def image() -> abbe.Image:
    rng = np.random.default_rng(3)
    return abbe.Image.from_array(rng.poisson(60, (2, 90, 120)).astype(np.uint16), axes="CYX", pixel_size=0.1)


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_every_label_holds_exactly_its_pixels(tmp_path: Path, image: abbe.Image, suffix: str) -> None:
    labels = blobs((90, 120))
    labels[labels == 3] = 0  # numbers need not follow each other
    labels[labels == 5] = 40_000
    path = tmp_path / f"cells.{suffix}"
    iio.imwrite(path, labels.astype(np.uint16))
    rois = abbe.open_rois(path, image)
    values = [v for v in np.unique(labels) if v]
    assert [roi.name for roi in rois] == [f"label {v}" for v in values]
    for roi, value in zip(rois, values):
        np.testing.assert_array_equal(roi.mask(image)[0], labels == value)
    assert [roi.to_dict() for roi in abbe.open_rois(path)] == [roi.to_dict() for roi in rois]  # without the image: of the original


def test_labels_of_a_result_lie_where_they_lie_on_its_original(tmp_path: Path, image: abbe.Image) -> None:
    fine = abbe.Image.from_array(np.zeros((2, 270, 360), np.float32), axes="CYX", pixel_size=0.1 / 3).replace(original=image)
    labels = blobs((270, 360), seed=1)
    tifffile.imwrite(tmp_path / "fine.tif", labels.astype(np.uint16))
    tifffile.imwrite(tmp_path / "coarse.tif", labels[1::3, 1::3].astype(np.uint16))
    for name in ("fine.tif", "coarse.tif"):
        for roi in abbe.open_rois(tmp_path / name, fine):
            value = int(roi.name.split()[1])
            wanted = labels == value if name == "fine.tif" else (labels[1::3, 1::3] == value).repeat(3, 0).repeat(3, 1)
            np.testing.assert_array_equal(roi.mask(fine)[0], wanted)


def test_a_mask_is_one_region_called_as_its_file(tmp_path: Path, image: abbe.Image) -> None:
    mask = blobs((90, 120)) > 0
    tifffile.imwrite(tmp_path / "nuclei.tif", mask.astype(np.uint8) * 255)
    (roi,) = abbe.open_rois(tmp_path / "nuclei.tif", image)
    assert roi.name == "nuclei"
    np.testing.assert_array_equal(roi.mask(image)[0], mask)


def test_a_label_of_several_planes_is_one_region_with_all_of_them(tmp_path: Path) -> None:
    labels = np.stack([blobs((60, 70), seed=k) * (k % 3 > 0) for k in range(6)])
    image = abbe.Image.from_array(np.zeros((6, 60, 70), np.uint16), pixel_size=(0.3, 0.1, 0.1))
    tifffile.imwrite(tmp_path / "cells.tif", labels.astype(np.uint16), metadata=None, photometric="minisblack")
    for roi in abbe.open_rois(tmp_path / "cells.tif", image):
        np.testing.assert_array_equal(roi.mask(image), labels == int(roi.name.split()[1]))


def test_labels_of_a_series_are_regions_of_their_frames(tmp_path: Path) -> None:
    labels = np.stack([blobs((60, 70), seed=k) for k in range(3)])
    image = abbe.Image.from_array(np.zeros((3, 60, 70), np.uint16), axes="TYX")
    tifffile.imwrite(
        tmp_path / "cells.tif", labels.astype(np.uint16), metadata=None, photometric="minisblack"
    )  # pages alone: abbe takes them for planes
    rois = abbe.open_rois(tmp_path / "cells.tif", image)
    assert len(rois) == sum(len(np.unique(frame)) - 1 for frame in labels)
    for roi in rois:
        assert roi.frames is not None
        t = roi.frames[0]
        assert roi.name == f"label {int(roi.name.split()[1].rstrip(','))}, frame {t + 1}"
        np.testing.assert_array_equal(roi.mask(image, t)[0], labels[t] == int(roi.name.split()[1].rstrip(",")))
        assert not roi.mask(image, (t + 1) % 3).any()


def test_what_is_no_label_image_of_this_image_is_refused(tmp_path: Path, image: abbe.Image) -> None:
    rng = np.random.default_rng(0)

    def refused(pixels: npt.NDArray[np.generic], kind: type[Exception], words: str) -> None:
        tifffile.imwrite(tmp_path / "a.tif", pixels)
        with pytest.raises(kind, match=words):
            abbe.open_rois(tmp_path / "a.tif", image)

    refused(rng.poisson(60, (90, 120)).astype(np.uint16), NotAnImageError, "hardly ever alike")  # the image itself
    refused(rng.random((90, 120)).astype(np.float32), NotAnImageError, "fractions")
    refused(blobs((90, 120)).astype(np.int16) - 1, NotAnImageError, "least value is -1")
    refused(np.zeros((90, 120, 3), np.uint8), NotAnImageError, "one channel")
    refused(blobs((45, 60)).astype(np.uint16), ParameterError, r"the image's 90 x 120 pixels.*a\.tif with 45 x 60")
    refused(np.repeat(np.arange(1, 45 * 1000 + 1).reshape(45, 1000), 2, axis=1).astype(np.uint32), (LimitError, ParameterError), "wanted")  # type: ignore[arg-type]
    tifffile.imwrite(tmp_path / "none.tif", np.zeros((90, 120), np.uint8))
    assert abbe.open_rois(tmp_path / "none.tif", image) == []


def test_masks_and_outlines_of_labels_are_the_same_places(image: abbe.Image, tmp_path: Path) -> None:
    labels = blobs((90, 120), seed=5)
    tifffile.imwrite(tmp_path / "cells.tif", labels.astype(np.uint16))
    for outlined, mask in zip(abbe.open_rois(tmp_path / "cells.tif", image), Mask.from_labels(labels, image), strict=True):
        np.testing.assert_array_equal(outlined.mask(image), mask.mask(image))


def test_the_shell_measures_in_every_cell(tmp_path: Path, image: abbe.Image, capsys: pytest.CaptureFixture[str]) -> None:
    labels = blobs((90, 120))
    abbe.save(image, tmp_path / "image.tif")
    tifffile.imwrite(tmp_path / "cells.tif", labels.astype(np.uint16))
    assert main(["colocalize", str(tmp_path / "image.tif"), "--roi", str(tmp_path / "cells.tif"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["results"]
    pixels = np.asarray(image)[0, :, 0]
    cells = [v for v in np.unique(labels) if v]
    assert len(found) == len(cells)
    for result, value in zip(found, cells):
        a, b = pixels[:, labels == value].astype(float)
        if len(a) > 2:
            assert result["pearson"] == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert main(["colocalize", str(tmp_path / "image.tif"), "--roi", str(tmp_path / "image.tif")]) == 1
    assert "one channel" in capsys.readouterr().err


@pytest.mark.parametrize(("rows", "columns"), [((0, 50), (0, 70)), ((10, 70), (20, 100))])
@pytest.mark.parametrize("of", ["original", "cropped"])
def test_labels_lie_on_a_cropped_version_whether_they_are_of_it_or_of_its_original(
    tmp_path: Path, image: abbe.Image, capsys: pytest.CaptureFixture[str], of: str, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    labels = blobs((90, 120)).astype(np.uint16)
    cut = labels[slice(*rows), slice(*columns)]
    wanted = {int(value): int((cut == value).sum()) for value in np.unique(cut) if value and (cut == value).sum() > 9}
    assert len(wanted) > 3
    for array in (labels, cut):
        array[~np.isin(array, list(wanted))] = 0
    tifffile.imwrite(tmp_path / "labels.tif", labels if of == "original" else cut)
    with abbe.Session.create(tmp_path / "cells.abbe", image) as session:
        session.crop(rows, columns)
    assert main(["colocalize", str(tmp_path / "cells.abbe"), "--roi", str(tmp_path / "labels.tif"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["results"]
    assert {one["region"]["name"]: one["n"] for one in found} == {f"label {value}": count for value, count in wanted.items()}


@pytest.mark.parametrize(("pages", "planes", "frames"), [(12, 4, 3), (4, 4, 1), (3, 1, 3), (1, 1, 1)])
def test_plain_pages_of_labels_are_what_the_image_has_so_many_of(tmp_path: Path, pages: int, planes: int, frames: int) -> None:
    pixels = np.random.default_rng(0).poisson(60, (3, 2, 4, 40, 50)).astype(np.uint16)
    image = abbe.Image.from_array(pixels, axes="TCZYX", pixel_size=(0.3, 0.1, 0.1))
    labels = np.zeros((pages, 40, 50), np.uint16)
    for page in range(pages):
        labels[page, 3 : 12 + page, 3:12] = 7
    tifffile.imwrite(tmp_path / "cells.tif", labels, photometric="minisblack", metadata=None)
    found = abbe.open_rois(tmp_path / "cells.tif", image)
    assert [roi.frames for roi in found] == ([None] if frames == 1 else [(t, t + 1) for t in range(frames)])
    for t, roi in enumerate(found):
        for z in range(4):
            np.testing.assert_array_equal(roi.mask(image, t)[z], labels[t * planes + (z if planes > 1 else 0)] == 7)


GLASBEY = np.random.default_rng(7).integers(0, 256, (256, 3)).astype(np.uint8)
GLASBEY[0] = 0


def fiji(path: Path, labels: npt.NDArray[np.uint8]) -> None:
    """As Fiji saves 8-bit labels that are shown in glasbey colours."""
    words = "ImageJ=1.53t\nmin=0.0\nmax=255.0\n"
    tifffile.imwrite(path, labels, photometric="palette", colormap=GLASBEY.T.astype(np.uint16) * 257, description=words, metadata=None)


def fiji_16(path: Path, labels: npt.NDArray[np.uint8]) -> None:
    tifffile.imwrite(path, labels.astype(np.uint16), imagej=True, metadata={"axes": "YX", "LUTs": [GLASBEY.T], "mode": "color"})


def palette_tiff(path: Path, labels: npt.NDArray[np.uint8]) -> None:
    tifffile.imwrite(path, labels, photometric="palette", colormap=GLASBEY.T.astype(np.uint16) * 257, metadata=None)


def palette_picture(path: Path, labels: npt.NDArray[np.uint8]) -> None:
    picture = PIL.Image.fromarray(labels).convert("P")
    picture.putdata(labels.ravel())  # type: ignore[no-untyped-call]
    picture.putpalette(GLASBEY.tobytes())
    picture.save(path)


@pytest.mark.parametrize(
    ("name", "write", "picture"),
    [
        ("glasbey.tif", fiji, False),
        ("glasbey-16.tif", fiji_16, False),
        ("plain.tif", palette_tiff, True),
        ("pillow.tif", palette_picture, True),
        ("pillow.png", palette_picture, True),
    ],
)
def test_of_labels_with_a_colour_table_the_numbers_count(
    tmp_path: Path, image: abbe.Image, name: str, write: Callable[[Path, npt.NDArray[np.uint8]], None], picture: bool
) -> None:
    """Opened as an image, a palette that is no lookup table is a colour picture, as it was."""
    labels = blobs((90, 120)).astype(np.uint8)
    write(tmp_path / name, labels)
    rois = abbe.open_rois(tmp_path / name, image)
    assert [roi.name for roi in rois] == [f"label {value}" for value in np.unique(labels) if value]
    for roi in rois:
        np.testing.assert_array_equal(roi.mask(image)[0], labels == int(roi.name.split()[1]))
    shown = np.asarray(abbe.open(tmp_path / name))[0, :, 0]
    # Pillow keeps a TIFF's colours as multiples of 256
    np.testing.assert_allclose(shown, GLASBEY[labels].transpose(2, 0, 1) if picture else labels[None], atol=1 if picture else 0)
    np.testing.assert_array_equal(np.asarray(open_untrusted(tmp_path / name, labels=True))[0, 0, 0], labels)

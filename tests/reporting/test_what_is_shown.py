"""Pictures show the specimen as it is, every channel of it, and the methods say what was done and no more."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter

import abbe
from abbe.colocalization import DEFINITIONS, colocalize
from abbe.comparison import compare
from abbe.errors import CancelledError, ParameterError
from abbe.image import ROI, Image
from abbe.image.pixels import ArrayPixels
from abbe.image.roi_mask import Mask
from abbe.reporting.building import build
from abbe.reporting.case import Case, Named
from abbe.reporting.figures.drawing import REGION
from abbe.reporting.figures.outlines import elsewhere
from abbe.reporting.figures.panels import Panels, detail, details, views
from abbe.reporting.figures.publication import publication
from abbe.reporting.gathering import case_of
from abbe.reporting.measuring import comparison
from abbe.reporting.model import Report
from abbe.reporting.renderers.text import as_text
from abbe.session import Session


def spots(channels: int, planes: int = 1) -> Image:
    rng = np.random.default_rng(5)
    light = gaussian_filter((rng.random((channels, planes, 128, 128)) < 0.01).astype(float), (0, 0, 2, 2))
    pixels = rng.poisson(20 + 3000 * light).astype(np.uint16)
    return Image.from_array(pixels, axes="CZYX", pixel_size=(0.3, 0.1, 0.1), channels=[f"stain {k}" for k in range(channels)])


def words(report: Report) -> str:
    return " ".join(text for section in report.sections for text in section.paragraphs)


def disc(pixel: tuple[float, float]) -> Image:
    """A disc of 8 um in a field of 24 x 24 um, on pixels of any shape; structure to magnify beside it."""
    height, width = (round(24 / size) for size in pixel)
    y, x = (np.arange(height) + 0.5)[:, None] * pixel[0] - 12, (np.arange(width) + 0.5) * pixel[1] - 12
    return Image.from_array(np.where(np.hypot(y, x) < 4, 1000, 10).astype(np.uint16), axes="YX", pixel_size=(None, *pixel))


@pytest.mark.parametrize("pixel", [(0.1, 0.1), (0.2, 0.1), (0.1, 0.15)])
def test_a_round_cell_is_drawn_round_whatever_the_shape_of_the_pixels(pixel: tuple[float, float]) -> None:
    """One scale bar stands for both directions."""
    panel = Panels(Named("", "original", disc(pixel)))
    whole = np.asarray(panel.grey(0))[..., 0] > 128
    down, across = (int(whole.any(axis=axis).sum()) for axis in (1, 0))
    assert down == pytest.approx(across, rel=0.03)
    assert across / panel.size[0] == pytest.approx(8 / 24, rel=0.03)
    assert panel.bar.pixels / panel.bar.length == pytest.approx(across / 8, rel=0.03)
    assert panel.size[1] == pytest.approx(panel.size[0], rel=0.01)
    where = detail(panel)
    assert where is not None
    drawn = Pillow.open(io.BytesIO(details([panel], 0, where)()))
    assert (drawn.size[1] - 35) / drawn.size[0] == pytest.approx(pixel[0] / pixel[1], rel=0.05)
    assert Pillow.open(io.BytesIO(views([panel], 0, (where.y, where.x, where.side))())).size[0] == panel.size[0]
    sheet = publication([panel.named], colored=False)
    assert sheet.size[0] == pytest.approx(1004, abs=1)


def test_what_is_magnified_is_structure_and_not_the_noise_of_the_brightest_part() -> None:
    """Of a smooth bright cell beside fibres, the cell's noise was."""
    y, x = np.mgrid[:256, :256]
    cell = 800 * np.exp(-(((y - 70) / 40.0) ** 2 + ((x - 70) / 40.0) ** 2))
    fibres = 150 * (x >= 150) * (y >= 150) * (np.sin((x + y) / 4) > 0.5)
    pixels = np.random.default_rng(0).poisson(20 + cell + fibres).astype(np.uint16)
    where = detail(Panels(Named("", "original", Image.from_array(pixels))))
    assert where is not None
    rows, columns = where.box(Image.from_array(pixels))
    assert min(rows.start, columns.start) >= 140


@pytest.mark.parametrize(("channels", "figures"), [(1, 1), (4, 1), (5, 2), (9, 2)])
def test_every_channel_with_pictures_has_a_histogram(channels: int, figures: int) -> None:
    report = build(case_of(spots(channels)))
    drawn = [figure for figure in report.figures() if figure.key.startswith("histograms")]
    assert len(drawn) == figures
    assert len({figure.size for figure in drawn}) == 1  # one scale
    assert len({figure.png for figure in drawn}) == figures
    assert ("Pictures are of the first 6 of 9 channels." in words(report)) == (channels == 9)


def test_methods_of_an_image_that_was_only_looked_at_tell_of_no_processing() -> None:
    text = words(build(case_of(spots(5))))
    assert "Images were displayed with abbe" in text
    assert "No restoration was applied." in text
    assert "protocol" not in text.lower()
    measured = words(build(case_of(colocalize(spots(2), ranked=False))))
    assert "Images were measured with abbe" in measured
    assert "[2] " in measured
    assert "The coefficients are those of [2, 3" in measured


def test_further_analyses_and_their_settings_are_reported() -> None:
    found = colocalize(
        spots(2, planes=6),
        roi=ROI.rectangle(0, 0, 10, 12),
        threshold=(120, 120),
        background=(20, 20),
        planes=(1, 3),
        extras=("randomisation", "objects", "shift"),
        randomisations=30,
        block=6,
        seed=4,
        ranked=False,
    )
    report = build(case_of(found))
    drawn, objects, shift = found.randomisation, found.objects, found.shift
    assert drawn is not None
    assert objects is not None
    assert shift is not None
    table = next(table for table in report.tables() if table.key == "further-1")
    numbers = {row[0].text: row[1].number for row in table.rows}
    assert numbers["randomisation: P"] == pytest.approx(drawn.p)
    assert numbers["side of a block (pixels)"] == 6
    assert numbers["objects of channel 2, stain 1"] == objects.count[1]
    assert numbers["median distance to the other's nearest centre (µm), channel 1"] == pytest.approx(objects.medians[0], rel=1e-5)
    assert numbers["cross-correlation: r at the peak"] == (None if shift.height is None else pytest.approx(shift.height, rel=1e-5))
    text = words(report)
    assert "planes 2 to 3 of 6" in text
    assert "background: given, 20 and 20 subtracted" in text
    assert f"Costes' P is from 30 images in which {drawn.blocks} blocks of 6 × 6 pixels" in text
    assert "30 random shifts of the second channel (seed 4)" in text
    rows = next(table for table in report.tables() if table.key == "coefficients-1").rows
    assert rows[0][-2].text == f"±{found.by_chance:.2g}"


def test_measurements_of_one_pair_and_region_are_told_apart_by_their_thresholds() -> None:
    image = spots(2)
    report = build(case_of([colocalize(image, threshold=t, ranked=False) for t in ((120, 80.5), "otsu", (60, 60), (60, 60))]))
    tables = [table for table in report.tables() if table.key.startswith("pixels-")]
    headings = [table.title for table in tables]
    assert "thresholds 120 and 80.5 (given)" in headings[0]
    assert "(otsu)" in headings[1]
    assert "thresholds 60 and 60 (given), measurement 1" in headings[2]
    assert len({*headings, *(figure.title for figure in report.figures())}) == len(headings) + len(report.figures())
    assert "Thresholds: given." in tables[0].notes
    assert "thresholds: given, 120 and 80.5; background" in words(report)
    alone = build(case_of(colocalize(image, threshold=(120, 80), ranked=False)))
    assert "120" not in next(table.title for table in alone.tables() if table.key == "pixels-1")


@pytest.mark.parametrize(
    ("colors", "state"),
    [
        (("#FF00FF", "#00FF00"), "fulfilled"),
        (("#FF0000", "#00FF00"), "for the author"),
        (("#ff2600", "#20e020"), "for the author"),
        (("#00FF00", "#0000FF"), "fulfilled"),
        ((None, None), "fulfilled"),
        (("#FF0000", "#FFFFFF"), "fulfilled"),
        ((None,) * 4, "for the author"),
        ((None,), "not applicable"),
    ],
)
def test_colours_that_some_readers_cannot_tell_apart_are_left_to_the_author(colors: tuple[str | None, ...], state: str) -> None:
    report = build(case_of(spots(len(colors)).replace(colors=colors)))
    rows = next(table for table in report.tables() if table.key == "checklist").rows
    assert next(row[2].text for row in rows if row[0].text.startswith("colours that colour-blind")) == state


@pytest.mark.filterwarnings("error")
def test_names_in_other_scripts_draw_charts_without_complaint() -> None:
    image = spots(2)
    report = build(case_of(image.replace(channels=("溶酶体 LAMP1", "β-тубулин"))))
    assert all(figure.png for figure in report.figures())


def test_methods_name_no_analysis_that_was_not_made() -> None:
    """A report that measures unasked leaves the resolution out; one of a comparison has it."""
    image = spots(1)
    smooth = gaussian_filter(np.asarray(image).astype(np.float32), (0, 0, 0, 1, 1))[0, 0, 0]
    made = Image.from_array(smooth, pixel_size=(None, 0.1, 0.1), channels=image.channels).replace(original=image)
    unasked, asked = words(build(case_of(made))), words(build(case_of(compare(image, made))))
    assert "by RSP and RSE [" in unasked
    assert "ecorrelation" not in unasked
    assert "by RSP, RSE and decorrelation analysis [" in asked
    assert "Descloux" in asked


def test_bars_of_images_with_unlike_pixels_are_each_said() -> None:
    """Without a pixel size bars are in pixels of each image: 50 of the original's are not 50 of one with three times as many."""
    rng = np.random.default_rng(1)
    image = Image.from_array(rng.poisson(50, (300, 360)).astype(np.uint16))
    finer = Image.from_array(np.kron(np.asarray(image)[0, 0, 0], np.ones((3, 3), np.float32))).replace(original=image)
    captions = [figure.caption for section in build(case_of(finer)).sections for figure in section.figures]
    bars = [panel.bar.label for panel in (Panels(Named("", "a", image)), Panels(Named("", "b", finer)))]
    assert len(set(bars)) == 2
    assert any(f"Bars: {bars[0]} and {bars[1]}, each of its own image" in caption for caption in captions)


def test_text_has_no_heading_without_anything_under_it() -> None:
    report = as_text(build(case_of(spots(1))))
    assert "Image\n=====\n\n\n" not in report
    assert "Summary\n=======" in report


def test_a_region_that_was_measured_is_outlined_and_told() -> None:
    """A ROI from a file is in no session: without its outline nobody knows where the number comes from."""
    image = spots(2)
    region = ROI.rectangle(3.0, 3.0, 9.0, 8.0, name="cell 1")
    whole, part = colocalize(image, ranked=False), colocalize(image, roi=region, ranked=False)
    reports = [build(case_of([image, result])) for result in (whole, part)]
    states = [
        next(row for table in report.tables() if table.key == "checklist" for row in table.rows if row[0].text.startswith("regions chosen"))
        for report in reports
    ]
    assert [row[2].text for row in states] == ["not applicable", "fulfilled"]
    assert "outlined on the pictures" in states[1][3].text
    captions = [" ".join(figure.caption for figure in report.figures()) for report in reports]
    assert ["Blue outlines" in caption for caption in captions] == [False, True]
    assert [roi.name for roi in case_of([image, part, part]).regions] == ["cell 1"]


def test_results_of_two_images_are_no_report(tmp_path: Path) -> None:
    """The regions of one would be drawn on the other, and its numbers stand below the other's name."""
    one, other = spots(2), spots(2).replace(pixels=ArrayPixels(np.asarray(spots(2))[..., ::-1].copy()))
    found = [colocalize(image, roi=ROI.rectangle(3.0, 3.0, 9.0, 8.0), ranked=False) for image in (one, other)]
    with pytest.raises(ParameterError, match="belong to one image, got some of one from memory and"):
        case_of(found)
    for image in (one, other):
        abbe.save(image, tmp_path / f"{len(list(tmp_path.iterdir()))}.ome.tif")
    with pytest.raises(ParameterError, match=r"some of 0\.ome\.tif and some of 1\.ome\.tif, which share no original; report each"):
        case_of([abbe.open(tmp_path / f"{k}.ome.tif") for k in (0, 1)])


def test_results_of_one_image_are_a_report_however_they_came(tmp_path: Path) -> None:
    image = spots(2)
    made = image.replace(pixels=ArrayPixels(np.asarray(image) * 2), original=image)
    again = spots(2)  # the same pixels once more
    abbe.save(image, tmp_path / "cells.ome.tif")
    files = [abbe.open(tmp_path / "cells.ome.tif") for _ in range(2)]
    for images in ((image, made), (again, made), files, (image, image.select([1, 0])), (files[0].select([0, 1]), files[1])):
        names = [measured.name for measured in case_of([colocalize(one, ranked=False) for one in images]).colocalizations]
        assert names == ["original", "transformed" if images[1] is made else "original"]


def test_results_in_files_belong_to_what_they_were_made_from(tmp_path: Path) -> None:
    """Their files tell its pixels' digest: together with it they are before and after, and beside one another they are of one image."""
    abbe.save(spots(1), tmp_path / "cells.ome.tif")
    image = abbe.open(tmp_path / "cells.ome.tif")
    for step in ("denoise", "super_resolve"):
        abbe.save(abbe.enhance(image, steps=(step,), passes=1), tmp_path / f"{step}.ome.tif")
    denoised, resolved = (abbe.open(tmp_path / f"{step}.ome.tif") for step in ("denoise", "super_resolve"))
    for images in ((image, resolved), (resolved, abbe.open(tmp_path / "cells.ome.tif"))):
        case = case_of(images)
        assert case.after is not None
        assert case.after.image.shape == resolved.shape
        assert (case.before.image.shape, case.problems, len(case.comparisons)) == (image.shape, (), 1)
    assert case_of([denoised, resolved]).before.image is denoised
    other = image.replace(pixels=ArrayPixels(np.asarray(image)[..., ::-1].copy()), provenance=spots(1).provenance)
    with pytest.raises(ParameterError, match="which share no original"):
        case_of([other, resolved])


def test_a_channel_and_what_it_was_merged_into_are_of_one_image(tmp_path: Path) -> None:
    for c in (0, 1):
        abbe.save(spots(2).select([c]), tmp_path / f"{c}.tif")
    merged = abbe.merge([tmp_path / "0.tif", tmp_path / "1.tif"])
    assert len(case_of([colocalize(merged, ranked=False), abbe.open(tmp_path / "1.tif")]).colocalizations) == 1


def test_who_stops_a_report_while_it_compares_is_not_told_that_there_is_nothing_to_compare() -> None:
    image = spots(1)

    def stop(fraction: float, word: str) -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        comparison(Named("", "made", image.replace(pixels=ArrayPixels(np.asarray(image) * 2), original=image)), stop)


def test_a_region_of_a_session_is_outlined_once(session: Session) -> None:
    case = session.case()
    assert case.regions == case.rois
    assert len(case.rois) == 1


def outlined(image: Image, roi: ROI, frame: int = 0) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) around what is blue in the picture, which is as large as the image."""
    panel = Panels(Named("v", "image", image), (roi,), side=max(image.shape[3:]), frame=frame)
    drawn = panel.marked(Pillow.new("RGB", (image.shape[4], image.shape[3])))
    found = np.argwhere((np.asarray(drawn) == REGION).all(axis=2))
    return tuple(int(n) for n in (*found.min(0)[::-1], *found.max(0)[::-1])) if len(found) else (0, 0, 0, 0)


def test_regions_of_some_planes_or_frames_are_outlined_too() -> None:
    """A picture shows the brightest of all planes: a region, or an object of a label image, may lie on others than the first."""
    pixels = np.random.default_rng(2).poisson(50, (4, 6, 256, 256)).astype(np.uint16)
    image = Image.from_array(pixels, axes="TZYX", pixel_size=(0.5, 0.1, 0.1))
    labels = np.zeros((6, 256, 256), int)
    labels[3:5, 100:180, 40:120] = 1
    labels[5, 100:180, 40:140] = 1
    (cell,) = Mask.from_labels(labels, image)
    assert outlined(image, ROI.rectangle(10.0, 4.0, 8.0, 8.0)) == (40, 100, 119, 179)
    assert outlined(image, ROI.rectangle(10.0, 4.0, 8.0, 8.0, depth=(1.0, 2.0))) == (40, 100, 119, 179)
    assert outlined(image, cell.named("")) == (40, 100, 139, 179)
    assert outlined(image, (cell.named("") - ROI.rectangle(10.0, 12.0, 8.0, 2.0)).named("")) == (40, 100, 119, 179)
    later = ROI.rectangle(10.0, 4.0, 8.0, 8.0, frames=(1, 3))
    assert [elsewhere(later, t) for t in range(4)] == [" (frames 2 to 3)", "", "", " (frames 2 to 3)"]
    assert outlined(image, later, frame=2) == (40, 100, 119, 179)
    assert outlined(image, later) != (0, 0, 0, 0)
    assert outlined(image, ROI.rectangle(10.0, 4.0, 8.0, 8.0, frames=(9, 10))) == (0, 0, 0, 0)


def test_regions_of_one_outline_are_all_there_and_one_that_was_measured_beside_them_too(tmp_path: Path) -> None:
    """Two regions of a session may lie on one another; none of them stands for one that was measured from a file."""
    with Session.create(tmp_path / "two.abbe", spots(2)) as made:
        for name in ("cell 1", "cell 1, copied"):
            made.rois.add(ROI.rectangle(3.0, 3.0, 9.0, 8.0, name=name))
        made.colocalize((0, 1), roi="cell 1", ranked=False)
        case, told = made.case(), "in the session, exportable as ImageJ ROI and GeoJSON"
        assert [roi.name for roi in case.regions] == ["cell 1", "cell 1, copied"]
        assert _told_of_regions(case) == told
        made.colocalize((0, 1), roi=ROI.rectangle(2.0, 2.0, 7.0, 8.0, name="from a file"), ranked=False)
        case = made.case()
    assert [roi.name for roi in case.regions] == ["cell 1", "cell 1, copied", "from a file"]
    assert _told_of_regions(case).startswith(f"{told}; those that were measured without being in it: outlined")


def _told_of_regions(case: Case) -> str:
    rows = next(table for table in build(case).tables() if table.key == "checklist").rows
    return next(row[3].text for row in rows if row[0].text.startswith("regions chosen"))


def test_channels_of_a_picture_in_colour_are_not_named_by_their_colours() -> None:
    image = spots(3)
    found = []
    for names in (("DAPI", "actin", "tubulin"), ("red", "green", "blue")):
        rows = next(table for table in build(case_of(image.replace(channels=names))).tables() if table.key == "checklist").rows
        found.append(next(row[2].text for row in rows if row[0].text.startswith("channels named")))
    assert found == ["fulfilled", "for the author"]


def test_the_methods_tell_of_cross_correlation_where_it_was_made() -> None:
    image = spots(2)
    said = [words(build(case_of(colocalize(image, ranked=False, extras=extras)))) for extras in ((), ("shift",))]
    assert ["van Steensel et al., J Cell Sci 109:787, 1996" in text for text in said] == [False, True]
    assert "shifted along x by up to 20 pixels" in said[1]


def test_steps_in_depth_and_time_are_said() -> None:
    """256 x 256 pixels x 6 frames of 100 nm is no size of anything."""
    rng = np.random.default_rng(1)
    image = Image.from_array(rng.poisson(50, (4, 3, 64, 60)).astype(np.uint16), axes="TZYX", pixel_size=(0.3, 0.1, 0.1))
    report = build(case_of(image.replace(time_step=2.5)))
    assert "60 × 64 pixels of 100 nm, 3 planes 300 nm apart, 4 frames 2.5 s apart, uint16" in words(report)
    facts = {row[0].text: row[1].text for row in next(table for table in report.tables() if table.key == "images").rows}
    assert facts["time step (s)"] == "2.5"
    assert "4 frames, uint16" in words(build(case_of(image)))


def test_an_original_is_called_that_in_the_methods() -> None:
    assert "was measured in the whole image on the original (thresholds" in words(build(case_of(spots(2))))


def test_a_background_that_was_taken_away_lowers_what_the_note_says() -> None:
    """The same image less its offset: SSIM and PSNR fall, MicroSSIM and the fitted PSNR do not, and the report says why."""
    image = spots(1)
    light = np.asarray(image)[0, 0, 0].astype(np.float32)
    plain, less = (Image.from_array(plane, pixel_size=(None, 0.1, 0.1)).replace(original=image) for plane in (light + 0.1, light - 20))
    truth = Image.from_array(gaussian_filter(light, 0.5), pixel_size=(None, 0.1, 0.1))
    kept, gone = (compare(image, made, truth).channels[0] for made in (plain, less))
    assert gone.ssim.transformed < kept.ssim.transformed - 0.02  # type: ignore[operator]
    assert gone.psnr.transformed < kept.psnr.transformed - 3  # type: ignore[operator]
    assert gone.psnr_affine.transformed == pytest.approx(kept.psnr_affine.transformed, abs=0.01)
    assert gone.microssim.transformed == pytest.approx(kept.microssim.transformed, abs=0.01)
    notes = [note for table in build(case_of(compare(image, less, truth))).tables() for note in table.notes]
    assert any("count a background that was taken away" in note for note in notes)


def test_exported_tables_mark_numbers_that_mean_little(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    pixels = rng.poisson(100 + 4000 * gaussian_filter((rng.random((2, 96, 96)) < 0.003).astype(float), (0, 3, 3))).astype(np.uint16)
    pixels[:, 7, 9] = 65000  # one hot pixel, in both channels
    hot = Image.from_array(pixels, axes="CYX", pixel_size=(None, 0.1, 0.1))
    for threshold, marked in (("costes", True), ("otsu", False)):
        image = hot if marked else hot.replace(pixels=ArrayPixels(np.where(np.asarray(hot) == 65000, np.uint16(100), np.asarray(hot))))
        found = colocalize(image, threshold=threshold)
        abbe.report([found], tmp_path / "out.csv", overwrite=True)
        rows = list(csv.reader((tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()))
        marks = {row[1]: row[3] for row in rows if row[:1] == ["coefficients-1"] and row[2] == "means little"}
        beside = {DEFINITIONS[key].title for key in ("m1", "m2")}  # for the background, which is above 0 everywhere
        assert bool(set(marks) - beside) == marked
        assert set(marks) == {DEFINITIONS[key].title for key in found.doubtful}
        assert set(marks.values()) <= {"original"}


def enlarged(image: Image) -> Image:
    """The same seen on three times the pixels along x and y, without its offset, and with planes in place of every third of a z-step."""
    pixels = np.asarray(image)[0].astype(np.float32) - 20
    depth = pixels.shape[1]
    at = np.round(np.linspace(0, depth - 1, 3 * (depth - 1) + 1)).astype(int)
    pixels = pixels[:, at].repeat(3, axis=2).repeat(3, axis=3)
    z, y, x = image.pixel_size
    size = (None if z is None else z / 3, y / 3 if y else None, x / 3 if x else None)
    return Image.from_array(pixels, axes="CZYX", pixel_size=size, channels=image.channels).replace(original=image)


def test_what_is_true_of_the_original_alone_is_said_of_the_original() -> None:
    """Its numbers stand in the tables: what they rest on is no secret. The result, a float image, is not saturated."""
    pixels = (np.asarray(spots(2))[0] * 4).clip(0, 255).astype(np.uint8)
    image = Image.from_array(pixels, axes="CZYX", pixel_size=(0.3, 0.1, 0.1))
    found = colocalize(image.replace(pixels=ArrayPixels(np.asarray(image).astype(np.float32)), original=image))
    assert not any(notice.code == "saturated" for notice in found.notices)
    section = next(section for section in build(case_of(found)).sections if section.key == "colocalization")
    said = [text for text in section.warnings if "saturated" in text]
    assert len(said) == 2  # of either channel
    assert all(text.startswith("channel 0 with channel 1, whole image, on the original: ") for text in said)
    both = [text for text in section.warnings if "no pixel is 0" in text]
    assert len(both) == 1
    assert "on the original" not in both[0]


def test_the_methods_tell_what_was_taken_from_the_original_and_how_its_blocks_were() -> None:
    found = colocalize(enlarged(spots(2)), background="mode", extras=("randomisation",), randomisations=20, ranked=False)
    assert found.original is not None
    then, now = found.original.background, found.background
    assert (then.first, then.second) != (now.first, now.second)
    text = words(build(case_of(found)))
    assert (
        f"background: mode, {now.first:.6g} and {now.second:.6g} subtracted, on the original {then.first:.6g} and {then.second:.6g} "
        "subtracted)" in text
    )
    drawn, earlier = found.randomisation, found.original.randomisation
    assert drawn is not None
    assert earlier is not None
    assert drawn.block != earlier.block
    assert (
        f"{drawn.blocks} blocks of {drawn.block} × {drawn.block} pixels of the second channel changed places (on the original "
        f"{earlier.blocks} blocks of {earlier.block} × {earlier.block} pixels)" in text
    )
    given = words(build(case_of(colocalize(enlarged(spots(2)), background=(2, 3), ranked=False))))
    assert "background: given, 2 and 3 subtracted)" in given


def test_a_region_of_one_plane_is_told_with_its_plane_and_with_how_much_it_grew() -> None:
    """A ROI drawn on a slice in ImageJ: one of 6 planes, three of the 16 that the stack has when enlarged."""
    roi = ROI.rectangle(1, 1, 6, 6, depth=(0.45, 0.75), name="cell")
    image = spots(2, planes=6)
    assert "measured in the region cell, plane 3 of 6 on the original" in words(build(case_of(colocalize(image, roi=roi, ranked=False))))
    found = colocalize(enlarged(image), roi=roi, ranked=False)
    assert "measured in the region cell, planes 6 to 8 of 16 on transformed" in words(build(case_of(found)))
    assert found.pixels.ratio is not None
    assert found.pixels.ratio.expected == pytest.approx(27)
    assert "the same volume has 24 times the pixels (this region 27 times)" in found.pixels.ratio.explanation
    assert "compare volumes in um3" in found.pixels.ratio.explanation
    whole = colocalize(enlarged(image), ranked=False).pixels.ratio
    assert whole is not None
    assert "this region" not in whole.explanation
    thin = build(case_of(colocalize(enlarged(image), planes=(0, 2), ranked=False)))  # one plane of the original
    table = next(table for table in thin.tables() if table.key == "pixels-1")
    assert "area (µm²), then volume (µm³), channel pair" in {row[0].text for row in table.rows}


def test_methods_claim_no_resolution_that_could_not_be_measured() -> None:
    """Decorrelation analysis needs square pixels."""
    for pixel, claimed in ((0.1, True), (0.2, False)):
        image = Image.from_array(np.asarray(spots(1))[0, 0, 0], axes="YX", pixel_size=(None, 0.1, pixel))
        made = image.replace(pixels=ArrayPixels(np.asarray(image).astype(np.float32)), original=image)
        text = words(build(case_of(compare(image, made))))
        assert ("decorrelation analysis" in text) == claimed
        assert "compared with the original by RSP" in text

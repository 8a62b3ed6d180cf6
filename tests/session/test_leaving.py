"""What leaves a session: tiles, crops, files, one packed file; and what comes back is what went in."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import abbe
from abbe.cli.frame import main
from abbe.errors import AbbeError, ExistsError, ParameterError, SessionError
from abbe.image import ROI, Image
from abbe.session import Session


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABBE_CONFIG", str(tmp_path / "settings"))


def test_tiles_show_the_pixels_and_their_means(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    whole = np.asarray(sharper)[0, 1, 0]
    levels = session.levels()
    assert [level.factor for level in levels] == [1, 2, 4]
    np.testing.assert_array_equal(session.tile(None, 0, (1, 1), (0, 1, 0)), whole[512:, 512:])
    for level in levels[1:]:
        f = level.factor
        tile = session.tile(None, level.index, (0, 0), (0, 1, 0), size=64)
        expected = whole[: 64 * f, : 64 * f].reshape(64, f, 64, f).mean((1, 3))
        np.testing.assert_allclose(tile, expected, rtol=1e-5)
    assert session.tile(None, 1, (0, 0), what="trust").max() <= 1
    for level, corner, plane in ((9, (0, 0), (0, 0, 0)), (0, (9, 0), (0, 0, 0)), (0, (0, 0), (0, 5, 0))):
        with pytest.raises(ParameterError, match="wanted a tile"):
            session.tile(None, level, corner, plane)


def test_integer_tiles_are_rounded_means(session: Session) -> None:
    whole = np.asarray(session.image())[0, 0, 0].astype(float)
    tile = session.tile(1, 1, (0, 0), size=64)
    np.testing.assert_array_equal(tile, np.rint(whole[:128, :128].reshape(64, 2, 64, 2).mean((1, 3))))


def test_a_crop_still_stands_beside_its_original(session: Session, sharper: Image) -> None:
    session.add_version(sharper.replace(original=session.image()))
    version = session.crop((100, 200), (31, 95))
    assert version.shape[3:] == (102, 66), "widened to whole pixels of the original"
    image = session.image()
    np.testing.assert_array_equal(np.asarray(image), np.asarray(sharper)[..., 99:201, 30:96])
    assert image.original is not None
    np.testing.assert_array_equal(np.asarray(image.original), np.asarray(session.image(1))[..., 33:67, 10:32])
    session.rois.add(ROI.rectangle(4.0, 1.2, 1.0, 1.0, name="spot"))
    here = session.colocalize(roi="spot").results["pixels"]["region"]["pixels"]
    there = session.colocalize(roi="spot", key=2).results["pixels"]["region"]["pixels"]
    assert here == there == 900


def test_exported_images_come_back_equal(session: Session, sharper: Image, tmp_path: Path) -> None:
    session.add_version(sharper)
    session.rois.add(ROI.rectangle(2, 3, 5, 6, name="../nucleus"))
    done = session.export(tmp_path / "out", parts=("image", "original", "whole", "rois", "session"))
    by_name = {path.name: path for path in done.files}
    back = abbe.open(by_name["cells_v2.ome.tif"])
    np.testing.assert_array_equal(np.asarray(back), np.asarray(sharper))
    assert back.channels == sharper.channels
    assert back.pixel_size[2] == pytest.approx(0.1 / 3)
    np.testing.assert_array_equal(np.asarray(abbe.open(by_name["cells_v1.ome.tif"])), np.asarray(session.image(1)))
    inside = abbe.open(by_name["cells_v2_nucleus.ome.tif"])
    np.testing.assert_array_equal(np.asarray(inside), np.asarray(sharper)[..., 60:210, 90:270])
    with Pillow.open(by_name["cells_v2_whole.png"]) as picture:
        assert picture.size == (690, 900)
    packed = Session.open(by_name["cells.abbe.zip"])
    np.testing.assert_array_equal(np.asarray(packed.image("v2")), np.asarray(sharper))
    with pytest.raises(SessionError, match="packed"):
        packed.comments.add("no")
    packed.close()
    assert any(text.startswith("report: not chosen") for text in done.left_out)
    with pytest.raises(ExistsError):
        session.export(tmp_path / "out", parts=("image",))


@pytest.mark.parametrize("suffix", ["ome.tif", "tif"])
def test_every_pixel_size_and_name_survives_the_way_out_and_back(session: Session, tmp_path: Path, suffix: str) -> None:
    a = np.random.default_rng(2).poisson(90, (2, 2, 3, 40, 50)).astype(np.uint16)
    stack = Image.from_array(a, axes="TCZYX", pixel_size=(0.3, 0.08, 0.08), channels=["Kern α", "actin"], time_step=1.5)
    kept = Session.create(tmp_path / "stack.abbe", stack)
    (file,) = kept.export(tmp_path / "out", parts=("image",), images=suffix).files
    back = abbe.open(file)
    np.testing.assert_array_equal(np.asarray(back), a)
    assert back.pixel_size == pytest.approx(stack.pixel_size)
    assert back.channels == stack.channels
    again = Session.create(tmp_path / "again.abbe", file)
    assert again.version().digest == kept.version().digest


def test_what_shares_a_name_is_written_side_by_side(session: Session, tmp_path: Path) -> None:
    session.rois.add(ROI.rectangle(2, 3, 5, 6), name="cell")
    session.rois.add(ROI.rectangle(9, 3, 5, 6), name="cell")
    session.colocalize(threshold="otsu")
    session.colocalize(threshold=(190.0, 190.0))
    done = session.export(tmp_path / "out", parts=("rois", "revealed", "scattergram"))
    assert [path.name for path in done.files] == [
        *("cells_v1_cell.ome.tif", "cells_v1_cell_2.ome.tif"),
        *("cells_v1_revealed_actin_tubulin.ome.tif", "cells_v1_revealed_actin_tubulin_2.ome.tif"),
        *("cells_v1_scattergram_actin_tubulin.png", "cells_v1_scattergram_actin_tubulin_2.png"),
    ]
    first, second = (np.asarray(abbe.open(path)) for path in done.files[2:4])
    assert not np.array_equal(first, second)


def test_rois_of_several_channels_become_pictures_in_colour_where_the_format_asks_for_one(session: Session, tmp_path: Path) -> None:
    session.rois.add(ROI.rectangle(2, 3, 5, 6), name="cell")
    session.colocalize((1, 0), threshold=(190.0, 190.0))
    done = session.export(tmp_path / "out", parts=("rois", "revealed"), images="png", colors=("green", "red"))
    above_the_bar = np.asarray(Pillow.open(done.files[1]))[:250]
    assert above_the_bar[..., 2].max() == 0, "revealed pixels have the colours of their channels"
    with Pillow.open(done.files[0]) as picture:
        assert (picture.mode, picture.size) == ("RGB", (60, 50))
    assert any("shown in colour" in text for text in done.notices)


def test_pictures_have_the_colours_that_were_chosen(session: Session, image: Image, tmp_path: Path) -> None:
    blue_and_yellow = session.export(tmp_path / "a", parts=("whole", "figure"), colors=("#0000ff", "yellow"))
    shown = np.asarray(Pillow.open(blue_and_yellow.files[0]).convert("RGB"))[:, :150]  # without the scale bar
    assert shown[..., 2].max() > 200
    np.testing.assert_allclose(shown[..., 1] / 228, shown[..., 0] / 240, atol=0.01)
    one = Session.create(tmp_path / "one.abbe", image.select([0]))
    mapped = one.export(tmp_path / "b", parts=("whole",), colors=("viridis",))
    darkest = np.asarray(Pillow.open(mapped.files[0]).convert("RGB")).reshape(-1, 3).min(axis=0)
    np.testing.assert_array_equal(darkest[:2], (0, 0))  # of the letters' edge; viridis itself starts at violet
    assert (np.asarray(Pillow.open(mapped.files[0]).convert("RGB")) == (68, 1, 84)).all(axis=-1).any()
    for colors, words in (
        ((("red",)), "a colour for each of the 2 channels"),
        (("hot", "red"), "for a single channel"),
        (("mauve", "red"), "mauve"),
    ):
        with pytest.raises(ParameterError, match=words):
            session.export(tmp_path / "c", parts=("whole",), colors=colors)


@pytest.mark.parametrize("kind", ["ome.tif", "tif"])
def test_images_carry_the_colours_that_were_chosen_for_the_program_that_opens_them_next(
    session: Session, tmp_path: Path, kind: str
) -> None:
    session.rois.add(ROI.rectangle(2, 3, 5, 6), name="cell")
    session.colocalize((1, 0), threshold=(190.0, 190.0))
    done = session.export(tmp_path / "a", parts=("image", "rois", "revealed"), images=kind, colors=("#0000ff", "yellow"))
    blue, yellow = "#0000FF", "#F0E442"
    opened = [abbe.open(path) for path in done.files]
    assert [[color and color.upper() for color in image.colors] for image in opened] == [[blue, yellow], [blue, yellow], [yellow, blue]]
    np.testing.assert_array_equal(np.asarray(opened[0]), np.asarray(session.image()))
    hidden = session.export(tmp_path / "b", parts=("image",), images=kind, colors=("#0000ff", "#000000"))
    other = abbe.open(hidden.files[0]).colors[1]
    assert other is not None
    assert other.upper() not in (blue, "#000000", "#FFFFFF"), "a hidden channel is there, and does not cover the others"


def test_a_folder_that_cannot_be_written_is_one_line(session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["export", str(session.path), "-o", str(tmp_path / "file")]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "could not write" in said
    assert (tmp_path / "file").read_text() == "mine"


def test_formats_are_remembered_and_jpeg_comes_with_a_warning(session: Session, image: Image, tmp_path: Path) -> None:
    first = session.export(tmp_path / "a", parts=("whole",), pictures="jpg")
    assert any("unfit for colocalization" in text for text in first.notices)
    again = Session.open(session.path).export(tmp_path / "b", parts=("whole",))
    other = Session.create(tmp_path / "other.abbe", image).export(tmp_path / "c", parts=("whole",))
    assert [path.suffix for path in (*first.files, *again.files, *other.files)] == [".jpg"] * 3
    with pytest.raises(ParameterError, match="wanted pictures of png"):
        session.export(tmp_path / "d", pictures="bmp")


def test_what_a_format_cannot_hold_is_left_out_and_said(session: Session, tmp_path: Path) -> None:
    done = session.export(tmp_path / "out", parts=("image", "rois"), images="png")
    assert done.files == ()
    assert any(text.startswith("image: a PNG holds one plane") for text in done.left_out)
    assert "rois: none were drawn" in done.left_out
    assert [text.split(":")[0] for text in done.failed] == ["image", "rois"]


def test_a_format_that_could_not_be_written_is_not_remembered(session: Session, sharper: Image, tmp_path: Path) -> None:
    """Every export to come tried it again, of this session and others, and left the image out."""
    session.export(tmp_path / "one", parts=("image",), images="tif")
    done = session.export(tmp_path / "two", parts=("image", "data"), images="png", data=["csv"])
    assert [path.suffix for path in done.files] == [".csv"]
    assert [path.suffix for path in session.export(tmp_path / "three", parts=("image", "data")).files] == [".tif", ".csv"]
    session.export(tmp_path / "four", parts=("whole",), pictures="jpg")  # which says nothing of the others
    assert [path.suffix for path in session.export(tmp_path / "five", parts=("image", "data")).files] == [".tif", ".csv"]


def test_the_shell_ends_with_1_where_what_was_wanted_is_not_written(
    session: Session, image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(session.path), "-o", str(tmp_path / "out")]
    assert main([*words, "--what", "image,data", "--images", "png"]) == 1
    told = capsys.readouterr()
    assert "could not write all that was wanted: image: a PNG holds one plane" in " ".join(told.err.split())
    assert "left out: report: not chosen" in told.err
    assert "wrote" in told.out
    assert main([*words, "--what", "rois"]) == 1
    assert "wanted: rois: none were drawn" in " ".join(capsys.readouterr().err.split())
    assert main([*words, "--what", "image"]) == 0


def test_a_version_opens_as_an_image(session: Session, sharper: Image) -> None:
    version = session.add_version(sharper)
    back = abbe.open(session.path / version.folder)
    np.testing.assert_array_equal(np.asarray(back), np.asarray(sharper))
    assert back.channels == sharper.channels
    assert back.pixel_size[1:] == pytest.approx(sharper.pixel_size[1:])


def test_a_linked_original_is_read_from_its_file_and_known_by_its_digest(image: Image, tmp_path: Path) -> None:
    file = tmp_path / "cells.ome.tif"
    abbe.save(image, file)
    session = Session.create(tmp_path / "linked.abbe", file, original="link")
    np.testing.assert_array_equal(np.asarray(session.image()), np.asarray(image))
    assert session.tile(None, 0, (0, 0)).shape == (300, 230)
    assert session.verify() == ()
    moved = tmp_path / "elsewhere.ome.tif"
    file.rename(moved)
    assert "no longer there" in session.verify()[0]
    with pytest.raises(SessionError, match="linked, and is no longer there"):
        np.asarray(Session.open(session.path).image())
    abbe.save(image.replace(pixels=image.select([1, 0]).pixels), file)
    with pytest.raises(AbbeError, match="changed since"):
        np.asarray(Session.open(session.path).image())
    assert "changed since" in Session.open(session.path).verify()[0]


def test_a_part_of_a_file_is_not_linked_to_as_if_it_were_the_file(image: Image, tmp_path: Path) -> None:
    """What was seen was the file, under the names of the part."""
    abbe.save(image, tmp_path / "cells.ome.tif")
    whole = abbe.open(tmp_path / "cells.ome.tif")
    for other in (
        whole.select([1, 0]),
        whole.select([0]),
        whole.crop(slice(0, 40), slice(0, 40)),
        whole.replace(pixels=np.asarray(whole) + 1),
    ):
        with pytest.raises(SessionError, match=r"others than those of cells\.ome\.tif; use original='copy'"):
            Session.create(tmp_path / "linked.abbe", other, original="link")
    assert not (tmp_path / "linked.abbe").exists()
    Session.create(tmp_path / "linked.abbe", whole, original="link")


def test_the_shell_goes_back_and_forth(
    session: Session, sharper: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session.add_version(sharper, name="sharp\x1b[2J")
    path = str(session.path)
    assert main(["history", path]) == 0
    shown = capsys.readouterr().out
    assert "-> v2" in shown
    assert "\x1b" not in shown
    assert main(["revert", path, "1"]) == 0
    assert main(["undo", path]) == 0
    assert Session.open(path).current.id == "v2"
    assert main(["undo", path, "--redo"]) == 0
    assert main(["history", path, "--rename", "v2", "sharp", "--json"]) == 0
    for nobody in (io.StringIO(), None):  # the end of the input; no input, as under cron
        monkeypatch.setattr(sys, "stdin", nobody)
        assert main(["history", path, "--delete", "v2"]) == 1
        assert "nobody could be asked; add --yes" in capsys.readouterr().err
    assert main(["history", path, "--delete", "v2", "--yes"]) == 0
    assert main(["revert", path, "v2"]) == 1
    assert "wanted a version of this session" in capsys.readouterr().err
    assert main(["history", path, "--verify"]) == 0
    assert main(["export", path, "--pack", "-o", str(tmp_path / "one.zip")]) == 0
    assert main(["export", str(tmp_path / "one.zip"), "--unpack", "-o", str(tmp_path / "again.abbe")]) == 0
    assert Session.open(tmp_path / "again.abbe").verify() == ()
    capsys.readouterr()
    assert main(["history", str(tmp_path / "again.abbe"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["current"] == "v1"


def test_a_report_computed_again_gives_the_same_numbers(session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session.colocalize()
    report = tmp_path / "cells.html"
    assert main(["report", str(session.path), "-o", str(report)]) == 0
    assert main(["rerun", str(report)]) == 0
    assert "numbers agree; all pixels are the same" in capsys.readouterr().out
    text = report.read_text(encoding="utf-8")
    value = session.analyses["a1"].results["pearson"]
    report.write_text(text.replace(repr(value), repr(value + 0.01)), encoding="utf-8")
    assert main(["rerun", str(report)]) == 1
    assert "pearson" in capsys.readouterr().out
    assert main(["rerun", str(report), "--input", str(tmp_path)]) == 1
    assert main(["rerun", str(tmp_path / "cells.pdf")]) == 1

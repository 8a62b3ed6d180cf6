"""Regions that are drawn, moved, renamed and deleted, beside the numbers that were kept of them."""

from __future__ import annotations

from pathlib import Path

from abbe.image import ROI
from abbe.session import Session

HERE, THERE = ROI.rectangle(y=2, x=2, height=6, width=6), ROI.rectangle(y=12, x=10, height=6, width=6)


def told(session: Session, folder: Path) -> tuple[str, str]:
    """What the export says beside its files, and the data that it writes."""
    made = session.export(folder, parts=("data",), data=("txt",), overwrite=True)
    return "\n".join(line for line in (*made.left_out, *made.notices) if "not chosen" not in line), made.files[0].read_text("utf-8")


def test_a_region_of_which_nothing_was_kept_is_named(session: Session, tmp_path: Path) -> None:
    first, second = session.rois.add(HERE, "Golgi"), session.rois.add(THERE, "rim")
    assert told(session, tmp_path / "out")[0].startswith("no numbers of Golgi, rim:")
    session.colocalize(roi=first.id)
    assert told(session, tmp_path / "out")[0].startswith("no numbers of rim:")
    session.colocalize(roi=second.id)
    assert told(session, tmp_path / "out")[0] == ""


def test_numbers_of_a_region_that_was_moved_say_so_in_the_export_and_in_the_data(session: Session, tmp_path: Path) -> None:
    region = session.rois.add(HERE, "Golgi")
    session.colocalize(roi=region.id)
    session.rois.change(region.id, THERE)
    said, data = told(session, tmp_path / "out")
    assert "the numbers of Golgi are of where it lay when they were kept" in said
    assert "the numbers of Golgi are of where it lay" in " ".join(data.split())
    session.undo()
    assert told(session, tmp_path / "out")[0] == ""


def test_numbers_follow_the_name_of_their_region(session: Session, tmp_path: Path) -> None:
    region = session.rois.add(HERE)
    session.colocalize(roi=region.id)
    session.rois.change(region.id, name="Golgi")
    said, data = told(session, tmp_path / "out")
    assert said == ""
    assert "actin with tubulin, Golgi" in data
    assert "ROI 1" not in data


def test_numbers_of_a_region_that_was_deleted_are_said_to_be(session: Session, tmp_path: Path) -> None:
    region = session.rois.add(HERE, "Golgi")
    session.colocalize(roi=region.id)
    session.rois.remove(region.id)
    assert "the region itself was deleted since" in told(session, tmp_path / "out")[0]
    both = session.export(tmp_path / "both", parts=("data", "report"), data=("txt",), report=("html",))
    assert sum("the region itself was deleted since" in line for line in both.notices) == 1


def test_a_region_on_a_cropped_version_is_the_one_that_was_measured_there(session: Session, tmp_path: Path) -> None:
    session.crop((20, 200), (20, 200))
    region = session.rois.add(THERE, "Golgi")
    session.colocalize(roi=region.id)
    assert told(session, tmp_path / "out")[0] == ""

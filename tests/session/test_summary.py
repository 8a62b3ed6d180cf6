"""What a report knows of a session without reading all its pixels again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbe.image import Image
from abbe.image.digest import pixel_digest
from abbe.image.inspection import inspect
from abbe.reporting.building import build
from abbe.reporting.gathering import case_of
from abbe.session import Session


def digests(repeat: dict[str, Any]) -> list[str]:
    return [repeat["original"]["digest"], *(step["digest"] for step in repeat["steps"])]


def expected(image: Image) -> list[str]:
    """Digests of the pixels of what the image came from and of itself, read from the pixels."""
    before = expected(image.original) if image.original is not None else []
    return [*before, pixel_digest(image.pixels)]


def test_a_report_names_the_pixels_that_were_saved(session: Session, sharper: Image) -> None:
    session.add_version(sharper.replace(original=session.image()))
    session.add_version(Image.from_array(np.asarray(sharper) / 2, axes="TCZYX", channels=sharper.channels), name="half")
    for key in ("v1", "v2", "v3"):
        repeat = build(session.case(key)).repeat
        assert digests(repeat) == expected(session.image(key)), key


def test_a_report_of_a_crop_tells_all_that_was_done_before_it(session: Session, sharper: Image) -> None:
    session.add_version(sharper.replace(original=session.image()))
    session.crop((100, 200), (31, 95))
    report = build(session.case())
    assert digests(report.repeat) == [pixel_digest(session.image(key).pixels) for key in ("v1", "v2", "v3")]
    text = " ".join(next(section for section in report.sections if section.key == "methods").paragraphs)
    assert "super-resolved to three times as many pixels" in text
    assert "Rows 100 to 201 and columns 31 to 96 of it were cut out." in text


def test_a_version_whose_parent_was_deleted_is_reported_as_it_stands(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    session.add_version(sharper.replace(original=session.image()), name="made of v2")
    session.delete("v2")
    assert session.version("v3").parent == "v2"
    assert digests(build(Session.open(session.path).case("v3")).repeat) == [pixel_digest(sharper.pixels)]


def test_so_is_one_that_was_looked_at_before_its_parent_was_deleted_and_that_comes_back(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    last = session.align({1: (2, -1)}).id
    before = session.image(last)
    assert before.original is not None
    session.delete("v2")
    assert session.image(last).original is None
    assert build(session.case()).repeat["original"]["digest"] == pixel_digest(before.pixels)
    session.undo()
    back = session.image(last).original
    assert back is not None
    assert np.array_equal(np.asarray(back), np.asarray(before.original))
    assert session.image(last) is session.image(last)


def test_results_without_a_session_are_named_by_their_pixels(image: Image, sharper: Image) -> None:
    made = sharper.replace(original=image)
    assert digests(build(case_of(made)).repeat) == expected(made)


def test_what_was_seen_when_a_version_was_saved_is_not_read_again(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    folder = session.path / session.version().folder
    shutil.rmtree(folder / "0" / "c")
    again = Session.open(session.path).image("v2")
    assert again.inspection == inspect(sharper.pixels)


@pytest.mark.parametrize(
    "damage",
    [
        None,
        [],
        "text",
        [{}],
        [{"minimum": 0}] * 2,
        [{"minimum": "low", "maximum": 1, "mean": 1, "saturated": 0, "pixels": 1, "eight_bit": 0}] * 2,
    ],
    ids=["absent", "empty", "text", "no numbers", "cut", "words"],
)
def test_what_was_seen_is_looked_at_again_where_the_note_of_it_is_damaged(session: Session, image: Image, damage: Any) -> None:
    file = Path(session.path, session.version().folder, "zarr.json")
    content = json.loads(file.read_text())
    content["attributes"]["abbe"]["inspection"] = damage
    file.write_text(json.dumps(content))
    assert Session.open(session.path).image().inspection == inspect(image.pixels, image.bits)

"""Sessions that were cut, copied, locked, filled up or written by another release."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest

from abbe.errors import AbbeError, ConflictError, SessionError
from abbe.image import Image, Rectangle
from abbe.session import Session, journal, manifest
from abbe.session.places import Folder
from abbe.storage import lock


def rectangle() -> Rectangle:
    return Rectangle(y=1, x=2, height=5, width=6)


def test_two_programs_may_work_on_one_session(session: Session) -> None:
    other = Session.open(session.path)
    other.comments.add("seen on the tablet", author="Ada")
    assert len(session.comments) == 0
    assert session.refresh()
    assert [comment.text for comment in session.comments] == ["seen on the tablet"]
    assert not session.refresh()
    session.rois.add(rectangle())
    other.undo()
    assert session.refresh()
    assert (len(session.rois), len(session.comments)) == (0, 1)


def test_a_change_that_another_made_meanwhile_is_not_overwritten(session: Session) -> None:
    region = session.rois.add(rectangle(), name="nucleus")
    seen = session.rois.revision_of("nucleus")
    Session.open(session.path).rois.change(region.id, name="nucleolus")
    with pytest.raises(ConflictError, match="changed elsewhere"):
        session.rois.change(region.id, roi=rectangle(), base=seen)
    assert session.rois[region.id].name == "nucleolus"


def _comment(path: str, who: int) -> None:
    session = Session.open(path)
    for number in range(20):
        session.comments.add(f"{who} {number}")


def test_four_programs_writing_at_once_all_keep_what_they_wrote(session: Session) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_comment, args=(str(session.path), who)) for who in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    session.refresh()
    assert {comment.text for comment in session.comments} == {f"{who} {number}" for who in range(4) for number in range(20)}
    assert [change.revision for change in Session.open(session.path).history()] == list(range(1, 82))


def test_whoever_holds_the_session_is_named(session: Session) -> None:
    with (
        lock.locked(session.path / "lock"),
        pytest.raises(SessionError, match=f"process {os.getpid()} on"),
        lock.locked(session.path / "lock", 0.05),
    ):
        pass


def test_a_journal_line_cut_by_a_power_failure_is_dropped(session: Session) -> None:
    session.comments.add("kept")
    with (session.path / "journal.jsonl").open("ab") as file:
        file.write(b'{"crc32": 12, "change": {"rev')
    again = Session.open(session.path)
    assert (again.read_only, again.problems) == (None, ())
    again.comments.add("after")
    assert [comment.text for comment in Session.open(session.path).comments] == ["kept", "after"]


def test_a_change_noted_but_not_yet_in_the_manifest_is_kept(session: Session) -> None:
    before = (session.path / "manifest.json").read_bytes()
    session.comments.add("noted")
    (session.path / "manifest.json").write_bytes(before)
    again = Session.open(session.path)
    assert [comment.text for comment in again.comments] == ["noted"]
    again.undo()
    assert len(Session.open(session.path).comments) == 0


@pytest.mark.parametrize("damage", ["missing", "cut", "changed", "empty"])
def test_a_lost_manifest_is_rebuilt_from_the_journal(session: Session, sharper: Image, damage: str) -> None:
    session.add_version(sharper, name="sharp")
    session.rois.add(rectangle())
    file = session.path / "manifest.json"
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes({"cut": content[:200], "changed": content.replace(b"sharp", b"shart"), "empty": b""}[damage])
    again = Session.open(session.path)
    assert [version.name for version in again.versions] == ["original", "sharp"]
    assert len(again.rois) == 1
    assert again.read_only is not None
    assert any("manifest" in problem for problem in again.problems)
    np.testing.assert_array_equal(np.asarray(again.image("sharp")), np.asarray(sharper))
    with pytest.raises(SessionError, match="damaged and can be read only"):
        again.undo()


def test_with_manifest_and_journal_gone_the_versions_are_still_found(session: Session, sharper: Image) -> None:
    session.add_version(sharper, name="sharp")
    (session.path / "manifest.json").unlink()
    (session.path / "journal.jsonl").write_bytes(b"\0" * 500)
    again = Session.open(session.path)
    assert [(version.id, version.name) for version in again.versions] == [("v1", "original"), ("v2", "sharp")]
    np.testing.assert_array_equal(np.asarray(again.image("v2")), np.asarray(sharper))


def test_a_lost_journal_costs_the_history_and_nothing_else(session: Session, sharper: Image) -> None:
    session.add_version(sharper)
    (session.path / "journal.jsonl").unlink()
    again = Session.open(session.path)
    assert [version.id for version in again.versions] == ["v1", "v2"]
    assert any("journal" in problem for problem in again.problems)


@pytest.mark.parametrize("how", ["missing", "cut", "flipped", "swapped"])
def test_a_damaged_chunk_is_an_error_and_never_zeros(session: Session, sharper: Image, how: str) -> None:
    session.add_version(sharper)
    folder = session.path / session.version(2).folder
    chunk = folder / "0/c/0/1/0/1/0"
    content = bytearray(chunk.read_bytes())
    if how == "missing":
        chunk.unlink()
    elif how == "cut":
        chunk.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        content[len(content) // 2] ^= 4
        chunk.write_bytes(content)
    else:
        shutil.copy(folder / "0/c/0/0/0/1/0", chunk)
    again = Session.open(session.path)
    assert len(again.verify()) == 1
    assert "v2" in again.verify()[0]
    if how == "missing":
        assert again.read_only is not None
        assert "v2" in again.problems[0]
    if how != "swapped":
        with pytest.raises(SessionError, match=r"missing|damaged"):
            np.asarray(again.image(2))
    np.testing.assert_array_equal(np.asarray(again.image(1)), np.asarray(session.image(1)))


def test_cutting_bytes_anywhere_never_gives_a_traceback_or_wrong_pixels(session: Session, image: Image, tmp_path: Path) -> None:
    session.comments.add("here")
    rng = np.random.default_rng(0)
    files = [file for file in session.path.rglob("*") if file.is_file() and file.name != "thumbnail.png"]
    for number in range(25):
        copy = tmp_path / f"copy{number}.abbe"
        shutil.copytree(session.path, copy)
        victim = copy / files[rng.integers(len(files))].relative_to(session.path)
        content = victim.read_bytes()
        start = int(rng.integers(len(content) + 1))
        victim.write_bytes(content[:start] + content[start + int(rng.integers(1, 50)) :])
        try:
            pixels = np.asarray(Session.open(copy).image("v1"))
        except AbbeError:
            continue
        finally:
            shutil.rmtree(copy)
        np.testing.assert_array_equal(pixels, np.asarray(image))


def test_a_session_of_a_newer_abbe_is_refused_and_left_alone(session: Session) -> None:
    file = session.path / "manifest.json"
    newer = json.loads(file.read_text()) | {"format": manifest.FORMAT + 1}
    file.write_text(json.dumps(newer))
    with pytest.raises(SessionError, match="update abbe"):
        Session.open(session.path)
    assert json.loads(file.read_text()) == newer


def test_a_session_of_an_older_format_is_migrated(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Format 0 never left the bench; it stands for any older one: there the state called its values `things`."""
    file = session.path / "manifest.json"
    content = json.loads(file.read_text())["content"]
    content["state"]["things"] = content["state"].pop("values")
    text = json.dumps(content, sort_keys=True)
    file.write_text(json.dumps({"abbe": "session", "format": 0, "crc32": zlib.crc32(text.encode()), "content": content}))

    def migrate(body: dict) -> dict:  # type: ignore[type-arg]
        state = dict(body["state"])
        return {**body, "state": {**state, "values": state.pop("things")}}

    monkeypatch.setitem(manifest.MIGRATIONS, 0, migrate)
    again = Session.open(session.path)
    assert again.current.id == "v1"
    again.comments.add("written in the new format")
    assert json.loads(file.read_text())["format"] == manifest.FORMAT


def test_what_is_no_session_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.abbe").write_text("hello")
    for name in ("folder", "text.abbe", "nowhere"):
        with pytest.raises(SessionError, match="wanted a session"):
            Session.open(tmp_path / name)


def test_a_manifest_cannot_lead_out_of_the_session(session: Session, tmp_path: Path) -> None:
    state = Session.open(session.path)._store.state
    state.values["versions/v1"] = {**state.values["versions/v1"], "folder": "../../secret"}
    (session.path / "manifest.json").write_bytes(manifest.dump(manifest.Manifest("x", "now", state)))
    again = Session.open(session.path)
    assert "tampered" in again.problems[0]


def test_a_read_only_session_says_why(session: Session) -> None:
    again = Session.open(session.path, read_only=True)
    with pytest.raises(SessionError, match="opened to be read only"):
        again.comments.add("no")


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(session: Session, sharper: Image) -> None:
    incoming = session.path / "incoming"
    (incoming / "dead").mkdir(parents=True)
    (incoming / "dead" / "lock").touch()
    (incoming / "alive").mkdir()
    with lock.locked(incoming / "alive" / "lock"):
        session.add_version(sharper)
    assert [path.name for path in incoming.iterdir()] == ["alive"]


def test_journal_lines_are_read_as_far_as_they_follow_each_other(session: Session) -> None:
    for text in "abc":
        session.comments.add(text)
    lines = (session.path / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert len(journal.parse(b"".join(lines)).changes) == 4
    gap = journal.parse(b"".join([*lines[:2], *lines[3:]]))
    assert (len(gap.changes), gap.damaged) == (2, 1)


def test_a_manifest_is_the_same_whatever_is_known_of_it_from_before(session: Session) -> None:
    """A change writes anew what it changed, and the rest as it was: byte for byte what all of it written anew is."""
    encoded: list[object] = []

    def check() -> None:
        written = (session.path / manifest.NAME).read_bytes()
        found = manifest.load(Folder(session.path))
        assert found is not None
        assert written == manifest.dump(found)
        content = json.loads(written)["content"]
        assert json.dumps(content, sort_keys=True).encode() in written
        assert content["state"] == session._store.state.to_dict()

    check()
    session.rois.add(rectangle(), name="nucléus \u2028")
    check()
    comment = session.comments.add("first")
    session.comments.change(comment.id, "second")
    check()
    session.undo()
    check()
    session.redo()
    with Session.open(session.path) as other:
        other.rois.change("r1", name="changed elsewhere")
    session.comments.remove(comment.id)
    check()
    session.undo()
    check()
    whole = manifest._text

    def counted(data: object) -> str:
        encoded.append(data)
        return whole(data)

    for k in range(50):
        session.rois.add(rectangle(), name=f"cell {k}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "_text", counted)
        session.comments.add("one more")
    assert len([data for data in encoded if isinstance(data, dict)]) == 2  # the remark, and what is about all
    check()

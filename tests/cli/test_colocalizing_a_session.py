"""`abbe colocalize` of a session: the current version is measured, and the measurement kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from abbe import Image, Session, colocalize
from abbe.cli import frame


@pytest.fixture
def session(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    shared = rng.poisson(30, (64, 64))
    pixels = np.stack([shared + rng.poisson(20, (64, 64)), shared + rng.poisson(20, (64, 64))]).astype(np.uint16)
    path = tmp_path / "cells.abbe"
    Session.create(path, Image.from_array(pixels, axes="CYX")).close()
    return path


def test_the_measurement_is_the_one_of_python_and_is_kept(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["colocalize", str(session), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    with Session.open(session) as opened:
        (kept,) = opened.analyses
        wanted = colocalize(opened.image()).to_dict()
    assert kept.kind == "colocalization"
    assert kept.results == printed == json.loads(json.dumps(wanted))


def test_measurements_by_plane_leave_the_session_as_it_is(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Session.open(session, read_only=True) as opened:
        revision = opened.revision
    assert frame.main(["colocalize", str(session), "--each", "plane", "--json"]) == 0
    assert "not kept in the session" in capsys.readouterr().err
    with Session.open(session, read_only=True) as opened:
        assert opened.revision == revision
        assert not list(opened.analyses)

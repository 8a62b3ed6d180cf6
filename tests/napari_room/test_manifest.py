"""What napari is told: the manifest is valid, everything in it is there, and no napari is needed to find that out."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import abbe.napari
from abbe.napari import reading
from abbe.storage import path_text

ROOM = Path(abbe.napari.__file__).parent
FOUND = yaml.safe_load((ROOM / "napari.yaml").read_text())["contributions"]


def test_napari_takes_the_manifest() -> None:
    """By npe2's own rules, as napari does; in a process of its own, whose warnings are npe2's."""
    code = "import sys, npe2; npe2.PluginManifest.from_file(sys.argv[1]).validate_imports()"
    if importlib.util.find_spec("PySide6") is None and importlib.util.find_spec("PyQt6") is None:
        code = "import sys, npe2; npe2.PluginManifest.from_file(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(ROOM / "napari.yaml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_napari_finds_the_manifest_by_its_entry_point() -> None:
    project = tomllib.loads((ROOM.parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["napari.manifest"] == {"abbe": "abbe.napari:napari.yaml"}
    assert yaml.safe_load((ROOM / "napari.yaml").read_text())["name"] == project["name"]


@pytest.mark.parametrize("command", FOUND["commands"], ids=lambda command: command["id"])
def test_every_command_is_there(command: dict[str, str]) -> None:
    """Those in Qt are looked for in their source: Qt is not always here."""
    module, _, name = command["python_name"].partition(":")
    if "widgets" not in module:
        assert callable(getattr(import_module(module), name))
        return
    source = ast.parse((ROOM.joinpath(*module.split(".")[2:]).with_suffix(".py")).read_text())
    found = next(node for node in source.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name)
    if isinstance(found, ast.ClassDef):
        (init,) = [node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
        assert [argument.arg for argument in init.args.args] == ["self", "napari_viewer"]  # by this name napari gives its viewer


def test_every_contribution_has_its_command() -> None:
    known = {command["id"] for command in FOUND["commands"]}
    used = {one["command"] for group in ("readers", "writers", "widgets", "sample_data") for one in FOUND[group]}
    assert used == known


def test_the_reader_is_asked_for_every_ending_that_the_documentation_names() -> None:
    (reader,) = FOUND["readers"]
    endings = {pattern.lstrip("*") for pattern in reader["filename_patterns"]}
    assert endings >= {".tif", ".tiff", ".lsm", ".png", ".jpg", ".jpeg", ".zarr", ".nd2", ".czi", ".lif", ".oib", ".oif", ".dv", ".abbe"}
    assert reader["accepts_directories"]
    assert reading.SESSION in endings


def test_every_ending_that_the_writer_offers_is_one_that_abbe_saves() -> None:
    from abbe.formats.saving import format_of

    for writer in FOUND["writers"]:
        for ending in writer["filename_extensions"]:
            assert format_of(path_text(f"cells{ending}"))


def test_nothing_but_the_widgets_loads_napari_or_qt() -> None:
    modules = [f"abbe.napari.{path.stem}" for path in sorted(ROOM.glob("*.py")) if path.stem != "__init__"]
    code = f"import sys; {'; '.join(f'import {module}' for module in modules)}; print(*{{m.partition('.')[0] for m in sys.modules}})"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert not loaded & {"napari", "qtpy", "PyQt5", "PyQt6", "PySide6", "vispy", "magicgui", "npe2", "dask"}

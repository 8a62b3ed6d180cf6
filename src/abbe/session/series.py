"""The session's own group: lets any OME-Zarr tool list the versions (bioformats2raw layout 3, OME-Zarr 0.5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from abbe.session.recovery import VERSIONS
from abbe.session.state import State
from abbe.storage import write_whole


def write(folder: Path, state: State) -> None:
    """Name every version in order. What is written here follows from the state, and is put right with the next version if lost."""
    paths = list(dict.fromkeys(version.folder for version in state.records("versions")))
    _group(folder / "zarr.json", {"ome": {"version": "0.5", "bioformats2raw.layout": 3}})
    _group(folder / VERSIONS / "zarr.json", {})
    (folder / "OME").mkdir(exist_ok=True)
    _group(folder / "OME" / "zarr.json", {"ome": {"version": "0.5", "series": paths}})


def _group(file: Path, attributes: dict[str, Any]) -> None:
    with write_whole(file, overwrite=True) as part:
        part.write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attributes}), encoding="ascii")

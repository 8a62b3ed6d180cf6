"""No path leads out of the folder."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from abbe.errors import AbbeError
from abbe.server.cabinet import Cabinet, id_of
from abbe.server.folders import Folders

TARGETS = ("secret.txt", "etc/passwd", "proc/self/environ", "root/.ssh/id_rsa", "windows/win.ini", "images/.hidden.txt")
CLIMBS = (
    "../", "..\\", "../../../../../../../", "./../", "cells.tif/../../", "..//", "/", "//", "///", "file:///", "C:\\", "C:/",
    "\\\\host\\share\\", "%2e%2e/", "%2e%2e%2f", "..%2f", "..%5c", "%252e%252e%252f", "..%c0%af", "..%ef%bc%8f", "\u2025/",
    "\uff0e\uff0e/", "..;/", ".../", "~/", "~root/", "..\0/", "\0", "..\n/", " ../", "../ ", "link/", "link/../", "a/../../",
    "images/../../", "nul/../", "con/", "./", ".hidden/../../", "cells.abbe/../../", "..%00/", "%00../", "$HOME/", "`id`/",
    "|", "&", ";", "*", "?/", "[a]/", "cells.abbe/", "aux:/",
)  # fmt: skip
PAYLOADS = sorted({c + t for c, t in itertools.product(CLIMBS, TARGETS)} | {"link", "link/secret.txt", ".hidden.txt", ".", "..", "..."})


@pytest.fixture
def linked(folder: Path) -> Path:
    os.symlink(folder.parent, folder / "link")
    return folder


def test_three_hundred_paths_lead_to_nothing_outside(linked: Path) -> None:
    assert len(PAYLOADS) >= 300
    folders, cabinet = Folders(linked.resolve(), 100), Cabinet(linked.resolve(), 2, lambda session, revision: None)
    for payload in (*PAYLOADS, *(quote(payload, safe="") for payload in PAYLOADS)):
        for ask in (folders.thumbnail, folders.image, folders.list, lambda path: cabinet.get(id_of(path))):
            if payload == "." and ask == folders.list:
                continue
            with pytest.raises(AbbeError):
                ask(payload)


def test_over_the_wire_they_give_not_a_byte_either(device: httpx.Client, linked: Path) -> None:
    outside = set(os.listdir(linked.parent))
    for payload in PAYLOADS[::7]:
        for answer in (
            device.get("/api/thumbnail", params={"path": payload}),
            device.post("/api/open", json={"path": payload}),
            device.get("/" + quote(payload, safe="" if payload.startswith("/") else "/")),  # "//..." would be another host
        ):
            assert answer.status_code >= 400, payload
            assert b"SECRET" not in answer.content
            assert b"root:" not in answer.content
    assert set(os.listdir(linked.parent)) == outside


@pytest.mark.parametrize("name", ["../evil.tif", "..\\evil.tif", "/evil.tif", "a/../../evil.tif", "evil\0.tif", "C:\\evil.tif"])
def test_an_upload_lands_in_the_folder_whatever_its_name_says(device: httpx.Client, folder: Path, name: str) -> None:
    answer = device.put("/api/upload", params={"name": name}, content=(folder / "cells.tif").read_bytes())
    assert answer.status_code == 200, answer.text
    assert (folder / answer.json()["path"]).is_file()
    assert not (folder.parent / "evil.tif").exists()


def test_what_is_hidden_stays_hidden(device: httpx.Client) -> None:
    assert ".hidden.txt" not in device.get("/api/folder").text
    assert device.post("/api/open", json={"path": ".hidden.txt"}).status_code == 404

"""Who is let in, and who is not."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from abbe.server import Settings
from abbe.server.guard import allowed_host
from abbe.server.keys import Keys, signing_key

from .conftest import Running, running

FILL = {"session_id": "c2Vzc2lvbg", "version": "v1", "roi": "r1", "job_id": "j", "handle": "h", "kind": "difference", "preview_id": "p"}


def routes() -> list[tuple[str, str]]:
    """(method, address) of every route of the interface."""
    from abbe.server.routes import ROUTERS

    found = [
        (method, "/api" + route.path.format(**FILL))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    ]
    assert len(found) > 35
    return [(method, path) for method, path in found if path != "/api/enter"]


def test_every_route_is_closed_without_the_link(stranger: httpx.Client) -> None:
    for method, path in routes():
        answer = stranger.request(method, path, json={} if method != "GET" else None)
        assert answer.status_code == 401, (method, path, answer.text)


def test_every_route_is_closed_to_another_host_name(device: httpx.Client, server: Running) -> None:
    port = server.origin.rpartition(":")[2]
    for method, path in [*routes(), ("GET", "/"), ("POST", "/api/enter")]:
        for host in (
            "evil.example",
            f"127.0.0.1.evil.example:{port}",
            f"localhost.evil.example:{port}",
            "127.0.0.1:9",
            f"u@127.0.0.1:{port}",
            "x",
        ):
            answer = device.request(method, path, headers={"Host": host}, json={} if method != "GET" else None)
            assert answer.status_code == 421, (method, path, host)


def test_every_route_is_closed_to_pages_of_other_sites(device: httpx.Client, server: Running) -> None:
    others = (
        "http://evil.example",
        "null",
        "http://127.0.0.1:9",
        server.origin.replace("http", "https"),
        server.origin.replace("127.0.0.1", "localhost"),
    )
    for method, path in routes():
        for origin in others:
            answer = device.request(method, path, headers={"Origin": origin}, json={} if method != "GET" else None)
            assert answer.status_code == 403, (method, path, origin)


def test_a_change_without_an_origin_is_refused(device: httpx.Client) -> None:
    del device.headers["Origin"]
    assert device.post("/api/open", json={"path": "cells.tif"}).status_code == 403
    assert device.get("/api/state").status_code == 200


def test_a_page_of_another_site_cannot_even_read(device: httpx.Client) -> None:
    del device.headers["Origin"]
    assert device.get("/api/folder", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}).status_code == 403


def test_a_link_works_once(server: Running) -> None:
    token = server.keys.invite()
    with server.client() as first, server.client() as second:
        assert first.post("/api/enter", json={"token": token}).status_code == 200
        assert second.post("/api/enter", json={"token": token}).status_code == 401


def test_a_known_device_stays_known_when_the_server_starts_again(settings: Settings, tmp_path: Path) -> None:
    cookie = Keys(signing_key(tmp_path / "state"), settings.folder.resolve()).cookie("tablet")
    with running(settings) as later:
        name = "abbe_" + later.origin.rpartition(":")[2]
        with later.client(cookies={name: cookie}) as device:
            assert device.get("/api/state").json()["device"] == "tablet"


def test_a_device_known_for_one_folder_is_a_stranger_in_another(tmp_path: Path) -> None:
    key = signing_key(tmp_path)
    cookie = Keys(key, tmp_path / "a").cookie("device")
    assert Keys(key, tmp_path / "a").device(cookie) == "device"
    assert Keys(key, tmp_path / "b").device(cookie) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c[:-1] + ("0" if c[-1] != "0" else "1"),
        lambda c: "x" + c,
        lambda c: c.replace(".", ".9", 1),
        lambda c: "",
        lambda c: "a.b.c.d",
    ],
)
def test_a_forged_cookie_is_no_cookie(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    keys = Keys(signing_key(tmp_path), tmp_path)
    assert keys.device(change(keys.cookie("device"))) is None


@pytest.mark.parametrize("other", ['prefs={"theme": "dark"}', "a[b]=1", "$x", "k=a b", "=", 'quoted="a; b"', "xabbe=1"])
def test_cookies_of_other_programs_on_this_machine_lock_nobody_out(device: httpx.Client, other: str) -> None:
    (own,) = (f"{name}={value}" for name, value in device.cookies.items())
    device.cookies.clear()
    for cookies in (f"{other}; {own}", f"{own}; {other}", f"{other};{own};{other}"):
        assert device.get("/api/state", headers={"Cookie": cookies}).status_code == 200
    assert device.get("/api/state", headers={"Cookie": f"x{own}; {other}"}).status_code == 401


def test_guessing_tokens_is_stopped(stranger: httpx.Client) -> None:
    answers = [stranger.post("/api/enter", json={"token": f"guess {k}"}).status_code for k in range(12)]
    assert answers[:10] == [401] * 10
    assert answers[10:] == [429, 429]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: httpx.Client, server: Running) -> None:
    token = server.keys.invite()
    cookie = stranger.post("/api/enter", json={"token": token}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_the_key_is_for_the_user_alone(tmp_path: Path) -> None:
    signing_key(tmp_path)
    assert (tmp_path / "server.key").stat().st_mode & 0o077 == 0
    assert signing_key(tmp_path) == signing_key(tmp_path)


def test_the_key_can_be_kept_on_a_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    assert signing_key(tmp_path) == signing_key(tmp_path)
    assert os.listdir(tmp_path) == ["server.key"]
    assert (tmp_path / "server.key").stat().st_mode & 0o077 == 0


def test_the_token_is_in_no_log_and_no_answer(stranger: httpx.Client, server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = server.keys.invite()
    said = [stranger.post("/api/enter", json={"token": token}).text, stranger.post("/api/enter", json={"token": token, "x": 1}).text]
    said += [stranger.post("/api/enter", json={"token": [token]}).text]
    assert not any(token in text for text in [*said, caplog.text])


def test_nothing_loads_from_outside(stranger: httpx.Client) -> None:
    for path in ("/", "/api/state", "/nothing"):
        policy = stranger.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("host", "lan", "welcome"),
    [
        ("127.0.0.1:80", False, True),
        ("localhost:80", False, True),
        ("[::1]:80", False, True),
        ("127.0.0.1", False, True),
        ("192.168.1.7:80", False, False),
        ("192.168.1.7:80", True, True),
        ("lab-mac.local:80", True, False),
        ("127.0.0.1:81", True, False),
        ("127.0.0.1:80/x", True, False),
        ("127.0.0.1:x", True, False),
    ],
)
def test_only_numbers_and_localhost_are_names_of_this_computer(host: str, lan: bool, welcome: bool) -> None:
    assert allowed_host(host, 80, lan) is welcome

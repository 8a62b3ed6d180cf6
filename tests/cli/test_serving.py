"""`abbe serve` says what stands in its way in one line, before it says where the page is."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from abbe.cli import frame


@pytest.fixture
def pem(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for this computer, and its key."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl on this machine to make a certificate with")
    return certificate, key


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert frame.main(["serve", "--no-browser", *map(str, arguments)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.strip().splitlines()
    return line


def test_what_cannot_be_served_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.tif").write_bytes(b"x")
    assert "wanted a folder" in refused(capsys, tmp_path / "nowhere")
    assert "wanted a folder" in refused(capsys, tmp_path / "a.tif")


def test_a_taken_port_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert "choose another with --port" in refused(capsys, tmp_path, "--port", other.getsockname()[1])


def test_a_certificate_that_is_none_is_said(tmp_path: Path, pem: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    certificate, key = pem
    assert "wanted the key" in refused(capsys, tmp_path, "--certificate", certificate, "--key", tmp_path / "none.pem")
    assert "which do not serve" in refused(capsys, tmp_path, "--certificate", key, "--key", key)


def test_with_a_certificate_the_page_comes_encrypted(tmp_path: Path, pem: tuple[Path, Path]) -> None:
    (folder := tmp_path / "cells").mkdir()
    command = [sys.executable, "-m", "abbe", "serve", str(folder), "--no-browser", "--certificate", str(pem[0]), "--key", str(pem[1])]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            link = next(line.split()[-1] for line in server.stdout if line.startswith("open"))
            port = int(link.split(":")[2].split("/")[0])
            assert link.startswith("https://")
            context = ssl.create_default_context(cafile=str(pem[0]))
            with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain, server_hostname="localhost") as safe:
                safe.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert safe.recv(12).startswith(b"HTTP/1.1")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
    assert server.returncode in (0, 130)


def test_the_page_comes_where_no_key_can_be_kept_and_says_what_that_means(tmp_path: Path) -> None:
    """As in a container whose home is read-only."""
    (folder := tmp_path / "cells").mkdir()
    (tmp_path / "state").write_bytes(b"a file, where the folder for the key should be")
    command = [sys.executable, "-m", "abbe", "serve", str(folder), "--no-browser"]
    nowhere = dict.fromkeys(("XDG_STATE_HOME", "LOCALAPPDATA", "HOME"), str(tmp_path / "state"))
    environment = {**os.environ, **nowhere, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            assert server.stderr is not None
            link = next(line.split()[-1] for line in server.stdout if line.startswith("open"))
            assert "must be let in again" in server.stderr.readline()
            address = link.split("/")[2]
            with socket.create_connection(("127.0.0.1", int(address.partition(":")[2]))) as plain:
                plain.sendall(f"GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
                assert plain.recv(12) == b"HTTP/1.1 200"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
    assert server.returncode in (0, 130)


def test_a_page_that_is_not_built_is_said(tmp_path: Path) -> None:
    from abbe.server import Settings
    from abbe.server.routes.page import page_is_built

    assert not page_is_built(Settings(folder=tmp_path, page=tmp_path / "none"))
    (tmp_path / "index.html").write_text("<html></html>")
    assert page_is_built(Settings(folder=tmp_path, page=tmp_path))

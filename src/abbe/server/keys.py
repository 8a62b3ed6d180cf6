"""Who may come in: tokens that work once, and signed cookies that outlive the server.

A token is in the fragment of a link or in a QR code. Whoever brings it gets a cookie `device.expiry.signature`, with HMAC-SHA256
over device, expiry and the folder served, by a key that lies in the user's state folder. Nothing about devices is stored: the
signature is the record.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import sys
import threading
import time
from pathlib import Path

from abbe.errors import ExistsError, StorageError
from abbe.storage import place

#: seconds that a token waits to be used, and that a device stays known
TOKEN_SECONDS = 600
DEVICE_SECONDS = 90 * 86400


def state_folder() -> Path:
    """Where this user's programs keep state that is no document, by the platform's custom."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return base / "abbe"


def signing_key(folder: Path | None = None) -> bytes:
    """The user's 32-byte key, made on first use and readable by the user alone. Raises `StorageError`."""
    path = (folder or state_folder()) / "server.key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            fresh = path.with_name(f"server.key.{os.getpid()}.{secrets.token_hex(4)}")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
            try:
                with contextlib.suppress(ExistsError):  # whole or not at all, and the first of two servers wins
                    place(fresh, path)
            finally:
                fresh.unlink(missing_ok=True)
        key = path.read_bytes()
    except OSError as problem:
        raise StorageError(f"wanted to keep the server's key in {path}, got: {problem.strerror}; make that folder writable") from problem
    if len(key) != 32:
        raise StorageError(f"wanted a key of 32 bytes in {path}, got {len(key)}; delete that file and start again")
    return key


def key_at_hand(folder: Path | None = None) -> tuple[bytes, str]:
    """The user's key and no word; where none can be kept, as in a home that is read-only, one for this run alone, and why."""
    try:
        return signing_key(folder), ""
    except StorageError as problem:
        return secrets.token_bytes(32), f"tablets and browsers must be let in again whenever abbe is started: {problem}"


class Keys:
    """Tokens handed out, and the signature of cookies, for one folder."""

    def __init__(self, key: bytes, folder: Path, wrong_tokens: int = 10) -> None:
        self._key = hmac.new(key, b"abbe-device\0" + os.fsencode(folder), hashlib.sha256).digest()
        self._tokens: dict[str, float] = {}
        self._wrong: list[float] = []
        self._allowed_wrong = wrong_tokens
        self._lock = threading.Lock()

    def invite(self) -> str:
        """A new token; it works once, for `TOKEN_SECONDS`."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[_digest(token)] = time.monotonic() + TOKEN_SECONDS
        return token

    def too_many_wrong(self) -> bool:
        with self._lock:
            self._wrong = [when for when in self._wrong if when > time.monotonic() - 60]
            return len(self._wrong) >= self._allowed_wrong

    def enter(self, token: str) -> str | None:
        """A cookie for a token that was handed out and not used; None otherwise."""
        with self._lock:
            now = time.monotonic()
            self._tokens = {known: until for known, until in self._tokens.items() if until > now}
            if self._tokens.pop(_digest(token), None) is None:
                self._wrong.append(now)
                return None
        return self.cookie(secrets.token_hex(6))

    def cookie(self, device: str) -> str:
        expiry = str(int(time.time()) + DEVICE_SECONDS)
        return f"{device}.{expiry}.{self._sign(device, expiry)}"

    def device(self, cookie: str | None) -> str | None:
        """The device that a cookie was made for; None when it is forged or too old."""
        parts = (cookie or "").split(".")
        if len(parts) != 3 or not cookie or not cookie.isascii():
            return None
        device, expiry, signature = parts
        if not hmac.compare_digest(signature, self._sign(device, expiry)):
            return None
        return device if expiry.isdigit() and int(expiry) > time.time() else None

    def _sign(self, device: str, expiry: str) -> str:
        return hmac.new(self._key, f"{device}.{expiry}".encode(), hashlib.sha256).hexdigest()


def _digest(token: str) -> str:
    """Tokens are kept and looked up by digest, so that the time of a look-up says nothing about them."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()

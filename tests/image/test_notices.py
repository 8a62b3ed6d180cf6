"""Every warning's code is listed, for the scripts that go by it."""

from __future__ import annotations

import re
from pathlib import Path

import abbe
from abbe.image.notice import CODES


def test_every_code_is_listed() -> None:
    sources = Path(abbe.__file__).parent.rglob("*.py")
    used = {code for path in sources for code in re.findall(r'Notice\(\s*"([^"]+)"', path.read_text(encoding="utf-8"))}
    assert len(used) > 15
    assert used <= set(CODES)

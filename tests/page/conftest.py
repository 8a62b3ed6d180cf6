"""A server process as `abbe serve` starts it, and a real Chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe

playwright = pytest.importorskip("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
PAGE = Path(abbe.__file__).parent / "server" / "page" / "index.html"
#: software rendering, and nothing that a browser does for itself over the network
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NAMES_OF_CHANNELS = ("nucleus", "microtubules")
#: milliseconds; software rendering on a busy machine is slow
PATIENCE = 120_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    if not PAGE.is_file():
        pytest.skip("the page is not built: npm ci and npm run build in web/")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Served:
    """`abbe serve` on a folder, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder, self._state, self.port = folder, state, 0
        self.link = ""
        self.start()

    def start(self) -> None:
        code = (
            "import sys; from pathlib import Path; from abbe.server import Settings, serve\n"
            "folder, state, port = sys.argv[1:]\n"
            "serve(Settings(folder=Path(folder), state=Path(state), port=int(port)), lambda s: print(s.link, flush=True))"
        )
        arguments = [sys.executable, "-c", code, str(self.folder), str(self._state), str(self.port)]
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
        assert self._process.stdout is not None
        self.link = self._process.stdout.readline().strip()
        found = re.search(r":(\d+)/", self.link)
        assert found, self.link
        self.port = int(found[1])

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "images"
    folder.mkdir()
    server = Served(folder, tmp_path / "state")
    yield server
    server.kill()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two single-channel files of the middle of a simulated cell, both as one file, a file that is no image, and one that is damaged."""
    from abbe.simulation import simulate_cell

    place = tmp_path_factory.mktemp("pictures")
    whole = simulate_cell(seed=1).image
    middle = np.asarray(whole)[0, :2, 0, 80:176, 80:176]  # small, so that every model takes a second
    image = abbe.Image.from_array(middle, axes="CYX", pixel_size=whole.pixel_size, channels=NAMES_OF_CHANNELS)
    for c, name in enumerate(image.channels):
        abbe.save(image.select([c]), place / f"{name}.tif")
    abbe.save(image, place / "cell.ome.tif")
    (place / "notes.tif").write_text("this is no image")
    (place / "cut.tif").write_bytes((place / "cell.ome.tif").read_bytes()[:3000])
    return place


@pytest.fixture
def hand(chromium: Any, served: Served, pictures: Path) -> Iterator[Any]:
    """A page with an image open."""
    from .hand import Hand  # which knows what is above

    hand = Hand(chromium, served)
    hand.bring(pictures / "cell.ome.tif")
    hand.page.locator(".tile").first.click()
    hand.seen()
    yield hand
    hand.close()

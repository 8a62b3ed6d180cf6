"""A real napari on a screen that nobody sees, for the tests marked `long`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

#: seconds that work on small images may take on a busy machine
PATIENCE = 900


@pytest.fixture(scope="session")
def screen() -> Iterator[None]:
    """A screen with OpenGL, which Qt's own "offscreen" does not have: the user's, or Xvfb."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        yield
        return
    if shutil.which("Xvfb") is None:
        pytest.fail("napari wants a screen, and there is neither one nor Xvfb; install it (Debian: apt-get install xvfb), or: make screen")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as told:
            os.environ["DISPLAY"] = f":{told.readline().strip()}"
        try:
            yield
        finally:
            del os.environ["DISPLAY"]
            server.terminate()


class User:
    """Somebody before napari: opens widgets, presses buttons, waits, reads."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer

    def widget(self, name: str) -> Any:
        """A widget of abbe, as the menu Plugins opens it."""
        return self.viewer.window.add_plugin_dock_widget("abbe", name)[1]

    def press(self, widget: Any, text: str, wait: bool = True) -> str:
        """Press a button; wait until the work is done; the line that the widget then shows."""
        from qtpy.QtWidgets import QPushButton

        (button,) = [b for b in widget.findChildren(QPushButton) if b.text() == text]
        assert button.isEnabled()
        button.click()
        if wait:
            self.until(lambda: widget.job is None)
        return widget.line.text()

    def until(self, what: Callable[[], bool], seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "napari did not get there in time"
            self.look()

    def look(self, seconds: float = 0.02) -> None:
        """Let napari draw and answer."""
        from qtpy.QtWidgets import QApplication

        QApplication.processEvents()
        time.sleep(seconds)

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.viewer.layers]

    @property
    def told(self) -> list[str]:
        """What notifications said."""
        from napari.utils.notifications import notification_manager

        return [str(note.message) for note in notification_manager.records]


@pytest.fixture
def user(screen: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path_factory.mktemp("napari") / "settings.yaml"))
    napari = pytest.importorskip("napari", reason="make test-all brings it")
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()
    viewer = napari.Viewer()
    user = User(viewer)
    yield user
    from abbe.napari.widgets import work

    for job in tuple(work._running):
        job.stop()
    viewer.close()
    user.look()

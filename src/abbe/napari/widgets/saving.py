"""The writer as napari calls it: asks before a file is replaced, where there is somebody to ask."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from qtpy.QtWidgets import QApplication, QMainWindow, QMessageBox

from abbe.napari.writing import write


def save_layers(path: str, found: Sequence[tuple[Any, dict[str, Any], str]]) -> list[str]:
    """napari's writer. napari's own dialog asks only about the name as it was typed, and scripts are not asked at all."""
    return write(path, found, _ask if _window() is not None else None)


def _window() -> Any:
    """The window in front of a user; None where there is none."""
    application = QApplication.instance()
    if application is None:
        return None
    return next((w for w in QApplication.topLevelWidgets() if isinstance(w, QMainWindow) and w.isVisible()), None)


def _ask(path: str) -> bool:
    buttons = QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No
    question = f"{os.path.basename(path)} is there already.\nReplace it?"
    return bool(QMessageBox.question(_window(), "abbe", question, buttons, QMessageBox.StandardButton.No) == QMessageBox.StandardButton.Yes)

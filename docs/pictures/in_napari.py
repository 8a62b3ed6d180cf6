"""Makes the pictures of docs/napari.md with napari itself, after make test-all, on a screen: .venv/bin/python docs/pictures/in_napari.py

A simulated cell is enhanced and measured by the widgets' own buttons; nothing is drawn over what napari shows.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import napari
import numpy as np
from PIL import Image
from qtpy.QtWidgets import QApplication, QDialog

HERE = Path(__file__).resolve().parent
SIZE = (1440, 900)


def until_done(widget: Any) -> None:
    while widget.job is not None:
        look()
    look(1.0)


def look(seconds: float = 0.05) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def keep(viewer: Any, name: str) -> None:
    look(1.5)
    for toast in QApplication.topLevelWidgets() + viewer.window._qt_window.findChildren(QDialog):
        if type(toast).__name__ == "NapariQtNotification":
            toast.close()
    look(0.5)
    shot = viewer.screenshot(canvas_only=False, flash=False)[..., :3]
    Image.fromarray(shot).save(HERE / f"{name}.webp", quality=84, method=6)
    print(f"{name}.webp", shot.shape)


def main() -> None:
    viewer = napari.Viewer()
    viewer.window.resize(*SIZE)
    viewer.open_sample("abbe", "cell")
    look(1.0)
    _, enhance = viewer.window.add_plugin_dock_widget("abbe", "Enhance")
    enhance.maps["trust"].setChecked(False)
    enhance.starters[-1].click()
    until_done(enhance)
    # side by side by napari's own grid: the channels as recorded, and as enhanced
    viewer.grid.stride, viewer.grid.shape, viewer.grid.enabled = 3, (1, 2), True
    look(1.0)
    scene = getattr(viewer, "scene", viewer)
    scene.camera.center = (0, 17.0, 9.0)
    scene.camera.zoom = 44
    keep(viewer, "napari-enhance")
    viewer.grid.enabled = False
    viewer.window.remove_dock_widget(enhance)
    _, measure = viewer.window.add_plugin_dock_widget("abbe", "Colocalize")
    measure.first.setCurrentText("microtubules enhanced [cell]")
    measure.second.setCurrentText("lysosomes enhanced [cell]")
    viewer.add_shapes(
        [np.array([[9.0, 11.5], [9.0, 20.0], [21.0, 20.0], [21.0, 11.5]])],
        shape_type="rectangle",
        name="region",
        edge_color="yellow",
        face_color="transparent",
        edge_width=0.12,
    )
    measure.roi.setCurrentText("region")
    measure.threshold.setCurrentText("otsu")
    measure.starters[-1].click()
    until_done(measure)
    viewer.reset_view()
    keep(viewer, "napari-colocalize")
    viewer.close()


if __name__ == "__main__":
    main()

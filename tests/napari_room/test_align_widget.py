"""Align channels in a real napari: choosing, measuring, aligning, stopping."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import abbe
from shift_maker import apart

if TYPE_CHECKING:
    from conftest import User

# napari and its parts warn of each other
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("napari", reason="make test-all brings it")


def opened(user: User, folder: Path, image: abbe.Image, name: str) -> None:
    abbe.save(image, folder / f"{name}.ome.tif")
    user.viewer.open(folder / f"{name}.ome.tif", plugin="abbe")


def ticked(widget: Any) -> list[str]:
    return [name for _, _, name in widget._ticked()]


def tick(widget: Any, row: int, on: bool) -> None:
    from qtpy.QtCore import Qt

    widget.channels.item(row).setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


def cells(widget: Any, row: int) -> list[str]:
    return [widget.table.item(row, c).text() for c in range(widget.table.columnCount())]


def test_an_image_is_measured_and_aligned_into_layers_that_lie_over_it(user: User, tmp_path: Path) -> None:
    image = apart((3, -2), 1.0)
    opened(user, tmp_path, image, "cells")
    widget = user.widget("Align channels")
    assert widget.picker.menu.currentText() == "cells"
    assert ticked(widget) == ["actin", "tubulin"]
    said = user.press(widget, "Measure")
    assert said.endswith("off actin; measured on the image itself")
    assert user.names == ["actin [cells]", "tubulin [cells]"]
    found = abbe.channel_shifts(image)[1].shift
    assert found is not None
    assert cells(widget, 1)[:3] == ["tubulin", f"{found[0]:+.2f}", f"{found[1]:+.2f}"]
    widget.reference.setCurrentText("tubulin")
    assert user.press(widget, "Align") == "moved (down, right) actin by +3, -2; measured on the image itself"
    assert user.names[2:] == ["actin aligned [cells]", "tubulin aligned [cells]"]
    assert widget.picker.menu.currentText() == "cells"  # its own results are not what the next run begins with
    layer = user.viewer.layers["actin aligned [cells]"]
    assert np.array_equal(np.asarray(layer.data), abbe.align(image, reference="tubulin").plane(0, 0, 0))
    assert layer.metadata["recipe"]["operation"] == "align"
    assert layer.extent.world == pytest.approx(user.viewer.layers[0].extent.world)
    assert {one.name for one in user.viewer.layers.selection} == set(user.names[2:])  # the key V: before and after
    assert "actin was moved by 3 pixels down and 2 left onto tubulin" in widget.remarks.text()
    assert any("actin was moved" in note for note in user.told)


def test_beads_of_a_layer_or_of_a_file_tell_what_the_image_cannot(user: User, tmp_path: Path) -> None:
    image = apart((3, -2), 0.0)
    opened(user, tmp_path, image, "cells")
    widget = user.widget("Align channels")
    assert "cannot" in user.press(widget, "Align")
    assert "Traceback" not in "".join(user.told)
    abbe.save(apart((3.1, -2.2), 1.0, seed=4), tmp_path / "beads.ome.tif")
    widget.file.setText(str(tmp_path / "beads.ome.tif"))
    assert user.press(widget, "Align") == "moved (down, right) tubulin by -3, +2; measured on beads.ome.tif"
    told = user.viewer.layers[-1].metadata["recipe"]["steps"][0]["parameters"]
    assert told["beads"]["source"] == "beads.ome.tif"
    user.viewer.open(tmp_path / "beads.ome.tif", plugin="abbe")
    widget.picker.menu.setCurrentText("cells")
    widget.beads.menu.setCurrentText("beads")
    assert "got both" in user.press(widget, "Measure")
    widget.file.clear()
    assert user.press(widget, "Align") == "moved (down, right) tubulin by -3, +2; measured on beads"
    widget.beads.menu.setCurrentIndex(0)
    widget.file.setText(str(tmp_path / "none.tif"))
    assert "none.tif" in user.press(widget, "Measure")


def test_layers_of_another_program_are_aligned_as_channels(user: User) -> None:
    planes = np.asarray(apart((3, -2), 1.0))[0, :, 0]
    widget = user.widget("Align channels")
    for plane, name in zip((*planes, planes[0][:100]), ("red", "green", "other")):
        user.viewer.add_image(plane, name=name)
    assert widget.picker.menu.currentText() == "several layers"
    user.viewer.layers.selection = {user.viewer.layers["green"], user.viewer.layers["red"]}
    assert ticked(widget) == ["red", "green"]
    tick(widget, 2, True)
    assert "same pixels" in user.press(widget, "Align")
    tick(widget, 2, False)
    widget.reference.setCurrentText("green")
    user.viewer.layers["green"].name = "leaf"
    assert (ticked(widget), widget.reference.currentText()) == (["red", "leaf"], "leaf")
    assert user.press(widget, "Align") == "moved (down, right) red by +3, -2; measured on the image itself"
    assert user.names[3:] == ["red aligned [red + leaf]", "leaf aligned [red + leaf]"]
    tick(widget, 0, False)
    tick(widget, 1, False)
    assert "two channels or more" in user.press(widget, "Measure")


def test_a_layer_with_an_axis_of_channels_is_told_by_its_axes(user: User) -> None:
    user.viewer.add_image(np.asarray(apart((3, -2), 1.0))[0, :, 0], name="both")
    widget = user.widget("Align channels")
    widget.picker.menu.setCurrentText("both")
    assert widget.picker.axes.text() == "ZYX"
    widget.picker.axes.setText("CYX")
    widget.picker.axes.editingFinished.emit()
    assert ticked(widget) == ["both 1", "both 2"]
    assert user.press(widget, "Align").startswith("moved (down, right) both 2 by -3, +2")
    assert user.viewer.layers[-1].data.shape == (2, 384, 384)


def test_work_that_is_cancelled_adds_nothing(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from abbe.napari.aligning import HeedingPixels

    user.viewer.open_sample("abbe", "cell")
    widget = user.widget("Align channels")
    read = HeedingPixels.read

    def slow(pixels: HeedingPixels, region: Any) -> Any:
        time.sleep(0.3)
        return read(pixels, region)

    monkeypatch.setattr(HeedingPixels, "read", slow)
    user.press(widget, "Align", wait=False)
    user.until(lambda: widget.meter.value() > 0)
    assert "stopped" in user.press(widget, "Cancel")
    assert len(user.names) == 3
    assert not widget.cancel.isEnabled()


def test_what_was_said_of_a_layer_is_there_when_it_is_chosen_again_and_its_scale_is_followed(user: User) -> None:
    first = user.viewer.add_image(np.asarray(apart((3, -2), 1.0))[0, :, 0], name="both", scale=(1, 0.1, 0.1), units=("um",) * 3)
    user.viewer.add_image(np.zeros((20, 30)), name="other")
    widget = user.widget("Enhance")
    picker = widget.picker
    picker.menu.setCurrentText("both")
    assert picker.pixel.text() == "0.1"
    first.scale = (1, 0.2, 0.2)
    assert picker.pixel.text() == "0.2"
    picker.axes.setText("CYX")
    picker.axes.textEdited.emit("CYX")  # as the keyboard does
    picker.menu.setCurrentText("other")
    assert (picker.axes.text(), picker.pixel.text()) == ("YX", "")
    picker.menu.setCurrentText("both")
    assert (picker.axes.text(), picker.pixel.text()) == ("CYX", "0.2")
    assert picker.channels.count() == 2


def test_pixels_from_a_file_are_not_changed_in_place(user: User, tmp_path: Path) -> None:
    """They would look changed, and what is saved and computed is what abbe holds."""
    opened(user, tmp_path, apart((3, -2), 1.0), "cells")
    with pytest.raises(ValueError, match="read-only"):
        user.viewer.layers[0].data[...] = 0

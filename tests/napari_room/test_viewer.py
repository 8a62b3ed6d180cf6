"""abbe in a real napari: its own window, its own models, every button."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import abbe
from napari_maker import blob

if TYPE_CHECKING:
    from conftest import User

# napari and its parts warn of each other
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("napari", reason="make test-all brings it")

UM = 0.1


def stack(planes: int = 5, side: int = 48) -> np.ndarray[Any, Any]:
    return np.stack([blob(side)] * planes)


def tick(widget: Any, channel: int, on: bool) -> None:
    from qtpy.QtCore import Qt

    widget.picker.channels.item(channel).setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)


def quick(widget: Any) -> Any:
    widget.passes.setValue(1)
    return widget


def type_into(edit: Any, text: str) -> None:
    from qtpy.QtTest import QTest

    edit.selectAll()
    QTest.keyClicks(edit, text)


# ------------------------------------------------------------------------------------------------ enhancing
def test_a_sample_is_enhanced_into_layers_that_lie_over_it(user: User) -> None:
    user.viewer.open_sample("abbe", "cell")
    assert user.names == ["nucleus [cell]", "microtubules [cell]", "lysosomes [cell]"]
    widget = quick(user.widget("Enhance"))
    assert widget.picker.menu.currentText() == "cell"
    tick(widget, 0, False)
    said = user.press(widget, "Enhance")
    assert said.startswith("improved")
    assert user.names[-2:] == ["microtubules enhanced [cell]", "lysosomes enhanced [cell]"]
    before, after = user.viewer.layers[1], user.viewer.layers[-2]
    assert after.data.shape == (768, 768)
    assert after.units == before.units
    # the same field in napari's world, edge by edge
    for edge in (0, 1):
        assert after.extent.world[edge] == pytest.approx(before.extent.world[edge], abs=before.scale[0])
    corners = [layer.translate - layer.scale / 2 for layer in (before, after)]
    assert corners[0] == pytest.approx(corners[1])
    assert after.metadata["recipe"]["operation"] == "enhance"
    assert {layer.name for layer in user.viewer.layers.selection} == set(user.names[-2:])  # the key V: before and after
    assert any("improved" in note for note in user.told)
    assert any("nucleus" in note for note in user.told)  # the warning: not enhanced, only enlarged
    assert "nucleus" in widget.remarks.text()


def test_what_is_seen_is_the_result_and_not_the_sum_of_it_and_the_original(user: User) -> None:
    user.viewer.open_sample("abbe", "cell")
    user.press(quick(user.widget("Background")), "Correct")
    seen = user.viewer.screenshot(flash=False)
    for name in ("nucleus [cell]", "microtubules [cell]", "lysosomes [cell]"):
        user.viewer.layers[name].visible = False
    alone = user.viewer.screenshot(flash=False)
    assert np.abs(seen.astype(int) - alone.astype(int)).mean() < 1


def test_previews_are_of_what_is_in_view_and_the_newest_replaces_the_one_before(user: User) -> None:
    rng = np.random.default_rng(1)
    user.viewer.add_image(rng.poisson(40, (600, 700)).astype(np.uint16), name="field", scale=(UM, UM), units=("um", "um"))
    widget = quick(user.widget("Enhance"))
    user.viewer.camera.center = (0, 300 * UM, 400 * UM)
    user.press(widget, "Preview")
    (layer,) = [one for one in user.viewer.layers if one.name == "field preview"]
    assert layer.data.shape == (768, 768)
    assert layer.translate == pytest.approx((172 * UM - UM / 3, 272 * UM - UM / 3))
    corners = np.array([[100, 100], [100, 164], [148, 164], [148, 100]]) * UM
    user.viewer.add_shapes([corners], shape_type="rectangle").selected_data = {0}
    user.press(widget, "Preview")
    (layer,) = [one for one in user.viewer.layers if one.name == "field preview"]
    assert layer.data.shape == (3 * 48, 3 * 64)
    assert layer.translate == pytest.approx((100 * UM - UM / 3, 100 * UM - UM / 3))


def test_previews_are_of_what_is_in_view_where_layers_have_other_units(user: User) -> None:
    """napari's world is in nm then: 30 um were taken for 30000, and the image's far corner was restored."""
    rng = np.random.default_rng(1)
    pixels = rng.poisson(40, (700, 700)).astype(np.uint16)
    user.viewer.add_image(pixels, name="other", scale=(100, 100), units=("nm", "nm"))
    user.viewer.add_image(pixels, name="field", scale=(UM, UM), units=("um", "um"))
    widget = quick(user.widget("Enhance"))
    user.viewer.camera.center = (0, 30000, 40000)
    user.press(widget, "Preview")
    (layer,) = [one for one in user.viewer.layers if one.name == "field preview"]
    assert layer.translate == pytest.approx((172 * UM - UM / 3, 272 * UM - UM / 3))
    corners = np.array([[100, 100], [100, 164], [148, 164], [148, 100]]) * 100
    user.viewer.add_shapes([corners], shape_type="rectangle", units=("nm", "nm")).selected_data = {0}
    user.press(widget, "Preview")
    (layer,) = [one for one in user.viewer.layers if one.name == "field preview"]
    assert layer.data.shape == (3 * 48, 3 * 64)
    assert layer.translate == pytest.approx((100 * UM - UM / 3, 100 * UM - UM / 3))


def test_a_map_is_not_what_enhancing_goes_on_with_when_its_image_is_gone(user: User) -> None:
    user.viewer.add_image(blob(96), name="cells")
    widget = quick(user.widget("Enhance"))
    user.press(widget, "Enhance")
    user.viewer.layers.remove("cells")
    assert widget.picker.menu.currentText() == "cells enhanced"


def test_channels_are_enhanced_as_their_layers_are_called(user: User, tmp_path: Path) -> None:
    abbe.save(abbe.Image.from_array(np.stack([blob(64), blob(64)]), "CYX", UM), tmp_path / "two.ome.tif")
    first, second = user.viewer.open(tmp_path / "two.ome.tif", plugin="abbe")
    first.name, second.name = "DAPI", "GFP"
    widget = quick(user.widget("Enhance"))
    user.press(widget, "Enhance")
    assert user.names[-2:] == ["DAPI enhanced [two]", "GFP enhanced [two]"]


def test_a_stack_is_enhanced_while_it_is_seen_in_three_dimensions(user: User) -> None:
    user.viewer.add_image(stack(), name="stack", scale=(0.3, UM, UM), units=("um",) * 3)
    widget = quick(user.widget("Enhance"))
    assert (widget.picker.pixel.text(), widget.picker.step.text()) == ("0.1", "0.3")
    user.viewer.dims.ndisplay = 3
    user.press(widget, "Enhance")
    layer = user.viewer.layers["stack enhanced"]
    assert layer.data.shape == (13, 144, 144)
    assert layer.scale == pytest.approx((UM, UM / 3, UM / 3))
    user.look()


def test_what_a_layer_does_not_tell_is_asked_for(user: User) -> None:
    user.viewer.add_image(stack(), name="plain")
    widget = quick(user.widget("Enhance"))
    assert (widget.picker.axes.text(), widget.picker.pixel.text(), widget.picker.step.text()) == ("ZYX", "", "")
    type_into(widget.picker.pixel, "0.1")
    type_into(widget.picker.step, "0.2")
    user.press(widget, "Enhance")
    layer = user.viewer.layers["plain enhanced"]
    assert layer.data.shape == (9, 144, 144)
    assert layer.scale == pytest.approx((0.5, 1 / 3, 1 / 3))  # in the world of the layer that it lies over
    assert layer.metadata["pixel_size_um"] == pytest.approx([0.1, 0.1 / 3, 0.1 / 3])


def test_background_is_taken_from_chosen_channels_on_the_same_pixels(user: User) -> None:
    user.viewer.open_sample("abbe", "dim_cell")
    widget = quick(user.widget("Background"))
    tick(widget, 0, False)
    tick(widget, 1, False)
    widget.maps["interval"].setChecked(True)
    user.press(widget, "Correct")
    layer = user.viewer.layers["lysosomes background corrected [dim cell]"]
    assert layer.data.shape == (256, 256)
    assert layer.translate == pytest.approx((0, 0))
    assert [name for name in user.names if "%" in name or "trust" in name] == [
        "lysosomes trust [dim cell background corrected]",
        "lysosomes lower end of 90 % [dim cell background corrected]",
        "lysosomes upper end of 90 % [dim cell background corrected]",
    ]


# ------------------------------------------------------------------------------------------------ what goes wrong
@pytest.mark.parametrize(
    ("widget", "button"),
    [("Enhance", "Preview"), ("Enhance", "Enhance"), ("Align channels", "Measure"), ("Compare", "Compare"), ("Colocalize", "Measure")],
)
def test_an_empty_viewer_is_told_what_to_do(user: User, widget: str, button: str) -> None:
    assert "got an empty viewer" in user.press(user.widget(widget), button)


ODD: dict[str, tuple[dict[str, Any], str]] = {
    "an RGB picture": ({"data": np.zeros((40, 40, 3), np.uint8), "rgb": True}, "RGB"),
    "a turned layer": ({"data": blob(), "rotate": 30}, "rotated"),
    "a sheared layer": ({"data": blob(), "shear": [0.4]}, "sheared"),
    "a mirrored layer": ({"data": blob(), "scale": (1, -1)}, "mirrored"),
    "six axes": ({"data": np.zeros((1, 1, 2, 2, 8, 8), np.uint16)}, "field Axes"),
}


@pytest.mark.parametrize("what", ODD)
def test_layers_that_abbe_cannot_work_on_are_refused_in_one_sentence(user: User, what: str) -> None:
    attributes, word = ODD[what]
    user.viewer.add_image(**attributes, name="odd")
    said = user.press(user.widget("Enhance"), "Enhance")
    assert word in said
    assert user.names == ["odd"]
    assert f"abbe: {said}" in user.told
    assert "Traceback" not in "".join(user.told)


def test_work_that_is_cancelled_adds_nothing_and_the_next_can_begin(user: User) -> None:
    user.viewer.open_sample("abbe", "cell")
    widget = user.widget("Enhance")
    widget.passes.setValue(8)
    user.press(widget, "Enhance", wait=False)
    user.until(lambda: widget.meter.value() > 0)
    assert "stopped" in user.press(widget, "Cancel")
    assert len(user.names) == 3
    assert not widget.cancel.isEnabled()
    assert user.press(quick(widget), "Preview")


def test_a_layer_may_be_renamed_or_deleted_while_it_is_worked_on(user: User) -> None:
    user.viewer.add_image(blob(96), name="first")
    user.viewer.add_image(blob(96), name="second")
    widget = quick(user.widget("Enhance"))
    assert widget.picker.menu.currentText() == "second"
    user.press(widget, "Enhance", wait=False)
    user.viewer.layers.remove("second")
    user.viewer.layers["first"].name = "renamed"
    assert widget.picker.menu.itemText(0) == "renamed"
    user.until(lambda: widget.job is None)
    assert user.names == ["renamed", "second enhanced trust", "second enhanced"]


def test_two_jobs_at_once_are_done_one_after_the_other(user: User) -> None:
    user.viewer.open_sample("abbe", "cell")
    a, b = quick(user.widget("Enhance")), quick(user.widget("Background"))
    user.press(a, "Enhance", wait=False)
    user.press(b, "Correct", wait=False)
    user.until(lambda: "waiting" in b.meter.format())
    user.until(lambda: a.job is None and b.job is None)
    assert {"nucleus enhanced [cell]", "nucleus background corrected [cell]"} <= set(user.names)


def test_a_widget_that_is_closed_in_the_middle_still_brings_its_result(user: User) -> None:
    user.viewer.add_image(blob(96), name="cells")
    widget = quick(user.widget("Enhance"))
    user.press(widget, "Enhance", wait=False)
    user.viewer.window.remove_dock_widget(widget)
    user.until(lambda: widget.job is None)
    assert "cells enhanced" in user.names


def test_napari_may_be_closed_in_the_middle_of_the_work(screen: None) -> None:
    """In a process of its own, as a user has it: it ends by itself, soon, without a word on the terminal."""
    code = """
        import napari
        from qtpy.QtCore import QTimer

        viewer = napari.Viewer()
        viewer.open_sample("abbe", "cell")
        widget = viewer.window.add_plugin_dock_widget("abbe", "Enhance")[1]
        widget.passes.setValue(8)
        widget.starters[-1].click()

        def look():
            if widget.meter.value() > 0:
                timer.stop()
                print("closing", flush=True)
                viewer.close()

        timer = QTimer()
        timer.timeout.connect(look)
        timer.start(50)
        napari.run()
        print("closed", flush=True)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=900, check=False)
    assert done.stdout.split() == ["closing", "closed"]
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------------------------------------ measuring
def test_two_channels_are_measured_in_a_drawn_region_and_exported(user: User, tmp_path: Path) -> None:
    import openpyxl

    user.viewer.open_sample("abbe", "cell")
    widget = user.widget("Colocalize")
    corners = np.array([[5, 6], [5, 18], [20, 18], [20, 6]], float)
    user.viewer.add_shapes([corners], shape_type="rectangle", name="cytoplasm")
    widget.first.setCurrentText("microtubules [cell]")
    widget.second.setCurrentText("lysosomes [cell]")
    widget.roi.setCurrentText("cytoplasm")
    widget.threshold.setCurrentText("otsu")
    assert "cytoplasm" in user.press(widget, "Measure")
    image = user.viewer.layers[0].metadata["abbe"].image
    half = image.pixel_size[1] / 2  # napari counts from the centre of the first pixel, abbe from its corner
    there = abbe.ROI.rectangle(5 + half, 6 + half, 15, 12, name="cytoplasm")
    found = abbe.colocalize(image, (1, 2), there, "otsu")
    assert widget.table.item(0, 0).text() == "Pearson's r"
    assert widget.table.item(0, 1).text() == f"{found.pearson:.4g}"
    assert widget.table.item(0, 0).toolTip()
    assert widget.picture.pixmap().width() > 300
    revealed = user.viewer.layers[-1]
    assert "colocalized" in revealed.name
    assert int(np.asarray(revealed.data).sum()) == found.pixels.colocalized.pixels
    widget.write(str(tmp_path / "found.xlsx"))
    user.until(lambda: widget.job is None)
    book = openpyxl.load_workbook(tmp_path / "found.xlsx")
    cells = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row]
    assert any(isinstance(cell, float) and cell == pytest.approx(found.pearson, rel=1e-5) for cell in cells)


def test_a_result_is_measured_beside_its_original_and_compared_with_it(user: User) -> None:
    user.viewer.open_sample("abbe", "cell")
    user.press(quick(user.widget("Enhance")), "Enhance")
    colocalize = user.widget("Colocalize")
    colocalize.first.setCurrentText("lysosomes enhanced [cell]")
    colocalize.second.setCurrentText("microtubules enhanced [cell]")
    user.press(colocalize, "Measure")
    heads = [colocalize.table.horizontalHeaderItem(c).text() for c in range(colocalize.table.columnCount())]
    assert heads[:3] == ["coefficient", "value", "on the original"]
    before = abbe.colocalize(user.viewer.layers[0].metadata["abbe"].image, (2, 1))
    assert colocalize.table.item(0, 2).text() == f"{before.pearson:.4g}"
    compare = user.widget("Compare")
    compare.resolution.setChecked(False)
    assert compare.result.menu.currentText() == "cell enhanced"
    assert user.press(compare, "Compare").startswith("improved")
    errors = [layer for layer in user.viewer.layers if " error " in layer.name]
    assert len(errors) == 3
    assert errors[0].data.shape == (256, 256)
    assert errors[0].translate == pytest.approx((0, 0))
    verdicts = {compare.table.item(r, 0).text() for r in range(compare.table.rowCount()) if compare.table.item(r, 1).text() == "verdict"}
    assert verdicts == {"nucleus", "microtubules", "lysosomes"}


def test_labels_are_regions_too(user: User) -> None:
    user.viewer.open_sample("abbe", "cell")
    labels = np.zeros((256, 256), np.uint8)
    labels[60:120, 40:100], labels[150:200, 150:220] = 1, 2
    layer = user.viewer.layers[0]
    user.viewer.add_labels(labels, name="cells", scale=layer.scale, translate=layer.translate)
    widget = user.widget("Colocalize")
    widget.roi.setCurrentText("cells")
    widget.separately.setChecked(True)
    user.press(widget, "Measure")
    assert [widget.table.item(r, 0).text() for r in range(widget.table.rowCount())] == ["cells 1", "cells 2"]
    assert widget.table.item(0, 2).text() == str(60 * 60)


# ------------------------------------------------------------------------------------------------ files
def test_files_and_sessions_are_opened_and_results_saved(user: User, tmp_path: Path) -> None:
    image = abbe.Image.from_array(np.stack([blob(), blob()]), "CYX", UM, ["DAPI", "actin"], colors=("#0000ff", "#ff0000"))
    abbe.save(image, tmp_path / "cells.ome.tif")
    abbe.Session.create(tmp_path / "kept.abbe", image).enhance(steps="denoise", passes=1)
    user.viewer.open(tmp_path / "cells.ome.tif", plugin="abbe")
    assert user.names == ["DAPI [cells]", "actin [cells]"]
    assert [str(unit) for unit in user.viewer.layers[0].units] == ["micrometer", "micrometer"]
    user.press(quick(user.widget("Background")), "Correct")
    chosen = [layer for layer in user.viewer.layers if "background corrected [" in layer.name]
    user.viewer.layers.selection = set(chosen)
    saved = user.viewer.layers.save(tmp_path / "clean.ome.tif", selected=True, plugin="abbe")
    back = abbe.open(saved[0])
    assert back.channels == ("DAPI", "actin")
    assert back.pixel_size == pytest.approx((None, UM, UM))
    assert any("background" in line for line in back.provenance.history)
    user.viewer.layers.clear()
    user.viewer.open(tmp_path / "kept.abbe", plugin="abbe")
    assert len(user.names) == 6  # two channels of either version, and the trust of the newest


@pytest.mark.parametrize("answer", ["No", "Yes"])
def test_before_a_file_is_replaced_the_user_is_asked(user: User, tmp_path: Path, answer: str) -> None:
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication, QMessageBox

    path = tmp_path / "cell.ome.tif"
    path.write_bytes(b"precious")
    user.viewer.open_sample("abbe", "cell")

    def reply() -> None:
        (box,) = [one for one in QApplication.topLevelWidgets() if isinstance(one, QMessageBox) and one.isVisible()]
        box.button(getattr(QMessageBox.StandardButton, answer)).click()

    QTimer.singleShot(500, reply)
    if answer == "No":
        with pytest.raises(abbe.AbbeError, match="stays as it is"):
            user.viewer.layers.save(path, plugin="abbe")
        assert path.read_bytes() == b"precious"
    else:
        user.viewer.layers.save(path, plugin="abbe")
        assert abbe.open(path).channels == ("nucleus", "microtubules", "lysosomes")


def test_without_a_window_nothing_is_replaced(screen: None, tmp_path: Path) -> None:
    path = tmp_path / "cell.ome.tif"
    path.write_bytes(b"precious")
    code = f"""
        import napari
        viewer = napari.Viewer(show=False)
        viewer.open_sample("abbe", "cell")
        viewer.layers.save({os.fspath(path)!r}, plugin="abbe")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=900, check=False)
    assert "ExistsError" in done.stderr
    assert path.read_bytes() == b"precious"


def test_garbage_is_collected_in_the_viewers_thread_while_a_job_runs(user: User) -> None:
    """Windows of Qt's that another thread takes down abort the process."""
    import threading

    from abbe.napari.widgets.work import Job

    places: list[str] = []

    class Cycle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            places.append(threading.current_thread().name)

    def work(report: Any) -> None:
        for k in range(200):
            kept = [[n] for n in range(2000)]  # what Python begins to collect after
            if k % 20 == 0:
                report(k / 200, "")
            del kept

    for _ in range(50):
        Cycle()
    job = Job(work)
    ended: list[object] = []
    job.done.connect(ended.append)
    job.start()
    user.until(lambda: bool(ended) and len(places) == 50)
    assert set(places) == {threading.main_thread().name}

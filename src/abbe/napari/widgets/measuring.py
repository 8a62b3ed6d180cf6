"""Compare and Colocalize."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QWidget

import abbe
from abbe.errors import ParameterError
from abbe.napari.description import Description, described_layer
from abbe.napari.measuring import EXTRAS, THRESHOLDS, Colocalizing, Comparing, Shown
from abbe.napari.regions import as_one, rois
from abbe.napari.sheet import Sheet, channel_names, guess_axes, pair, sheet
from abbe.napari.tasks import Progress
from abbe.napari.widgets.panel import Panel
from abbe.napari.widgets.picker import EMPTY, ImagePicker
from abbe.napari.widgets.table import Table

EXPORTS = ("Spreadsheet (*.xlsx)", "Text (*.txt)", "CSV (*.csv)", "Report (*.pdf)", "Report as a web page (*.html)")
OWN_ORIGINAL = "what the result was made from"
NO_TRUTH = "not known"
WHOLE = "the whole image"
EACH = {"everything together": "image", "each frame": "frame", "each plane": "plane"}


class MeasuringPanel(Panel):
    """What both have in common: a table, and files of what was measured."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.shown: Shown | None = None
        self.table = Table()
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.hide()
        self.export = QPushButton("Export...")
        self.export.setToolTip("What was measured as a spreadsheet, as text, or as a report with pictures and methods")
        self.export.setEnabled(False)
        self.export.clicked.connect(lambda: self._guarded(self._choose_file))

    def finish(self) -> None:
        self.buttons.addWidget(self.export)
        self.body.insertWidget(self.body.indexOf(self.remarks), self.table)  # numbers first, then what to beware of
        self.body.addWidget(self.picture)
        super().finish()

    def show_measured(self, found: Shown) -> None:
        """Table, picture, layers and words."""
        self.shown = found
        self.export.setEnabled(True)
        self.table.fill(found.head, found.rows)
        self.picture.setVisible(found.picture is not None)
        if found.picture is not None:
            drawn = QPixmap()
            drawn.loadFromData(found.picture)
            self.picture.setPixmap(drawn.scaledToWidth(max(self.viewport().width() - 30, 320), Qt.TransformationMode.SmoothTransformation))
        self.add(found.layers)
        self.announce(found.line, found.notices)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, "Export what was measured")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(EXPORTS))
        dialog.setDefaultSuffix("xlsx")
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(chosen.rpartition("*.")[2].rstrip(")")))
        if dialog.exec():  # asks itself before a file is replaced
            self.write(dialog.selectedFiles()[0])

    def write(self, path: str) -> None:
        """Everything that was measured, as a file by its suffix."""
        if self.shown is None:
            raise ParameterError("wanted something to export, got nothing measured yet")
        subject = self.shown.subject

        def work(progress: Progress) -> Path:
            return abbe.report(subject, path, overwrite=True, progress=progress)

        before = self.shown.line
        self.run(work, lambda made: self.announce(f"written to {made.name}. {before}", ()), "writing")


class CompareWidget(MeasuringPanel):
    """Before and after: verdict, measures, and maps of error and trust."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.result = ImagePicker(self.layers, self.form, "Result", ask=False)
        self.original = ImagePicker(self.layers, self.form, "Original", none=OWN_ORIGINAL, ask=False)
        self.truth = ImagePicker(self.layers, self.form, "Truth", none=NO_TRUTH, ask=False)
        self.border = QComboBox()
        self.border.addItems(["clamped", "inside"])
        self.border.setToolTip("Beyond its border the result continues with its outermost pixels, or pixels near the border are left out")
        self.form.addRow("Border", self.border)
        self.resolution = QCheckBox("Resolution too (takes longest)")
        self.resolution.setChecked(True)
        self.form.addRow("", self.resolution)
        self.maps = {"error": QCheckBox("Error map"), "residual": QCheckBox("Residual"), "trust": QCheckBox("Trust")}
        for k, (name, box) in enumerate(self.maps.items()):
            box.setChecked(name == "error")
            self.form.addRow("Maps" if k == 0 else "", box)
        self.button("Compare", self.start)
        self.finish()
        self.layers.changed.connect(self._prefer_result)
        self._prefer_result()

    def start(self) -> None:
        """Measure."""
        result, original, truth = self.result.maker(), self.original.maker(), self.truth.maker()
        assert result is not None
        maps = tuple(name for name, box in self.maps.items() if box.isChecked())
        task = Comparing(self.border.currentText(), self.resolution.isChecked(), maps)

        def work(progress: Progress) -> Shown:
            exact = None if truth is None else truth().image
            return task.run(None if original is None else original(), result(), exact, progress)

        self.run(work, self.show_measured, "comparing")

    def _prefer_result(self) -> None:
        """The newest image that was made from another, where the one chosen was not."""
        if not isalive(self):
            return
        offer = self.result.offer()
        if offer is None or (offer.first.held is not None and offer.first.held.image.original is not None):
            return
        for layer, description in reversed(self.layers.found()):
            held = description.held
            if held is not None and held.image.original is not None:
                self.result.follow(layer)
                return


class ColocalizeWidget(MeasuringPanel):
    """Two channels: coefficients on the result and on the original, scattergram, colocalized pixels."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.first, self.second, self.roi = _menu(), _menu(), _menu()
        self.form.addRow("First", self.first)
        self.form.addRow("Second", self.second)
        self.form.addRow("Region", self.roi)
        self.separately = QCheckBox("Each region by itself")
        self.drawn = QCheckBox("Shapes only on the plane where they were drawn")
        self.form.addRow("", self.separately)
        self.form.addRow("", self.drawn)
        self.each = QComboBox()
        self.each.addItems(list(EACH))
        self.form.addRow("Measure", self.each)
        self.threshold = QComboBox()
        self.threshold.setEditable(True)
        self.threshold.addItems(list(THRESHOLDS))
        self.threshold.setToolTip("A method, or two numbers such as 120, 80, in the channels' units")
        self.form.addRow("Thresholds", self.threshold)
        self.background = QComboBox()
        self.background.setEditable(True)
        self.background.addItems(["none", "mode"])
        self.background.setToolTip("Subtracted first: none, the most frequent value, or two numbers such as 100, 98")
        self.form.addRow("Background", self.background)
        self.extras = {key: QCheckBox(label) for key, label in EXTRAS.items()}
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        for box in self.extras.values():
            layout.addWidget(box)
        self.form.addRow("Also", row)
        self.revealed = QCheckBox("Show colocalized pixels")
        self.revealed.setChecked(True)
        self.form.addRow("", self.revealed)
        self.button("Measure", self.start)
        self.finish()
        self._channels: list[tuple[Any, int]] = []
        self._regions: list[Any] = []
        self.layers.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Offer the channels and regions that there are; what was chosen stays chosen while it is there."""
        if not isalive(self):
            return
        menus = self.first, self.second
        before = [self._channels[k] if 0 <= (k := menu.currentIndex()) < len(self._channels) else None for menu in menus]
        region = self.chosen_region()
        found = self.layers.found()
        self._channels, names = [], []
        for layer, description in found:
            if description.kind == "image" and not description.rgb:
                for c, name in channels_of(description):
                    self._channels.append((layer, c))
                    names.append(name)
        for k, (menu, was) in enumerate(zip(menus, before)):
            menu.clear()
            menu.addItems(names)
            again = next((n for n, one in enumerate(self._channels) if was is not None and one[0] is was[0] and one[1] == was[1]), None)
            menu.setCurrentIndex(min(k, len(names) - 1) if again is None else again)
        self._regions = [layer for layer, description in found if description.kind in ("shapes", "labels")]
        self.roi.clear()
        self.roi.addItems([WHOLE, *(layer.name for layer in self._regions)])
        self.roi.setCurrentIndex(next((k + 1 for k, layer in enumerate(self._regions) if layer is region), 0))

    def chosen_region(self) -> Any:
        k = self.roi.currentIndex() - 1
        return self._regions[k] if 0 <= k < len(self._regions) else None

    def start(self) -> None:
        """Measure."""
        chosen = [self._chosen(menu) for menu in (self.first, self.second)]
        region = self.chosen_region()
        where = None if region is None else described_layer(region)
        reach = "drawn" if self.drawn.isChecked() else "everywhere"
        separately = self.separately.isChecked()
        settings: dict[str, Any] = {
            "each": EACH[self.each.currentText()],
            "threshold": self.threshold.currentText().strip() or "costes",
            "background": self.background.currentText().strip() or "none",
            "extras": tuple(key for key, box in self.extras.items() if box.isChecked()),
            "revealed": self.revealed.isChecked(),
        }

        def work(progress: Progress) -> Shown:
            both, channels = pair(*sheets(chosen))
            found = [] if where is None else rois(where, both.image, both.seat, reach)  # type: ignore[arg-type]
            if found and not separately:
                found = [as_one(found, where.name if where is not None else "")]
            return Colocalizing(channels, tuple(found), **settings).run(both, progress)

        self.run(work, self.show_measured, "measuring")

    def _chosen(self, menu: QComboBox) -> tuple[Description, int]:
        k = menu.currentIndex()
        if not 0 <= k < len(self._channels):
            raise ParameterError(EMPTY)
        layer, channel = self._channels[k]
        return described_layer(layer), channel


def channels_of(layer: Description) -> list[tuple[int, str]]:
    """(channel, name) of each channel that a layer shows."""
    held = layer.held
    if held is not None and held.channel is not None:
        return [(held.channel, layer.name)]
    names = channel_names(layer, guess_axes(layer))
    return [(0, layer.name)] if len(names) == 1 else list(enumerate(names))


def sheets(chosen: list[tuple[Description, int]]) -> tuple[tuple[Sheet, int], tuple[Sheet, int]]:
    """Both images; one alone where both channels are of one layer."""
    (first, a), (second, b) = chosen
    made = sheet(first)
    same = second is first or second.data is first.data
    return (made, a), (made if same else sheet(second), b)


def _menu() -> QComboBox:
    menu = QComboBox()
    menu.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    menu.setMinimumContentsLength(18)
    return menu

"""Align channels: how far they lie off one another, and the image with its channels moved back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QListWidget, QListWidgetItem, QPushButton, QWidget

import abbe
from abbe.errors import ParameterError
from abbe.napari.aligning import ITSELF, Aligning, gathered
from abbe.napari.description import Description, described_layer
from abbe.napari.layers import name_of
from abbe.napari.measuring import Shown
from abbe.napari.seat import Seat
from abbe.napari.sheet import Sheet, channel_names
from abbe.napari.tasks import Progress
from abbe.napari.widgets.measuring import channels_of
from abbe.napari.widgets.panel import Panel
from abbe.napari.widgets.picker import EMPTY, ImagePicker
from abbe.napari.widgets.table import Table

SEVERAL = "several layers"
#: rows of the list of channels that are shown without scrolling
ROWS = 8


class AlignWidget(Panel):
    """Choose an image and what its shifts are measured on; a table of them, and the aligned image as layers."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.picker = ImagePicker(self.layers, self.form, "Image", none=SEVERAL)
        self.channels = QListWidget()
        self.channels.setToolTip("Channels without a tick are left out; of several layers, those that lie in the same place")
        self.form.addRow("Channels", self.channels)
        self.reference = QComboBox()
        self.reference.setToolTip("The channel that stays")
        self.form.addRow("Reference", self.reference)
        self.beads = ImagePicker(self.layers, self.form, "Measured on", none=ITSELF)
        self.beads.menu.setToolTip(
            "The image itself, where its channels have structure in common; better an image of beads in the same channels, taken with the "
            "same microscope"
        )
        self.file = QLineEdit()
        self.file.setClearButtonEnabled(True)
        self.file.setPlaceholderText("none")
        self.file.setToolTip("A file with an image of beads, in place of a layer")
        browse = QPushButton("Browse...")
        browse.clicked.connect(lambda: self._guarded(self._choose_file))
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.file)
        layout.addWidget(browse)
        self.form.addRow("Bead file", row)
        self.table = Table()
        self.button("Measure", self.measure, "Tell how far each channel lies off the reference; nothing is moved")
        self.button("Align", self.start, "Move the channels by whole pixels onto the reference, as new layers")
        self.finish()
        self.body.insertWidget(self.body.indexOf(self.remarks), self.table)
        self._found: list[tuple[Any, int, str]] = []
        self._of: Any = None
        self.picker.picked.connect(self.refresh)
        self.picker.axes.editingFinished.connect(self.refresh)
        self.channels.itemChanged.connect(self._list_references)
        self.layers.changed.connect(self.refresh)
        napari_viewer.layers.selection.events.changed.connect(self._follow)
        self.refresh()
        self._follow()

    # ------------------------------------------------------------------------------------------ what is chosen
    def measure(self) -> None:
        """Tell the shifts."""
        self._run(Aligning.measure, "measuring where the channels lie")

    def start(self) -> None:
        """Align."""
        self._run(Aligning.run, "aligning")

    def _run(self, task: Callable[[Aligning, Sheet, Sheet | None, Progress], Shown], doing: str) -> None:
        image, channels = self._image()
        beads = self._beads()
        aligning = Aligning(max(self.reference.currentIndex(), 0), channels)
        self.table.fill((), ())

        def work(progress: Progress) -> Shown:
            return task(aligning, image(), None if beads is None else beads(), progress)

        self.run(work, self._show, doing)

    def _image(self) -> tuple[Callable[[], Sheet], tuple[int, ...] | None]:
        """What makes the image, and which of its channels are aligned; None: all."""
        if not self._found:
            raise ParameterError(EMPTY)
        ticked = self._ticked()
        if len(ticked) < 2:
            raise ParameterError(f"wanted two channels or more to align, got {len(ticked)}; tick them, or choose {SEVERAL} as the image")
        maker = self.picker.maker()
        if maker is not None:
            return maker, tuple(c for _, c, _ in ticked)
        described: dict[int, Description] = {id(layer): described_layer(layer) for layer, _, _ in ticked}
        chosen = [(described[id(layer)], c) for layer, c, _ in ticked]
        return lambda: gathered(chosen), None

    def _beads(self) -> Callable[[], Sheet] | None:
        path, layer = self.file.text().strip(), self.beads.maker()
        if path and layer is not None:
            raise ParameterError(f"wanted beads in a layer or in a file, got both; empty the field Bead file, or choose {ITSELF}")
        return (lambda: opened(path)) if path else layer

    def _ticked(self) -> list[tuple[Any, int, str]]:
        return [one for k, one in enumerate(self._found) if self.channels.item(k).checkState() == Qt.CheckState.Checked]

    # ------------------------------------------------------------------------------------------ what is offered
    def refresh(self) -> None:
        """Offer the channels of the image, or of all layers; what was ticked stays so while it is there."""
        if not isalive(self):
            return
        offer, layer = self.picker.offer(), self.picker.layer()
        if offer is not None:
            names = channel_names(offer.first, self.picker.axes.text().strip() or None)
            found, first = [(None, c, name) for c, name in enumerate(names)], set(range(len(names)))
            of = offer.first.held.image if offer.first.held is not None else layer
        else:
            seen = [(one, d) for one, d in self.layers.found() if d.kind == "image" and not d.rgb]
            found = [(one, c, name) for one, d in seen for c, name in channels_of(d)]
            first, of = self._alike(seen, found), SEVERAL
        before = {(id(one), c): k for k, (one, c, _) in enumerate(self._found)} if of is self._of else {}
        kept = {(id(one), c) for one, c, _ in self._ticked()} if before else set()
        ticks = [key in kept if (key := (id(one), c)) in before else k in first for k, (one, c, _) in enumerate(found)]
        self._fill(found, ticks, of)

    def _fill(self, found: list[tuple[Any, int, str]], ticks: list[bool], of: Any) -> None:
        before = self._chosen_reference() if of is self._of else None
        self._found, self._of = found, of
        self.channels.blockSignals(True)
        self.channels.clear()
        for (_, _, name), on in zip(found, ticks):
            item = QListWidgetItem(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.channels.addItem(item)
        self.channels.blockSignals(False)
        row = max(self.channels.sizeHintForRow(0), 14)
        self.channels.setFixedHeight(row * min(max(len(found), 1), ROWS) + 2 * self.channels.frameWidth() + 6)
        self.reference.clear()
        self._list_references(before=before)

    def _alike(self, seen: list[tuple[Any, Description]], found: list[tuple[Any, int, str]]) -> set[int]:
        """Which have a tick at first: channels of the selected layers; where one is, layers of one channel, as large as the newest."""
        selected = self._selected()
        if len(selected) > 1:
            return {k for k, (layer, _, _) in enumerate(found) if any(layer is one for one in selected)}
        alone = [(layer, d.shape) for layer, d in seen if d.held is None or d.held.image.shape[1] == 1]
        return {k for k, (layer, _, _) in enumerate(found) if any(layer is one and shape == alone[-1][1] for one, shape in alone)}

    def _chosen_reference(self) -> Any:
        return self.reference.currentData()

    def _list_references(self, item: Any = None, before: Any = None) -> None:
        before = before or self._chosen_reference()
        ticked = self._ticked()
        self.reference.clear()
        for one, c, name in ticked:
            self.reference.addItem(name, f"{id(one)} {c}")
        self.reference.setCurrentIndex(max(0, self.reference.findData(before)) if ticked else -1)

    def _selected(self) -> list[Any]:
        """Image layers that are selected."""
        chosen = [getattr(layer, "__wrapped__", layer) for layer in self.viewer.layers.selection]
        return [layer for layer, d in self.layers.found() if d.kind == "image" and any(layer is one for one in chosen)]

    def _follow(self, event: Any = None) -> None:
        """Take the image of the selected layers; layers of several images, and such as have one channel, as several."""
        if not isalive(self) or self.adding:
            return
        selected = self._selected()
        if not selected:
            return
        images = {id(d.held.image) if (d := described_layer(layer)).held is not None else id(layer) for layer in selected}
        names = channel_names(described_layer(selected[0]))
        if len(images) == 1 and len(names) > 1:
            self.picker.follow(selected[0])
            return
        if self.picker.offer() is None and len(images) < 2:
            return
        self._of = None  # ticked anew
        self.picker.menu.setCurrentIndex(0)
        self.refresh()

    def _show(self, found: Shown) -> None:
        self.table.fill(found.head, found.rows)
        self.add(found.layers)
        self.announce(found.line, found.notices)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Image of beads")
        if path:
            self.file.setText(path)


def opened(path: str) -> Sheet:
    """An image of beads in a file. Raises `AbbeError` in words for what cannot be read."""
    image = abbe.open(Path(path))
    return Sheet(image, Seat.of(image), image.provenance.names or name_of(image))

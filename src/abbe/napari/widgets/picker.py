"""Choosing an image among the layers, its channels, and what a layer does not tell: axes and pixel size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels, Shapes
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QListWidget, QListWidgetItem, QWidget

from abbe.errors import ParameterError
from abbe.napari.description import Description, described_layer
from abbe.napari.sheet import Offer, Sheet, as_called, channel_names, guess_axes, guess_size, offers, sheet

#: layers that say something to abbe
KINDS = (Image, Labels, Shapes)
EMPTY = "wanted an image, got an empty viewer; open one (File > Open), or try a sample (File > Open Sample > abbe)"


class Layers(QObject):
    """The viewer's layers as abbe sees them; `changed` whenever there are others or they have other names."""

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self.viewer = viewer
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.reordered):
            event.connect(self._tell)
        self._watch()

    def found(self) -> list[tuple[Any, Description]]:
        """(layer, description) of each that can matter, in the viewer's order."""
        return [(layer, described_layer(layer)) for layer in self.viewer.layers if isinstance(layer, KINDS)]

    def active(self) -> Any:
        """The layer that is worked on. What a plugin gets from its viewer may be wrapped, and is not itself then."""
        active = self.viewer.layers.selection.active
        return getattr(active, "__wrapped__", active)

    def _tell(self, event: Any = None) -> None:
        if isalive(self):
            self._watch()
            self.changed.emit()

    def _watch(self) -> None:
        for layer in self.viewer.layers:
            layer.events.name.disconnect(self._renamed)
            layer.events.name.connect(self._renamed)

    def _renamed(self, event: Any = None) -> None:
        if isalive(self):
            self.changed.emit()


class ImagePicker(QWidget):
    """A menu of images, with their channels where they have several.

    Args:
        layers: of the viewer.
        form: where the rows go.
        label: of the menu.
        channels: offer to choose channels.
        none: what an empty choice is called; None: there is none.
        ask: show axes and pixel size, which can be corrected.
    """

    picked = Signal()

    def __init__(
        self, layers: Layers, form: QFormLayout, label: str, *, channels: bool = False, none: str | None = None, ask: bool = True
    ) -> None:
        super().__init__()
        self.setVisible(False)  # its parts stand in the form; it only keeps them together
        form.addRow(self)
        self._layers, self._none, self._form = layers, none, form
        self._offers: list[tuple[Offer, Any]] = []
        self.menu = QComboBox()
        self.menu.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.menu.setMinimumContentsLength(18)
        form.addRow(label, self.menu)
        self.channels = QListWidget()
        self.axes, self.pixel, self.step = QLineEdit(), QLineEdit(), QLineEdit()
        self._sizes = _row(self.pixel, QLabel("µm, z-step"), self.step, QLabel("µm"))
        if channels:
            form.addRow("Channels", self.channels)
        if ask:
            form.addRow("Axes", self.axes)
            form.addRow("Pixel size", self._sizes)
        self._with_channels, self._with_facts = channels, ask
        self.axes.setToolTip("A letter per axis of the layer: T time, C channel, Z depth, Y row, X column")
        self.pixel.setToolTip("Size of a pixel, in µm; empty where it is not known")
        self.step.setToolTip("Distance of the planes of a stack, in µm; empty where it is not known")
        for edit in (self.pixel, self.step):
            edit.setPlaceholderText("unknown")
        self.menu.currentIndexChanged.connect(self._chosen)
        self.axes.editingFinished.connect(self._list_channels)
        self._typed: WeakKeyDictionary[Any, dict[QLineEdit, str]] = WeakKeyDictionary()
        for edit in (self.axes, self.pixel, self.step):
            edit.textEdited.connect(lambda text, edit=edit: self._note(edit, text))
        layers.changed.connect(self.refresh)
        self.refresh()

    # ------------------------------------------------------------------------------------------ what is chosen
    def offer(self) -> Offer | None:
        k = self.menu.currentIndex() - (self._none is not None)
        return self._offers[k][0] if 0 <= k < len(self._offers) else None

    def layer(self) -> Any:
        k = self.menu.currentIndex() - (self._none is not None)
        return self._offers[k][1] if 0 <= k < len(self._offers) else None

    def maker(self) -> Callable[[], Sheet] | None:
        """What makes the chosen image, to be called where it may take its time; None where none is chosen.

        Raises `ParameterError` for a viewer without images, and for sizes that are no numbers.
        """
        layer = self.layer()
        if layer is None:
            if self._none is None:
                raise ParameterError(EMPTY)
            return None
        description = described_layer(layer)
        axes = self.axes.text().strip().upper() or None if description.held is None and self._with_facts else None
        size = list(guess_size(description, axes))
        for edit, places in ((self.pixel, (1, 2)), (self.step, (0,))):
            if self._with_facts and edit.isModified():
                for k in places:
                    size[k] = um(edit.text())
        shown = self._shown()

        def made() -> Sheet:
            found = sheet(description, axes, size)
            return dataclasses.replace(found, image=as_called(found.image, shown))

        return made

    def _shown(self) -> list[Description | None]:
        """The layer of each channel of the chosen image; none where one layer shows all."""
        channels: dict[int, Description] = {}
        for layer in self._members:
            found = described_layer(layer)
            if found.held is not None and found.held.channel is not None:
                channels[found.held.channel] = found
        return [channels.get(c) for c in range(max(channels, default=-1) + 1)]

    def chosen_channels(self) -> tuple[int, ...] | None:
        """Those with a tick; None for all. Raises `ParameterError` where none has one."""
        count = self.channels.count()
        ticked = [k for k in range(count) if self.channels.item(k).checkState() == Qt.CheckState.Checked]
        if count and not ticked:
            raise ParameterError("wanted at least one channel, got none; tick one")
        return None if len(ticked) == count else tuple(ticked)

    # ------------------------------------------------------------------------------------------ what is offered
    def refresh(self) -> None:
        """Offer what there is now; what was chosen stays chosen while it is there."""
        if not isalive(self.menu):
            return
        found = self._layers.found()
        before = self.layer()
        was = {id(before)} | {id(layer) for layer in self._members}
        self._offers = [(offer, found[offer.layers[0]][0]) for offer in offers([d for _, d in found])]
        self._all = [layer for layer, _ in found]
        self.menu.blockSignals(True)
        self.menu.clear()
        self.menu.addItems(([self._none] if self._none is not None else []) + [offer.title for offer, _ in self._offers])
        again = [k for k, (offer, _) in enumerate(self._offers) if was & {id(self._all[n]) for n in offer.layers}]
        images = [k for k, (offer, _) in enumerate(self._offers) if not offer.is_map]
        start = images[0] if images and self._none is None else 0
        self.menu.setCurrentIndex(again[0] + (self._none is not None) if again else start)
        self.menu.blockSignals(False)
        if self.layer() is not before or before is None:
            self._chosen()

    def follow(self, layer: Any) -> None:
        """Choose the image of a layer, where it is offered."""
        for k, (offer, _) in enumerate(self._offers):
            if any(self._all[n] is layer for n in offer.layers):
                self.menu.setCurrentIndex(k + (self._none is not None))

    _members: Sequence[Any] = ()
    _all: Sequence[Any] = ()

    #: of whose scale is heard
    _heard: Any = None

    def _hear(self) -> None:
        """The pixel size is that of the layer, whoever changes it."""
        layer = self.layer()
        if layer is self._heard:
            return
        if self._heard is not None:
            self._heard.events.scale.disconnect(self._rescaled)
        if layer is not None:
            layer.events.scale.connect(self._rescaled)
        self._heard = layer

    def _rescaled(self, event: Any = None) -> None:
        if isalive(self.menu):
            self.refresh()
            self._show_facts(self.offer())

    def _note(self, edit: QLineEdit, text: str) -> None:
        """Somebody said so of this layer; it is there again when the layer is chosen again."""
        if (layer := self.layer()) is not None:
            self._typed.setdefault(layer, {})[edit] = text

    def _chosen(self, index: int = 0) -> None:
        offer = self.offer()
        if self._with_facts:
            self._hear()
        self._members = [] if offer is None else [self._all[n] for n in offer.layers]
        if self._with_facts:
            self._show_facts(offer)
        self._list_channels()
        self.picked.emit()

    def _show_facts(self, offer: Offer | None) -> None:
        asked = offer is not None and offer.first.held is None
        self.axes.setText(guess_axes(offer.first) if offer is not None else "")
        self._show(self.axes, asked)
        z, _, x = guess_size(offer.first) if offer is not None else (None, None, None)
        self.pixel.setText("" if x is None else f"{x:.6g}")
        self.step.setText("" if z is None else f"{z:.6g}")
        for edit, text in self._typed.get(self.layer(), {}).items() if offer is not None else ():
            edit.setText(text)
            edit.setModified(True)
        self._show(self._sizes, offer is not None)

    def _list_channels(self) -> None:
        if not self._with_channels:
            return
        offer = self.offer()
        names = () if offer is None else channel_names(offer.first, self.axes.text().strip() or None)
        self.channels.clear()
        for name in names if len(names) > 1 else ():
            item = QListWidgetItem(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            self.channels.addItem(item)
        self._show(self.channels, len(names) > 1)
        row = max(self.channels.sizeHintForRow(0), 14)
        self.channels.setFixedHeight(row * min(max(len(names), 1), 8) + 2 * self.channels.frameWidth() + 6)

    def _show(self, field: QWidget, wanted: bool) -> None:
        label = self._form.labelForField(field)
        for part in (field, label):
            if part is not None:
                part.setVisible(wanted)


def um(text: str) -> float | None:
    """A size in um; None where the field is empty."""
    words = text.strip().replace(",", ".")
    if not words:
        return None
    try:
        size = float(words)
    except ValueError:
        size = 0.0
    if not 0 < size < float("inf"):
        raise ParameterError(f"wanted a size in µm above 0, or an empty field where it is not known, got {text!r}")
    return size


def _row(*parts: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)
    return row

"""What all widgets have: a form, buttons, progress with Cancel, one line on what came out, and the warnings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.layers import Layer
from napari.utils import progress
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from abbe.image import Notice
from abbe.napari.layers import LayerData
from abbe.napari.widgets.picker import Layers
from abbe.napari.widgets.work import Job, in_words

#: steps of a bar of progress
STEPS = 1000
#: seconds that a thread takes to end after it told how its work did
ENDING = 2.0
#: warnings that a notification names; the widget has all
NAMED = 3


class Panel(QScrollArea):
    """A widget of abbe in napari's dock."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self.layers = Layers(viewer, self)
        self.job: Job | None = None
        self._bar: Any = None
        self.adding = False
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(340)
        inner = QWidget()
        self.body = QVBoxLayout(inner)
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.body.addLayout(self.form)
        self.buttons = QHBoxLayout()
        self.meter = QProgressBar()
        self.meter.setMaximum(STEPS)
        self.meter.hide()
        self.cancel = QPushButton("Cancel")
        self.cancel.setEnabled(False)
        self.cancel.clicked.connect(self._stop)
        self.line, self.remarks = _text(), _text()
        self.body.addLayout(self.buttons)
        self.body.addWidget(self.meter)
        self.body.addWidget(self.line)
        self.body.addWidget(self.remarks)
        self.setWidget(inner)
        self.starters: list[QPushButton] = []

    def button(self, text: str, action: Callable[[], None], tip: str = "") -> QPushButton:
        """A button that starts work: off while some runs, and whatever cannot be done is said in the widget."""
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: self._guarded(action))
        self.buttons.addWidget(button)
        self.starters.append(button)
        return button

    def finish(self) -> None:
        """After the buttons that start: the one that stops, and room below."""
        self.buttons.addWidget(self.cancel)
        self.body.addStretch(1)

    # ------------------------------------------------------------------------------------------ work
    def run(self, work: Callable[[Callable[[float, str], None]], Any], then: Callable[[Any], None], doing: str) -> None:
        """`work(progress)` beside the viewer, then `then(result)` in it."""
        self.tell("", ())
        job = self.job = Job(work)
        job.progressed.connect(self._progressed)
        job.done.connect(lambda found: self._over(job, lambda: then(found)))
        job.failed.connect(lambda why: self._over(job, lambda: self.refuse(why)))
        job.stopped.connect(lambda: self._over(job, lambda: self.tell("stopped; nothing was added", ())))
        self.destroyed.connect(job.stop)
        self._busy(True)
        self._bar = progress(total=STEPS, desc=f"abbe: {doing}")
        job.start()

    def _progressed(self, fraction: float, what: str) -> None:
        if self.job is None:
            return
        done = round(STEPS * min(max(fraction, 0.0), 1.0))
        self.meter.setValue(done)
        self.meter.setFormat(f"{what} %p %" if what else "%p %")
        self.meter.setToolTip(what)
        if self._bar is not None:
            self._bar.update(max(done - self._bar.n, 0))

    def _over(self, job: Job, then: Callable[[], None]) -> None:
        job.wait(ENDING)
        job.deleteLater()  # here, and not wherever Python happens to collect it
        if not isalive(self) or job is not self.job:
            return
        self.job = None
        self._busy(False)
        self._guarded(then)

    def _busy(self, on: bool) -> None:
        for button in self.starters:
            button.setEnabled(not on)
        self.cancel.setEnabled(on)
        self.meter.setValue(0)
        self.meter.setFormat("%p %")
        self.meter.setVisible(on)
        if not on and self._bar is not None:
            self._bar.close()
            self._bar = None

    def _stop(self) -> None:
        if self.job is not None:
            self.job.stop()
            self.cancel.setEnabled(False)
            self.meter.setFormat("stopping")

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as problem:
            self.refuse(in_words(problem))

    # ------------------------------------------------------------------------------------------ what is said
    def tell(self, line: str, notices: Sequence[Notice]) -> None:
        """One line and the warnings, in the widget."""
        self.line.setText(line)
        self.line.setStyleSheet("")
        self.remarks.setText("\n".join(f"⚠ {notice}" for notice in notices))
        self.line.setVisible(bool(line))
        self.remarks.setVisible(bool(notices))

    def announce(self, line: str, notices: Sequence[Notice]) -> None:
        """The same, and as napari's notifications."""
        self.tell(line, notices)
        show_info(f"abbe: {line}")
        if notices:
            more = f"\n... and {len(notices) - NAMED} more, in the widget" if len(notices) > NAMED else ""
            show_warning("abbe: " + "\n".join(str(notice) for notice in notices[:NAMED]) + more)

    def refuse(self, why: str) -> None:
        """Why something cannot be, in one sentence."""
        self.tell(why, ())
        self.line.setStyleSheet("color: #e06c5a;")
        show_error(f"abbe: {why}")

    # ------------------------------------------------------------------------------------------ what is shown
    def add(self, found: Sequence[LayerData], select: bool = True) -> list[Any]:
        """Layers to the viewer, as they are; the visible ones are selected: the key V hides and shows them, before and after."""
        layers = self.viewer.layers
        before = {layer for layer in layers if layer in layers.selection}
        added = [Layer.create(data, dict(attributes), kind) for data, attributes, kind in found]
        self.adding = True
        try:
            for layer in added:
                self.viewer.add_layer(layer)
            layers.selection = {layer for layer in added if layer.visible} or before if select else before
        finally:
            self.adding = False
        return added


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.hide()
    return label

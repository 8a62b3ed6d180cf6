"""Enhance (Workflow A) and Background (Workflow B)."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Shapes
from qtpy.compat import isalive
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QHBoxLayout, QLineEdit, QSpinBox, QWidget

from abbe.errors import ParameterError
from abbe.napari.sheet import in_units
from abbe.napari.tasks import Made, Progress, Restoring, View
from abbe.napari.widgets.panel import Panel
from abbe.napari.widgets.picker import ImagePicker
from abbe.restoration.request import MOST_FRAMES, MOST_PASSES, STEPS
from abbe.zoo import models

LABELS = {"denoise": "Denoise", "axial": "Sharpen along z", "super_resolve": "Super-resolve (3 x pixels)"}
OWN = "abbe's own"


class RestoringPanel(Panel):
    """What both workflows have in common."""

    workflow = "A"
    doing = "enhancing"

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self.picker = ImagePicker(self.layers, self.form, "Image", channels=True)
        self.steps = {name: QCheckBox(LABELS[name]) for name in STEPS} if self.workflow == "A" else {}
        for k, box in enumerate(self.steps.values()):
            box.setChecked(True)
            self.form.addRow("Steps" if k == 0 else "", box)
        self.model = QComboBox()
        self.model.setEditable(True)
        self.model.addItem(OWN)
        tasks = ("denoise", "axial_plane", "axial_stack", "super_resolve") if self.workflow == "A" else ("background",)
        self.model.addItems([m.card.name for m in models() if m.card.task in tasks])
        self.model.setToolTip("A model by its name or the path of its folder, for the step that it is made for")
        self.form.addRow("Model", self.model)
        self.realism = QDoubleSpinBox()
        self.realism.setRange(-0.05, 1.0)
        self.realism.setSingleStep(0.05)
        self.realism.setSpecialValueText("as the model's card says")
        self.realism.setValue(-0.05)
        self.realism.setToolTip("0 faithful to 1 crisp, and more often wrong; for models that have an adversarially trained partner")
        self.form.addRow("Realism", self.realism)
        self.passes = QSpinBox()
        self.passes.setRange(0, MOST_PASSES)
        self.passes.setSpecialValueText("as usual")
        self.passes.setToolTip("How often the networks see each tile, moved and turned: 1 is fastest")
        self.form.addRow("Passes", self.passes)
        self.psf = QLineEdit()
        if self.workflow == "A":
            self.psf.setPlaceholderText("by the file's optics")
            self.psf.setToolTip(
                "Width (FWHM) of the lens's point-spread function: in µm (0.25) or pixels (2.6px), one for all channels or one for each, "
                "separated by commas, - where it is not known; unknown: go by the image alone"
            )
            self.form.addRow("PSF width", self.psf)
        self.frames = QSpinBox()
        if self.workflow == "A":
            self.frames.setRange(0, MOST_FRAMES)
            self.frames.setSpecialValueText("each for itself")
            self.frames.setToolTip("Time series: frames before and after each one that share their light with it, where they show the same")
            self.form.addRow("Frames", self.frames)
        self.alone = QCheckBox("Each plane of a stack for itself")
        if self.workflow == "A":
            self.alone.setToolTip(
                "Else planes that are closer together than the lens can tell apart share their light, where the z-step is known and no "
                "step sharpens along z"
            )
            self.form.addRow("", self.alone)
        self.exact = QCheckBox("Exact (single precision throughout; slower)")
        self.form.addRow("", self.exact)
        self.maps = {"trust": QCheckBox("Trust"), "interval": QCheckBox("90 % interval")}
        self.maps["trust"].setChecked(True)
        self.form.addRow("Maps", _beside(*self.maps.values()))
        self.button("Preview", self.preview, "The part of the plane in view, or around the selected shape, within seconds")
        self.button("Enhance" if self.workflow == "A" else "Correct", self.start)
        self.finish()
        viewer.layers.selection.events.active.connect(self._follow)
        self._follow()
        self._previews: list[Any] = []

    def task(self) -> Restoring:
        """What the form says. Raises `ParameterError` where that cannot be."""
        text = self.model.currentText().strip()
        return Restoring(
            steps=tuple(self._steps()),
            channels=self.picker.chosen_channels(),
            model=None if text in ("", OWN) else text,
            realism=None if self.realism.value() < 0 else round(self.realism.value(), 4),
            passes=self.passes.value() or None,
            psf=self.psf.text().strip() or None,
            frames=self.frames.value(),
            planes=False if self.alone.isChecked() else None,
            exact=self.exact.isChecked(),
            maps=tuple(name for name, box in self.maps.items() if box.isChecked()),
        )

    def start(self) -> None:
        """The whole image."""
        maker, task = self.picker.maker(), self.task()
        assert maker is not None

        def work(progress: Progress) -> Made:
            return task.run(maker(), progress)

        self.run(work, self._show, f"{self.doing} {self.picker.menu.currentText()}")

    def preview(self) -> None:
        """A part of one plane."""
        maker, task = self.picker.maker(), self.task()
        assert maker is not None
        (point, size), world = self._looked_at(), self._units()

        def work(progress: Progress) -> Made:
            made = maker()
            return task.preview(made, View.at(made.seat, point, size, world), progress)

        self.run(work, self._show_preview, "preview")

    def _steps(self) -> list[str]:
        wanted = [name for name, box in self.steps.items() if box.isChecked()]
        if self.steps and not wanted:
            raise ParameterError("wanted at least one step, got none; tick one")
        return wanted

    def _show(self, made: Made) -> None:
        self._forget_previews()
        self.add(made.layers)
        self.announce(made.line, made.notices)

    def _show_preview(self, made: Made) -> None:
        self._forget_previews()
        self._previews = self.add(made.layers, select=False)
        self.tell(made.line, made.notices)

    def _forget_previews(self) -> None:
        for layer in self._previews:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self._previews = []

    def _looked_at(self) -> tuple[list[float], tuple[float, float] | None]:
        """The point of the world in the middle of what is seen, and the size of the selected shape, if there is one around it."""
        dims, camera = self.viewer.dims, getattr(self.viewer, "scene", self.viewer).camera  # the viewer's own before napari 0.9
        point = list(dims.point)
        centre = list(camera.center)[-dims.ndisplay :]
        for axis, place in zip(dims.displayed, centre):
            point[axis] = place
        active = self.layers.active()
        if isinstance(active, Shapes) and len(active.selected_data):
            corners = np.concatenate([active.data[k] for k in active.selected_data])[:, -2:]
            corners = corners * active.scale[-2:] + active.translate[-2:]
            own = [str(unit) for unit in getattr(active, "units", None) or ()][-2:]
            if len(own) == 2 and self._units():
                corners = corners * [in_units(unit, of) for unit, of in zip(own, self._units()[-2:])]
            low, high = corners.min(axis=0), corners.max(axis=0)
            point[-2:] = [float(v) for v in (low + high) / 2]
            return point, (float(high[0] - low[0]), float(high[1] - low[1]))
        return point, None

    def _units(self) -> tuple[str, ...]:
        """Of the world's axes, as napari has them of layers in nm and um together."""
        return tuple(str(unit) for unit in getattr(self.viewer.layers.extent, "units", None) or ())

    def _follow(self, event: Any = None) -> None:
        # its own results are not what the next run begins with, unless the user chooses them
        active = self.layers.active() if isalive(self) and not self.adding else None
        if active is not None:
            self.picker.follow(active)


class EnhanceWidget(RestoringPanel):
    """Denoise, sharpen along z, super-resolve."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)


class BackgroundWidget(RestoringPanel):
    """Take background and noise from chosen channels, on the same pixels."""

    workflow = "B"
    doing = "correcting"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)


def _beside(*parts: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)
    layout.addStretch(1)
    return row

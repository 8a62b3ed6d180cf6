"""Numbers on the screen: a table that can be copied, with what each number means where the pointer rests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QApplication, QHeaderView, QTableWidget, QTableWidgetItem

from abbe.napari.measuring import Row

#: rows that are shown without scrolling
VISIBLE = 8


class Table(QTableWidget):
    """Rows of text; Ctrl+C copies the selected ones, for a spreadsheet."""

    def __init__(self) -> None:
        super().__init__()
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.verticalHeader().setVisible(False)
        self.setWordWrap(False)
        self.hide()

    def fill(self, head: Sequence[str], rows: Sequence[Row]) -> None:
        self.setColumnCount(len(head))
        self.setHorizontalHeaderLabels(list(head))
        self.setRowCount(len(rows))
        for r, row in enumerate(rows):
            for c, cell in enumerate(row.cells):
                item = QTableWidgetItem(cell)
                item.setToolTip(row.tip or cell)
                if _number(cell):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(r, c, item)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setMinimumHeight(self.rowHeight(0) * (min(len(rows), VISIBLE) + 2) if rows else 0)
        self.setVisible(bool(rows))

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        if event.matches(QKeySequence.StandardKey.Copy):
            QApplication.clipboard().setText(self.text())
        else:
            super().keyPressEvent(event)

    def text(self) -> str:
        """The selected rows, or all, with tabs between the cells."""
        chosen = sorted({index.row() for index in self.selectedIndexes()}) or range(self.rowCount())
        lines = [[self.horizontalHeaderItem(c).text() for c in range(self.columnCount())]]
        lines += [[self.item(r, c).text() for c in range(self.columnCount())] for r in chosen]
        return "\n".join("\t".join(line) for line in lines)


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

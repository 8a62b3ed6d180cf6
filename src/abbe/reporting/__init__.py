"""Reports: one model, rendered as PDF, HTML, workbook or text."""

from abbe.reporting.face import report

__all__ = ["report"]

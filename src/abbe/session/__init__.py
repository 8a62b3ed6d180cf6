"""Sessions: versions of an image, undo, revert, ROIs, analyses, comments; the `.abbe` folder."""

from abbe.session._session import Session
from abbe.session.records import Analysis, Change, Comment, Level, Region, Version

__all__ = ["Analysis", "Change", "Comment", "Level", "Region", "Session", "Version"]

"""What a session remembers, as plain frozen data: versions, ROIs, analyses, comments, changes.

Everything here is JSON on disk. A field that this abbe does not know is kept aside by pydantic's `ignore`, so that a session
written by a somewhat newer release of the same format still opens.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from abbe.image import Notice
from abbe.limits import LIMITS
from abbe.recipe import Recipe

#: a name or a comment as the user typed it, cut where the budget ends
Text: TypeAlias = Annotated[str, Field(max_length=LIMITS.name)]


def now() -> str:
    """The time, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SavedNotice(Record):
    code: str
    message: str

    def notice(self) -> Notice:
        return Notice(self.code, self.message)


class Link(Record):
    """An original that stays where it is: its place, its size in bytes and the SHA-256 of its bytes when it was linked."""

    path: str
    bytes: int
    modified: int
    digest: str


class Version(Record):
    """One state of the image: the original, or something made from it.

    Attributes:
        id: "v1" is the original; ids are never given twice in a session.
        folder: where its pixels are, relative to the session; a duplicate shares its folder with the version it came from.
        parent: id of the version that it was made from; None for the original.
        operation: "open", "enhance", "background", "merge", "crop", "align", "duplicate", "import".
        shape: TCZYX.
        pixel_size: (z, y, x) um.
        digest: SHA-256 of dtype, shape and pixels, as in `recipe.Input`.
        bytes: what it takes on disk.
        offset: (y, x) of its first pixel, in um of the original (in pixels of the original where no size is known).
    """

    id: str
    name: Text
    created: str
    operation: str
    folder: str
    shape: tuple[int, int, int, int, int]
    dtype: str
    pixel_size: tuple[float | None, float | None, float | None] = (None, None, None)
    channels: tuple[str, ...]
    colors: tuple[str | None, ...] = ()
    parent: str | None = None
    digest: str | None = None
    bytes: int = 0
    offset: tuple[float, float] = (0.0, 0.0)
    recipe: Recipe | None = None
    notices: tuple[SavedNotice, ...] = ()
    has_interval: bool = False
    has_trust: bool = False
    link: Link | None = None

    @property
    def is_original(self) -> bool:
        return self.parent is None and self.operation in ("open", "merge", "align")


class Region(Record):
    """A named ROI. `shape` is what `abbe.colocalization.ROI.to_dict` gives: um, or pixels of the original."""

    id: str
    name: Text
    created: str
    shape: dict[str, Any]


class Analysis(Record):
    """Numbers measured on a version, with everything that makes them repeatable.

    Attributes:
        kind: "colocalization", "comparison", ...
        version: id of the version that was measured; `reference` of the one it stands beside (the original).
        roi: id of the ROI; None is the whole image.
        parameters: what was asked for.
        results: what came out: plain numbers, texts, lists and dicts.
    """

    id: str
    created: str
    kind: str
    version: str
    reference: str | None = None
    channels: tuple[int, ...] = ()
    roi: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    results: dict[str, Any] = Field(default_factory=dict)


class Comment(Record):
    """A remark by a user, on the session or on one version."""

    id: str
    created: str
    text: Text
    author: Text | None = None
    version: str | None = None


class Change(Record):
    """One line of the journal: what was changed, from what to what.

    Attributes:
        revision: 1, 2, 3, ... without gaps.
        kind: "do"; "undo" or "redo" of the change whose revision is `of`; "forget": what came before can no longer be undone.
        action: for people, for example "enhance: v2 made from v1".
        changes: key of the state -> (before, after), None where there was or is nothing.
        kept: keys that an undo leaves alone; a version that exists stays reachable.
    """

    revision: int
    time: str
    action: Text
    kind: Literal["do", "undo", "redo", "forget"] = "do"
    of: int | None = None
    changes: dict[str, tuple[Any, Any]]
    kept: tuple[str, ...] = ()
    author: Text | None = None


class Level(Record):
    """One resolution of a version: every `factor`-th pixel in x and y, as a mean over factor x factor pixels."""

    index: int
    factor: int
    height: int
    width: int

"""The state of a session as keys and values, and changes as pairs of before and after.

A key is "versions/v2", "rois/r1", "analyses/a3", "comments/c1", "current" or "name". Because a change touches keys and not
the whole, two devices that edit different things at once both keep their edit; undo puts back the values before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from abbe.errors import SessionError
from abbe.session.records import Analysis, Change, Comment, Record, Region, Version

#: kinds of numbered things, and the letter of their ids
LETTERS = {"versions": "v", "rois": "r", "analyses": "a", "comments": "c"}
_MODELS: dict[str, type[Record]] = {"versions": Version, "rois": Region, "analyses": Analysis, "comments": Comment}


@dataclass(slots=True)
class State:
    """What the session holds now.

    `values` is JSON; `undo` and `redo` are revisions, last in first out; `ids` the highest number given of each kind; `touched` the
    revision in which each key changed last.
    """

    revision: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    undo: list[int] = field(default_factory=list)
    redo: list[int] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        """Move on by one change. Raises `SessionError` when it is not the next one."""
        if change.revision != self.revision + 1:
            raise SessionError(f"wanted change {self.revision + 1} of the session, got {change.revision}; the journal has a gap")
        for key, (_, after) in change.changes.items():
            self.put(key, after)
            self.touched[key] = change.revision
        self.revision = change.revision
        if change.kind == "do":
            if set(change.changes) - set(change.kept):
                self.undo.append(change.revision)
                self.redo.clear()
        elif change.kind == "forget":
            self.undo.clear()
            self.redo.clear()
        elif change.kind == "undo" and self.undo:
            self.redo.append(self.undo.pop())
        elif change.kind == "redo" and self.redo:
            self.undo.append(self.redo.pop())

    def put(self, key: str, value: Any) -> None:
        kind, _, name = key.partition("/")
        if kind in LETTERS and name[1:].isdigit():
            self.ids[kind] = max(self.ids.get(kind, 0), int(name[1:]))
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    def next_id(self, kind: str) -> str:
        """An id that was never given in this session."""
        return f"{LETTERS[kind]}{self.ids.get(kind, 0) + 1}"

    def ids_of(self, kind: str) -> list[str]:
        """Ids of one kind, in the order they were given."""
        names = (key.partition("/")[2] for key in self.values if key.startswith(kind + "/"))
        return sorted(names, key=lambda name: (len(name), name))

    def records(self, kind: str) -> Iterable[Any]:
        """Records of one kind, in the order they were made."""
        return (_MODELS[kind].model_validate(self.values[f"{kind}/{name}"]) for name in self.ids_of(kind))

    def copy(self) -> State:
        """Another state that can be moved on; values are shared, since they are replaced and never edited."""
        return State(self.revision, dict(self.values), list(self.undo), list(self.redo), dict(self.ids), dict(self.touched))

    def to_dict(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "values": self.values,
            "undo": self.undo,
            "redo": self.redo,
            "ids": self.ids,
            "touched": self.touched,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> State:
        """Raises `SessionError` when the data is no state."""
        try:
            state = cls(
                revision=int(data["revision"]),
                values=dict(data["values"]),
                undo=[int(revision) for revision in data["undo"]],
                redo=[int(revision) for revision in data["redo"]],
                ids={str(kind): int(number) for kind, number in data["ids"].items()},
                touched={str(key): int(revision) for key, revision in data["touched"].items()},
            )
            for kind in LETTERS:
                tuple(state.records(kind))
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise SessionError(f"wanted the state of a session, got one that is damaged ({type(problem).__name__})") from problem
        return state


def inverse(change: Change) -> dict[str, tuple[Any, Any]]:
    """What undoing `change` changes: everything but the keys that are kept."""
    return {key: (after, before) for key, (before, after) in change.changes.items() if key not in change.kept}


def forward(change: Change) -> dict[str, tuple[Any, Any]]:
    """What doing `change` again changes."""
    return {key: pair for key, pair in change.changes.items() if key not in change.kept}

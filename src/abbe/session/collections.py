"""ROIs, analyses and comments of a session: look at them like a sequence, change them through their own verbs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from abbe.errors import ConflictError, ParameterError
from abbe.image.roi import ROI
from abbe.limits import LIMITS
from abbe.session.plain import plain
from abbe.session.records import Analysis, Change, Comment, Record, Region, now
from abbe.session.state import State
from abbe.session.store import Draft, Store

T = TypeVar("T", bound=Record)


class _Collection(Generic[T]):
    kind: str
    noun: str

    def __init__(self, store: Store) -> None:
        self._store = store

    def __iter__(self) -> Iterator[T]:
        return iter(self._store.state.records(self.kind))

    def __len__(self) -> int:
        return len(self._store.state.ids_of(self.kind))

    def __getitem__(self, key: str) -> T:
        """By id, or by name where it has one. Raises `ParameterError` with those there are."""
        for record in self:
            if key in (getattr(record, "id", None), getattr(record, "name", None)):
                return record
        ids = ", ".join(self._store.state.ids_of(self.kind)) or "none"
        raise ParameterError(f"wanted a {self.noun} of this session ({ids}), got {key!r}")

    def revision_of(self, key: str) -> int:
        """The revision in which it changed last; hand it as `base` to `change` or `remove`."""
        state = self._store.state
        return state.touched.get(f"{self.kind}/{self._known(state, key)}", 0)

    def revisions(self) -> dict[str, int]:
        """Of each, by its id, what `revision_of` says."""
        state = self._store.state
        return {name: state.touched.get(f"{self.kind}/{name}", 0) for name in state.ids_of(self.kind)}

    def remove(self, key: str, author: str | None = None, base: int | None = None) -> Change:
        """Take it out; `Session.undo` puts it back. `base`: as for `change`."""

        def draft(state: State) -> Draft:
            name = self._known(state, key, base)
            return Draft(f"{_called(self.noun, state.values[f'{self.kind}/{name}'])} removed", {f"{self.kind}/{name}": None})

        return self._store.commit(draft, author)

    def _known(self, state: State, key: str, base: int | None = None) -> str:
        """The id of `key` in the newest state; another process may have changed or removed it."""
        for name in state.ids_of(self.kind):
            if key in (name, state.values[f"{self.kind}/{name}"].get("name")):
                if base is not None and state.touched.get(f"{self.kind}/{name}", 0) > base:
                    called = _called(self.noun, state.values[f"{self.kind}/{name}"])
                    raise ConflictError(f"{called} was changed elsewhere meanwhile; look at it again, then change it")
                return name
        if base is not None and f"{self.kind}/{key}" in state.touched:
            raise ConflictError(f"the {self.noun} was deleted elsewhere meanwhile; undo brings it back")
        raise ParameterError(f"wanted a {self.noun} of this session, got {key!r}, which is not, or no longer, in it")

    def _add(self, content: dict[str, Any], action: str, kept: bool, author: str | None) -> str:
        def draft(state: State) -> Draft:
            name = state.next_id(self.kind)
            key = f"{self.kind}/{name}"
            return Draft(action, {key: {"id": name, "created": now(), **content}}, kept=(key,) if kept else ())

        change = self._store.commit(draft, author)
        return next(iter(change.changes)).partition("/")[2]


def _called(noun: str, content: Mapping[str, Any]) -> str:
    """What people call it: a ROI "Golgi", and not "ROI ROI 1"; what has no name is a comment, say, for ids are for programs."""
    name = str(content.get("name") or "")[:80]
    return name if name.startswith(noun) else f"{noun} {name}".strip()


class Rois(_Collection[Region]):
    """Named regions of interest; each fits every version of the session."""

    kind, noun = "rois", "ROI"

    def add(self, roi: ROI, name: str | None = None, author: str | None = None) -> Region:
        """Keep a ROI. Unnamed ones are called "ROI 1", "ROI 2", ..."""
        _check(roi, ROI)
        label = (name or roi.name or f"ROI {self._store.state.ids.get(self.kind, 0) + 1}")[: LIMITS.name]
        content = {"name": label, "shape": plain(roi.to_dict())}
        return self[self._add(content, f"{_called(self.noun, content)} added", False, author)]

    def put(self, rois: Sequence[ROI], action: str, author: str | None = None) -> None:
        """Keep several in one change, which is undone as one; `action` says what it was."""
        for roi in rois:
            _check(roi, ROI)
        contents = [plain(roi.to_dict()) for roi in rois]

        def draft(state: State) -> Draft:
            first, time = int(state.next_id(self.kind)[1:]), now()
            values = {}
            for number, (roi, shape) in enumerate(zip(rois, contents), first):
                label = (roi.name or f"ROI {number}")[: LIMITS.name]
                values[f"{self.kind}/r{number}"] = {"id": f"r{number}", "created": time, "name": label, "shape": shape}
            return Draft(action, values)

        if contents:
            self._store.commit(draft, author)

    def change(
        self, key: str, roi: ROI | None = None, name: str | None = None, author: str | None = None, base: int | None = None
    ) -> Region:
        """Move, reshape or rename a ROI.

        `base` is the revision that the user saw: raises `ConflictError` when the ROI was changed after it.
        """

        def draft(state: State) -> Draft:
            known = self._known(state, key, base)
            before = state.values[f"{self.kind}/{known}"]
            after = {**before, "name": (name or before["name"])[: LIMITS.name], "shape": plain(roi.to_dict()) if roi else before["shape"]}
            return Draft(f"{_called(self.noun, after)} changed", {f"{self.kind}/{known}": after})

        change = self._store.commit(draft, author)
        return self[next(iter(change.changes)).partition("/")[2]]

    def roi(self, key: str) -> ROI:
        """The ROI itself, for measuring."""
        region = self[key]
        return ROI.from_dict(region.shape).named(region.name)


class Measured(NamedTuple):
    """A measurement that is to be kept; see `Analysis`. `results` is a mapping, or has `to_dict`."""

    kind: str
    results: Mapping[str, Any] | object
    version: str
    reference: str | None = None
    channels: Sequence[int] = ()
    roi: str | None = None
    parameters: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            **self._asdict(),
            "channels": [int(c) for c in self.channels],
            "parameters": plain(self.parameters or {}),
            "results": plain(self.results),
        }


class Analyses(_Collection[Analysis]):
    """Measurements. Undo leaves them alone; `remove` takes one out."""

    kind, noun = "analyses", "analysis"

    def add(
        self,
        kind: str,
        results: Mapping[str, Any] | object,
        *,
        version: str,
        reference: str | None = None,
        channels: Sequence[int] = (),
        roi: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        author: str | None = None,
    ) -> Analysis:
        """Keep a measurement; `results` is a mapping, or has `to_dict` as `Colocalization` and `Comparison` have."""
        content = Measured(kind, results, version, reference, channels, roi, parameters).to_dict()
        return self[self._add(content, f"{kind} measured on {version}", True, author)]

    def put(self, measured: Sequence[Measured], author: str | None = None) -> None:
        """Keep measurements, in one change; each takes the place of those before that are of the same and asked for the same."""
        contents = [one.to_dict() for one in measured]

        def draft(state: State) -> Draft:
            wanted = {_asked(content) for content in contents}
            known = {name: state.values[f"{self.kind}/{name}"] for name in state.ids_of(self.kind)}
            values: dict[str, Any] = {f"{self.kind}/{name}": None for name, content in known.items() if _asked(content) in wanted}
            first, time = int(state.next_id(self.kind)[1:]), now()
            for number, content in enumerate(contents, first):
                values[f"{self.kind}/a{number}"] = {"id": f"a{number}", "created": time, **content}
            what = ", ".join(dict.fromkeys(f"{content['kind']} measured on {content['version']}" for content in contents))
            return Draft(f"{what}, {len(contents)} times" if len(contents) > 1 else what, values, kept=tuple(values))

        if contents:
            self._store.commit(draft, author)


def _check(given: object, kind: type) -> None:
    if not isinstance(given, kind):
        raise ParameterError(f"wanted {'text' if kind is str else 'a ROI, such as abbe.ROI.rectangle(...)'}, got {given!r}"[:200])


def _asked(content: Mapping[str, Any]) -> str:
    """What was measured, and how, as one text."""
    return json.dumps([content.get(key) for key in ("kind", "version", "channels", "roi", "parameters")], sort_keys=True)


class Comments(_Collection[Comment]):
    """Remarks by users; they go into the report."""

    kind, noun = "comments", "comment"

    def add(self, text: str, author: str | None = None, version: str | None = None) -> Comment:
        """Keep a remark, on the session or on one version."""
        _check(text, str)
        content = {"text": text[: LIMITS.name], "author": author, "version": version}
        return self[self._add(content, "comment added", False, author)]

    def change(self, key: str, text: str, author: str | None = None, base: int | None = None) -> Comment:
        """Put other words. `base` is the revision that the user saw: raises `ConflictError` when the comment was changed after it."""

        _check(text, str)

        def draft(state: State) -> Draft:
            known = self._known(state, key, base)
            before = state.values[f"{self.kind}/{known}"]
            return Draft("comment changed", {f"{self.kind}/{known}": {**before, "text": text[: LIMITS.name], "author": author}})

        return self[next(iter(self._store.commit(draft, author).changes)).partition("/")[2]]

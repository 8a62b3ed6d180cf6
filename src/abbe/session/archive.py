"""`Archive`: what a session holds, and every way to look at it and to go back and forth in it. `Session` adds the work."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy.typing as npt

from abbe.alignment.moving import original_of_aligned
from abbe.errors import ConflictError, ParameterError, SessionError
from abbe.image import Image, as_image
from abbe.image.pixels import Array
from abbe.recipe import Recipe
from abbe.session import lineage, linked, saving, version_folder, view
from abbe.session.collections import Analyses, Comments, Rois
from abbe.session.crop import original_of_crop
from abbe.session.integrity import check
from abbe.session.multiscale import Progress, levels
from abbe.session.opening import open_store
from abbe.session.places import Folder, Packed
from abbe.session.records import Change, Level, Version
from abbe.session.state import State, forward, inverse
from abbe.session.store import Draft, Store
from abbe.session.thumbnail import THUMBNAIL
from abbe.session.tiles import TileReader, What


class Archive:
    """Versions of one image, with undo, redo and revert; ROIs, analyses, comments and view settings.

    Every change is on the disk, whole, when its method returns. Several processes may have a session open and change it in turn; each
    change is seen by the others after `refresh`, which costs one look at the file system when nothing changed. Safe to use from threads.

    Attributes:
        rois, analyses, comments: look like sequences; have `add`, `change`, `remove`.
    """

    def __init__(self, store: Store) -> None:
        """Use `create` or `open`."""
        self._store = store
        #: of versions, with the image of what each was made from
        self._images: dict[str, tuple[Image, Image | None]] = {}
        self._tiles = TileReader()
        self.rois = Rois(store)
        self.analyses = Analyses(store)
        self.comments = Comments(store)

    # ------------------------------------------------------------------------------------------ making and opening one
    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        image: Image | npt.ArrayLike | str | os.PathLike[str],
        *,
        original: Literal["copy", "link"] = "copy",
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """A new session around an image (or an image file). The folder appears when it is complete.

        An image that `abbe` computed brings its original along: the session then starts with both versions.

        Args:
            path: the folder to make; ".abbe" is the custom.
            original: "copy" keeps the pixels in the session; "link" keeps the file's place and digest, and small copies for viewing.
            overwrite: replace a session that is there.
            progress: called with (fraction, "saving").

        Raises:
            ExistsError: there is something at `path`. StorageError: it cannot be written; what was there before is untouched.
        """
        if original not in ("copy", "link"):
            raise ParameterError(f"wanted original='copy' or 'link', got {original!r}")
        saving.create(Path(path), saving.given(image), original == "link", overwrite, progress)
        return cls.open(path)

    @classmethod
    def open(cls, path: str | os.PathLike[str], read_only: bool = False) -> Self:
        """Open a session folder, or a packed one (a zip file, which is read and not written).

        A damaged session opens as far as it can be read, to be read only; `problems` says what is missing.

        Raises:
            SessionError: there is no session at `path`, or it is of a newer abbe.
        """
        return cls(open_store(Path(path), read_only))

    def close(self) -> None:
        """Let go of files; using the session afterwards is an error for a packed one, and harmless for a folder."""
        self._images.clear()
        if isinstance(self._store.place, Packed):
            self._store.place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<abbe.Session {self.name}, {len(self.versions)} versions, at {self.current.id} {self.current.name!r}>"

    # ------------------------------------------------------------------------------------------ what it is
    @property
    def path(self) -> Path:
        place = self._store.place
        assert isinstance(place, (Folder, Packed))
        return place.path

    @property
    def id(self) -> str:
        """The same for all copies of the session."""
        return self._store.id

    @property
    def name(self) -> str:
        return str(self._store.state.values.get("name") or self.path.stem)

    @property
    def read_only(self) -> str | None:
        """Why it may only be read; None when it may be changed."""
        return self._store.read_only

    @property
    def problems(self) -> tuple[str, ...]:
        """What is missing or damaged, a sentence each."""
        return self._store.problems

    @property
    def revision(self) -> int:
        """Goes up by one with each change."""
        return self._store.state.revision

    def refresh(self) -> bool:
        """Take over what other processes changed. True when there was something."""
        return self._store.refresh()

    def verify(self) -> tuple[str, ...]:
        """Read every byte of every version and say what is missing or damaged; takes as long as reading the files.

        A linked original counts: one that is gone, or is another file now, is told.
        """
        return check(self._store.place, self.versions, thorough=True, beside=self.path.parent)

    # ------------------------------------------------------------------------------------------ versions
    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions, in the order they were made; the first is the original."""
        return tuple(self._store.state.records("versions"))

    @property
    def current(self) -> Version:
        """The version that is worked on."""
        return self.version(str(self._store.state.values["current"]))

    @property
    def original(self) -> Version:
        return self.versions[0]

    def version(self, key: str | int | None = None) -> Version:
        """By id ("v2", 2 or "2") or by name; None is the current one. Raises `ParameterError` with those there are."""
        return self.current if key is None else saving.find(self._store.state, key)

    def image(self, key: str | int | None = None) -> Image:
        """A version as an image, read when its pixels are needed, with its recipe, interval, trust and what it was made from.

        Raises `SessionError` when the version is damaged.
        """
        version = self.version(key)
        parent = version.parent if version.parent in self._store.state.ids_of("versions") else None
        made_from = before = None if parent is None else self.image(parent)
        known, was_made_from = self._images.get(version.id, (None, None))
        if known is None or known.recipe != version.recipe or was_made_from is not made_from:  # which may be deleted, and come back
            if before is not None and version.operation == "crop":
                before = original_of_crop(before, version.recipe)
            elif before is not None and version.operation == "align":
                before = original_of_aligned(before, version.recipe)
            pixels = None if version.link is None else linked.LinkedPixels(version.link, version, self.path.parent)
            step = self._step_alone(version) if before is None else None
            known = version_folder.read(self._store.place, version, before, pixels, step)
            self._images[version.id] = known, made_from
        return known

    def _step_alone(self, version: Version) -> tuple[float, float, float] | None:
        """How its pixels lie on those of the original, where what it was made from is not there to tell; None: as it says itself."""
        z, y, x = self.steps(version)
        if (z, y, x) == (1.0, 1.0, 1.0):
            return None
        first: tuple[float, float, float] = (1.0, 1.0, 1.0)
        with suppress(SessionError):  # the original may be damaged
            first = self.image(self.original.id).provenance.step or first
        return first[0] * z, first[1] * y, first[2] * x

    def is_cropped(self, version: Version) -> bool:
        """Is a version a part of the original, or made from one, be that deleted or not?"""
        return lineage.cropped(self._store, version)

    def steps(self, version: Version) -> tuple[float, float, float]:
        """(z, y, x) size of a version's pixel in pixels of the original: 1/3 after enlarging three times, cropped or not."""
        return lineage.steps(self._store, version)

    def add_version(
        self,
        image: Image | npt.ArrayLike,
        *,
        name: str | None = None,
        operation: str | None = None,
        parent: str | None = None,
        recipe: Recipe | None = None,
        offset: tuple[float, float] | None = None,
        make_current: bool = True,
        author: str | None = None,
        progress: Progress | None = None,
    ) -> Version:
        """Keep an image as a new version, with its recipe, warnings, interval and trust. Nobody sees it before it is complete.

        `undo` goes back to the version before and leaves this one in the list.

        Args:
            name, operation: by default what its recipe says.
            parent: the version it was made from; by default the one whose pixels `image.original` has, else the current one.
            recipe: how it was made; by default the image's own.
            offset: (y, x) of its first pixel in the original, in um (in pixels of the original where no size is known); by default that of
                the version it was made from.

        Raises:
            SessionError, StorageError: it could not be kept; the session is as before.
        """
        made = as_image(image)
        plan = saving.Plan(made, name, operation, parent, recipe, offset, make_current, author)
        return saving.add(self._store, plan, progress)

    def revert_to(self, key: str | int, author: str | None = None) -> Version:
        """Go on from any version, at once; later ones stay. Returns it."""

        def draft(state: State) -> Draft:
            version = saving.find(state, key)
            return Draft(f"reverted to {version.id} {version.name[:80]}", {"current": version.id})

        self._store.commit(draft, author)
        return self.current

    def duplicate(self, key: str | int | None = None, name: str | None = None, author: str | None = None) -> Version:
        """A second version of the same pixels, under another name; takes no disk."""
        return saving.duplicate(self._store, self.version(key), name, author)

    def rename(self, key: str | int, name: str, author: str | None = None) -> Version:
        return saving.rename(self._store, key, name, author)

    def delete(self, key: str | int, author: str | None = None) -> Change:
        """Take a version out of the list; `undo` brings it back until `purge`. To ask the user first is the caller's.

        Raises `SessionError` for the original, which stays as long as the session.
        """
        return saving.delete(self._store, key, author)

    def purge(self) -> int:
        """Free the disk of versions that were deleted, and of what a killed process left; returns the bytes freed.

        What was done before can then no longer be undone.
        """
        return saving.purge(self._store)

    # ------------------------------------------------------------------------------------------ history
    @property
    def can_undo(self) -> bool:
        return bool(self._store.state.undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._store.state.redo)

    @property
    def next_undo(self) -> Change | None:
        """What `undo` would take back."""
        return self._last(self._store.state.undo)

    @property
    def next_redo(self) -> Change | None:
        """What `redo` would do again."""
        return self._last(self._store.state.redo)

    def undo(self, author: str | None = None, base: int | None = None) -> Change:
        """Take the last change back. Versions stay in the list. Raises `SessionError` when there is nothing to undo.

        `base` is the revision of the change that the user saw as the last: raises `ConflictError` when it no longer is.
        """
        return self._step("undo", author, base)

    def redo(self, author: str | None = None, base: int | None = None) -> Change:
        """Do again what was undone. `base` as for `undo`. Raises `SessionError` when there is nothing to redo."""
        return self._step("redo", author, base)

    def _step(self, kind: Literal["undo", "redo"], author: str | None, base: int | None) -> Change:
        def draft(state: State) -> Draft:
            pile = state.undo if kind == "undo" else state.redo
            if base is not None and pile[-1:] != [base]:
                other = state.redo if kind == "undo" else state.undo
                why = f"{kind} was pressed elsewhere too, and came first" if base in other else "something else was changed meanwhile"
                raise ConflictError(f"{why}; nothing was done here: look at it, then {kind} again if that is still wanted")
            if not pile:
                raise SessionError(f"there is nothing to {kind} in {self.name}")
            done = self._last(pile)
            if done is None:
                raise SessionError(f"change {pile[-1]} of {self.name} is no longer in its journal; revert to a version instead")
            values = inverse(done) if kind == "undo" else forward(done)
            return Draft(f"{kind}: {done.action}", {key: after for key, (_, after) in values.items()}, kind=kind, of=done.revision)

        return self._store.commit(draft, author)

    def _last(self, pile: Sequence[int]) -> Change | None:
        return next((change for change in reversed(self._store.changes) if pile and change.revision == pile[-1]), None)

    def history(self) -> tuple[Change, ...]:
        """Every change since the session was made, oldest first."""
        return self._store.changes

    def changes_since(self, revision: int) -> tuple[Change, ...]:
        """Changes after a revision, oldest first."""
        return tuple(change for change in self._store.changes if change.revision > revision)

    # ------------------------------------------------------------------------------------------ looking at it
    @property
    def view(self) -> dict[str, Any]:
        """How it was looked at last: contrast, colours, position, whatever the viewer keeps; read from the disk each time."""
        return view.read(self._store.place)

    def set_view(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Merge settings into `view` (None removes one) and return all. No part of the history, and no new revision."""
        return view.merge(self._store, settings)

    def thumbnail(self, key: str | int | None = None) -> bytes:
        """A PNG of at most 256 pixels a side, made when the version was saved."""
        version = self.version(key)
        try:
            return self._store.place.read(f"{version.folder}/{THUMBNAIL}")
        except OSError as problem:
            raise SessionError(f"the thumbnail of {version.id} in {self.name} is missing") from problem

    def levels(self, key: str | int | None = None) -> tuple[Level, ...]:
        """The resolutions that `tile` gives: level k averages 2**k x 2**k pixels."""
        return levels(*self.version(key).shape[3:])

    def tile(
        self,
        key: str | int | None,
        level: int,
        corner: tuple[int, int],
        plane: tuple[int, int, int] = (0, 0, 0),
        *,
        size: int = 512,
        what: What = "pixels",
    ) -> Array:
        """A tile (Y, X), smaller at the right and lower edge, in the version's own type.

        Args:
            level: averages 2**level pixels a side, see `levels`.
            corner: (row, column), counted in tiles.
            plane: (t, c, z).
            size: pixels a side; 512 and 256 are quickest.
            what: "pixels", or "trust", "lower", "upper" of a version that has them.

        Raises `ParameterError` when there is no such tile, `SessionError` when its pixels are damaged.
        """
        return self._tiles.tile(self.image(key), self._store.place, self.version(key), what, level, plane, corner, size)

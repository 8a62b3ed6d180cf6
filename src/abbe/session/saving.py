"""How versions come into a session and leave it: written aside, renamed into place, then noted."""

from __future__ import annotations

import os
import secrets
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from abbe.errors import ParameterError, SessionError, StorageError
from abbe.image import Image, as_image
from abbe.limits import LIMITS
from abbe.recipe import Recipe
from abbe.session import journal, manifest, series, version_folder
from abbe.session.flushing import flush_names
from abbe.session.linked import link_to
from abbe.session.manifest import Manifest
from abbe.session.multiscale import Progress
from abbe.session.records import Change, Link, SavedNotice, Version, now
from abbe.session.recovery import VERSIONS
from abbe.session.state import State
from abbe.session.store import LOCK, Draft, Store
from abbe.storage import storage_error, write_whole_folder
from abbe.storage.lock import try_lock

#: where versions are while they are written; whatever lies here is not part of the session
INCOMING = "incoming"
#: what a version is called when nobody names it
NAMES = {
    "background": "background corrected",
    "crop": "cropped",
    "align": "aligned",
    "merge": "merged",
    "duplicate": "copy",
}
#: an enhancement is called by what was done; by the last of these alone where it was, for the others lead to it
STEPS = {"denoise": "denoised", "axial": "sharpened along z", "super_resolve": "super-resolved"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A version that is asked for; what is None follows from the image."""

    image: Image
    name: str | None = None
    operation: str | None = None
    parent: str | None = None
    recipe: Recipe | None = None
    #: None: where what it was made from lies
    offset: tuple[float, float] | None = None
    make_current: bool = True
    author: str | None = None


# ---------------------------------------------------------------------------------------------- a new session
def given(source: Image | npt.ArrayLike | os.PathLike[str]) -> Image:
    """The image that a user means: an image, an array, or the path of an image file."""
    if isinstance(source, (str, os.PathLike)):
        from abbe.formats import open as open_image

        found: Image = open_image(source)
        return found
    return as_image(source)


def create(path: Path, image: Image, link: bool, overwrite: bool, progress: Progress | None) -> None:
    """Write a session whole: the image, after the original that it was computed from where there is one."""
    chain = [image]
    while chain[0].original is not None:
        chain.insert(0, chain[0].original)
    with write_whole_folder(path, overwrite, sign=manifest.NAME) as folder:
        state = State()
        lines = []
        for number, made in enumerate(chain):
            parent = f"v{number}" if number else None
            record = _record(state, Plan(made, parent=parent), parent, link_to(made) if link and not number else None)
            record |= _write(folder / record["folder"], made, record, progress)
            key = f"versions/{record['id']}"
            values = {key: (None, record), "current": (state.values.get("current"), record["id"])}
            if not number:
                values["name"] = (None, path.stem)
            kept = tuple(values) if not number else (key,)
            change = Change(revision=number + 1, time=now(), action=_action(record), changes=values, kept=kept)
            state.apply(change)
            lines.append(change)
        (folder / LOCK).touch()
        journal.append(folder, lines, 0)
        (folder / manifest.NAME).write_bytes(manifest.dump(Manifest(uuid.uuid4().hex, now(), state)))
        series.write(folder, state)


def _action(record: dict[str, Any]) -> str:
    origin = f" from {record['parent']}" if record["parent"] else ""
    return f"{record['operation']}: {record['id']} {record['name'][:80]}{origin}"


# ---------------------------------------------------------------------------------------------- a new version
def add(store: Store, plan: Plan, progress: Progress | None) -> Version:
    """Write the version aside, then move it in and note it, in one go that nobody else's change can cross."""
    folder = store.folder
    before = store.state
    parent = plan.parent or _parent(plan.image, before)
    if f"versions/{parent}" not in before.touched:  # one that was deleted while this was made comes back with undo
        find(before, parent)
    if plan.offset is None and (plan.parent is not None or plan.image.original is not None) and parent in before.ids_of("versions"):
        plan = replace(plan, offset=find(before, parent).offset)
    try:
        with _workplace(folder) as place:
            record = _record(before, plan, parent, None)
            record |= _write(place / "version", plan.image, record, progress)
            with store.writing():
                store.refresh()
                if not _same(before, store.state):
                    raise SessionError(
                        f"wanted to keep a version in {folder.name}, and another session lies in its place now: its image was corrected, "
                        "or it was made anew; do it again there"
                    )
                return _place(store, plan, record, place / "version")
    except OSError as problem:
        raise storage_error(folder, problem) from problem


def _same(before: State, now: State) -> bool:
    """Is it still the session that it was? Its first version stays in its folder."""
    first = f"versions/{before.ids_of('versions')[0]}"
    return bool(before.values[first]["folder"] == now.values.get(first, {}).get("folder"))


def _place(store: Store, plan: Plan, record: dict[str, Any], written: Path) -> Version:
    """Under the lock: give it its id, move it in, note it."""
    record["id"] = store.state.next_id("versions")
    record["folder"] = f"{VERSIONS}/{record['id']}-{secrets.token_hex(4)}"
    final = store.folder / record["folder"]
    os.rename(written, final)
    flush_names(final.parent)
    key = f"versions/{record['id']}"
    values = {key: record} | ({"current": record["id"]} if plan.make_current else {})
    try:
        store.commit(lambda _: Draft(_action(record), values, kept=(key,)), plan.author, locked_already=True)
    except BaseException:
        shutil.rmtree(final, ignore_errors=True)
        raise
    with suppress(StorageError):  # the version is in; the list for other tools is put right with the next one
        series.write(store.folder, store.state)
    return Version.model_validate(record)


def _write(folder: Path, image: Image, record: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
    folder.mkdir(parents=True)
    written = version_folder.write(folder, image, record, full=record["link"] is None, progress=progress)
    return {"digest": written.digest, "bytes": written.bytes}


def _record(state: State, plan: Plan, parent: str | None, link: Link | None) -> dict[str, Any]:
    image, name = plan.image, plan.name
    recipe = plan.recipe or (image.recipe if isinstance(image.recipe, Recipe) else None)
    operation = plan.operation or (recipe.operation if recipe else ("open" if parent is None else "import"))
    version = Version(
        id=state.next_id("versions"),
        name=(name or _name(operation, image, recipe))[: LIMITS.name],
        created=now(),
        operation=operation,
        folder=f"{VERSIONS}/{state.next_id('versions')}-{secrets.token_hex(4)}",
        shape=image.shape,
        dtype=image.dtype.name,
        pixel_size=image.pixel_size,
        channels=image.channels,
        colors=image.colors,
        parent=parent,
        offset=plan.offset or (0.0, 0.0),
        recipe=recipe,
        notices=tuple(SavedNotice(code=notice.code, message=notice.message) for notice in image.warnings),
        has_interval=image.interval is not None,
        has_trust=image.trust is not None,
        link=link,
    )
    return version.model_dump(mode="json")


def _name(operation: str, image: Image, recipe: Recipe | None) -> str:
    """What a version is called when nobody names it: what was done."""
    if operation == "open":
        from abbe.image.computed import is_result

        return "result" if is_result(image) else "original"
    words = STEPS if image.shape[2] > 1 else STEPS | {"axial": "haze removed"}
    done = [words[step.name] for step in recipe.steps if step.name in words] if recipe is not None else []
    if operation == "enhance" and done:
        return done[-1] if done[-1] == STEPS["super_resolve"] else ", ".join(done)
    return NAMES.get(operation, operation)


def _parent(image: Image, state: State) -> str:
    """The version that holds the pixels of the image's original; else the current one."""
    name = getattr(image.original.pixels, "name", "") if image.original is not None else ""
    for version in state.records("versions"):
        if name == f"{version.folder}/0":
            return str(version.id)
    return str(state.values["current"])


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A folder to write in that is known to be in use; those of processes that died are removed first."""
    incoming = folder / INCOMING
    incoming.mkdir(exist_ok=True)
    for left in incoming.iterdir():
        if not _in_use(left):
            shutil.rmtree(left, ignore_errors=True)
    place = incoming / secrets.token_hex(8)
    place.mkdir()
    handle = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try_lock(handle)
        yield place
    finally:
        os.close(handle)
        shutil.rmtree(place, ignore_errors=True)


def is_being_written(folder: Path) -> bool:
    """Is anybody writing a version into the session, this process or another?"""
    incoming = folder / INCOMING
    return incoming.is_dir() and any(_in_use(place) for place in incoming.iterdir())


def _in_use(place: Path) -> bool:
    try:
        handle = os.open(place / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(handle)
    finally:
        os.close(handle)


# ---------------------------------------------------------------------------------------------- versions that are there
def find(state: State, key: str | int) -> Version:
    """By id, number or name. Raises `ParameterError` with those there are."""
    wanted = f"v{key}" if isinstance(key, int) or str(key).isdigit() else key
    versions = [Version.model_validate(state.values[f"versions/{name}"]) for name in state.ids_of("versions")]
    for attribute in ("id", "name"):
        found = [version for version in versions if getattr(version, attribute) == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            raise ParameterError(f"wanted one version, got the name {key!r} of {', '.join(v.id for v in found)}; use its id")
    names = ", ".join(f"{version.id} {version.name[:40]!r}" for version in versions)
    raise ParameterError(f"wanted a version of this session ({names}), got {key!r}")


def duplicate(store: Store, version: Version, name: str | None, author: str | None) -> Version:
    label = (name or f"{version.name} copy")[: LIMITS.name]

    def draft(state: State) -> Draft:
        source = find(state, version.id)
        made = state.next_id("versions")
        record = source.model_dump(mode="json") | {"id": made, "name": label, "created": now()}
        record |= {"parent": source.parent or source.id, "operation": "duplicate" if source.parent is None else source.operation}
        return Draft(f"duplicate: {made} {label[:80]} from {source.id}", {f"versions/{made}": record, "current": made})

    change = store.commit(draft, author)
    return find(store.state, next(key for key in change.changes if key != "current").partition("/")[2])


def rename(store: Store, key: str | int, name: str, author: str | None) -> Version:
    if not isinstance(name, str) or not name.strip():
        raise ParameterError(f"wanted a name with at least one letter, got {name!r}")

    def draft(state: State) -> Draft:
        version = find(state, key)
        record = state.values[f"versions/{version.id}"] | {"name": name[: LIMITS.name]}
        return Draft(f"{version.id} renamed to {name[:80]}", {f"versions/{version.id}": record})

    change = store.commit(draft, author)
    return find(store.state, next(iter(change.changes)).partition("/")[2])


def delete(store: Store, key: str | int, author: str | None) -> Change:
    def draft(state: State) -> Draft:
        version = find(state, key)
        first = state.ids_of("versions")[0]
        if version.id == first:
            raise SessionError("the original cannot be deleted; delete the whole session folder instead")
        following = version.parent if version.parent in state.ids_of("versions") else first
        values: dict[str, Any] = {f"versions/{version.id}": None}
        if state.values["current"] == version.id:
            values["current"] = following
        return Draft(f"{version.id} {version.name[:80]} deleted", values)

    return store.commit(draft, author)


def purge(store: Store) -> int:
    """Forget what could be undone, then remove every folder that no version has."""
    folder = store.folder
    store.commit(lambda _: Draft("disk of deleted versions freed", {}, kind="forget"))
    with store.writing():
        store.refresh()
        used = {version.folder for version in store.state.records("versions")}
        left = [path for path in (folder / VERSIONS).iterdir() if path.is_dir() and f"{VERSIONS}/{path.name}" not in used]
        freed = sum(file.stat().st_size for path in left for file in path.rglob("*") if file.is_file())
        for path in left:
            with suppress(OSError):
                shutil.rmtree(path)
        with suppress(StorageError):
            series.write(folder, store.state)
    return freed

"""What a version was made from, though that was deleted since, and how its pixels compare with those of the original."""

from __future__ import annotations

from abbe.session.records import Version
from abbe.session.store import Store


def parent_of(store: Store, version: Version) -> Version | None:
    """What the version was made from, as it was known last; None for the original."""
    key = f"versions/{version.parent}"
    if version.parent is None:
        return None
    if key in store.state.values:
        return Version.model_validate(store.state.values[key])
    records = (record for change in reversed(store.changes) for record in reversed(change.changes.get(key, ())))
    return next((Version.model_validate(record) for record in records if record is not None), None)


def cropped(store: Store, version: Version) -> bool:
    """Is it a part of the original, or made from one?"""
    parent = parent_of(store, version)
    return version.operation == "crop" or (parent is not None and cropped(store, parent))


def steps(store: Store, version: Version) -> tuple[float, float, float]:
    """(z, y, x) size of a pixel in pixels of the original, counted from step to step: 1/3 after enlarging three times, cropped or not."""
    parent = parent_of(store, version)
    if parent is None:
        first = Version.model_validate(store.state.values[f"versions/{store.state.ids_of('versions')[0]}"])
        return (1.0, 1.0, 1.0) if first.id == version.id else _ratio(first, version)
    before = steps(store, parent)
    z, y, x = (1.0, 1.0, 1.0) if version.operation == "crop" else _ratio(parent, version)
    return before[0] * z, before[1] * y, before[2] * x


def _ratio(before: Version, after: Version) -> tuple[float, float, float]:
    (z0, y0, x0), (z, y, x) = before.shape[2:], after.shape[2:]
    return (z0 - 1) / (z - 1) if z > 1 and z0 > 1 else 1.0, y0 / y, x0 / x

"""What may be written among the results: nothing in the place of another image's, nor of anything that is not to be replaced."""

from __future__ import annotations

import json
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from abbe.batch.beginning import make_folder
from abbe.batch.finding import Source
from abbe.batch.record import Line, Record
from abbe.errors import ParameterError
from abbe.formats.naming import maps_beside
from abbe.storage import check_target, storage_error, write_whole


@dataclass(frozen=True, slots=True)
class Rights:
    """What this process may do among the results below `out`."""

    record: Record
    out: Path
    #: do maps come with each result?
    maps: bool
    #: keys of files whose results are to be replaced, until they are; with `all`, whatever is done is
    again: Set[str]
    all: bool

    def check(self, source: Source, target: str, known: Line | None) -> tuple[str, ...]:
        """Which files may be replaced by the result of `source` at `target`, paths below `out`; `known`: what became of it.

        Raises `AbbeError` where the image cannot be done as things are.
        """
        before = known.outcome().result if known is not None and known.status == "done" else None
        if before and (self.out / before).exists():
            if source.hidden:
                raise ParameterError(f"it may no longer be read; {before}, which was made from it before, is kept")
            one = "one of the files that it lies in" if known is not None and known.in_parts else "it"
            raise ParameterError(
                f"{one} has changed since {before} was made from it; delete that to have it done again, or do all again with --overwrite"
            )
        if taken := self.taken(source, target):
            raise ParameterError(taken)
        final, beside = self.out / target, self._beside(target)
        make_folder(final.parent)
        whole = self.all or (source.file in self.again and before is None)
        for path in (final, *beside):
            check_target(path, whole or (path != final and before == target))
        names = [path.relative_to(self.out).as_posix() for path in beside]
        return (target, *names) if whole else tuple(names) if before == target else ()

    def taken(self, source: Source, target: str) -> str:
        """Whose result the one at `target` is, as an error says it; empty where it may be that of `source`."""
        owner = self.record.belongs(target, source.key)
        if owner is None:
            return ""
        key, folder = owner
        if folder is None:
            return f"{target} among the results is that of {key}, or one of its maps; choose another --out"
        if not any(path.exists() for path in (self.out / target, *self._beside(target))):
            return ""
        made = "the image of that name" if key == source.key else key
        return f"{target} among the results was made from {made} in {folder}; choose another --out"

    def _beside(self, target: str) -> list[Path]:
        return list(maps_beside(self.out / target).values()) if self.maps else []


def keep_again(path: Path, keys: Set[str]) -> None:
    """Raises `StorageError`."""
    with write_whole(path, overwrite=True) as part:
        part.write_text(json.dumps(sorted(keys)), encoding="utf-8")


def read_again(path: Path) -> frozenset[str]:
    """None of them where nothing is to be replaced, or what stands there cannot be told. Raises `StorageError`."""
    try:
        return frozenset(map(str, json.loads(path.read_text(encoding="utf-8"))))
    except (FileNotFoundError, ValueError, TypeError):
        return frozenset()
    except OSError as problem:
        raise storage_error(path, problem) from problem

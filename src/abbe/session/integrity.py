"""Is everything there that the session says it holds?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from abbe.errors import SessionError
from abbe.image.digest import pixel_digest
from abbe.image.pixels import blocks
from abbe.session.linked import LinkedPixels
from abbe.session.places import Place
from abbe.session.records import Version
from abbe.session.version_folder import arrays, facts_of

#: most files looked at when a session is opened; beyond, only the versions' metadata are, and reading finds what is missing
MOST = 50_000


def check(place: Place, versions: Iterable[Version], thorough: bool = False, beside: Path | None = None) -> tuple[str, ...]:
    """A sentence for each version that is missing or damaged. `thorough` reads every pixel; otherwise every file must exist.

    `beside`: the folder that the session lies in, where a linked original may be too; None: linked ones are not looked for.
    """
    found, seen, budget = [], set(), MOST
    for version in versions:
        if version.folder in seen:
            continue
        seen.add(version.folder)
        try:
            facts_of(place, version.folder)
            for array in arrays(place, version):
                files = list(array.files()) if budget > 0 or thorough else []
                budget -= len(files)
                missing = [name for name in files if not place.size(name)]
                if missing:
                    raise SessionError(f"{len(missing)} of {len(files)} files of {array.name} are missing")
                if thorough:
                    for region in blocks(array.shape):
                        array.read(region)
            if (
                thorough
                and version.link is None
                and version.digest is not None
                and pixel_digest(arrays(place, version)[0]) != version.digest
            ):
                raise SessionError("its pixels are not those that were saved")
            if thorough and version.link is not None and beside is not None:
                LinkedPixels(version.link, version, beside).verify()
        except SessionError as problem:
            found.append(f"{version.id} {version.name[:80]!r} is damaged: {problem}")
    return tuple(found)

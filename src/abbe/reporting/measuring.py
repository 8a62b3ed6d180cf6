"""What a report measures unasked, where nobody has measured anything: every channel pair, and the result beside its original."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from abbe.errors import AbbeError, CancelledError
from abbe.reporting.case import Measured, Named

#: channels up to which every pair is measured unasked: 4 have 6 pairs
PAIRS = 4


Progress = Callable[[float, str], None]


def every_pair(named: Named, progress: Progress | None = None) -> list[Measured]:
    """Colocalization of each pair of up to four channels over the whole image."""
    from abbe.colocalization import colocalize

    report = progress or (lambda fraction, word: None)
    count = named.image.shape[1]
    pairs = list(itertools.combinations(range(count), 2)) if count <= PAIRS else []
    found = []
    for number, pair in enumerate(pairs):

        def partly(fraction: float, word: str, number: int = number) -> None:
            report((number + fraction) / len(pairs), word)

        data = colocalize(named.image, pair, progress=partly).to_dict()
        found.append(Measured(f"pair{number + 1}", data, named.image, label(named), {"channels": list(pair)}))
    return found


def comparison(named: Named, progress: Progress | None = None) -> list[Measured]:
    """The image compared with its original; nothing where it has none, or one on another grid."""
    from abbe.comparison import compare

    if named.image.original is None:
        return []
    try:
        data = compare(named.image.original, named.image, progress=progress).to_dict(resolution=False)
    except CancelledError:
        raise
    except AbbeError:  # another grid, such as a merged or reordered image: there is nothing to compare pixel by pixel
        return []
    return [Measured("comparison", data, named.image, label(named))]


def label(named: Named) -> str:
    return f"{named.key} {named.name}".strip()

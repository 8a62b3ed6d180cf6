"""What a report measures unasked, where nobody has measured anything: every channel pair, and the result beside its original."""

from __future__ import annotations

import itertools

from abbe.errors import AbbeError
from abbe.reporting.case import Measured, Named

#: channels up to which every pair is measured unasked: 4 have 6 pairs
PAIRS = 4


def every_pair(named: Named) -> list[Measured]:
    """Colocalization of each pair of up to four channels over the whole image."""
    from abbe.colocalization import colocalize

    count = named.image.shape[1]
    pairs = itertools.combinations(range(count), 2) if count <= PAIRS else []
    return [
        Measured(f"pair{number}", colocalize(named.image, pair).to_dict(), named.image, label(named), {"channels": list(pair)})
        for number, pair in enumerate(pairs, 1)
    ]


def comparison(named: Named) -> list[Measured]:
    """The image compared with its original; nothing where it has none, or one on another grid."""
    from abbe.comparison import compare

    if named.image.original is None:
        return []
    try:
        data = compare(named.image.original, named.image).to_dict(resolution=False)
    except AbbeError:  # another grid, such as a merged or reordered image: there is nothing to compare pixel by pixel
        return []
    return [Measured("comparison", data, named.image, label(named))]


def label(named: Named) -> str:
    return f"{named.key} {named.name}".strip()

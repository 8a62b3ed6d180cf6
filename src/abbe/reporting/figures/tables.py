"""Lookup tables: what colour a grey value is shown in, by the name of a colour, a "#rrggbb", or the name of a map."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError

#: colours by name, each from black; the first six are told apart with any colour vision (Okabe & Ito 2008, and magenta with green)
COLORS = {
    "magenta": "#FF00FF",
    "green": "#00FF00",
    "sky": "#56B4E9",
    "orange": "#E69F00",
    "yellow": "#F0E442",
    "vermilion": "#D55E00",
    "grey": "#FFFFFF",
    "red": "#FF0000",
    "blue": "#0000FF",
    "cyan": "#00FFFF",
}
#: maps of many colours, all of them as bright as the value is high; for one channel alone
MAPS = ("viridis", "cividis", "inferno", "magma", "plasma", "hot")

Table = npt.NDArray[np.float32]


def checked(name: str) -> str:
    """A colour as "#rrggbb", or the name of a map. Raises `ParameterError` for anything else."""
    wanted = name.strip().lower()
    if wanted in MAPS:
        return wanted
    color = COLORS.get(wanted, wanted)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise ParameterError(f"wanted a colour as #rrggbb, or one of {', '.join((*COLORS, *MAPS))}, got {name[:40]!r}")
    return color.upper()


def table(name: str) -> Table:
    """(256, 3), 0 to 1: from black to a colour, or a map."""
    if name not in MAPS:
        color = np.array([int(name[k : k + 2], 16) / 255 for k in (1, 3, 5)], np.float32)
        return np.linspace(0, 1, 256, dtype=np.float32)[:, None] * color
    from matplotlib import colormaps

    return np.asarray(colormaps[name](np.arange(256))[:, :3], np.float32)


def word(name: str) -> str:
    """A colour by its name where it has one."""
    return next((known for known, color in COLORS.items() if color == name.upper()), name)

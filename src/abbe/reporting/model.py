"""What a report is, before it is HTML, PDF, a workbook or text: sections of paragraphs, tables and figures.

Every renderer gets this and nothing else, which is why their numbers agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from abbe.reporting.inert import inert, short
from abbe.reporting.numbers import digits, rounded

#: longest text of a cell; names are cut shorter where they come in
LONGEST = 160


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: what is shown, and the number behind it where there is one."""

    text: str
    number: float | int | None = None


def cell(value: object) -> Cell:
    """A cell of a number, a text, a truth value, or `None` (nothing)."""
    if value is None:
        return Cell("")
    if isinstance(value, Cell):
        return value
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, (int, float)):
        return Cell(digits(value), rounded(value))
    return Cell(short(value, LONGEST))


class Missing:
    """Numbers of a table that are undefined, gathered by their reasons.

    `groups`: what the table has each number of, such as channels; a number that is undefined for all of them is named once.
    """

    def __init__(self, groups: Sequence[str] = ()) -> None:
        self._groups = set(groups)
        self._names: dict[str, dict[str, list[str]]] = {}

    def add(self, name: str, reason: str, group: str = "") -> None:
        self._names.setdefault(reason, {}).setdefault(name, []).append(group)

    def notes(self) -> list[str]:
        """A sentence for each reason."""
        return [
            f"Undefined: {', '.join(self._named(*entry) for entry in names.items())}; {reason}." for reason, names in self._names.items()
        ]

    def _named(self, name: str, groups: list[str]) -> str:
        return name if set(groups) >= self._groups else f"{name} ({', '.join(dict.fromkeys(groups))})"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. `notes` stand below it; `key` names it in data files, where alone a `wide` one stands."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    wide: bool = False

    def is_numeric(self, column: int) -> bool:
        """Does a column hold numbers? Its undefined ones are then set like them."""
        return any(row[column].number is not None for row in self.rows)

    @classmethod
    def of(
        cls, key: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], notes: Sequence[str] = (), wide: bool = False
    ) -> Table:
        filled = tuple(tuple(cell(value) for value in row) for row in rows)
        return cls(
            key, inert(title), tuple(short(name) for name in columns), filled, tuple(dict.fromkeys(inert(note) for note in notes)), wide
        )


@dataclass(frozen=True)
class Figure:
    """A picture that is drawn when a renderer wants it."""

    key: str
    title: str
    caption: str
    draw: Callable[[], bytes]

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", inert(self.title))
        object.__setattr__(self, "caption", inert(self.caption))

    @cached_property
    def png(self) -> bytes:
        """PNG; drawn once."""
        return self.draw()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, as the PNG's header says."""
        return int.from_bytes(self.png[16:20], "big"), int.from_bytes(self.png[20:24], "big")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it, in this order. `warnings` are set apart."""

    key: str
    title: str
    paragraphs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "paragraphs", tuple(inert(text, lines=True) for text in self.paragraphs))
        object.__setattr__(self, "warnings", tuple(inert(text) for text in self.warnings))


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report.

    Attributes:
        title: of the session or image; `subtitle` says what was done.
        created: when, UTC.
        software: which abbe.
        sections: in order.
        repeat: what `abbe rerun` needs to do it again: recipes, measurements with their parameters, and all digits of the results.
    """

    title: str
    subtitle: str
    created: str
    software: str
    sections: tuple[Section, ...]
    repeat: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", inert(self.title))
        object.__setattr__(self, "subtitle", inert(self.subtitle))

    def tables(self) -> list[Table]:
        return [table for section in self.sections for table in section.tables]

    def figures(self) -> list[Figure]:
        return [figure for section in self.sections for figure in section.figures]

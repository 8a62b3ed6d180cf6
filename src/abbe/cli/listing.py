"""How groups of commands list them: every line of help whole, wrapped where a terminal is narrow, never cut off in the middle."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

#: characters; help on a wide terminal is read more easily when it does not fill it
WIDEST = 100


class Listing(TyperGroup):
    """A group whose help shows each command with its whole first paragraph."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, (command.help or "").partition("\n\n")[0].replace("\n", " ")) for name, command in named if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

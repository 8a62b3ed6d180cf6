"""`abbe rerun`: compute a report again, and say whether the numbers agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.progress import progress
from abbe.cli.speech import say
from abbe.session.repeating import rerun

#: differing numbers that are listed
MOST = 20


def command(
    source: Annotated[Path, typer.Argument(help="A report (HTML) or a session.", metavar="REPORT|SESSION", show_default=False)],
    image: Annotated[Path | None, typer.Option("--input", "-i", help="The original image, where it has moved.", show_default=False)] = None,
) -> None:
    """Compute everything again that a report or session tells of; exit code 1 when a number, verdict or word differs.

    Of a report the data inside it are compared, not the text of the tables that it shows.
    """
    with progress("computing again") as report:
        outcome = rerun(source, image, report)
    for note in outcome.notes:
        say(f"note: {note}", err=True)
    for text in outcome.differing[:MOST]:
        say(f"differs: {text}")
    if len(outcome.differing) > MOST:
        say(f"... and {len(outcome.differing) - MOST} more")
    pixels = "all pixels are the same, byte for byte" if outcome.identical else "pixels differ in some bytes"
    if outcome.numbers:
        say(f"{outcome.numbers - len(outcome.differing)} of {outcome.numbers} verdicts, words and numbers agree; {pixels}")
    else:
        say(f"there were no numbers to compare; {pixels}")
    raise typer.Exit(0 if outcome.agrees else 1)

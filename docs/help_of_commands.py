"""For mkdocs: a line `<!-- abbe COMMAND --help -->` in a page becomes what that command says, so that no page repeats options by hand."""

import contextlib
import io
import os
import re
import shlex

from abbe.cli.frame import main

LINE = re.compile(r"^<!-- abbe (.*) -->$", flags=re.M)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Called by mkdocs for each page."""
    return LINE.sub(lambda line: f"```text\n{said(line[1])}\n```", markdown)


def said(words: str) -> str:
    """What `abbe words` prints. A command that fails ends the build."""
    os.environ["COLUMNS"] = "100"
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main(shlex.split(words))
    if code:
        raise RuntimeError(f"abbe {words} ended with {code}")
    return out.getvalue().rstrip()

"""What mkdocs calls while it builds the site.

- A line `<!-- abbe COMMAND --help -->` in a page becomes what that command says, so that no page repeats options by hand.
- Decisions and the training log come after the pages for users in what a search finds.
- Every page in `docs/models` and `docs/design` is in the table of contents: each model and each decision has one.
"""

import contextlib
import io
import os
import re
import shlex
from pathlib import Path
from typing import Any

from abbe.cli.frame import main

LINE = re.compile(r"^<!-- abbe (.*) -->$", flags=re.M)
#: section of the table of contents -> its folder
SECTIONS = {"Models": "models", "Design": "design"}


def on_config(config: Any) -> Any:
    """Called once, before anything is read."""
    docs = Path(config["docs_dir"])
    for title, folder in SECTIONS.items():
        pages = sorted(path.relative_to(docs).as_posix() for path in (docs / folder).glob("*.md"))
        if pages:
            config["nav"].append({title: pages})
    return config


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Called for each page."""
    if page.file.src_uri.startswith((SECTIONS["Design"], "models/training-log")):
        page.meta.setdefault("search", {"boost": 0.3})
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

"""The command line: parse, call, show. Each command is a module here, imported only when it is called.

`abbe.cli.frame.main` is the only door: it turns every `AbbeError` into one line and exit code 1, Ctrl-C into exit code 1, and wrong
usage into exit code 2; `--debug` shows the traceback.
"""

from __future__ import annotations

#: command -> (module in abbe.cli, one line of help). A module has one typer function `command`, or a typer app `app`;
#: "module:function" names another function, for modules that hold several small commands.
#: `abbe --help` lists them in this order, that of the work: open, enhance, measure, report, the rest.
COMMANDS: dict[str, tuple[str, str]] = {
    "info": ("info", "Show what an image file holds, and what to know before believing it."),
    "merge": ("merge", "Put single-channel files together as the channels of one image."),
    "serve": ("serve", "Open the page: look, enhance, compare, measure and export in the browser."),
}

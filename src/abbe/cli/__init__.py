"""The command line: parse, call, show. Each command is a module here, imported only when it is called.

`abbe.cli.frame.main` is the only door: it turns every `AbbeError` into one line and exit code 1, Ctrl-C into exit code 1, and wrong
usage into exit code 2; `--debug` shows the traceback.
"""

from __future__ import annotations

#: command -> (module in abbe.cli, one line of help). A module has one typer function `command`, or a typer app `app`;
#: "module:function" names another function, for modules that hold several small commands.
#: `abbe --help` lists them in this order, that of the work: try, open, enhance, measure, keep and report, and what
#: stands behind it.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Simulate a cell whose truth is known, enhance it, and show what was gained."),
    "info": ("info", "Show what an image file holds, and what to know before believing it."),
    "merge": ("merge", "Put single-channel files together as the channels of one image."),
    "enhance": ("enhance", "Turn conventional images into super-resolved ones (Workflow A)."),
    "batch": ("batch", "Enhance every image in a folder, on one machine or many; goes on where it was stopped."),
    "background": ("background", "Take background and noise from chosen channels (Workflow B)."),
    "align": ("align", "Move channels that lie off one another back."),
    "compare": ("compare", "Compare an image with what was computed from it: improved, unchanged or doubtful."),
    "colocalize": ("colocalize", "Measure how two channels colocalize: every coefficient, with warnings."),
    "serve": ("serve", "Open the page: look, enhance, compare, measure and export in the browser."),
    "history": ("history", "Show a session's versions and changes; rename, duplicate, delete, verify."),
    "revert": ("history:revert", "Go back to any version of a session."),
    "undo": ("history:undo", "Take a session's last change back (or do it again)."),
    "export": ("export", "Write a session's images, pictures, numbers and report to files; or pack it into one."),
    "report": ("report", "Write one document of a session: pictures, numbers, comments, methods, checklist."),
    "rerun": ("rerun", "Compute a report again and say whether the numbers agree."),
    "model": ("model", "List, show and verify the models."),
    "train": ("train", "Train a model, on your own images too."),
    "doctor": ("doctor", "Check this installation: machine, engines, models."),
}

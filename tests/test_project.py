"""The project itself: what lies in the tree, what the code must never do, what is documented, and what a package holds."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import abbe

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "abbe"
DOCS = ROOT / "docs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

#: kinds of files that hold no text to look at
BINARY = {".onnx", ".safetensors", ".png", ".webp", ".jpg", ".jpeg", ".tif", ".tiff", ".npz", ".npy", ".ico", ".woff2", ".zip", ".gz"}

MACHINE = "a folder of somebody's machine"
REGISTRY = "a package registry's host; each installation configures its own"
#: what must not be named in the tree -> why
PRIVATE = {
    r"(?<![\w.~/-])/(home|Users|root|work|workspace|build)/[A-Za-z0-9_.-]+": MACHINE,
    r"[A-Z]:\\Users\\": MACHINE,
    r"(pypi|pythonhosted|npmjs|npmmirror|yarnpkg|jsdelivr|unpkg)\.(org|com|net)\b": REGISTRY,
    r"download\.pytorch": REGISTRY,
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----": "a private key",
}

#: calls that run what a file or a user says -> what stands in for them
UNSAFE = {
    "eval": "parse it",
    "exec": "call a function",
    "compile": "call a function",
    "os.system": "subprocess.run with a list",
    "os.popen": "subprocess.run with a list",
    "torch.load": "safetensors",
    "yaml.load": "yaml.safe_load",
    "tempfile.mktemp": "tempfile.mkstemp",
}


@cache
def files() -> tuple[Path, ...]:
    """What belongs to the project: what git tracks; in an unpacked sdist, everything."""
    asked = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if asked.returncode == 0 and asked.stdout:
        return tuple(ROOT / name for name in asked.stdout.split("\0") if name and (ROOT / name).is_file())
    return tuple(p for p in ROOT.rglob("*") if p.is_file() and not any(part.startswith(".") for part in p.relative_to(ROOT).parts))


def texts() -> Iterator[tuple[Path, str]]:
    for path in files():
        if path.suffix not in BINARY:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def called(node: ast.Call) -> str:
    """The dotted name that is called, as written."""
    return ast.unparse(node.func)


# ------------------------------------------------------------------------------------------------ the tree
@pytest.mark.parametrize("pattern", PRIVATE, ids=lambda p: p[:24])
def test_the_tree_names_nobodys_machine_and_no_registry(pattern: str) -> None:
    found = [f"{path}:{text[: hit.start()].count(chr(10)) + 1}: {hit[0]}" for path, text in texts() for hit in re.finditer(pattern, text)]
    assert not found, f"{PRIVATE[pattern]}: {found}"


def test_this_checkouts_own_path_is_nowhere_in_it() -> None:
    assert not [str(path) for path, text in texts() if len(ROOT.parts) > 2 and str(ROOT) in text]


def test_no_file_is_large_or_left_over() -> None:
    large = [f"{p.relative_to(ROOT)} ({p.stat().st_size >> 20} MB)" for p in files() if p.stat().st_size > 8 * 2**20]
    assert not large
    left = {".DS_Store", ".pyc", ".ipynb", ".orig", ".rej", ".swp", ".pkl", ".pt", ".ckpt"}
    assert not [str(p) for p in files() if {p.name, p.suffix} & left]


def test_source_files_are_one_idea_each() -> None:
    long = {str(p.relative_to(ROOT)): n for p in SOURCE.rglob("*.py") if (n := len(p.read_text().splitlines())) > 400}
    assert not long
    assert not [str(p.relative_to(ROOT)) for p in SOURCE.rglob("*.py") if re.fullmatch(r"_?(utils?|helpers?|misc|common)", p.stem)]


def test_nothing_is_left_unfinished() -> None:
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|raise NotImplemented" r"Error)\b")
    found = [f"{path}: {hit[0]}" for path, text in texts() if path.parts[0] in {"src", "web"} for hit in words.finditer(text)]
    assert not found


# ------------------------------------------------------------------------------------------------ the code
def test_no_code_runs_what_a_file_says() -> None:
    found = []
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = called(node)
                if name in UNSAFE:
                    found.append(f"{path}:{node.lineno}: {name} (instead: {UNSAFE[name]})")
                found += [
                    f"{path}:{node.lineno}: {k.arg}=True"
                    for k in node.keywords
                    if k.arg in {"shell", "allow_pickle"} and not (isinstance(k.value, ast.Constant) and k.value.value is False)
                ]
    assert not found


#: what Windows' Python lacks of `os` and `signal`: asked for first, or behind a look at the platform
POSIX_ONLY = {
    "chown", "fchmod", "fchown", "fork", "geteuid", "getloadavg", "getpgid", "getpriority", "getuid", "killpg", "mkfifo", "nice", "pread",
    "preadv", "pwrite", "pwritev", "sched_getaffinity", "setpriority", "statvfs", "sysconf", "uname", "O_CLOEXEC", "O_DIRECTORY",
    "O_NOFOLLOW", "O_NONBLOCK", "SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "pthread_sigmask",
}  # fmt: skip


def test_what_windows_lacks_is_asked_for_first() -> None:
    """Saving, opening and sessions once called `os.pread` and `os.pwrite`, so that nothing at all worked there."""
    bare = []
    for path, tree in modules():
        text = ast.unparse(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in POSIX_ONLY and ast.unparse(node.value) in ("os", "signal"):
                asked = f"hasattr({ast.unparse(node.value)}, '{node.attr}')" in text or "sys.platform" in text
                bare += [] if asked else [f"{path}:{node.lineno} {ast.unparse(node)}"]
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                if {"fcntl", "resource", "pwd", "grp", "termios"} & set(names) and "sys.platform" not in text:
                    bare.append(f"{path}:{node.lineno} {ast.unparse(node)}")
    assert bare == []


def test_text_files_are_read_and_written_as_utf_8() -> None:
    """The usual encoding of a Windows of 2025 is still that of 1995."""
    loose = []
    for path, tree in modules():
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name, words = called(node), {keyword.arg for keyword in node.keywords}
            method = name.rpartition(".")[2]
            if (method == "read_text" and not node.args and "encoding" not in words) or (
                method == "write_text" and len(node.args) < 2 and "encoding" not in words
            ):
                loose.append(f"{path}:{node.lineno} {name}")
    assert loose == []


def test_no_code_imports_what_reads_pickles() -> None:
    banned = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    found = []
    for path, tree in modules():
        imports = [(n, a.name) for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        imports += [(n, n.module or "") for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        found += [f"{path}:{node.lineno}: {name}" for node, name in imports if name.partition(".")[0] in banned]
    assert not found


def test_every_module_says_what_it_holds() -> None:
    assert not [str(path) for path, tree in modules() if len(tree.body) > 1 and len(ast.get_docstring(tree) or "") < 20]


def test_every_public_function_and_class_has_a_docstring() -> None:
    """All that a room offers on its face, with the methods and properties that a user can call."""
    bare = []
    for room in ["abbe", *(f"abbe.{p.parent.name}" for p in sorted(SOURCE.glob("*/__init__.py")))]:
        face = importlib.import_module(room)
        for name in getattr(face, "__all__", []):
            thing = getattr(face, name)
            if (inspect.isfunction(thing) or inspect.isclass(thing)) and not (thing.__doc__ or "").strip():
                bare.append(f"{room}.{name}")
    assert not bare


def test_dependencies_have_a_lowest_version_and_none_is_pinned() -> None:
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    assert not [d for d in wanted if ">=" not in d or "==" in d.partition(";")[0]]


# ------------------------------------------------------------------------------------------------ the documentation
def pages() -> list[Path]:
    return sorted(p for p in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")] if p in files())


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    links = re.findall(r"\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"", text)
    targets = {(a or b).partition("#")[0] for a, b in links if not re.match(r"[a-z]+:|#", a or b)}
    assert not [t for t in targets if not (page.parent / t).exists()]


def test_every_page_is_in_the_table_of_contents() -> None:
    """Those on models and design get there by themselves (docs/hooks.py)."""
    contents = set(re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    assert contents == {p.name for p in pages() if p.parent == DOCS}


def test_every_command_is_documented() -> None:
    from abbe.cli import COMMANDS

    text = (DOCS / "commands.md").read_text()
    assert not [name for name in COMMANDS if f"## {name}" not in text]


def test_the_changelog_knows_this_version() -> None:
    assert f"## {abbe.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_make_knows_what_the_documentation_says_it_does() -> None:
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for page in ("README.md", "CONTRIBUTING.md", ".ci/run"):
        assert set(re.findall(r"\bmake (?:--[\w-]+ )*([a-z-]+)\b(?=[`\s])", (ROOT / page).read_text())) <= rules | {"it", "sure"}


# ------------------------------------------------------------------------------------------------ the packages
@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist, built from this tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


NEEDED = {"abbe/py.typed", "abbe/__init__.py", "abbe/server/page/index.html"}
JUNK = re.compile(r"(^|/)(tests?|node_modules|\.venv|runs|demo|__pycache__|\.git|site)/|\.(pyc|pt|ckpt)$")


@pytest.mark.long
def test_the_wheel_holds_the_page_the_models_and_nothing_of_the_tests(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    models = {str(p.relative_to(SOURCE.parent)) for p in files() if SOURCE in p.parents and p.suffix in {".onnx", ".json"}}
    assert {*names} >= NEEDED | models
    assert any(name.endswith(".onnx") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if JUNK.search(name)]
    assert wheel.stat().st_size < 40 * 2**20


@pytest.mark.long
def test_the_sdist_can_be_installed_where_no_node_is(built: Path) -> None:
    """It carries the page built, and what the wheel is made of; no pictures of past runs, no node_modules."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {f"src/{name}" for name in NEEDED} | {"pyproject.toml", "hatch_build.py", "LICENSE", "README.md"}
    assert not [name for name in names if JUNK.search(name)]
    assert sdist.stat().st_size < 40 * 2**20


@pytest.mark.long
def test_an_installed_wheel_works_away_from_its_source(built: Path, tmp_path: Path) -> None:
    """Installed into a folder of its own: it finds its models, its page and its version there."""
    (wheel,) = built.glob("*.whl")
    place = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(place), str(wheel)]
    subprocess.run(pip, check=True)
    where = _isolated(place, "import abbe; print(abbe.__file__, abbe.__version__)")
    assert where.split() == [str(place / "abbe" / "__init__.py"), abbe.__version__]
    assert "denoise" in _isolated(place, "from abbe.cli.frame import main; sys.exit(main(['model', 'list']))")


def _isolated(place: Path, statement: str) -> str:
    """What a new interpreter prints that finds abbe in `place` alone."""
    code = f"import sys; sys.path.insert(0, {str(place)!r}); {statement}"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, cwd=place.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout

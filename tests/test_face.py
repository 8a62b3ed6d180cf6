"""The face: what `import abbe` offers, and that offering it costs next to nothing."""

from __future__ import annotations

import ast
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import abbe

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "abbe"
STARTUP = runpy.run_path(str(ROOT / "benchmarks" / "startup.py"))

#: what scripts may rely on: the fixed public names
AGREED = {
    "AbbeError", "Colocalization", "Comparison", "Image", "Recipe", "Session",
    "colocalize", "compare", "correct_background", "enhance", "merge", "open", "report", "save",
}  # fmt: skip

#: what takes long to load, or is not always there
HEAVY = {"torch", "lightning_fabric", "fastapi", "starlette", "uvicorn", "napari", "qtpy", "dask", "distributed", "matplotlib"}
#: rooms that may load some of it
HEAVY_ROOMS = {"networks", "training", "server", "napari"}


PLANE = [[1.0, 2.0], [3.0, 4.0]]

#: what a slip of the keyboard or a variable that is None makes of a call
SLIPS: dict[str, Callable[[], object]] = {
    "a path where an image is wanted": lambda: abbe.enhance("cells.tif"),
    "a Path where an image is wanted": lambda: abbe.save(Path("cells.tif"), "out.tif"),
    "no image": lambda: abbe.enhance(None),
    "a number where progress is told": lambda: abbe.enhance(PLANE, progress=5),  # type: ignore[arg-type]
    "no result for a verdict": lambda: abbe.verdict(PLANE),  # type: ignore[arg-type]
    "rows of different lengths": lambda: abbe.enhance([[1, 2], [3]]),
    "numbers beyond float32": lambda: abbe.Image.from_array(np.full((3, 4), 1e300)),
    "a pixel size as text": lambda: abbe.Image.from_array(PLANE, pixel_size="0.1"),
    "pixel sizes as text": lambda: abbe.Image.from_array(PLANE, pixel_size=("0.1", "0.1")),
    "no file to open": lambda: abbe.open(None),
    "a number as file to save": lambda: abbe.save(PLANE, 5),
    "no file of ROIs": lambda: abbe.open_rois(None),
    "no ROIs": lambda: abbe.save_rois(None, "a.roi"),
    "one image to merge": lambda: abbe.merge(5),
    "an image to merge that is none": lambda: abbe.merge([PLANE, None]),
    "one channel": lambda: abbe.colocalize([PLANE, PLANE], channels=0),
    "no channels": lambda: abbe.colocalize([PLANE, PLANE], channels=None),
    "a word as number": lambda: abbe.colocalize(abbe.Image.from_array([PLANE, PLANE], axes="CYX"), randomisations="many"),
    "one frame": lambda: abbe.colocalize(abbe.Image.from_array([PLANE, PLANE], axes="CYX"), frames=1),
    "no steps": lambda: abbe.enhance(PLANE, steps=None),
    "a number of steps": lambda: abbe.enhance(PLANE, steps=5),
    "realism as text": lambda: abbe.enhance(PLANE, realism="x"),
    "a model by number": lambda: abbe.enhance(PLANE, model=5),
    "a polygon by number": lambda: abbe.ROI.polygon(5),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_gets_one_line_that_says_what_was_wanted(slip: str) -> None:
    with pytest.raises(abbe.AbbeError, match=r"^wanted "):
        SLIPS[slip]()


@pytest.mark.parametrize("start", [name for name, (_, budget) in STARTUP["STARTS"].items() if budget is not None])
def test_starting_stays_within_its_budget_of_cpu_time(start: str) -> None:
    arguments, budget = STARTUP["STARTS"][start]
    assert STARTUP["cost"](arguments).cpu < budget


def test_importing_abbe_loads_nothing_heavy() -> None:
    assert not STARTUP["loaded"]("import abbe") & {*HEAVY, "numpy", "scipy", "numba", "pydantic", "tifffile", "onnxruntime", "PIL", "rich"}


def test_asking_for_help_loads_nothing_heavy() -> None:
    ask = "import contextlib, io\nfrom abbe.cli.frame import main\nwith contextlib.redirect_stdout(io.StringIO()): main(['--help'])"
    assert not STARTUP["loaded"](ask) & {*HEAVY, "numpy", "scipy", "numba", "tifffile", "onnxruntime", "PIL"}


def test_running_a_model_reports_nothing_to_anybody(tmp_path: Path) -> None:
    """ONNX Runtime would keep a device's identity and a queue of reports below the home folder."""
    code = "from abbe.restoration.engine import Engine, measured_precision; measured_precision(Engine('cpu'))"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"} | {"HOME": str(tmp_path)}
    environment.pop("XDG_CACHE_HOME", None)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_no_room_loads_heavy_packages_but_those_that_are_about_them() -> None:
    """Importing every module, private ones too, of all other rooms: not even indirectly."""
    lean = [m for m in _modules() if not _rooms_of(m) & HEAVY_ROOMS]
    assert len(lean) > 30
    assert not STARTUP["loaded"]("import importlib\n" + "".join(f"importlib.import_module({m!r})\n" for m in lean)) & HEAVY


def test_serving_images_loads_no_training() -> None:
    assert not STARTUP["loaded"]("import abbe.server") & {"torch", "lightning_fabric", "napari", "dask", "matplotlib"}


def _modules() -> list[str]:
    paths = (p.relative_to(SOURCE.parent).with_suffix("") for p in SOURCE.rglob("*.py") if p.stem != "__main__")
    return sorted(".".join(p.parts).removesuffix(".__init__") for p in paths)


def _rooms_of(module: str) -> set[str]:
    """The room that a module of abbe is in, and those that it imports when it is itself imported."""
    path = SOURCE.parent / Path(*module.split("."))
    body = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()).body
    imported = [node.module or "" for node in body if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
    return {name.split(".")[1] for name in (module, *imported) if name.startswith("abbe.")}


def test_all_agreed_names_are_there() -> None:
    assert set(abbe.__all__) >= AGREED


@pytest.mark.parametrize("name", sorted({*abbe.__all__} - {"__version__"}))
def test_every_public_name_is_found_where_the_face_says(name: str) -> None:
    thing = getattr(abbe, name)
    assert name in dir(abbe)
    assert thing.__doc__, f"abbe.{name} has no docstring"


def test_type_checkers_see_the_same_names_as_the_interpreter() -> None:
    """The face is lazy at run time and plain imports for a type checker; the two lists must not drift apart."""
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    checking = next(n for n in tree.body if isinstance(n, ast.If) and isinstance(n.test, ast.Name) and n.test.id == "TYPE_CHECKING")
    seen = {alias.asname: node.module for node in checking.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == abbe._ROOMS
    assert {*seen, "__version__"} == set(abbe.__all__)


def test_a_misspelt_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(AttributeError, match="enhance"):
        abbe.enhanse  # noqa: B018


def test_abbe_can_be_imported_and_used_without_what_the_extras_bring() -> None:
    """`pip install abbe` alone brings neither torch nor vendor formats; the face and the help must not need them."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'torch', 'safetensors', 'onnx', 'lightning_fabric', 'nd2', 'liffile', 'czifile', 'oiffile',"
        " 'mrc', 'fsspec', 'dask', 'distributed', 'napari', 'skimage'}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import abbe\n"
        "for name in abbe.__all__: getattr(abbe, name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""What starting abbe costs: CPU seconds, wall seconds and loaded modules of `import abbe`, `abbe --help` and each room's door.

    .venv/bin/python benchmarks/startup.py

CPU time is the child process's own (user + system), which other work on the machine hardly changes; the best of several runs counts.
The budgets are held by `tests/test_face.py`, which uses the functions here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

RUNS = 5

#: what is started -> (arguments for the interpreter, budget in CPU seconds or None)
STARTS: dict[str, tuple[list[str], float | None]] = {
    "python itself": (["-c", ""], None),
    "import abbe": (["-c", "import abbe"], 0.3),
    "abbe --help": (["-c", "import sys; from abbe.cli.frame import main; sys.exit(main(['--help']))"], 0.5),
    "abbe.Image": (["-c", "import abbe; abbe.Image"], None),
    "abbe.open": (["-c", "import abbe; abbe.open"], None),
    "abbe.enhance": (["-c", "import abbe; abbe.enhance"], None),
    "abbe.compare": (["-c", "import abbe; abbe.compare"], None),
    "abbe.colocalize": (["-c", "import abbe; abbe.colocalize"], None),
}


@dataclass(frozen=True)
class Cost:
    """What one start of a process cost, in seconds."""

    cpu: float
    wall: float


def cost(arguments: list[str], runs: int = RUNS) -> Cost:
    """The cheapest of `runs` starts of this interpreter with `arguments`, its bytecode cached as in an installed package."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": cache}
        _start(arguments, environment)  # fills the cache
        costs = [_start(arguments, environment) for _ in range(runs)]
    return min(costs, key=lambda c: c.cpu)


def _start(arguments: list[str], environment: dict[str, str]) -> Cost:
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], env=environment, cwd=Path(__file__).parent, capture_output=True, check=False)
    after, end = os.times(), time.perf_counter()
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode()}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(cpu, end - start)


def loaded(statement: str) -> set[str]:
    """The top-level packages that are loaded after `statement` has run in a new interpreter."""
    code = f"{statement}\nimport sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{statement} ended with {done.returncode}: {done.stderr}")
    return set(done.stdout.split())


def main() -> None:
    print(f"{'':16s} {'CPU s':>7s} {'wall s':>7s} {'budget':>7s}")
    for name, (arguments, budget) in STARTS.items():
        c = cost(arguments)
        print(f"{name:16s} {c.cpu:7.3f} {c.wall:7.3f} {'' if budget is None else f'{budget:.1f}':>7s}")


if __name__ == "__main__":
    main()

"""Tiles for many: 20 clients browse a 3072 x 3072 image of three channels while a job runs.

    python benchmarks/server.py [--seconds 60] [--clients 20]

Prints the time of the first picture (statistics and every tile of the level that fills a screen), percentiles of a tile's time, errors,
and the server's memory ten times on the way. Wanted: first picture within 1 s, p95 under 60 ms, no error, and over 10 minutes
(--seconds 600) memory flat once the tiles' cache and the model are there.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

import abbe

START = """import sys; from pathlib import Path; from abbe.server import Settings, serve
serve(Settings(folder=Path(sys.argv[1]), state=Path(sys.argv[2]), port=0), lambda s: print(s.link, flush=True))"""


def memory(process: int) -> float:
    """Resident memory in MB."""
    said = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", said)
    return int(found[1]) / 1024 if found else float("nan")


def browse(client: httpx.Client, session: str, until: float, times: list[float], errors: list[int], seed: int) -> None:
    chance = random.Random(seed)
    while time.monotonic() < until:
        level = chance.choice([0, 0, 1, 2, 3])
        side = max(1, 6 >> level)
        where = {"level": level, "x": chance.randrange(side), "y": chance.randrange(side), "c": chance.randrange(3)}
        start = time.perf_counter()
        answer = client.get(f"/api/sessions/{session}/versions/v1/tile", params=where)
        times.append(time.perf_counter() - start)
        if answer.status_code != 200:
            errors.append(answer.status_code)
        time.sleep(0.1)  # a person looks before moving on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=20)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "images"
        folder.mkdir()
        rng = np.random.default_rng(0)
        image = abbe.Image.from_array(rng.poisson(200, (3, 3072, 3072)).astype(np.uint16), axes="CYX", pixel_size=0.05)
        abbe.Session.create(folder / "large.abbe", image).close()
        small = abbe.Image.from_array(rng.poisson(200, (3, 512, 512)).astype(np.uint16), axes="CYX", pixel_size=0.05)
        abbe.Session.create(folder / "small.abbe", small).close()
        with subprocess.Popen([sys.executable, "-c", START, str(folder), scratch], stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                origin, token = server.stdout.readline().strip().split("/#token=")
                with httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=60) as client:
                    client.post("/api/enter", json={"token": token})
                    measure(client, server.pid, wanted.seconds, wanted.clients)
            finally:
                server.kill()


def measure(client: httpx.Client, process: int, seconds: float, clients: int) -> None:
    start = time.perf_counter()
    session = client.post("/api/open", json={"path": "large.abbe"}).json()["id"]
    version = client.get(f"/api/sessions/{session}").json()["versions"][0]
    client.get(f"/api/sessions/{session}/versions/v1/statistics", params={"quick": True})
    level = next(k for k, one in enumerate(version["levels"]) if one["width"] <= 1024)
    for c in range(3):
        for x in range(2):
            for y in range(2):
                client.get(f"/api/sessions/{session}/versions/v1/tile", params={"level": level, "x": x, "y": y, "c": c}).raise_for_status()
    print(f"first picture: {time.perf_counter() - start:.2f} s")

    busy = client.post("/api/open", json={"path": "small.abbe"}).json()["id"]
    until, times, errors = time.monotonic() + seconds, [], []  # type: ignore[var-annotated]
    client.post(f"/api/sessions/{busy}/jobs", json={"kind": "enhance", "steps": ["denoise"]})
    with_cookies = {"base_url": client.base_url, "headers": dict(client.headers), "cookies": client.cookies, "timeout": 60}
    people = [httpx.Client(**with_cookies) for _ in range(clients)]
    threads = [threading.Thread(target=browse, args=(one, session, until, times, errors, k)) for k, one in enumerate(people)]
    for thread in threads:
        thread.start()
    held: list[float] = []
    while time.monotonic() < until:
        time.sleep(1)
        if until - time.monotonic() < seconds * (1 - (len(held) + 1) / 10):
            held.append(memory(process))
        if not any(job["state"] in ("waiting", "running") for job in client.get("/api/jobs").json()):
            client.post(f"/api/sessions/{busy}/jobs", json={"kind": "enhance", "steps": ["denoise"]})
    for thread in threads:
        thread.join()
    for one in people:
        one.close()
    p50, p95, p99 = (1000 * float(np.percentile(times, q)) for q in (50, 95, 99))
    print(f"{len(times)} tiles by {clients} clients while a job runs: p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")
    print(f"errors: {len(errors)}")
    print(f"memory of the server, MB, every {seconds / 10:.0f} s: {' '.join(f'{one:.0f}' for one in [*held, memory(process)])}")


if __name__ == "__main__":
    main()

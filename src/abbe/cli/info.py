"""`abbe info`: what a file holds, and what to know before believing it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from abbe.cli.progress import progress
from abbe.cli.reading import Axes, PixelSize, each, open_file
from abbe.cli.speech import say
from abbe.formats.naming import numbered
from abbe.formats.opening import image_names
from abbe.formats.remote import as_url
from abbe.image import Image, Notice, Optics
from abbe.image.foreign import told_as_foreign

#: bytes from which looking at every pixel takes long enough to show how far it is
SLOW = 2**28


def command(
    files: Annotated[list[Path], typer.Argument(help="Image files.", metavar="FILE", show_default=False, readable=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: an object; of several files a list of them.")] = False,
    axes: Axes = None,
    pixel_size: PixelSize = None,
) -> None:
    """Show what an image file holds: size, pixel size, channels, range, optics and warnings.

    Of a file of several images (positions, scenes, series) it shows the first and lists all: cells.lif#2 is the third, for every command.
    A file that cannot be read does not stop the others; the exit code is then 1.
    """
    found = []

    def look(k: int, file: Path) -> None:
        image = open_file(file, axes, pixel_size)
        with progress(f"reading {file.name}", quiet=image.nbytes < SLOW) as report:
            image.inspect(report)
        if as_json:
            found.append(as_dict(file, image))
        else:
            say(*[""] * bool(k), *as_text(file, image))

    problem = each(files, look)
    if as_json:
        print(json.dumps(found[0] if len(files) == 1 else found, indent=2))
    if problem is not None:
        raise problem


def as_dict(file: Path, image: Image) -> dict[str, Any]:
    """Everything that `abbe info` knows, for scripts."""
    seen = image.inspection.channels
    return {
        "file": as_url(file) or str(file),
        "format": image.provenance.format,
        "sha256": image.provenance.digest,
        "bytes": _bytes(file),
        "axes": image.axes,
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "bits": image.bits,
        "range": list(image.range),
        "pixel_size": dict(zip("zyx", image.pixel_size)),
        "time_step": image.time_step,
        "channels": [
            {"name": name, "color": color, "minimum": c.minimum, "maximum": c.maximum, "mean": c.mean, "saturated": c.saturated}
            for name, color, c in zip(image.channels, image.colors, seen)
        ],
        "optics": image.optics.to_dict(),
        "acquired": image.provenance.acquired,
        "images": [{"open": place, "name": name} for place, name in _images(file, image)],
        "history": list(image.provenance.history),
        "facts": image.provenance.facts,
        "warnings": [notice.to_dict() for notice in _warnings(image)],
    }


def as_text(file: Path, image: Image) -> list[str]:
    """The same for people, a fact a line."""
    lines = [as_url(file) or str(file), *(f"  {name:<11} {value}" for name, value in _facts(file, image) if value)]
    width = min(max(len(name) for name in image.channels), 40)
    for k, (name, color, seen) in enumerate(zip(image.channels, image.colors, image.inspection.channels)):
        saturated = f", {seen.saturated} saturated" if seen.saturated else ""
        tint = f"  {color}" if color else ""
        values = f"{seen.minimum:.6g} to {seen.maximum:.6g}, mean {seen.mean:.6g}{saturated}"
        lines.append(f"  {f'channel {k}':<11} {name:<{width}}  {values}{tint}")
    lines += [f"  {'image':<11} {place}  {name}" for place, name in _images(file, image)]
    lines += [f"  {'warning':<11} {notice.message}" for notice in _warnings(image)]
    return lines


def _warnings(image: Image) -> list[Notice]:
    """What the file tells, and what no fluorescence looks like: transmitted light, stained sections, masks."""
    return [*image.warnings, *told_as_foreign(image, range(image.shape[1]))]


def _facts(file: Path, image: Image) -> list[tuple[str, str]]:
    frames, count, depth, height, width = image.shape
    parts = [f"{frames} frames" * (frames > 1), f"{count} channels" * (count > 1), f"{depth} planes" * (depth > 1)]
    size = " x ".join(part for part in [*parts, f"{height} x {width} pixels (rows x columns)"] if part)
    bits = f", {image.bits} bit{'s' if image.bits > 1 else ''} used" if image.bits else ""
    step = f"{image.time_step:.6g} s" if image.time_step else ""
    history = "; ".join(image.provenance.history)
    held = _bytes(file)
    room = "" if held is None else f", {_human(held)}"
    return [
        ("format", f"{image.provenance.format}{room}"),
        ("size", size),
        ("pixel type", f"{image.dtype.name}{bits}"),
        ("pixel size", _pixel_size(image)),
        ("time step", step),
        ("optics", _optics(image.optics)),
        ("acquired", image.provenance.acquired or ""),
        ("made by", history),
    ]


def _pixel_size(image: Image) -> str:
    z, y, x = image.pixel_size
    if x is None or y is None:
        return "unknown; tell abbe with --pixel-size where a step needs it"
    height, width = image.shape[3:]
    same = f"{x:.5g} um" if abs(x - y) < 1e-6 * x else f"{y:.5g} x {x:.5g} um (rows x columns)"
    step = f", z-step {z:.5g} um" if z is not None else ", z-step unknown" if image.shape[2] > 1 else ""
    return f"{same}{step}; the field is {height * y:.4g} x {width * x:.4g} um"


def _optics(optics: Optics) -> str:
    parts = [
        optics.modality or "",
        f"{optics.magnification:g}x" if optics.magnification else "",
        f"NA {optics.numerical_aperture:g}" if optics.numerical_aperture else "",
        f"immersion {optics.refractive_index:g}" if optics.refractive_index else "",
    ]
    for word, waves in (("excitation", optics.excitation), ("emission", optics.emission)):
        if any(waves):
            parts.append(f"{word} {', '.join('?' if w is None else f'{w:.4g}' for w in waves)} nm")
    return ", ".join(part for part in parts if part)


def _images(file: Path, image: Image) -> list[tuple[str, str]]:
    """Of a file of several images: how each is opened, and its name."""
    whole, number = numbered(file)
    if number is None and not any(notice.code == "dropped" for notice in image.notices):
        return []  # no need to look: the first of several comes with a word about the others
    return [(f"{whole}#{k}", name) for k, name in enumerate(image_names(whole))]


def _bytes(file: Path) -> int | None:
    """Of the file, or of all in a folder; None of what lies behind a URL."""
    if as_url(file):
        return None
    file = numbered(file)[0]
    if file.is_dir():
        return sum(f.stat().st_size for f in file.rglob("*") if f.is_file())
    return file.stat().st_size


def _human(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"

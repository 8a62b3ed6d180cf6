"""Further analyses of a channel pair, where they were asked for: randomisation, objects, shift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abbe.reporting.inert import short
from abbe.reporting.model import Missing, Table

NOTES = {
    "randomisation": "P: share of the randomised images with a lower r; above 0.95 Costes calls colocalization significant.",
    "objects": "P of objects: share of the random shifts of the second channel after which fewer overlap, or the nearest centres lie "
    "farther apart; above 0.95: more, or nearer, than chance has it.",
    "shift": "A positive shift: the second channel lies to the right of, or below, the first.",
}


def further(number: int, title: str, name: str, data: Mapping[str, Any], before: Mapping[str, Any] | None) -> Table | None:
    """What was found on the original, where there is one, and on the version `name`; None where nothing of it was asked for."""
    sources = (before, data) if before else (data,)
    missing = Missing()
    columns = [dict(_rows(source, missing)) for source in sources]
    if not columns[-1]:
        return None
    rows = [[label, *(_value(column.get(label)) for column in columns)] for label in columns[-1]]
    notes = [note for key, note in NOTES.items() if data.get(key) is not None]
    heads = ["", "original", name] if before else ["", name]
    return Table.of(f"further-{number}", f"Further analyses: {title}", heads, rows, [*notes, *missing.notes()])


def _value(value: object) -> object:
    return "undefined" if value is None else value


def _rows(data: Mapping[str, Any], missing: Missing) -> Iterator[tuple[str, object]]:
    if (drawn := data.get("randomisation")) is not None:
        yield from _randomisation(drawn, missing)
    if (objects := data.get("objects")) is not None:
        yield from _objects(objects, [short(name, 24) for name in data["names"]], missing)
    if (shift := data.get("shift")) is not None:
        yield from _shift(shift)


def _randomisation(found: Mapping[str, Any], missing: Missing) -> Iterator[tuple[str, object]]:
    if found["undefined"]:
        missing.add("randomisation", found["undefined"])
    yield "randomisation: P", found["p"]
    yield "P, allowing for structure wider than the blocks", found["p_allowing"]
    yield "r over whole blocks", found["r"]
    yield "mean of randomised r", found["mean"]
    yield "standard deviation of randomised r", found["standard_deviation"]
    yield "randomisations", len(found["values"])
    yield "blocks", found["blocks"]
    yield "side of a block (pixels)", found["block"]


def _objects(found: Mapping[str, Any], names: list[str], missing: Missing) -> Iterator[tuple[str, object]]:
    if found["undefined"]:
        missing.add("objects", found["undefined"])
    unit = "µm" if found["distance_unit"] == "um" else "pixels"
    for k, name in enumerate(names):
        yield f"objects of channel {k + 1}, {name}", found["count"][k]
        yield f"overlapping objects of channel {k + 1}", found["overlapping"][k]
        yield f"overlapping share, channel {k + 1}", found["share_overlapping"][k]
        yield f"overlapping share by chance, channel {k + 1}", found["chance_share"][k]
        yield f"P of the overlapping share, channel {k + 1}", found["p"][k]
        yield f"centres inside objects of the other, channel {k + 1}", found["centres_inside"][k]
        yield f"median distance to the other's nearest centre ({unit}), channel {k + 1}", found["median_distance"][k]
    yield f"mean distance, channel 1 to 2 ({unit})", found["mean_distance"]
    yield f"mean distance by chance ({unit})", found["chance_distance"]
    yield "P of the distance", found["p_distance"]


def _shift(found: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    along, cross = found["van_steensel"], found["cross_correlation"]
    yield "van Steensel: shift along x with the highest r (pixels)", along["best"]
    yield "van Steensel: width of the peak (pixels)", along["width"]
    for k, axis in enumerate("yx"):
        yield f"cross-correlation: shift along {axis} (pixels)", None if cross["peak"] is None else cross["peak"][k]
    if cross["peak_um"] is not None:
        for k, axis in enumerate("yx"):
            yield f"cross-correlation: shift along {axis} (µm)", cross["peak_um"][k]
    yield "cross-correlation: r at the peak", cross["height"]
    yield "cross-correlation: width of the peak (pixels)", cross["width"]

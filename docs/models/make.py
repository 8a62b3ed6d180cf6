"""Brings the models' cards and pages up to date.

    python docs/models/make.py                                     the pages, from the cards
    python docs/models/make.py --quality Q.json --forms F.json     figures into the cards, the table of forms into index.md, the pages
    python docs/models/make.py --realism R.json                    what the adversarial partners gain and cost, into the cards

Q.json is what the quality check writes with --json, F.json what benchmarks/export.py writes, R.json what benchmarks/realism.py does.
Whoever trains a model runs the check, this script and pictures.py, in this order. Figures of a set that the file has replace those that
a card has of that set; others stay.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from known import KNOWN

from abbe.zoo import Card, Exchange, Figure, Model, models

HERE = Path(__file__).resolve().parent
#: first part of a row's name -> the model that it measures; single planes and stacks of the axial step are told apart by the rest
TASKS = {"denoise": "denoise", "sr": "super_resolve", "axial": "axial_stack", "background": "background"}
MEASURES = {"raw": "PSNR (dB)", "affine": "PSNR after fitting gain and offset (dB)", "ssim": "SSIM", "detail": "detail"}
START, END = "<!-- forms -->\n", "<!-- end of forms -->\n"


def owner(row: str) -> str:
    task, _, rest = row.partition("/")
    return "axial_plane" if rest.startswith("one plane") else TASKS.get(task, "")


def measured(quality: dict[str, Any], name: str) -> list[Figure]:
    """The figures of the model `name` in a result of the quality check."""
    found = []
    for row, values in quality["rows"].items():
        if owner(row) != name:
            continue
        for key, measure in MEASURES.items():
            if key == "raw" and name != "denoise":
                continue  # only a denoised image has the units of its truth
            three = {who: round(values[who][key], 4) for who in ("input", "plain", "abbe")}
            more = {"gain": round(values["gain"], 3), "worst": round(values["worst"], 3), "images": values["n"]} if key == "affine" else {}
            found.append(Figure(set=row.partition("/")[2], measure=measure, **three, **more))
    return found


def write_card(model: Model, quality: dict[str, Any] | None) -> Card:
    """The card with its description, failures and figures; the file changes only where these do."""
    known, card = KNOWN.get(model.card.name), model.card
    figures = list(card.figures)
    if quality is not None:
        fresh = measured(quality, card.name)
        figures = [f for f in figures if f.set not in {new.set for new in fresh}] + fresh
    update: dict[str, Any] = {"figures": tuple(figures)}
    if known is not None:
        update |= {"description": known.description, "failures": tuple(known.failures)}
    changed = card.model_copy(update=update)
    if changed != card:
        model.path.with_name("card.json").write_text(changed.to_json(), encoding="utf-8")
    return changed


#: what a page shows of the exchange between a model and its partner
EXCHANGED = (
    "PSNR after fitting gain and offset (dB)", "SSIM", "detail", "transfer, 0.2 to 0.3 of Nyquist", "transfer, 0.3 to 0.4 of Nyquist",
    "largest loss of ring correlation",
)  # fmt: skip


def write_exchange(model: Model, found: dict[str, dict[str, dict[str, float]]]) -> Card:
    """The card with what its partner gains and costs; the file changes only where that does."""
    rows = [
        Exchange(set=name, measure=measure, fidelity=round(values["0"], 4), partner=round(values["1"], 4))
        for name, measures in found.items()
        for measure, values in measures.items()
    ]
    changed = model.card.model_copy(update={"realism": model.card.realism.model_copy(update={"figures": tuple(rows)})})
    if changed != model.card:
        model.path.with_name("card.json").write_text(changed.to_json(), encoding="utf-8")
    return changed


def page(card: Card) -> str:
    parts = (_head(card), _training(card), _figures(card), _colour_cameras(card), _realism(card), _failures(card))
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _head(card: Card) -> Iterator[str]:
    yield from (f"# {card.name}", "", "<!-- made by docs/models/make.py from the model's card -->", "")
    known = KNOWN.get(card.name)
    yield from (f"{card.title}. {card.description or (known.description if known else '')}", "")
    yield from ("| | |", "|---|---|")
    normal = card.normalisation
    rows = {
        "version": card.version,
        "in": f"{card.observed_channels} plane{'s' if card.observed_channels > 1 else ''}"
        + (", and what the steps before made of it" if card.context else ""),
        "out": f"estimate and spread, {card.scale} x {card.scale} pixels per input pixel",
        "parameters": f"{card.parameters:,}",
        "sees": f"{card.receptive_field} pixels to each side",
        "normalisation": f"percentiles {normal.low_percentile:g} and {normal.high_percentile:g} of the whole channel: the lower becomes 0, "
        "and all is divided by the power of two nearest to their distance",
        "is told": ", ".join(card.told) or "nothing",
        "90 % interval": f"estimate +- {card.interval_factor:g} x spread",
        "licence of the weights": card.licence,
        "SHA-256": f"`{card.digest[:16]}`...",
    }
    for name, value in rows.items():
        yield f"| {name} | {value} |"
    yield ""


def _training(card: Card) -> Iterator[str]:
    training = card.training
    yield from ("## Training", "")
    notes = (training.model_extra or {}).get("licence_notes")
    steps = (training.model_extra or {}).get("steps")
    hours = f"{training.hours:g} hours" + (f", {steps:,} steps" if steps else "") if training.hours is not None else "unknown"
    yield f"{hours}; plan `{training.plan}`, seed {training.seed}." + (f" Licences: {notes}." if notes else "")
    for part, what in (("spread", "The spread of the error"), ("told", "What it makes of what it is told")):
        last = (training.model_extra or {}).get(part)
        if last:
            yield f"\n{what} was learnt last: {last['hours']:g} hours, {last['steps']:,} steps, seed {last['seed']}."
    yield from ("", "Trained on:", "")
    yield from (f"- {name}" for name in training.sets)
    yield ""


def _figures(card: Card) -> Iterator[str]:
    yield from ("## Figures", "")
    if not card.figures:
        yield from ("None yet.", "")
        return
    yield from (
        "On images that no training saw, beside the input and the best of the plain methods (Gaussian, Richardson-Lucy, background "
        "subtraction), whose settings were chosen with the truth in hand. Gain: over the better of the two; worst: on any single image.",
        "",
    )
    for measure in dict.fromkeys(f.measure for f in card.figures):
        chosen = [f for f in card.figures if f.measure == measure]
        digits = 2 if "dB" in measure else 3
        gains = any((f.model_extra or {}).get("gain") is not None for f in chosen)
        yield f"| {measure} | input | best plain method | abbe |" + (" gain | worst | images |" if gains else "")
        yield "|---|---|---|---|" + ("---|---|---|" if gains else "")
        for f in chosen:
            cells = " | ".join("" if v is None else f"{v:.{digits}f}" for v in (f.input, f.plain, f.abbe))
            more = f.model_extra or {}
            yield f"| {f.set} | {cells} |" + (
                f" {more.get('gain', 0):+.2f} | {more.get('worst', 0):+.2f} | {more.get('images', '')} |" if gains else ""
            )
        yield ""
    known = KNOWN.get(card.name)
    if known is not None and known.peers:
        yield from ("Networks by others on the same images:", "", "| set | network | measure | figure |", "|---|---|---|---|")
        yield from (f"| {name} | {whose} | {what} | {value:.1f} |" for name, whose, what, value in known.peers)
        yield ""


def _colour_cameras(card: Card) -> Iterator[str]:
    if card.mosaic is None:
        return
    training = card.mosaic.training
    more = training.model_extra or {}
    spread = f"; the spread of their error last: {more['spread']['hours']:g} hours" if "spread" in more else ""
    yield from (
        "## Colour cameras",
        "",
        "Red and blue of a colour camera are restored by weights of their own, learnt on simulated images of such cameras alone "
        f"({training.hours or 0:g} hours, {more.get('steps', 0):,} steps, plan `{training.plan}`, seed {training.seed}{spread}); layers "
        "on the coarsest grid are the same. They are used where an image's noise is of that kind, which its recipe says, at realism 0 "
        f"(see [colour cameras](../restoration.md#colour-cameras)). 90 % interval: estimate +- {card.mosaic.interval_factor:g} x spread. "
        f"SHA-256 `{card.mosaic.digest[:16]}`...",
        "",
    )


def _realism(card: Card) -> Iterator[str]:
    realism = card.realism
    if realism.partner is None:
        return
    yield from ("## Realism", "")
    training = realism.training
    cost = f" ({training.hours:g} hours; plan `{training.plan}`, seed {training.seed})" if training and training.hours is not None else ""
    yield (
        f"The model has an adversarially trained partner{cost}: the same network, whose layers on the finest grid went on from these "
        "weights and learnt besides what a discriminator cannot tell from truth. `realism` mixes the weights of both, from 0 (this model) "
        "to 1 (its partner). By default "
        f"it is {realism.default:g}: what the partner adds looks like the specimen, and is right less often. The 90 % interval and `trust` "
        "were calibrated at 0 alone."
    )
    adversarial = ((training.model_dump() if training else {}).get("settings") or {}).get("adversarial") or {}
    if (part := adversarial.get("share", 1.0)) < 1:
        yield (
            f"The partner that is kept lies {part:g} of the way from this model to what was trained: all the way lost more than 0.03 of "
            "the ring correlation with the truth."
        )
    yield ""
    found = {(one.set, one.measure): one for one in realism.figures}
    measures = tuple(measure for measure in EXCHANGED if any(measure == known for _, known in found))
    if measures:
        yield from ("Realism 0, then 1; the ring correlations and transfers of every band are on the card (`abbe model show`).", "")
        yield from (f"| set | {' | '.join(measures)} |", "|---" * (len(measures) + 1) + "|")
        for name in dict.fromkeys(one.set for one in realism.figures):
            cells = []
            for measure in measures:
                digits, one = 2 if "dB" in measure else 3, found.get((name, measure))
                cells.append("" if one is None else f"{one.fidelity:.{digits}f}, {one.partner:.{digits}f}")
            yield f"| {name} | {' | '.join(cells)} |"
        yield ""


def _failures(card: Card) -> Iterator[str]:
    known = KNOWN.get(card.name)
    pictures = known.failures if known else dict.fromkeys(card.failures)
    yield from ("## Known failures", "")
    for sentence, picture in pictures.items():
        yield f"- {sentence}"
        if picture:
            yield from ("", f"    ![{picture}](pictures/failure-{picture}.png)", "")
    yield from ("", "Pictures are of simulated specimens; their script is `docs/models/pictures.py`.", "")


def forms_table(forms: dict[str, dict[str, dict[str, float]]], before: str) -> str:
    """The table; models that were not measured now keep the rows that they have in `before`."""
    head = ["| model | form | size | PSNR against the truth | PSNR to single precision | light in structure |", "|---|---|---|---|---|---|"]
    kept = [row for row in before.splitlines()[2:] if row.split("|")[1].strip() not in forms]
    rows: list[str] = []
    for model, found in forms.items():
        for name, row in found.items():
            change = f"{row['dB']:+.3f} dB".replace("-0.000", "+0.000")
            alike = "the same" if row["alike"] >= 139 else f"{row['alike']:.0f} dB"
            size = f"{row['bytes'] / 1e6:.2f} MB" if "bytes" in row else f"{row['size']:.0%}"
            rows.append(f"| {model} | {name} | {size} | {change} | {alike} | {row['light']:.3%} |")
    return "\n".join([*head, *sorted([*kept, *rows], key=lambda row: row.split("|")[1])]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", type=Path, help="JSON of the quality check")
    parser.add_argument("--forms", type=Path, help="JSON of benchmarks/export.py")
    parser.add_argument("--realism", type=Path, help="JSON of benchmarks/realism.py")
    options = parser.parse_args()
    quality = json.loads(options.quality.read_text(encoding="utf-8")) if options.quality else None
    exchanges = json.loads(options.realism.read_text(encoding="utf-8")) if options.realism else {}
    for model in models():
        if model.built_in:
            card = write_card(model, quality) if quality else model.card
            if card.task in exchanges and card.realism.partner:
                card = write_exchange(replace(model, card=card), exchanges[card.task])
            (HERE / f"{card.name}.md").write_text(page(card), encoding="utf-8")
    if options.forms:
        index = HERE / "index.md"
        text = index.read_text(encoding="utf-8")
        before, after = text.split(START)[0], text.split(END)[1]
        table = forms_table(json.loads(options.forms.read_text(encoding="utf-8")), text.split(START)[1].split(END)[0])
        index.write_text(before + START + table + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()

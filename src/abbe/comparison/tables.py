"""A comparison as tables of plain cells, for spreadsheets, text and the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from abbe.comparison._comparison import Comparison
from abbe.comparison.records import Beside, ChannelComparison, Number, Undefined

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a head and rows; an undefined number reads "undefined", with its reason in the last column."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(comparison: Comparison, resolution: bool = True) -> tuple[Table, ...]:
    """Verdict, measures, planes and histograms."""
    channels = comparison.channels
    verdicts = tuple((c.channel, c.verdict.word, c.verdict.line) for c in channels)
    measures = tuple((c.channel, *row) for k, c in enumerate(channels) for row in rows(comparison, k, resolution))
    planes = tuple(
        (c.channel, p.t, p.z, *(_value(v) for v in (p.rsp, p.rse, p.gain, p.offset, p.sigma))) for c in channels for p in c.planes
    )
    counts = tuple(
        (c.channel, word, low, high, n)
        for c in channels
        for word, h in (("original", c.histogram_before), ("transformed", c.histogram_after))
        for low, high, n in zip(h.edges[:-1], h.edges[1:], h.counts)
    )
    return (
        Table("Verdict", ("channel", "verdict", "why"), verdicts),
        Table("Measures", ("channel", "measure", "unit", "transformed", "plainly upsampled", "note"), measures),
        Table("Planes", ("channel", "frame", "plane", "RSP", "RSE", "gain", "offset", "sigma (px)"), planes),
        Table("Histograms", ("channel", "image", "from", "to", "pixels"), counts),
    )


def rows(comparison: Comparison, k: int, resolution: bool = True) -> Iterator[tuple[str, str, Cell, Cell, str]]:
    """(measure, unit, transformed, plainly upsampled, note) of channel k."""
    c = comparison.channels[k]
    span = "" if isinstance(c.data_range, Undefined) else f"range {c.data_range:.6g}"
    against = "against the truth" if c.reference == "truth" else "against the plainly upsampled original: how much was changed"
    yield _row("RSP", "", c.rsp, f"border {comparison.border}")
    yield _row("RSE", "grey levels", c.rse, "in units of the original")
    yield _row("PSNR", "dB", c.psnr, f"{against}; {span}")
    yield _row("PSNR after gain and offset", "dB", c.psnr_affine, f"{against}; {span}")
    yield _row("SSIM", "", c.ssim, f"{against}; {span}; Gaussian window, sigma 1.5")
    yield _row("MicroSSIM", "", c.microssim, against)
    yield _row("NRMSE", "", c.nrmse, f"{against}; {span}")
    if resolution:
        r = comparison.resolution[k]
        yield _row("resolution, decorrelation", r.unit, r.decorrelation, "full period; smaller is finer")
        yield _row(
            "resolution, FRC of one image", r.unit, r.frc_one_image, f"diagonal split, threshold {r.threshold}; beside it the original's"
        )
        yield _row("resolution, FRC of two frames", r.unit, r.frc_two_frames, f"threshold {r.threshold}")
        yield _row("resolution, FRC with the truth", r.unit, r.frc_with_truth, "threshold 1/2")
    yield from _single(c)


def _single(c: ChannelComparison) -> Iterator[tuple[str, str, Cell, Cell, str]]:
    fit, e = c.fit, c.evidence
    for name, unit, number, note in (
        ("gain", "", fit.gain, "original units per transformed unit"),
        ("offset", "grey levels", fit.offset, ""),
        ("width of the blur, sigma", "original px", fit.sigma, "Gaussian that makes the original out of the transformed image"),
        ("width of the blur, sigma", "um", fit.sigma_um, ""),
        ("width of the blur along z", "original planes", fit.sigma_z, ""),
        ("linearity, R squared", "", c.linearity.r_squared, "transformed against original intensities"),
        ("linearity, largest deviation", "", c.linearity.deviation, "of the line's span"),
        ("RSP that is possible", "", e.rsp_possible, "the original's own noise allows no more"),
        ("structure not explained", "", e.unexplained, "share of the original's structure"),
        ("light in disagreement", "", e.unsupported, f"in {e.places} places; share of the original's light"),
        ("detail lost", "", e.lost_detail, "share of the original's structure"),
        ("noise carried", "", e.noise_carried, "1: as in the original; 0: gone; above 1: amplified"),
        ("noise added", "", e.noise_added, "other noise, or structure as fine, as a multiple of the original's noise"),
        (
            "sharper by",
            "original px",
            e.sharper,
            "Gaussian that takes the result's structure back to the original's, whatever the noise of either",
        ),
        ("background removed", "", e.background_removed, "share of the original's light"),
        ("change", "", e.change, "from the plainly upsampled original, of its contrast"),
    ):
        yield name, unit, _value(number), None, _note(note, number)
    shift = c.registration.shift
    for axis in (0, 1):
        value = shift if isinstance(shift, Undefined) else shift[axis]
        yield f"displacement along {'yx'[axis]}", "original px", _value(value), None, _note("not taken back in RSP and RSE", value)
    yield "pixels compared", "original px", c.pixels, None, f"{c.masked} left out"


def _row(name: str, unit: str, pair: Beside, note: str) -> tuple[str, str, Cell, Cell, str]:
    """The reason why the transformed image's number is undefined goes first; the plain image's own follows where it is another."""
    ours, plain = pair.transformed, pair.upsampled
    said = _note(note, ours)
    if isinstance(plain, Undefined) and plain != ours and "itself" not in plain.reason:
        said += f"; upsampled undefined: {plain.reason}"
    return name, unit, _value(ours), _value(plain), said


def _value(number: Number) -> Cell:
    return "undefined" if isinstance(number, Undefined) else number


def _note(note: str, number: Number) -> str:
    return f"undefined: {number.reason}" if isinstance(number, Undefined) else note

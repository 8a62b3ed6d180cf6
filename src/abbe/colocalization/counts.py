"""Counts of pixels, with their area or volume and their share of the region."""

from __future__ import annotations

from abbe.colocalization.measurement import Measurement
from abbe.colocalization.pixel_information import ChannelPixels, Count, PixelInformation, Ratio, explain


def information(
    m: Measurement, before: PixelInformation | None = None, grown: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> PixelInformation:
    """Pixel information of a measurement, beside the original's where there is one, whose grid has grown by (z, y, x)."""
    n = m.sums.all.n
    size, unit = _pixel(m)

    def count(pixels: int) -> Count:
        return Count(pixels, 100 * pixels / n if n else 0.0, None if size is None else pixels * size, unit)

    channels = []
    sides = (
        (m.sums.all.sum_a, m.sums.all.mean_a, None if m.over is None else m.over.n_first),
        (m.sums.all.sum_b, m.sums.all.mean_b, None if m.over is None else m.over.n_second),
    )
    for k, (total, mean, above) in enumerate(sides):
        channels.append(
            ChannelPixels(
                name=m.pair.names[k],
                minimum=m.sums.low[k] if n else 0.0,
                maximum=m.sums.high[k] if n else 0.0,
                mean=mean if n else 0.0,
                total=float(total),
                above_zero=count(m.sums.positive[k]),
                above=None if above is None else count(above),
                saturated=count(m.signs.saturated[k]),
            )
        )
    total = m.sums.either_positive if m.over is None else m.over.n_any
    return PixelInformation(
        pixels=n,
        region=count(n),
        first=channels[0],
        second=channels[1],
        total=count(total),
        colocalized=None if m.over is None else count(m.over.both.n),
        ratio=None if before is None else _ratio(m, n, total, before, grown),
    )


def _pixel(m: Measurement) -> tuple[float | None, str]:
    """Size of a pixel, and its unit: um3 for a stack with a known z-step, else um2 (summed over planes and frames)."""
    z, y, x = m.pair.image.pixel_size
    planes = m.pair.region.planes[1] - m.pair.region.planes[0]
    if y is None or x is None:
        return None, "um2"
    if planes > 1 and z is not None:
        return z * y * x, "um3"
    return y * x, "um2"


def _ratio(m: Measurement, n: int, total: int, before: PixelInformation, by: tuple[float, float, float]) -> Ratio:
    expected = n / before.pixels if before.pixels else 1.0
    grown = total / before.total.pixels if before.total.pixels else None
    together = None
    if m.over is not None and before.colocalized is not None and before.colocalized.pixels:
        together = m.over.both.n / before.colocalized.pixels
    return Ratio(expected, grown, together, explain(by, grown, n / before.pixels if before.pixels else None, before.region.unit))

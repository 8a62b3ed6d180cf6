"""What each number is: the definition of its paper, the variant that abbe computes, and what it tells a biologist.

Symbols: a and b are the values of the two channels at one pixel after the background chosen was subtracted, N the number of pixels of the
ROI, A and B the means over them, T1 and T2 the thresholds. A pixel is *above* when a >= T1 and b >= T2: these are the colocalized pixels.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """One coefficient."""

    title: str
    #: the formula that is computed
    formula: str
    #: paper in which it is defined
    source: str
    #: in plain words, and what to beware of
    meaning: str
    low: float | None = None
    high: float | None = None


_PEARSON = "Pearson, Proc R Soc Lond 58:240 (1895); Manders et al., J Cell Sci 103:857 (1992)"
_SPEARMAN = "Spearman, Am J Psychol 15:72 (1904)"
_MANDERS = "Manders, Verbeek & Aten, J Microsc 169:375 (1993)"
_COSTES = "Costes et al., Biophys J 86:3993 (2004)"
_LI = "Li et al., J Neurosci 24:4070 (2004)"
_RWC = "Singan, Jones, Curran & Simpson, BMC Bioinformatics 12:407 (2011)"
_KENDALL = "Kendall, Biometrika 33:239 (1945)"
_COLOC2 = "Coloc 2 of Fiji"
_COLLINS = "Collins, BioTechniques 43:S25 (2007)"
_PPI = "Wu, Eghbali, Ou, Lu, Toro & Stefani, Biophys J 98:493 (2010); the fit is abbe's own, see the documentation"
_CELLPROFILER = "Stirling et al., BMC Bioinformatics 22:433 (2021)"

DEFINITIONS: dict[str, Definition] = {
    "pearson": Definition(
        "Pearson's r",
        "sum (a-A)(b-B) / sqrt(sum (a-A)^2 sum (b-B)^2), all pixels",
        _PEARSON,
        "How well a straight line foretells one channel's brightness from the other's. 1: exactly; 0: not at all; below 0: where one is "
        "bright the other is dark. Noise and empty background pull it towards 0 and up, so draw a ROI around the cell.",
        -1,
        1,
    ),
    "pearson_above": Definition(
        "Pearson's r above the thresholds",
        "Pearson's r over the pixels with a >= T1 and b >= T2",
        _COSTES,
        "Pearson's r among the colocalized pixels alone.",
        -1,
        1,
    ),
    "pearson_above_either": Definition(
        "Pearson's r above either threshold",
        "Pearson's r over the pixels with a > T1 or b > T2",
        _COLOC2,
        "What Coloc 2 prints as 'above threshold'; for comparison with results made there.",
        -1,
        1,
    ),
    "pearson_below": Definition(
        "Pearson's r below the thresholds",
        "Pearson's r over the pixels with a < T1 or b < T2",
        _COSTES,
        "The pixels that count as background. Costes' thresholds are where this reaches 0; far from 0, the thresholds mean little.",
        -1,
        1,
    ),
    "spearman": Definition(
        "Spearman's rank correlation",
        "Pearson's r of the ranks; equal values share the mean of their ranks",
        _SPEARMAN,
        "Like Pearson's r, but asks only whether brighter goes with brighter, not whether by a straight line. A few very bright pixels "
        "do not rule it.",
        -1,
        1,
    ),
    "kendall": Definition(
        "Kendall's tau-b",
        "(concordant - discordant pairs) / sqrt((pairs - ties in a)(pairs - ties in b))",
        _KENDALL,
        "Of two pixels chosen at random, how much more often the brighter in one channel is also the brighter in the other.",
        -1,
        1,
    ),
    "icq": Definition(
        "Li's intensity correlation quotient",
        "(pixels with (a-A)(b-B) > 0) / N - 0.5",
        _LI,
        "Share of the pixels that vary together, less one half: 0.5 dependent staining, -0.5 segregated. Random staining gives 0 where it "
        "is even, but up to 0.5 where it is sparse, since most pixels are then dark in both channels: compare with its value by chance.",
        -0.5,
        0.5,
    ),
    "moc": Definition(
        "Manders' overlap coefficient",
        "sum ab / sqrt(sum a^2 sum b^2)",
        _MANDERS,
        "Cosine of the angle between the channels. Any offset or background drives it to 1, so two unrelated channels easily have 0.9: "
        "prefer Pearson's r with M1 and M2. By chance it is the product of both means by that of the root mean squares.",
        0,
        1,
    ),
    "k1": Definition(
        "Overlap coefficient k1",
        "sum ab / sum a^2",
        _MANDERS,
        "The overlap coefficient's share that depends on the first channel; depends on the gains.",
    ),
    "k2": Definition(
        "Overlap coefficient k2",
        "sum ab / sum b^2",
        _MANDERS,
        "The overlap coefficient's share that depends on the second channel; depends on the gains.",
    ),
    "m1": Definition(
        "Manders' M1",
        "sum of a where b > 0 / sum of a",
        _MANDERS,
        "Share of the first channel's light that lies where the second channel is above zero. With a camera offset every pixel is above "
        "zero and M1 is 1: subtract the background, or read tM1. By chance it is the part of the region that the second channel covers.",
        0,
        1,
    ),
    "m2": Definition(
        "Manders' M2",
        "sum of b where a > 0 / sum of b",
        _MANDERS,
        "Share of the second channel's light that lies where the first channel is above zero; see M1.",
        0,
        1,
    ),
    "tm1": Definition(
        "Thresholded Manders' tM1",
        "sum of a where b > 0 and b >= T2 / sum of a",
        f"{_MANDERS}; {_COSTES}; as in {_COLOC2}",
        "Share of all light of the first channel that lies where the second channel is above its threshold.",
        0,
        1,
    ),
    "tm2": Definition(
        "Thresholded Manders' tM2",
        "sum of b where a > 0 and a >= T1 / sum of b",
        f"{_MANDERS}; {_COSTES}; as in {_COLOC2}",
        "Share of all light of the second channel that lies where the first channel is above its threshold.",
        0,
        1,
    ),
    "m1_above": Definition(
        "M1 of the light above threshold",
        "sum of a where a >= T1 and b >= T2 / sum of a where a >= T1",
        f"{_COLLINS}; as in JACoP and CellProfiler",
        "Share of the first channel's light above its own threshold that lies in colocalized pixels.",
        0,
        1,
    ),
    "m2_above": Definition(
        "M2 of the light above threshold",
        "sum of b where a >= T1 and b >= T2 / sum of b where b >= T2",
        f"{_COLLINS}; as in JACoP and CellProfiler",
        "Share of the second channel's light above its own threshold that lies in colocalized pixels.",
        0,
        1,
    ),
    "moc_above": Definition(
        "Overlap coefficient above the thresholds",
        "sum ab / sqrt(sum a^2 sum b^2), over the pixels with a >= T1 and b >= T2",
        _CELLPROFILER,
        "Manders' overlap coefficient among the colocalized pixels; close to 1 nearly always.",
        0,
        1,
    ),
    "k1_above": Definition("k1 above the thresholds", "sum ab / sum a^2, pixels above", _CELLPROFILER, "k1 of colocalized pixels."),
    "k2_above": Definition("k2 above the thresholds", "sum ab / sum b^2, pixels above", _CELLPROFILER, "k2 of colocalized pixels."),
    "rwc1": Definition(
        "Rank-weighted colocalization RWC1",
        "sum of a w where a >= T1 and b >= T2 / sum of a where a >= T1; w = 1 - |rank a - rank b| / (highest rank + 1), dense ranks from 0",
        f"{_RWC}; ranks as in CellProfiler",
        "Like M1 above threshold, but a pixel counts less the more its two brightness ranks differ.",
        0,
        1,
    ),
    "rwc2": Definition(
        "Rank-weighted colocalization RWC2",
        "sum of b w where a >= T1 and b >= T2 / sum of b where b >= T2; w as in RWC1",
        f"{_RWC}; ranks as in CellProfiler",
        "Like M2 above threshold, but a pixel counts less the more its two brightness ranks differ.",
        0,
        1,
    ),
    "slope": Definition(
        "Slope of the regression line",
        "orthogonal regression: (v_b - v_a + sqrt((v_b - v_a)^2 + 4 c^2)) / 2c, with variances v and covariance c",
        _COSTES,
        "How much brighter the second channel gets per brightness of the first, with errors in both.",
    ),
    "intercept": Definition(
        "Intercept of the regression line",
        "B - slope A",
        _COSTES,
        "Brightness of the second channel where the first is 0; far from 0 it speaks of background in either channel.",
    ),
    "costes_p": Definition(
        "Costes' P value",
        "share of the randomised images whose Pearson's r is below the measured one",
        _COSTES,
        "Chance that scrambling one channel, in blocks of the size of the blur, gives less correlation than was measured. Costes calls "
        "colocalization significant above 0.95.",
        0,
        1,
    ),
    "ppi1": Definition(
        "Protein proximity index PPI1",
        "narrow part of the cross- / of the second channel's autocorrelation peak, each divided by the product of the means",
        _PPI,
        "Share of the first protein that sits next to the second, once diffuse staining is set aside.",
        0,
        1,
    ),
    "ppi2": Definition(
        "Protein proximity index PPI2",
        "narrow part of the cross- / of the first channel's autocorrelation peak, each divided by the product of the means",
        _PPI,
        "Share of the second protein that sits next to the first, once diffuse staining is set aside.",
        0,
        1,
    ),
}


#: Table 1 of Zinchuk, Wu & Grossenbacher-Zinchuk, Sci Rep 3:1365 (2013): a word for each "actual colocalization value"
_WORDS = (
    (0.1, "very weak"),
    (0.2, "weak"),
    (0.3, "more than weak"),
    (0.4, "less than moderate"),
    (0.5, "moderate"),
    (0.6, "more than moderate"),
    (0.7, "less than strong"),
    (0.8, "strong"),
    (0.9, "very strong"),
)
WORDS_SOURCE = (
    "the part of the light that colocalizes, by the nearest value in Table 1 of Zinchuk, Wu & Grossenbacher-Zinchuk, Sci Rep 3:1365 (2013)"
)
#: the coefficients that are such a part, which is what that table has words for. Correlations are none, and any offset makes M1 and M2 1
WORDED = ("tm1", "tm2", "m1_above", "m2_above")


def word(key: str, value: float | None) -> str | None:
    """The word for the strength of colocalization (see `WORDS_SOURCE`); None where the scale says nothing: below 0.05, other numbers."""
    if value is None or key not in WORDED or value < 0.05:
        return None
    return min(_WORDS, key=lambda entry: abs(entry[0] - value))[1]

"""Distances between a sample and its reference, and the thresholds that keep false alarms within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()
SMOOTHING = 0.5


def psi(counts: Sequence[int], fractions: Sequence[float]) -> float:
    """Population stability index of binned counts against the reference's fractions (> 0, adding up to 1).

    sum((q - p) ln(q / p)) with q = (count + 1/2) / (n + bins/2): Krichevsky-Trofimov smoothing keeps empty bins finite
    and, unlike an epsilon, leaves the null distribution close to chi-square down to 100 observations.
    """
    size = sum(counts) + SMOOTHING * len(counts)
    total = 0.0
    for count, expected in zip(counts, fractions, strict=True):
        found = (count + SMOOTHING) / size
        total += (found - expected) * log(found / expected)
    return total


def ks(counts: Sequence[int], fractions: Sequence[float]) -> float:
    """Kolmogorov-Smirnov distance at the bins' edges: the largest gap between the two cumulative distributions."""
    size = sum(counts)
    found = expected = widest = 0.0
    for count, fraction in zip(counts, fractions, strict=True):
        found += count / size
        expected += fraction
        widest = max(widest, abs(found - expected))
    return widest


def chi2_quantile(probability: float, degrees: int) -> float:
    """Quantile of chi-square by Wilson and Hilferty (1931): within 1.5 % down to 1e-4 for 4 degrees and more."""
    spread = 2 / (9 * degrees)
    return float(degrees * (1 - spread + _NORMAL.inv_cdf(probability) * sqrt(spread)) ** 3)


def psi_threshold(alpha: float, size: int, reference: int, fractions: Sequence[float]) -> float:
    """The PSI that a sample of ``size`` from the reference's own distribution exceeds with probability ``alpha``.

    Without drift PSI is about (1/n + 1/m) chi-square with bins - 1 degrees of freedom. Far in the tail of small samples
    it is larger: the correction, fitted to a simulation of 1,000,000 samples a point (n = 100 ... 10,000, 5 to 20 bins,
    alpha = 0.05 ... 0.0001), counts the observations that the smallest bin can expect.
    """
    expected = size * min(fractions)
    tail = max(0.0, _NORMAL.inv_cdf(1 - alpha) - 2.9)
    return (1 / size + 1 / reference) * chi2_quantile(1 - alpha, len(fractions) - 1) * (1 + 14 * tail / expected**2)


def ks_threshold(alpha: float, size: int, reference: int) -> float:
    """Smirnov's two-sample limit: sqrt(-ln(alpha / 2) / 2) sqrt(1/n + 1/m). Conservative for binned or small samples."""
    return sqrt(-log(alpha / 2) / 2) * sqrt(1 / size + 1 / reference)

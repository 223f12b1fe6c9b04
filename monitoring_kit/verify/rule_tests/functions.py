"""PromQL's functions over the samples of a range, after ``promql/functions.go``.

An implementation apart from Prometheus' own: what it expects is then judged by the real engine, so a mistake in either shows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

Samples = Sequence[tuple[int, float]]


class UnsupportedError(Exception):
    """This evaluator does not know a construct; the text names it."""


def extrapolated(
    samples: Samples, t: int, length: int, *, counter: bool, per_second: bool, near_zero: bool
) -> float | None:
    """``rate``, ``increase`` and ``delta``: ``extrapolatedRate`` of Prometheus; ``near_zero`` as `Engine` has it."""
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    result = last[1] - first[1]
    if counter:
        previous = first[1]
        for _, value in samples[1:]:
            if value < previous:
                result += previous
            previous = value
    to_start = (first[0] - (t - length)) / 1000
    to_end = (t - last[0]) / 1000
    sampled = (last[0] - first[0]) / 1000
    average = sampled / (len(samples) - 1)
    threshold = average * 1.1
    if near_zero and to_start >= threshold:
        to_start = average / 2
    if counter and result > 0 and first[1] >= 0:
        to_start = min(to_start, sampled * (first[1] / result))
    extended = sampled
    extended += to_start if to_start < threshold else average / 2
    extended += to_end if to_end < threshold else average / 2
    factor = extended / sampled
    if per_second:
        factor /= length / 1000
    return result * factor


def _instant(samples: Samples, *, rate: bool) -> float | None:
    if len(samples) < 2:
        return None
    (t0, v0), (t1, v1) = samples[-2], samples[-1]
    value = v1 if rate and v1 < v0 else v1 - v0
    return value / ((t1 - t0) / 1000) if rate else value


def regression(samples: Samples, intercept_ms: int) -> tuple[float, float] | None:
    """Slope per second and value at ``intercept_ms`` of the least squares line."""
    if len(samples) < 2:
        return None
    xs = [(when - intercept_ms) / 1000 for when, _ in samples]
    ys = [value for _, value in samples]
    if all(y == ys[0] for y in ys):
        return 0.0, ys[0]
    n = len(xs)
    mx, my = math.fsum(xs) / n, math.fsum(ys) / n
    cov = math.fsum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    var = math.fsum((x - mx) ** 2 for x in xs)
    slope = cov / var
    return slope, my - slope * mx


def quantile(q: float, values: Sequence[float]) -> float:
    """``quantile``: linear between the closest ranks."""
    if not values or math.isnan(q):
        return math.nan
    if q < 0 or q > 1:
        return math.inf if q > 1 else -math.inf
    ordered = sorted(values)
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(len(ordered) - 1, low + 1)
    weight = rank - low
    return ordered[low] * (1 - weight) + ordered[high] * weight


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else sum(values) / len(values)


def variance(values: Sequence[float]) -> float:
    """The population variance, as PromQL has it."""
    middle = mean(values)
    return mean([(v - middle) ** 2 for v in values])


def _values(function: Callable[[list[float]], float]) -> Callable[[Samples], float | None]:
    return lambda samples: function([v for _, v in samples]) if samples else None


# Functions of one range vector that look at nothing but the samples.
OVER_TIME: dict[str, Callable[[Samples], float | None]] = {
    "avg_over_time": _values(mean),
    "min_over_time": _values(min),
    "max_over_time": _values(max),
    "sum_over_time": _values(lambda v: math.fsum(v) if all(map(math.isfinite, v)) else sum(v)),
    "count_over_time": _values(lambda v: float(len(v))),
    "last_over_time": _values(lambda v: v[-1]),
    "present_over_time": _values(lambda v: 1.0),
    "stddev_over_time": _values(lambda v: math.sqrt(variance(v))),
    "stdvar_over_time": _values(variance),
    "changes": _values(lambda v: float(sum(a != b for a, b in itertools.pairwise(v)))),
    "resets": _values(lambda v: float(sum(b < a for a, b in itertools.pairwise(v)))),
    "irate": lambda s: _instant(s, rate=True),
    "idelta": lambda s: _instant(s, rate=False),
}


def _round(value: float, to: float = 1.0) -> float:
    inverse = 1.0 / to
    return math.floor(value * inverse + 0.5) / inverse


def _ln(value: float) -> float:
    return math.log(value) if value > 0 else (-math.inf if value == 0 else math.nan)


# Functions of one value.
MATH: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": lambda v: float(math.ceil(v)) if math.isfinite(v) else v,
    "floor": lambda v: float(math.floor(v)) if math.isfinite(v) else v,
    "exp": lambda v: math.exp(v) if v < 709 else math.inf,
    "sqrt": lambda v: math.sqrt(v) if v >= 0 else math.nan,
    "ln": _ln,
    "log2": lambda v: math.log2(v) if v > 0 else _ln(v),
    "log10": lambda v: math.log10(v) if v > 0 else _ln(v),
    "sgn": lambda v: float((v > 0) - (v < 0)),
    "round": _round,
    "clamp": lambda v, low, high: max(low, min(high, v)),
    "clamp_min": lambda v, low: max(low, v),
    "clamp_max": lambda v, high: min(high, v),
}


def histogram_quantile(q: float, buckets: Sequence[tuple[float, float]]) -> float:
    """``bucketQuantile`` of ``promql/quantile.go``: ``buckets`` are (upper bound, cumulative count)."""
    if math.isnan(q):
        return math.nan
    if q < 0 or q > 1:
        return math.inf if q > 1 else -math.inf
    ordered = sorted(buckets)
    if not ordered or not math.isinf(ordered[-1][0]) or len(ordered) < 2:
        return math.nan
    counts, highest = [], 0.0
    for _, count in ordered:
        highest = max(highest, count)
        counts.append(highest)
    if counts[-1] == 0 or math.isnan(counts[-1]):
        return math.nan
    rank = q * counts[-1]
    index = next((i for i in range(len(counts) - 1) if counts[i] >= rank), len(counts) - 1)
    if index == len(counts) - 1:
        return ordered[-2][0]
    if index == 0 and ordered[0][0] <= 0:
        return ordered[0][0]
    low, count = 0.0, counts[index]
    if index > 0:
        low = ordered[index - 1][0]
        count -= counts[index - 1]
        rank -= counts[index - 1]
    return low + (ordered[index][0] - low) * (rank / count)

"""The series of a family: one child a label set, with its line prefix escaped once.

Increments take no lock: a family has one writer. Scrapes read at any time; a histogram's count is the sum of the
buckets read, so buckets and count always agree and ``sum`` may be one observation ahead.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from .errors import SumTooLarge
from .native import bucket_index, downscale
from .records import dataclass, field

# Ints are compared with it exactly, where a conversion would fail.
_MAX = sys.float_info.max
Drop = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Exemplar:
    """An exemplar: its labels (at most 128 characters of names and values), value and Unix time in seconds."""

    labels: Mapping[str, str]
    value: float
    timestamp: float


def make_exemplar(labels: Mapping[str, str], value: float) -> Exemplar | None:
    """An exemplar stamped now; None when its labels exceed the 128 characters that OpenMetrics 1.0 allows."""
    if sum(len(k) + len(v) for k, v in labels.items()) > 128:
        return None
    return Exemplar(dict(labels), value, time.time())


@dataclass(frozen=True, slots=True)
class HistogramValue:
    """A histogram at a moment, or a delta to merge.

    ``counts`` are per bucket, not cumulative, the last one +Inf (so len(buckets) + 1), empty for native only;
    ``positive``/``negative`` map native bucket index to count in ``schema``.
    """

    counts: Sequence[int] = ()
    sum: float = 0.0
    zero_count: int = 0
    positive: Mapping[int, int] = field(default_factory=dict)
    negative: Mapping[int, int] = field(default_factory=dict)
    schema: int | None = None


class Child:
    """One series of a counter, gauge or info family."""

    __slots__ = ("created", "encoded", "exemplar", "prefix", "value", "values")

    def __init__(self, prefix: str, values: tuple[str, ...]) -> None:
        self.prefix = prefix
        self.values = values
        # An int stays one while only ints are added: it prints six times faster than a float.
        self.value: float = 0
        self.exemplar: Exemplar | None = None
        self.encoded: bytes | None = None
        self.created = 0.0


class CounterChild(Child):
    """A counter series."""

    __slots__ = ()

    def inc(self, amount: float = 1, exemplar: Mapping[str, str] | None = None) -> None:
        """Add ``amount`` (finite, >= 0; else ValueError). SumTooLarge, and nothing added, beyond the largest float."""
        total = self.value + amount
        if not (amount >= 0 and total <= _MAX):
            raise _refusal(amount)
        self.value = total
        if exemplar is not None:
            self.exemplar = make_exemplar(exemplar, amount)


def _refusal(amount: float) -> ValueError:
    """Why a counter does not rise by that."""
    if 0 <= amount <= _MAX:
        return SumTooLarge("the counter would be larger than any float")
    return ValueError("a counter rises by a finite amount >= 0")


class GaugeChild(Child):
    """A gauge series. NaN is "not known": the sample is left out of the exposition."""

    __slots__ = ()

    def set(self, value: float = 1.0) -> None:
        self.value = value

    def inc(self, amount: float = 1) -> None:
        self.value += amount

    def dec(self, amount: float = 1) -> None:
        self.value -= amount

    def set_to_current_time(self) -> None:
        self.value = time.time()


class RangedGaugeChild(GaugeChild):
    """A gauge series that refuses values outside ``valid``: they are dropped and counted, the last one stays."""

    __slots__ = ("drop", "valid")

    def __init__(self, prefix: str, values: tuple[str, ...], valid: tuple[float, float], drop: Drop) -> None:
        super().__init__(prefix, values)
        self.valid = valid
        self.drop = drop

    def set(self, value: float = 1.0) -> None:
        if self.valid[0] <= value <= self.valid[1]:
            self.value = value
        else:
            self.drop("out_of_range")

    def inc(self, amount: float = 1) -> None:
        self.set(self.value + amount)

    def dec(self, amount: float = 1) -> None:
        self.set(self.value - amount)

    def set_to_current_time(self) -> None:
        self.set(time.time())


class InfoChild(GaugeChild):
    """An info series: always 1."""

    __slots__ = ()

    def set(self, value: float = 1.0) -> None:
        if value != 1:
            raise ValueError("an info metric is always 1")
        self.value = 1


class HistogramLayout:
    """What all children of a histogram family share."""

    __slots__ = ("bounds", "drop", "max_buckets", "schema", "valid", "zero_threshold")

    def __init__(self, spec: Any, drop: Drop) -> None:
        self.bounds: tuple[float, ...] = spec.buckets
        self.schema: int | None = spec.native.schema if spec.native else None
        self.max_buckets: int = spec.native.max_buckets if spec.native else 0
        self.zero_threshold: float = spec.native.zero_threshold if spec.native else 0.0
        self.valid: tuple[float, float] | None = spec.valid
        self.drop = drop


class HistogramChild:
    """One label set of a histogram: classic buckets, native buckets, or both."""

    __slots__ = (
        "counts", "created", "encoded", "exemplars", "layout", "negative", "positive", "prefixes", "schema", "sum", "values",
        "zero_count",
    )  # fmt: skip

    def __init__(self, prefixes: Sequence[str], values: tuple[str, ...], layout: HistogramLayout) -> None:
        self.prefixes = prefixes
        self.values = values
        self.layout = layout
        self.created = 0.0
        self.exemplars: dict[int, Exemplar] = {}
        self.encoded: bytes | None = None
        self.reset()

    def reset(self) -> None:
        """Empty the histogram."""
        self.counts = [0] * (len(self.layout.bounds) + 1)
        self.sum = 0.0
        self.schema = self.layout.schema
        self.positive: dict[int, int] = {}
        self.negative: dict[int, int] = {}
        self.zero_count = 0

    def observe(self, value: float, exemplar: Mapping[str, str] | None = None) -> None:
        """Count one observation. A value that is not finite, or makes the sum so, or is outside ``valid``, is dropped and counted as such."""
        layout = self.layout
        total = self.sum + value
        if not isfinite(total):
            return layout.drop("not_finite")
        if layout.valid is not None and not layout.valid[0] <= value <= layout.valid[1]:
            return layout.drop("out_of_range")
        place = bisect_left(layout.bounds, value)
        self.counts[place] += 1
        self.sum = total
        if exemplar is not None:
            made = make_exemplar(exemplar, value)
            if made is not None:
                self.exemplars[place] = made
        if self.schema is not None:
            self._observe_native(value)
        return None

    def _observe_native(self, value: float) -> None:
        schema = self.schema
        if schema is None:
            return
        threshold = self.layout.zero_threshold
        if -threshold <= value <= threshold:
            self.zero_count += 1
            return
        side = self.positive if value > 0 else self.negative
        index = bucket_index(abs(value), schema)
        if index in side:
            side[index] += 1
        else:
            side[index] = 1
            self._shrink()

    def _shrink(self) -> None:
        """Halve the resolution until the buckets fit, as client_golang does when it may not reset."""
        while self.schema is not None and len(self.positive) + len(self.negative) > self.layout.max_buckets:
            if self.schema <= -4:
                return
            self.positive = downscale(self.positive, 1)
            self.negative = downscale(self.negative, 1)
            self.schema -= 1

    def merge(self, delta: HistogramValue) -> None:
        """Add counts made elsewhere.

        ValueError when the number of buckets, a count or the sum does not fit (SumTooLarge: it would not be finite), or when
        a native family gets a delta whose native buckets do not hold as many observations as its classic ones (Prometheus
        refuses such histograms). Nothing is added then.
        """
        sides = (*delta.positive.values(), *delta.negative.values(), delta.zero_count)
        counts = delta.counts or ([sum(sides)] if not self.layout.bounds else ())
        if len(counts) != len(self.counts):
            raise ValueError(f"{len(counts)} bucket counts, expected {len(self.counts)}")
        if min(counts) < 0 or min(sides) < 0:
            raise ValueError("bucket counts must be >= 0")
        total = self.sum + delta.sum
        if not isfinite(total):
            raise SumTooLarge("the sum must be finite")
        if self.schema is not None and sum(sides) != sum(counts):
            raise ValueError(f"{sum(sides)} observations in the native buckets, {sum(counts)} in the classic ones")
        self.counts = [old + new for old, new in zip(self.counts, counts, strict=True)]
        self.sum = total
        if self.schema is None:
            return
        schema = self.schema if delta.schema is None else delta.schema
        low = min(schema, self.schema)
        if low < self.schema:
            self.positive = downscale(self.positive, self.schema - low)
            self.negative = downscale(self.negative, self.schema - low)
            self.schema = low
        for mine, theirs in ((self.positive, delta.positive), (self.negative, delta.negative)):
            for index, count in downscale(theirs, schema - low).items():
                mine[index] = mine.get(index, 0) + count
        self.zero_count += delta.zero_count
        self._shrink()

    def snapshot(self) -> HistogramValue:
        """A copy in which the classic and the native buckets agree although the writer goes on."""
        for _ in range(16):
            counts, schema = list(self.counts), self.schema
            positive, negative = dict(self.positive), dict(self.negative)
            value = HistogramValue(counts, self.sum, self.zero_count, positive, negative, schema)
            native = sum(positive.values()) + sum(negative.values()) + value.zero_count
            if schema is None or (native == sum(counts) and schema == self.schema):
                break
        return value

    def assign(self, value: HistogramValue) -> None:
        """Replace the whole content (const metrics)."""
        self.reset()
        self.merge(value)

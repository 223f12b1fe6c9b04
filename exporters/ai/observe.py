"""Many observations at once into a histogram's series."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import isfinite

from ..runtime import HistogramChild, HistogramValue
from ..runtime.native import bucket_index

# Up to here single observations are cheaper than making a delta.
FEW = 8


def observe_many(child: HistogramChild, values: Sequence[float], counts: Sequence[int], total: float | None) -> None:
    """Add ``values``, each ``counts`` times. ``total`` is their exact sum when the values were rounded.

    SumTooLarge, and nothing added, when the histogram's sum would not be finite.
    """
    layout = child.layout
    low, high = layout.valid if layout.valid is not None else (float("-inf"), float("inf"))
    classic = [0] * (len(layout.bounds) + 1)
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    schema, threshold = layout.schema, layout.zero_threshold
    zero, taken, refused = 0, 0.0, False
    for value, count in zip(values, counts, strict=True):
        if not isfinite(value) or not low <= value <= high:
            layout.drop("out_of_range" if isfinite(value) else "not_finite")
            refused = True
            continue
        classic[bisect_left(layout.bounds, value)] += count
        taken += value * count
        if schema is None:
            continue
        if -threshold <= value <= threshold:
            zero += count
            continue
        index = bucket_index(abs(value), schema)
        side = sides[value < 0]
        side[index] = side.get(index, 0) + count
    exact = taken if total is None or refused else total
    child.merge(HistogramValue(tuple(classic), exact, zero, sides[0], sides[1], schema))


def observe_all(child: HistogramChild, values: Sequence[float]) -> None:
    """Add each of ``values`` once. SumTooLarge, and nothing added, when the histogram's sum would not be finite."""
    # One by one the first ones would be counted before the one too many is seen.
    if len(values) > FEW or not isfinite(child.sum + (values[0] if len(values) == 1 else sum(values))):
        observe_many(child, values, [1] * len(values), None)
    else:
        for value in values:
            child.observe(value)

"""Native (sparse, exponential) histogram buckets.

Bucket index as in client_golang's ``histogram.observe``: bucket i of schema s covers (base^(i-1), base^i] with
base = 2^(2^-s). Source: Prometheus "Native Histograms" specification.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from math import frexp


@lru_cache(maxsize=16)
def fractions(schema: int) -> tuple[float, ...]:
    """Lower bounds of the buckets of schema > 0 inside [0.5, 1)."""
    count = 1 << schema
    return tuple(2.0 ** (i / count - 1.0) for i in range(count))


def bucket_index(value: float, schema: int) -> int:
    """The bucket of a positive finite value."""
    fraction, exponent = frexp(value)
    if schema > 0:
        bounds = fractions(schema)
        return bisect_left(bounds, fraction) + (exponent - 1) * len(bounds)
    if fraction == 0.5:
        exponent -= 1
    return (exponent + (1 << -schema) - 1) >> -schema


def upper_bound(index: int, schema: int) -> float:
    """The inclusive upper bound of a positive bucket."""
    return float(2.0 ** (index * 2.0**-schema))


def downscale(buckets: Mapping[int, int], steps: int) -> dict[int, int]:
    """The same observations ``steps`` schemas lower: each step merges pairs of buckets."""
    out: dict[int, int] = {}
    for index, count in buckets.items():
        target = -((-index) >> steps)
        out[target] = out.get(target, 0) + count
    return out


def spans(buckets: Mapping[int, int]) -> tuple[list[tuple[int, int]], list[int]]:
    """Buckets as the protobuf form holds them: (offset, length) spans and the delta-encoded counts."""
    out: list[tuple[int, int]] = []
    deltas: list[int] = []
    end = previous = 0
    for index in sorted(buckets):
        count = buckets[index]
        if out and index == end:
            out[-1] = (out[-1][0], out[-1][1] + 1)
        else:
            out.append((index - end, 1))
        deltas.append(count - previous)
        end, previous = index + 1, count
    return out, deltas

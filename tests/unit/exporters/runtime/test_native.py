"""Native histogram arithmetic against the definition of the buckets."""

from __future__ import annotations

import random

import pytest
from monitoring_kit.exporters.runtime import HistogramValue, Registry
from monitoring_kit.exporters.runtime.native import bucket_index, downscale, spans, upper_bound


@pytest.mark.parametrize("schema", range(-4, 9))
def test_exact_powers_of_the_base_are_inclusive_upper_bounds(schema: int) -> None:
    for exponent in (-64, -16, 0, 16, 64):
        index = exponent * 2**schema if schema >= 0 else exponent >> -schema
        assert bucket_index(2.0**exponent, schema) == index
        assert bucket_index(2.0**exponent * 1.0000001, schema) == index + 1


@pytest.mark.parametrize("schema", range(-4, 9))
def test_values_lie_in_their_bucket(schema: int) -> None:
    rng = random.Random(schema)
    for _ in range(500):
        value = rng.lognormvariate(0, 8)
        index = bucket_index(value, schema)
        assert upper_bound(index - 1, schema) <= value * (1 + 1e-12)
        assert value <= upper_bound(index, schema) * (1 + 1e-12)


@pytest.mark.parametrize("schema", range(-3, 9))
def test_downscale_is_the_lower_schema(schema: int) -> None:
    rng = random.Random(schema)
    values = [rng.lognormvariate(0, 3) for _ in range(300)]

    def at(level: int) -> dict[int, int]:
        out: dict[int, int] = {}
        for value in values:
            out[bucket_index(value, level)] = out.get(bucket_index(value, level), 0) + 1
        return out

    for steps in range(1, schema + 5):
        assert downscale(at(schema), steps) == at(schema - steps)


def test_spans_are_gaps_and_deltas() -> None:
    assert spans({}) == ([], [])
    assert spans({-3: 2, -2: 5, 0: 1, 4: 4}) == ([(-3, 2), (1, 1), (3, 1)], [2, 3, -4, 3])


def histogram(registry: Registry, **more: object) -> object:
    return registry.declare({"name": "h", "type": "histogram", "help": "x", **more}).labels()


def test_observations_that_are_not_finite_or_not_valid_are_counted_out() -> None:
    registry = Registry("unit")
    child = histogram(registry, buckets=[1], native=True, valid=[0, 10])
    for value in (float("nan"), float("inf"), -0.1, 10.1, 10, 0):
        child.observe(value)
    assert child.snapshot().counts == [1, 1]
    assert child.zero_count == 1
    assert registry.budget.dropped() == {("h", "not_finite"): 2, ("h", "out_of_range"): 2}


def test_merge_adds_and_lowers_the_schema() -> None:
    child = histogram(Registry("unit"), buckets=[1, 2], native={"schema": 3})
    child.observe(1.5)
    delta = HistogramValue((1, 0, 2), 12.5, 1, {0: 1, 2: 1}, {}, schema=0)
    child.merge(delta)
    got = child.snapshot()
    assert got.counts == [1, 1, 2]
    assert got.sum == 14.0
    assert (got.schema, got.zero_count, got.positive) == (0, 1, {0: 1, 1: 1, 2: 1})


@pytest.mark.parametrize(
    ("delta", "says"),
    [
        (HistogramValue((1,), 1.0, 0, {0: 1}), "1 bucket counts, expected 2"),
        (HistogramValue((), 1.0, 0, {0: 1}), "0 bucket counts, expected 2"),
        (HistogramValue((-1, 2), 1.0, 0, {0: 1}), ">= 0"),
        (HistogramValue((1, 0), float("nan"), 0, {0: 1}), "finite"),
        (HistogramValue((1, 1), 1.0, 0, {0: 1}), "1 observations in the native buckets, 2 in the classic"),
    ],
)
def test_merge_refuses_what_does_not_fit(delta: HistogramValue, says: str) -> None:
    child = histogram(Registry("unit"), buckets=[1], native=True)
    with pytest.raises(ValueError, match=says):
        child.merge(delta)
    assert child.snapshot().counts == [0, 0]


def test_relative_error_of_a_native_p95_is_below_one_percent_of_the_bucket_width() -> None:
    rng = random.Random(7)
    values = sorted(rng.lognormvariate(-3.5, 0.6) for _ in range(20000))
    child = histogram(Registry("unit"), native=True)
    for value in values:
        child.observe(value)
    rank, seen = 0.95 * len(values), 0
    for index, count in sorted(child.positive.items()):
        if seen + count >= rank:
            low, high = upper_bound(index - 1, 3), upper_bound(index, 3)
            got = low * (high / low) ** ((rank - seen) / count)
            break
        seen += count
    assert got == pytest.approx(values[int(rank)], rel=0.01)

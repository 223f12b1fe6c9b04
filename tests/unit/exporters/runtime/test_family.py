"""Families: gates, budgets, live children, and rows that replace them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from monitoring_kit.exporters.runtime import Deadline, HistogramValue, Registry, RowError

NAN, INF = math.nan, math.inf


def counter(registry: Registry, **more: Any) -> Any:
    return registry.declare({"name": "tx_total", "type": "counter", "help": "Payments.", **more})


def held(family: Any) -> dict[tuple[str, ...], float]:
    return {child.values: child.value for child in family.children()}


def dropped(registry: Registry) -> dict[str, int]:
    return {reason: count for (_, reason), count in registry.budget.dropped().items()}


def test_live_counters_add_up(registry: Registry) -> None:
    tx = counter(registry, labels=["status"])
    tx.labels("ok").inc()
    tx.labels("ok").inc(2.5)
    tx.labels("failed").inc(0)
    assert held(tx) == {("ok",): 3.5, ("failed",): 0}
    assert registry.value("tx_total", {"status": "ok"}) == 3.5
    assert registry.value("tx_total", {"status": "none"}) is None


@pytest.mark.parametrize("amount", [-1, -0.001, NAN, INF])
def test_a_counter_never_falls_and_stays_finite(registry: Registry, amount: float) -> None:
    tx = counter(registry)
    with pytest.raises(ValueError, match="finite amount >= 0"):
        tx.inc(amount)
    assert registry.value("tx_total") == 0


def test_wrong_label_count_is_an_error(registry: Registry) -> None:
    tx = counter(registry, labels=["status"])
    with pytest.raises(RowError, match="2 label values, expected 1"):
        tx.labels("a", "b")


def test_values_off_the_allow_list_fold_into_other_or_are_dropped(registry: Registry) -> None:
    tx = counter(registry, labels={"status": {"allow": ["ok"], "else": "other"}, "kind": ["card"]})
    tx.labels("ok", "card").inc()
    tx.labels("weird", "card").inc()
    tx.labels("weirder", "card").inc()
    tx.labels("ok", "cash").inc(100)
    assert held(tx) == {("ok", "card"): 1, ("other", "card"): 2}
    assert dropped(registry) == {"not_allowed": 3}


def test_pattern_and_length(registry: Registry) -> None:
    tx = counter(registry, labels={"camera": {"pattern": "cam-[0-9]+", "max_length": 6, "else": "other"}})
    for name in ("cam-1", "cam-12345", "Xcam-1", "cam-1X"):
        tx.labels(name).inc()
    assert held(tx) == {("cam-1",): 1, ("other",): 3}
    assert dropped(registry) == {"too_long": 1, "pattern": 2}


def test_label_cap_keeps_the_first_values(registry: Registry) -> None:
    tx = counter(registry, labels={"camera": {"max": 2, "else": "other"}})
    for name in ("a", "b", "c", "d", "a"):
        tx.labels(name).inc()
    assert held(tx) == {("a",): 2, ("b",): 1, ("other",): 2}
    assert dropped(registry) == {"label_cap": 2}


def test_live_family_cap_hands_out_a_sink(registry: Registry) -> None:
    tx = counter(registry, labels=["user"], max_series=3)
    for number in range(100):
        tx.labels(f"u{number}").inc()
    assert len(held(tx)) == 3
    assert dropped(registry) == {"family_cap": 97}


def test_exporter_cap_is_shared_and_histograms_cost_their_series() -> None:
    registry = Registry("unit", max_series=10)
    tx = counter(registry, labels=["user"])
    wait = registry.declare(
        {"name": "wait_seconds", "type": "histogram", "help": "x", "labels": ["user"], "buckets": [1, 2]}
    )
    wait.labels("a").observe(1)  # 2 buckets + Inf + sum + count
    wait.labels("b").observe(1)
    tx.labels("a").inc()
    assert registry.budget.used == 10
    assert (wait.series, tx.series) == (10, 0)
    assert dropped(registry) == {"exporter_cap": 1}
    text = registry.gather(Deadline.after(5)).render("text").decode()
    assert "unit_series 10\nunit_series_limit 10\n" in "".join(f"{x}\n" for x in text.splitlines() if x[0] != "#")
    assert "_series_limit " not in Registry("u", max_series=None).gather(Deadline.after(5)).render("text").decode()


def test_known_label_sets_start_at_zero(registry: Registry) -> None:
    tx = counter(registry, labels={"status": ["ok", "failed"], "kind": ["card", "cash"]})
    tx.init_known()
    assert held(tx) == {(s, k): 0 for s in ("ok", "failed") for k in ("card", "cash")}
    open_family = registry.declare({"name": "open_total", "type": "counter", "help": "x", "labels": ["any"]})
    open_family.init_known()
    assert held(open_family) == {}


def test_rows_replace_everything_at_once(registry: Registry) -> None:
    tx = counter(registry, labels=["status"])
    tx.replace([(("ok",), 12), (("failed",), 1.5)])
    tx.replace([(("ok",), 13)])
    assert held(tx) == {("ok",): 13}
    assert registry.budget.used == 1
    tx.clear()
    assert held(tx) == {}
    assert registry.budget.used == 0


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([(("ok",), 1), (("ok",), 2)], "two rows for the labels {'status': 'ok'}"),
        ([(("ok", "x"), 1)], "2 label values, expected 1"),
        ([((None,), 1)], "expected 1 strings"),
        ([(("ok",), -1)], "finite and >= 0"),
        ([(("ok",), NAN)], "finite and >= 0"),
        ([(("ok",), INF)], "finite and >= 0"),
        ([(("ok",), "1")], "cannot hold a str"),
        ([(("ok",), None)], "cannot hold a NoneType"),
        ([(("ok",), True)], "cannot hold a bool"),
        ([(("ok",), HistogramValue())], "cannot hold a HistogramValue"),
    ],
)
def test_rows_that_do_not_fit_change_nothing(registry: Registry, rows: Any, says: str) -> None:
    tx = counter(registry, labels=["status"])
    tx.replace([(("before",), 7)])
    with pytest.raises(RowError) as caught:
        tx.replace(rows)
    assert says in str(caught.value)
    assert held(tx) == {("before",): 7}


@pytest.mark.parametrize(("collapse", "want"), [("sum", 12.0), ("max", 9.0), ("min", 3.0)])
def test_folded_rows_collapse(registry: Registry, collapse: str, want: float) -> None:
    depth = registry.declare(
        {
            "name": "depth",
            "type": "gauge",
            "help": "x",
            "labels": {"queue": {"allow": ["a"], "else": "other"}},
            "collapse": collapse,
        }
    )
    depth.replace([(("a",), 1.0), (("x",), 3.0), (("y",), 9.0)])
    assert held(depth) == {("a",): 1.0, ("other",): want}


def test_over_the_cap_known_series_stay_and_new_ones_wait(registry: Registry) -> None:
    tx = counter(registry, labels=["user"], max_series=2)
    tx.replace([(("b",), 1), (("c",), 1)])
    tx.replace([(("a",), 1), (("b",), 2), (("c",), 2)])
    assert held(tx) == {("b",): 2, ("c",): 2}
    tx.replace([(("a",), 1), (("c",), 3)])
    assert held(tx) == {("a",): 1, ("c",): 3}
    assert dropped(registry) == {"family_cap": 1}


def test_a_vanished_value_frees_its_place_under_the_label_cap(registry: Registry) -> None:
    tx = counter(registry, labels={"user": {"max": 2, "else": "other"}})
    tx.replace([(("a",), 1), (("b",), 1)])
    tx.replace([(("c",), 5), (("b",), 2)])
    assert held(tx) == {("b",): 2, ("c",): 5}


def test_values_out_of_range_are_dropped_and_counted(registry: Registry) -> None:
    ratio = registry.declare({"name": "use_ratio", "type": "gauge", "help": "x", "labels": ["gpu"], "valid": [0, 1]})
    ratio.replace([(("0",), 0.5), (("1",), 9.2e18), (("2",), NAN)])
    assert held(ratio) == {("0",): 0.5}
    assert dropped(registry) == {"out_of_range": 2}


def test_live_gauges_keep_the_range_too(registry: Registry) -> None:
    ratio = registry.declare({"name": "use_ratio", "type": "gauge", "help": "x", "valid": [0, 1]})
    ratio.set(0.25)
    ratio.set(17)
    assert registry.value("use_ratio") == 0.25
    assert dropped(registry) == {"out_of_range": 1}


def test_info_is_always_one(registry: Registry) -> None:
    info = registry.declare({"name": "model_info", "type": "info", "help": "x", "labels": ["version"]})
    info.labels("v1").set()
    assert held(info) == {("v1",): 1}
    info.replace([(("v2",), 1)])
    with pytest.raises(RowError, match="always 1"):
        info.replace([(("v3",), 2)])
    assert held(info) == {("v2",): 1}


def test_const_histograms(registry: Registry) -> None:
    wait = registry.declare({"name": "wait_seconds", "type": "histogram", "help": "x", "labels": ["q"], "buckets": [1]})
    wait.replace([(("a",), HistogramValue((1, 2), 9.0)), (("b",), HistogramValue((0, 1), 5.0))])
    wait.replace([(("a",), HistogramValue((3, 4), 10.0))])
    assert [(c.values, c.counts, c.sum) for c in wait.children()] == [(("a",), [3, 4], 10.0)]
    for bad in (HistogramValue((1,), 1.0), HistogramValue((1, -1), 1.0), HistogramValue((1, 1), NAN), 3.0):
        with pytest.raises(RowError, match="wait_seconds"):
            wait.replace([(("a",), bad)])
    assert [(c.values, c.counts, c.sum) for c in wait.children()] == [(("a",), [3, 4], 10.0)]


def test_folded_histograms_merge(registry: Registry) -> None:
    wait = registry.declare(
        {
            "name": "wait_seconds",
            "type": "histogram",
            "help": "x",
            "labels": {"q": {"allow": ["a"], "else": "other"}},
            "buckets": [1],
            "native": True,
        }
    )
    wait.replace(
        [
            (("x",), HistogramValue((1, 0), 0.5, 0, {-8: 1})),
            (("y",), HistogramValue((0, 2), 4.0, 0, {8: 2})),
        ]
    )
    [child] = wait.children()
    assert (child.values, child.counts, child.sum) == (("other",), [1, 2], 4.5)
    assert child.positive == {-8: 1, 8: 2}

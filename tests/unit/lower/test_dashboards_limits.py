"""Thresholds: the constants of alerts become steps, colours and soft bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_kit.diagnostics import Span
from monitoring_kit.lower.dashboards import panel
from monitoring_kit.lower.dashboards.limits import Limit, common, soft_bounds, steps
from monitoring_kit.lower.model import AlertingRule
from monitoring_kit.promql import parse
from monitoring_kit.spec.quantity import Duration


def limit(comparator: str, value: float, severity: str = "warning") -> Limit:
    rule = AlertingRule(
        "A", parse("up > 1"), Duration(0), Duration(0), {}, {}, Span("x"), "threshold", severity, ("mail",)
    )
    return Limit(comparator, value, rule, f"x {comparator} {value}")


def spelled(found: list[dict[str, Any]]) -> list[tuple[float | None, str]]:
    return [(step["value"], step["color"]) for step in found]


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ([], [(None, "green")]),
        ([limit(">", 5)], [(None, "green"), (5, "orange")]),
        ([limit(">", 5), limit(">", 9, "critical")], [(None, "green"), (5, "orange"), (9, "red")]),
        ([limit("<", 5), limit("<", 2, "critical")], [(None, "red"), (2, "orange"), (5, "green")]),
        ([limit("<", 1), limit(">=", 9, "critical")], [(None, "orange"), (1, "green"), (9, "red")]),
        ([limit(">", 5), limit(">", 3)], [(None, "green"), (3, "orange"), (5, "orange")]),
        ([limit(">", 3, "info")], [(None, "green"), (3, "blue")]),
        ([limit("==", 3), limit("!=", 3)], [(None, "green")]),
    ],
)
def test_steps(limits: list[Limit], wanted: list[tuple[float | None, str]]) -> None:
    assert spelled(steps(limits)) == wanted


LIMITS = st.lists(
    st.builds(limit, st.sampled_from([">", ">=", "<", "<="]), st.integers(-50, 50).map(float), st.sampled_from(["info", "warning", "critical"])),
    min_size=1, max_size=6,
)  # fmt: skip


@given(LIMITS)
def test_steps_ascend_from_the_base_and_keep_every_constant(limits: list[Limit]) -> None:
    values = [step["value"] for step in steps(limits)]
    assert values[0] is None
    assert values[1:] == sorted({x.value for x in limits})


@given(LIMITS, st.floats(-60, 60))
def test_a_value_has_the_colour_of_the_worst_alert_that_fires_on_it(limits: list[Limit], value: float) -> None:
    if any(abs(value - x.value) < 1e-9 for x in limits):
        return
    shown = [step["color"] for step in steps(limits) if step["value"] is None or value >= step["value"]][-1]
    firing = {x.severity for x in limits if (value > x.value) == (x.comparator[0] == ">")}
    wanted = (
        "red" if "critical" in firing else "orange" if "warning" in firing else "blue" if "info" in firing else "green"
    )
    assert shown == wanted


def test_soft_bounds_keep_the_line_in_sight_without_dust() -> None:
    assert soft_bounds([limit(">", 0.05)], share=False) == {"axisSoftMax": 0.06}
    assert soft_bounds([limit("<", 0.999)], share=True) == {"axisSoftMin": 0.998, "axisSoftMax": 1}
    assert soft_bounds([limit("<", 10)], share=False) == {"axisSoftMin": 0}
    assert soft_bounds([limit("<", -10)], share=False) == {"axisSoftMin": -12}
    assert soft_bounds([], share=True) == {}


def test_only_lines_that_hold_for_all_services_are_shared() -> None:
    five, six = limit(">", 5), limit(">", 6)
    assert common([[five, six], [limit(">", 5)]]) == [five]
    assert common([[five], []]) == [five]
    assert common([[five], [six]]) == []
    assert common([]) == []


def test_what_panels_share_is_bounded() -> None:
    """A process that compiles system after system keeps no more than a large one needs."""
    drawn = [panel.panel("timeseries", "T", "", (), panel.Look(f"unit{i}"), None) for i in range(5_000)]
    assert 0 < len(panel._CONFIGS) <= panel._MOST_CONFIGS
    assert [one["fieldConfig"]["defaults"]["unit"] for one in drawn] == [f"unit{i}" for i in range(5_000)]
    again = panel.panel("timeseries", "T", "", (), panel.Look("unit4999"), None)
    assert again["fieldConfig"] is drawn[-1]["fieldConfig"], "what looks alike is shared, not copied"

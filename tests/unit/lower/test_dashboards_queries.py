"""What panels ask: recorded series, details from raw series, and texts that are printed once for many services."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_kit.lower.dashboards import queries
from monitoring_kit.lower.signals import RATE_INTERVAL, signal_expr
from monitoring_kit.promql import add_matchers, parse, print_expr
from monitoring_kit.promql.ast import Matcher
from monitoring_kit.promql.template import Template, hole
from tests.unit.lower.dashboard_help import Built


def test_details_are_what_the_tree_prints(built: Built) -> None:
    """The shared template says the same as the expression built for the service itself."""
    compared = 0
    for rule in built.model.recordings:
        if rule.use is None:
            continue
        assert rule.service is not None
        view = built.system.services[rule.service]
        for label in rule.use.signal.split:
            tree = add_matchers(signal_expr(view, rule.use, RATE_INTERVAL, (label,)), (queries.ANY_INSTANCE,))
            assert queries.split(view, rule.use, label) == print_expr(tree)
            compared += 1
    assert compared >= 5


@given(st.text(max_size=20))
def test_a_filled_template_is_the_printed_expression(value: str) -> None:
    if "\ue000" in value:
        return
    tree = parse('sum by (a) (rate(x_total{b="c"}[$w])) / y', variables=True)
    open_ = add_matchers(tree, [Matcher("job", "=", hole("job"))])
    closed = add_matchers(tree, [Matcher("job", "=", value)])
    assert Template(open_).fill(job=value) == print_expr(closed)


def test_a_hole_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        Template(queries.series("up", job=hole("job"))).fill(service="x")


def test_among() -> None:
    assert queries.among(["a"]) == Matcher("service", "=", "a")
    assert queries.among(["a.b"]) == Matcher("service", "=", "a.b")
    both = queries.among(["a.b", "c-d"])
    assert re.fullmatch(both.value, "a.b")
    assert not re.fullmatch(both.value, "axb")
    assert re.fullmatch(both.value, "c-d")


def test_alert_states_never_show_the_watchdog() -> None:
    for text in (
        queries.alert_states(("alertname",)),
        queries.firing_alerts(("alertname",)),
        queries.alert_count("critical"),
    ):
        assert text.count("ALERTS") == text.count('alertname!="Watchdog"')


def test_legends_and_back() -> None:
    assert queries.legend(("service", "instance")) == "{{service}} {{instance}}"
    assert queries.legend_labels("{{service}} on {{ instance }}") == ["service", "instance"]

"""Disabling checks: with a reason, for one place, for a time; and being told when it has no effect."""

from __future__ import annotations

from tests.unit.checks.world_text import Checked, check_text

ALERTS = "alerts:\n  A: {expr: up < 0.999, for: 5m, severity: warning, notify: [mail]}\n  B: {expr: up < 0.5, for: 5m, severity: warning, notify: [mail]}\n"


def with_disable(*items: str) -> Checked:
    return check_text(ALERTS + "checks:\n  disable:\n" + "".join(f"    - {{{item}}}\n" for item in items))


def test_everywhere() -> None:
    assert "promql/two-valued" not in with_disable("id: promql/two-valued, reason: meant so").codes()


def test_in_one_alert() -> None:
    found = with_disable("id: promql/two-valued, reason: meant so, where: A")
    assert found.marked("promql/two-valued") == "up < 0.5"


def test_until_a_day() -> None:
    assert "promql/two-valued" not in with_disable("id: promql/two-valued, reason: soon, until: 2999-01-01").codes()
    found = with_disable("id: promql/two-valued, reason: soon, until: 2020-01-31")
    assert found.codes().count("promql/two-valued") == 2
    assert found.marked("checks/expired") == "2020-01-31"


def test_one_that_finds_nothing_is_stale() -> None:
    assert with_disable("id: promql/rate-on-gauge, reason: x").marked("checks/stale") == "promql/rate-on-gauge"
    assert with_disable("id: promql/two-valued, reason: x, where: C").marked("checks/stale") == "promql/two-valued"


def test_one_that_is_unknown_is_said_to_be() -> None:
    found = with_disable("id: promql/rate-on-gauges, reason: x")
    assert found.marked("checks/unknown") == "promql/rate-on-gauges"
    assert "promql/rate-on-gauge" in found.one("checks/unknown").help


def test_a_reason_is_required() -> None:
    assert "spec/missing-key" in with_disable("id: promql/two-valued").codes()

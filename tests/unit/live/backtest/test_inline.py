"""Recorded series replaced by what is recorded."""

from __future__ import annotations

import pytest

from monitoring_kit.live.backtest.inline import NoInline, Recorded, evaluations, inline
from monitoring_kit.promql import parse, print_expr
from monitoring_kit.promql.ast import Binary, Paren


def rule(record: str, expr: str, known: dict[str, str] | None = None, **labels: str) -> Recorded:
    return Recorded(record, parse(expr), labels, 30_000, known or {})


def inlined(expr: str, *rules: Recorded) -> str:
    table: dict[str, list[Recorded]] = {}
    for one in rules:
        table.setdefault(one.record, []).append(one)
    text = print_expr(inline(parse(expr), table))
    assert print_expr(parse(text)) == text
    return text


def test_what_has_history_stays() -> None:
    assert inlined("a:b > 1", rule("x:y", "m")) == "a:b > 1"


def test_an_instant_value_becomes_the_expression() -> None:
    got = inlined('a:b{service="s"} > 1', rule("a:b", "sum by (service) (rate(m[5m]))", {"service": "s"}))
    assert got == "(sum by (service) (rate(m[5m]))) > 1"


def test_rules_of_other_services_fall_away() -> None:
    rules = [rule("a:b", f'm{{job="{s}"}}', {"service": s}) for s in ("s", "t")]
    assert inlined('a:b{service="t"}', *rules) == '(m{job="t"})'


def test_several_rules_of_one_record_are_joined() -> None:
    assert inlined("a:b", rule("a:b", "m", x="1"), rule("a:b", "n", x="2")) == (
        '(label_replace(m, "x", "1", "", "") or label_replace(n, "x", "2", "", ""))'
    )


def test_a_window_becomes_a_subquery_at_the_rules_interval() -> None:
    assert inlined("avg_over_time(a:b[1h])", rule("a:b", "m + n")) == "avg_over_time(((m + n))[1h:30s])"


def test_an_offset_moves_into_the_expression() -> None:
    got = inlined("a:b offset 1h", rule("a:b", "rate(m[5m] offset 10m) + n"))
    assert got == "(rate(m[5m] offset 1h10m) + n offset 1h)"


def test_absent_keeps_its_labels() -> None:
    assert inlined('absent(a:b{service="s"})', rule("a:b", "m", {"service": "s"})) == (
        'label_replace(absent((m)), "service", "s", "", "")'
    )


def test_other_matchers_become_joins() -> None:
    got = inlined('a:b{x="1", y!~"q.*"}', rule("a:b", "m"))
    assert 'and on (x) label_replace(vector(1), "x", "1", "", "")' in got
    assert '"mkit_keep", "1", "y", "q.*") unless on (mkit_keep)' in got


def test_no_rule_with_these_labels_selects_nothing() -> None:
    assert inlined('a:b{x="2"}', rule("a:b", "m", x="1")) == 'a:b{x="2", mkit_keep="nothing"}'


def test_at_and_circles_are_refused() -> None:
    with pytest.raises(NoInline, match="@"):
        inlined("a:b @ 5", rule("a:b", "m"))
    with pytest.raises(NoInline, match="circle"):
        inlined("a:b", rule("a:b", "a:c"), rule("a:c", "a:b"))


def test_cost_multiplies_nested_windows() -> None:
    assert evaluations(parse("avg_over_time((sum_over_time((m)[10m:1m]))[1h:5m])")) == 120
    assert evaluations(parse("rate(m[5m]) + rate(n[5m])")) == 2


def test_a_rule_that_is_read_twice_is_replaced_once() -> None:
    """Rules on rules on rules, as of anomalies: else each layer would double the work."""
    layers = [rule(f"a:{n}", f"a:{n - 1} + a:{n - 1}") for n in range(1, 15)]
    made: dict[int, object] = {}
    got = inline(parse("a:14"), {one.record: [one] for one in layers}, made=made)  # type: ignore[arg-type]
    assert isinstance(got, Paren)
    assert isinstance(got.expr, Binary)
    assert isinstance(got.expr.lhs, Paren)
    assert isinstance(got.expr.rhs, Paren)
    assert got.expr.lhs.expr is got.expr.rhs.expr
    assert made.keys() == {id(one) for one in layers}
    assert evaluations(got) == 2**14

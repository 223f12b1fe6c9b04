from __future__ import annotations

import pytest

from monitoring_kit.promql import (
    add_matchers,
    metrics,
    parse,
    print_expr,
    rename_labels,
    rename_metrics,
    replace_durations,
    replace_variables,
    value_type,
    variables,
)
from monitoring_kit.promql import build as b
from monitoring_kit.promql.ast import Expr, Matcher


@pytest.mark.parametrize(
    ("built", "text"),
    [
        (b.rate(b.metric("x", job="a"), "5m"), 'rate(x{job="a"}[5m])'),
        (b.sum_by(("service",), b.rate(b.metric("x"), "5m")), "sum by (service) (rate(x[5m]))"),
        (b.div(b.metric("a"), b.add(b.metric("b"), 1)), "a / (b + 1)"),
        (b.sub(b.metric("a"), b.sub(b.metric("b"), b.metric("c"))), "a - (b - c)"),
        (b.gt(b.div(b.metric("a"), b.metric("b")), -0.5), "a / b > -0.5"),
        (b.neg(b.add(b.metric("a"), 1)), "-(a + 1)"),
        (b.neg(5), "-5"),
        (b.quantile(0.95, b.metric("x"), by=["a"]), "quantile by (a) (0.95, x)"),
        (b.or_(b.metric("a"), b.vector(0)), "a or vector(0)"),
        (b.and_(b.gt(b.metric("a"), 1), b.metric("c"), b.matching(on=["x"])), "a > 1 and on (x) c"),
        (b.or_(b.and_(b.metric("a"), b.metric("b")), b.metric("c")), "a and b or c"),
        (b.and_(b.or_(b.metric("a"), b.metric("b")), b.metric("c")), "(a or b) and c"),
        (b.over(b.gt(b.metric("a"), 1), "1h", "5m"), "(a > 1)[1h:5m]"),
        (b.over_time("avg", b.metric("x"), 90), "avg_over_time(x[1m30s])"),
        (b.offset(b.over(b.metric("x"), "5m"), "1w"), "x[5m] offset 1w"),
        (b.offset(b.metric("x"), "-1h"), "x offset -1h"),
        (b.histogram_quantile(0.9, b.metric("x_bucket")), "histogram_quantile(0.9, x_bucket)"),
        (b.label_replace(b.vector(1), "a", "v"), 'label_replace(vector(1), "a", "v", "", "")'),
        (b.aggregate("count_values", b.metric("x"), param="v"), 'count_values("v", x)'),
        (b.aggregate("sum", b.metric("x"), without=["a"]), "sum without (a) (x)"),
        (b.series({"__name__": "x"}), '{__name__="x"}'),
        (b.metric("x", [b.matcher("a", "=~", "b|c")], d="e"), 'x{a=~"b|c", d="e"}'),
        (
            b.div(b.metric("a"), b.metric("b"), b.matching(ignoring=["c"], group="left", include=["d"])),
            "a / ignoring (c) group_left (d) b",
        ),
    ],
)
def test_combinators_build_what_their_text_parses_to(built: Expr, text: str) -> None:
    assert print_expr(built) == text
    assert parse(text) == built


def test_combinators_refuse_what_is_no_promql() -> None:
    with pytest.raises(KeyError):
        b.call("nope", 1)
    with pytest.raises(ValueError, match="parameter"):
        b.aggregate("topk", b.metric("x"))
    with pytest.raises(ValueError, match="comparison"):
        b.compare("+", 1, 2)
    with pytest.raises(TypeError):
        b.offset(b.vector(1), "5m")
    with pytest.raises(ValueError, match="either"):
        b.matching()
    assert b.duration("$w") == b.duration("${w}")


def test_added_matchers() -> None:
    expr = parse('rate(x{a="1"}[5m]) / sum(y)')
    assert print_expr(add_matchers(expr, {"a": "2"})) == 'rate(x{a="1"}[5m]) / sum(y{a="2"})'
    assert print_expr(add_matchers(expr, {"a": "2"}, conflict="replace")) == 'rate(x{a="2"}[5m]) / sum(y{a="2"})'
    with pytest.raises(ValueError, match="already has a matcher on 'a'"):
        add_matchers(expr, {"a": "2"}, conflict="error")
    assert add_matchers(expr, {"a": "1"}, conflict="error") == add_matchers(expr, {"a": "1"})
    assert print_expr(add_matchers(parse("x"), [Matcher("b", "!~", "c")])) == 'x{b!~"c"}'
    assert add_matchers(expr, {}) == expr


def test_renaming() -> None:
    expr = parse('sum by (a) (x{a="1"}) * on (a) group_left (b) label_replace({__name__="y"}, "a", "$1", "b", "(.*)")')
    renamed = rename_labels(expr, {"a": "z", "b": "c"})
    assert print_expr(renamed) == (
        'sum by (z) (x{z="1"}) * on (z) group_left (c) label_replace({__name__="y"}, "z", "$1", "c", "(.*)")'
    )
    assert metrics(rename_metrics(expr, {"x": "x2", "y": "y2"})) == ["x2", "y2"]
    assert print_expr(rename_labels(parse('label_join(x, "a", "-", "b", "a")'), {"a": "z"})) == (
        'label_join(x, "z", "-", "b", "z")'
    )


def test_windows() -> None:
    expr = parse("rate(x[$window]) + max_over_time(y[$window:$step] offset $o)", variables=True)
    assert print_expr(replace_durations(expr, {"window": "5m", "step": 30, "o": "-1h"})) == (
        "rate(x[5m]) + max_over_time(y[5m:30s] offset -1h)"
    )
    assert variables(replace_durations(expr, {"window": "5m"})) == ["step", "o"]
    seconds = parse("rate(x[${s}s])", variables=True)
    assert print_expr(replace_durations(seconds, {"s": 90})) == "rate(x[1m30s])"


def test_variables_everywhere() -> None:
    expr = parse('sum by ($g, c) (${p}_total{a=~"$v", b="${v}x"} > $t)', variables=True)
    assert variables(expr) == ["g", "p", "v", "t"]
    done = replace_variables(expr, {"g": "a, b", "t": -5, "p": "http", "v": "q"})
    assert print_expr(done) == 'sum by (a, b, c) (http_total{a=~"q", b="qx"} > -5)'
    assert variables(done) == []
    assert replace_variables(expr, {}) == expr


def test_value_types() -> None:
    kinds = {"1 + 1": "scalar", "x + 1": "vector", "x[5m]": "matrix", "(x)[5m:]": "matrix", "-(time())": "scalar"}
    kinds |= {'"s"': "string", "sum(x)": "vector", "rate(x[5m])": "vector", "scalar(x)": "scalar"}
    assert {text: value_type(parse(text)) for text in kinds} == kinds

from __future__ import annotations

import pytest

from monitoring_kit.promql import ast, parse, print_expr
from monitoring_kit.promql.ast import Binary, Number, NumberVar, Unary, VectorSelector

A, B, C = VectorSelector("a"), VectorSelector("b"), VectorSelector("c")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("sum(x)by(a,b)", "sum by (a, b) (x)"),
        ("SUM by () (x)", "sum(x)"),
        ("sum without()(x)", "sum without () (x)"),
        ("topk(5,x) by (a)", "topk by (a) (5, x)"),
        ("a/on(x)group_left b", "a / on (x) group_left () b"),
        ("a>bool 1.50", "a > bool 1.5"),
        ("x[90m]", "x[1h30m]"),
        ("x[300]", "x[5m]"),
        ("x[7d:]", "x[1w:]"),
        ("x[0.0005]", "x[0.0005]"),
        ("x @ start() offset -1h", "x @ start() offset -1h"),
        ("x offset 5m[10m:1m]", "x offset 5m[10m:1m]"),
        ("{'a'=`b\\c`}", '{a="b\\\\c"}'),
        ('{"a.b"}', '{"a.b"}'),
        ('{"on"}', '{"on"}'),
        ('sum by ("a.b", without_) (x)', 'sum by ("a.b", without_) (x)'),
        ("1e16", "1e+16"),
        ("1e15", "1000000000000000"),
        ("0x10", "16"),
        ("+Inf", "Inf"),
        ("a > 10m", "a > 10m"),
        ("x[(5m + 1m) * 2]", "x[(5m + 1m) * 2]"),
        ('{a="\\n\\x00\\u200b\\xfe"}', '{a="\\n\\x00\u200b\\xfe"}'),
        ("# c\nup # d", "up"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert print_expr(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Binary("*", Binary("+", A, B), C), "(a + b) * c"),
        (Binary("-", A, Binary("-", B, C)), "a - (b - c)"),
        (Binary("^", Binary("^", A, B), C), "(a ^ b) ^ c"),
        (Binary("^", A, Binary("^", B, C)), "a ^ b ^ c"),
        (Binary("^", Number(-1.0), A), "(-1) ^ a"),
        (Binary("*", A, Number(-1.0)), "a * -1"),
        (Unary("-", Binary("*", A, B)), "-(a * b)"),
        (Unary("-", Number(1.0)), "-(1)"),
        (Binary("^", Unary("-", A), B), "(-a) ^ b"),
        (ast.Subquery(Binary("+", A, B), ast.Duration(60_000)), "(a + b)[1m:]"),
        (Binary(">", A, NumberVar("t", "raw")), "a > ${t:raw}"),
    ],
)
def test_built_trees_get_the_parentheses_they_need(tree: ast.Expr, text: str) -> None:
    assert print_expr(tree) == text

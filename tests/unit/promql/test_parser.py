from __future__ import annotations

import pytest

from monitoring_kit.promql import PromQLError, ast, line_column, parse, print_expr
from monitoring_kit.promql.ast import Duration, DurationVar, Matcher, NumberVar, VectorSelector


def caret(text: str) -> tuple[str, str]:
    """What the error points at, and its text."""
    with pytest.raises(PromQLError) as caught:
        parse(text)
    start, end = caught.value.span
    return text[start:end], str(caught.value)


@pytest.mark.parametrize(
    ("text", "pointed", "message"),
    [
        ("", "", "no expression found"),
        ("up{", "{", "unclosed {, expected a closing }"),
        ("up{job}", "}", "unexpected '}' after label 'job', expected one of = != =~ !~"),
        ("up{job==1}", "=", "unexpected '=' as a label value, expected a quoted string"),
        ('up{job="a" x="b"}', "x", "unexpected 'x' inside braces, expected , or }"),
        ('up{job=~"a("}', "(", "bad regular expression for label 'job': missing closing ), expected RE2 syntax"),
        ('up{job=~"a**"}', "**", "bad regular expression for label 'job': invalid nested repetition operator"),
        ("foo bar", "bar", "unexpected identifier 'bar', expected an operator or the end of the expression"),
        ("sum(up", "p", "unexpected end of expression, expected an operator, , or )"),
        ("sum by job (up)", "job", "unexpected identifier 'job', expected ( and a list of labels"),
        ("rate(up)", "up", "instant vector as an argument of rate(), expected a range vector"),
        ("rte(up[5m])", "rte", "unknown function 'rte', expected rate()"),
        ("RATE(up[5m])", "RATE", "unknown function 'RATE', expected rate()"),
        ("rate(up[5m], 1)", "rate(up[5m], 1)", "rate() with 2 arguments, expected 1 arguments"),
        ("1 > 2", ">", "comparison of two scalars, expected > bool"),
        ("a + bool b", "+", "bool after +, expected bool after a comparison only"),
        ("a and 1", "1", "scalar as the operand of and, expected an instant vector"),
        ("a + b[5m]", "b[5m]", "range vector as the operand of +, expected a scalar or instant vector"),
        ("a / on(x) group_left(x) b", "x", "label 'x' stands in on() and group_left()"),
        ("a and on(x) group_left() b", "group_left()", "group_left with and"),
        ("1 + on(x) a", "on(x)", "vector matching with a scalar, expected instant vectors on both sides"),
        ("{}", "{}", "selector matches every series, expected a matcher that excludes the empty value"),
        ('{a=~".*"}', '{a=~".*"}', "selector matches every series"),
        ('up{__name__="x"}', '__name__="x"', "metric name is set twice: 'up' and 'x'"),
        ("x[5m", "[", "unclosed [, expected a closing ]"),
        ("x[0s]", "0s", "duration must be greater than 0, expected a positive duration"),
        ("x[5x]", "5x", "bad duration '5x': '5x' is no duration"),
        ("x offset 5m [5m]", "x offset 5m", "offset must follow the range"),
        ("x offset 1m offset 2m", "offset 2m", "offset is set twice"),
        ("(x) offset 1m", "offset", "offset needs a selector or a subquery"),
        ("(x)[5m]", "[5m]", "a range needs a plain selector, expected a subquery such as [5m:] over an expression"),
        ("x @ 1e30", "@ 1e30", "timestamp out of bounds"),
        ("topk(x)", "topk(x)", "topk with 1 arguments, expected two arguments"),
        ('quantile("a", x)', '"a"', "string as the parameter of quantile, expected a scalar"),
        ("x = 1", "=", "unexpected character '=', expected == to compare"),
        ('"\\q"', "\\q", "unknown escape sequence"),
        ("'abc", "'abc", "unterminated string, expected a closing '"),
        ("a\0", "\0", "a NUL character in the expression"),
        ("a\ud800", "\ud800", "invalid UTF-8 in the expression"),
        ("$x", "$", "unexpected character '$'"),
        ("1e400", "1e400", "bad number '1e400': value out of range"),
        ("sum(rate(x[5m]) by (a)", "by", "unexpected 'by', expected an operator, , or )"),
    ],
)
def test_errors_say_what_and_where(text: str, pointed: str, message: str) -> None:
    found, said = caret(text)
    assert found == pointed
    assert message in said


def test_spans_of_operators_grouping_and_matching() -> None:
    text = "sum by (a, b) (x) / on (a) group_left (c) y >= bool 2"
    expr = parse(text)
    assert isinstance(expr, ast.Binary)
    assert text[slice(*expr.op_span)] == ">="
    ratio = expr.lhs
    assert isinstance(ratio, ast.Binary)
    assert ratio.matching is not None
    assert text[slice(*ratio.matching.span)] == "on (a)"
    assert text[slice(*(ratio.matching.group_span or (0, 0)))] == "group_left (c)"
    total = ratio.lhs
    assert isinstance(total, ast.Aggregate)
    assert text[slice(*(total.grouping_span or (0, 0)))] == "by (a, b)"
    assert [text[slice(*span)] for span in total.label_spans] == ["a", "b"]
    assert text[slice(*total.op_span)] == "sum"


def test_spans_of_matchers_survive_comments_and_lines() -> None:
    text = 'up{ # which\n  job = "a" , # and\n  "x y" =~ `b\\.`\n}'
    expr = parse(text)
    assert isinstance(expr, VectorSelector)
    assert [text[slice(*m.span)] for m in expr.matchers] == ['job = "a"', '"x y" =~ `b\\.`']
    assert [text[slice(*m.value_span)] for m in expr.matchers] == ['"a"', "`b\\.`"]
    assert [m.value for m in expr.matchers] == ["a", "b\\."]
    assert line_column(text, expr.matchers[1].span[0]) == (3, 3)


def test_precedence_and_associativity() -> None:
    assert print_expr(parse("a+b*c^d^e")) == "a + b * c ^ d ^ e"
    tree = parse("a - b - c")
    assert isinstance(tree, ast.Binary)
    assert isinstance(tree.lhs, ast.Binary)
    power = parse("a ^ b ^ c")
    assert isinstance(power, ast.Binary)
    assert isinstance(power.rhs, ast.Binary)
    negative = parse("-1 ^ 2")
    assert isinstance(negative, ast.Unary)
    assert parse("-1") == ast.Number(-1.0)
    mixed = parse("a or b and c")
    assert isinstance(mixed, ast.Binary)
    assert mixed.op == "or"


def test_keywords_are_metric_names_where_prometheus_takes_them() -> None:
    for name in ("sum", "by", "offset", "start", "END", "and", "limitk"):
        assert parse(name) == VectorSelector(name)
    for name in ("bool", "on", "group_left", "atan2"):
        with pytest.raises(PromQLError):
            parse(name)


def test_numbers() -> None:
    values = {
        "0x1F": 31,
        "010": 8,
        "08": 8,
        "1_000": 1000,
        ".5": 0.5,
        "3.": 3,
        "1e3": 1000,
        "5m": 300,
        "Inf": float("inf"),
    }
    for text, value in values.items():
        expr = parse(text)
        assert isinstance(expr, ast.Number)
        assert expr.value == value
    assert parse("NaN") == parse("nan")


def test_strings() -> None:
    cases = {'"\\x41\\u00e9\\101\\n"': "AéA\n", "'\\''": "'", "`\\n`": "\\n", '"\\xff"': "\udcff", '"é"': "é"}
    for text, value in cases.items():
        assert parse(text) == ast.String(value)


def test_modifiers_of_a_range_vector_belong_to_its_selector() -> None:
    expr = parse("x[5m] offset -1h @ end()")
    assert isinstance(expr, ast.MatrixSelector)
    assert expr.vector.offset == Duration(-3_600_000)
    assert expr.vector.at == ast.At("end")
    assert expr.range == Duration(300_000)


def test_a_quoted_name_is_the_name() -> None:
    assert parse('{"http.requests", a="b"}') == VectorSelector("http.requests", (Matcher("a", "=", "b"),))
    assert parse('{"up"}') == parse("up")


def test_variables() -> None:
    expr = parse('sum by ($g) (rate(${m}_total{a=~"$v"}[$__rate_interval] offset $o)) > ${t:raw}', variables=True)
    assert isinstance(expr, ast.Binary)
    assert expr.rhs == NumberVar("t", "raw")
    total = expr.lhs
    assert isinstance(total, ast.Aggregate)
    assert total.grouping == ("$g",)
    call = total.expr
    assert isinstance(call, ast.Call)
    matrix = call.args[0]
    assert isinstance(matrix, ast.MatrixSelector)
    assert matrix.vector.name == "${m}_total"
    assert matrix.range == DurationVar("__rate_interval")
    assert matrix.vector.offset == DurationVar("o")
    assert parse("x[${__range_s}s:$step]", variables=True) == ast.Subquery(
        VectorSelector("x"), DurationVar("__range_s", unit="s"), DurationVar("step")
    )
    with pytest.raises(PromQLError):
        parse("x[$w]")


def test_bytes_are_decoded() -> None:
    assert parse(b"up") == VectorSelector("up")
    with pytest.raises(PromQLError) as caught:
        parse(b'{a="\xff"}')
    assert caught.value.span == (4, 5)

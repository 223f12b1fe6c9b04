"""Properties of parser, printer and rewrites: nothing crashes, text and tree are inverse, spans are exact."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_kit.promql import (
    PromQLError,
    add_matchers,
    children,
    metrics,
    parse,
    print_expr,
    rename_metrics,
    rewrite,
    selectors,
    value_type,
    walk,
)
from monitoring_kit.promql.parser import MAX_DEPTH, MAX_NESTING
from monitoring_kit.promql.re2 import RE2Error, analyse
from tests.properties.promql_generator import expressions


def valid(seed: int, count: int) -> list[tuple[str, object]]:
    found = []
    for text in expressions(seed, count):
        try:
            found.append((text, parse(text)))
        except PromQLError:
            continue
    assert len(found) > count // 5
    return found


def check_error(text: str, error: PromQLError) -> None:
    start, end = error.span
    assert 0 <= start <= end <= len(text), (text, error.span)
    assert str(error)
    assert "\n" not in str(error)


@given(st.text(max_size=60), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_text_parses_or_raises_one_kind_of_error(text: str, variables: bool) -> None:
    try:
        parse(text, variables=variables)
    except PromQLError as error:
        check_error(text, error)


_ALPHABET = [*"()[]{}=!~<>+-*/%^@,.:#\"'`\\$ \n\0\ud800\ufffd019axesm_é", "sum", "by", "rate", "5m", "offset", "$w"]


@given(st.lists(st.sampled_from(_ALPHABET), max_size=40).map("".join), st.booleans())
@settings(max_examples=800, deadline=None)
def test_promql_like_text_parses_or_raises(text: str, variables: bool) -> None:
    try:
        expr = parse(text, variables=variables)
    except PromQLError as error:
        check_error(text, error)
    else:
        assert parse(print_expr(expr), variables=variables) == expr


@given(st.binary(max_size=40))
def test_any_bytes(data: bytes) -> None:
    try:
        parse(data)
    except PromQLError as error:
        check_error(data.decode("latin-1"), error)


@given(st.text(alphabet=list("ab(|)[]{},*+?\\^$.-:pPdQEx019<>!=iU"), max_size=30))
@settings(max_examples=600, deadline=None)
def test_any_pattern_is_analysed_or_refused(pattern: str) -> None:
    try:
        analyse(pattern)
    except RE2Error as error:
        check_error(pattern, PromQLError(error.message, (error.start, error.end)))


def test_printing_and_parsing_are_inverse() -> None:
    for text, expr in valid(1, 3000):
        printed = print_expr(expr)
        assert parse(printed) == expr, (text, printed)
        assert print_expr(parse(printed)) == printed


def test_the_span_of_every_node_parses_to_the_node() -> None:
    for text, expr in valid(2, 1500):
        for node in walk(expr):
            start, end = node.span
            for child in children(node):
                assert start <= child.span[0] <= child.span[1] <= end, text
        assert parse(text[expr.span[0] : expr.span[1]]) == expr


def test_rewriting_with_the_identity_changes_nothing() -> None:
    for _, expr in valid(3, 500):
        assert rewrite(expr, lambda node: node) is expr


def test_added_matchers_reach_every_selector_and_still_load() -> None:
    for _, expr in valid(4, 1000):
        narrowed = add_matchers(expr, {"zone": "a"})
        assert all(any(m.name == "zone" for m in s.matchers) for s in selectors(narrowed))
        assert parse(print_expr(narrowed)) == narrowed
        assert value_type(narrowed) == value_type(expr)


def test_renamed_metrics_are_gone() -> None:
    for _, expr in valid(5, 500):
        renamed = rename_metrics(expr, {name: "new_" + name.replace(":", "_") for name in metrics(expr)})
        assert all(name.startswith("new_") for name in metrics(renamed))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 5000 + "1" + ")" * 5000,
        "-" * 100_000 + "1",
        "sum(" * 20_000,
        "1" + "+1" * 100_000,
        "1" + "^1" * 100_000,
        "x" + "[5m:]" * 50_000,
        "x" + " offset 5m" * 20_000,
        "x[" + "(" * 100_000,
        "x[" + "-" * 100_000 + "5m]",
        "x[5m" + "+5m" * 50_000 + "]",
        '{a=~"' + "(" * 200_000 + '"}',
        '{a=~"' + "(" * 20_000 + ")" * 20_000 + '"}',
        '{a=~"' + "a{9}" * 50_000 + '"}',
        "{" + 'a="b",' * 100_000,
        "#" * 500_000 + "\n" + "\t" * 500_000,
        '"' + "\\n" * 200_000,
        "1" * 500_000,
        "1" * 300 + "y",
        "x[" + "9" * 100_000 + "s]",
        "a" * 5_000_000,
    ],
    ids=lambda text: f"{text[:8]}...{len(text)}".encode("ascii", "replace").decode().replace("\n", " "),
)
def test_hostile_sizes_end_in_an_error_quickly(text: str) -> None:
    started = time.process_time()
    try:
        parse(text)
    except PromQLError as error:
        check_error(text, error)
    assert time.process_time() - started < 5


def test_one_megabyte_is_fine_while_it_is_flat() -> None:
    values = "|".join(f"pod-{i:06d}" for i in range(100_000))
    text = f'sum by (pod) (rate(x{{pod=~"{values}"}}[5m])) > 0'
    assert len(text) > 1_000_000
    assert print_expr(parse(text)) == text


def test_the_limits_are_where_they_are_said_to_be() -> None:
    chain = "a" + " + a" * (MAX_DEPTH - 1)
    assert print_expr(parse(chain)) == chain
    with pytest.raises(PromQLError, match="deeper than"):
        parse(chain + " + a")
    nested = "(" * MAX_NESTING + "a" + ")" * MAX_NESTING
    assert print_expr(parse(nested)) == nested
    with pytest.raises(PromQLError, match="nests deeper"):
        parse(f"({nested})")

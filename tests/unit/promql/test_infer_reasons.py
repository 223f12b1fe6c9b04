"""Why a label is impossible or a branch dead, and the stretch of the expression that decided it: what second carets show."""

from __future__ import annotations

import pytest

from monitoring_kit.promql import parse
from monitoring_kit.promql.infer import infer
from tests.unit.promql.inferred import world

JOIN = "queue_depth * on (instance) group_left (team) build_info"


@pytest.mark.parametrize(
    ("text", "label", "reason", "marked"),
    [
        ("queue_depth", "team", "`queue_depth` has no such label", "queue_depth"),
        ('unknown_metric{team=""}', "team", '`team=""` selects only series without it', 'team=""'),
        ("sum(queue_depth)", "queue", "aggregated away here", "sum"),
        ("sum by (job) (queue_depth)", "queue", "aggregated away here", "by (job)"),
        ("sum without (queue) (unknown_metric)", "queue", "aggregated away here", "without (queue)"),
        ("sum without (queue) (queue_depth)", "team", "`queue_depth` has no such label", "queue_depth"),
        # Named by `by`, but lost before: the reason is the first loss.
        ("sum by (queue) (sum by (job) (queue_depth))", "queue", "aggregated away here", "by (job)"),
        ("sum by (queue) (sum by (job) (queue_depth))", "job", "aggregated away here", "by (queue)"),
        ("absent(up)", "job", "`absent()` has only the labels of equality matchers", "absent"),
        ("absent(sum(up))", "job", "`absent()` of an expression has no labels", "absent"),
        ("vector(1)", "job", "`vector()` has no labels", "vector(1)"),
        ("hour()", "job", "`hour()` has no labels", "hour()"),
        ("1", "job", "a number has no labels", ""),
        ("queue_depth + on (job) queue_depth", "queue", "only the labels of `on` are kept", "on (job)"),
        ("queue_depth + ignoring (queue) queue_depth", "queue", "removed by `ignoring`", "ignoring (queue)"),
        ("sum by (team) (up) + on (job) unknown_metric", "job", "aggregated away here", "by (team)"),
        ("unknown_metric + on (job) sum by (team) (up)", "job", "aggregated away here", "by (team)"),
        (JOIN, "team", "`build_info` has no such label", "build_info"),
        ("unknown_metric + sum by (job) (up)", "queue", "aggregated away here", "by (job)"),
        ("sum by (job) (up) + unknown_metric", "queue", "aggregated away here", "by (job)"),
        (
            "histogram_quantile(0.9, rate(http_request_duration_seconds_bucket[5m]))", "le", "`histogram_quantile` consumes `le`",
            "histogram_quantile(0.9, rate(http_request_duration_seconds_bucket[5m]))",
        ),
        ("histogram_quantile(0.9, sum(unknown_bucket))", "le", "aggregated away here", "sum"),
    ],
)  # fmt: skip
def test_why_a_label_is_impossible(text: str, label: str, reason: str, marked: str) -> None:
    expr = parse(text)
    why = infer(expr, world())[expr][0].why_not(label)
    assert why is not None
    assert (why.text, text[slice(*why.span)]) == (reason, marked)


@pytest.mark.parametrize(
    ("text", "reason", "marked"),
    [
        ("up > 1", "never true: the value is 0 or 1", "up > 1"),
        ("group(up) > 1", "never true: the value is 1", "group(up) > 1"),
        ("vector(1) > 1", "never true: the value is 1", "vector(1) > 1"),
        ("count(up) < 1", "never true: the value is at least 1", "count(up) < 1"),
        ("clamp_max(queue_depth, 3) > 4", "never true: the value is at most 3", "clamp_max(queue_depth, 3) > 4"),
        ("4 < clamp_max(queue_depth, 3)", "never true: the value is at most 3", "4 < clamp_max(queue_depth, 3)"),
        ("avg(up) > 1", "never true: the value is between 0 and 1", "avg(up) > 1"),
        ("(up > 1) > 2", "never true: the value is 0 or 1", "up > 1"),
        ("(up > 1) + 1", "never true: the value is 0 or 1", "up > 1"),
        ("queue_depth and on (job) (up > 1)", "never true: the value is 0 or 1", "up > 1"),
        ("(up > 1) and on (job) (up > 2)", "never true: the value is 0 or 1", "up > 1"),
        ('up{job="shop"} and up{job="till"}', "its sides never match on `job`", "and"),
        ("queue_depth + up", "its sides never match on `queue`", "+"),
        ("queue_depth > up", "its sides never match on `queue`", ">"),
        ("(up > 1) + queue_depth", "never true: the value is 0 or 1", "up > 1"),
    ],
)
def test_why_a_branch_is_dead(text: str, reason: str, marked: str) -> None:
    expr = parse(text)
    dead = infer(expr, world())[expr][0].dead
    assert dead is not None
    assert (dead.text, text[slice(*dead.span)]) == (reason, marked)


@pytest.mark.parametrize(
    ("text", "reason", "marked"),
    [
        ("up >= 0", "always true: the value is 0 or 1", "up >= 0"),
        ("1 >= up", "always true: the value is 0 or 1", "1 >= up"),
        ("(up >= 0) >= 0", "always true: the value is 0 or 1", "up >= 0"),
        ("count(up) > 0", "always true: the value is at least 1", "count(up) > 0"),
    ],
)
def test_why_a_comparison_is_always_true(text: str, reason: str, marked: str) -> None:
    expr = parse(text)
    why = infer(expr, world())[expr][0].tautology
    assert why is not None
    assert (why.text, text[slice(*why.span)]) == (reason, marked)


@pytest.mark.parametrize(
    ("text", "reason", "marked"),
    [
        ("queue_depth > 5", "this comparison", ">"),
        ("(queue_depth > 5) < 9", "this comparison", ">"),
        ("queue_depth and on (job) up", "filtered by `and`", "and"),
        ("queue_depth unless on (job) up", "filtered by `unless`", "unless"),
        ("(queue_depth > 5) and on (job) up", "this comparison", ">"),
        ("1 + (queue_depth > 5)", "this comparison", ">"),
    ],
)
def test_what_thinned_a_branch_out(text: str, reason: str, marked: str) -> None:
    expr = parse(text)
    why = infer(expr, world())[expr][0].filtered
    assert why is not None
    assert (why.text, text[slice(*why.span)]) == (reason, marked)


@pytest.mark.parametrize(
    ("text", "label", "left", "right"),
    [
        ("queue_depth + up", "queue", "this always has `queue`", "`up` has no such label"),
        ("up + queue_depth", "queue", "`up` has no such label", "this always has `queue`"),
        ('up{job="shop"} + up{job="till"}', "job", 'this always has `job`="shop"', 'this always has `job`="till"'),
        ("sum by (job) (up) + sum(up)", "job", "this always has `job`", "aggregated away here"),
        ("sum(up) + sum by (job) (up)", "job", "aggregated away here", "this always has `job`"),
        ('unknown{a="x"} + on (a) sum(unknown)', "a", 'this always has `a`="x"', "aggregated away here"),
    ],
)
def test_why_sides_never_match(text: str, label: str, left: str, right: str) -> None:
    expr = parse(text)
    never = infer(expr, world()).joins[id(expr)].never
    assert never is not None
    assert (never.label, never.left.text, never.right.text) == (label, left, right)


@pytest.mark.parametrize(
    "text",
    ["(up or queue_depth) + up", "unknown + up", "up + ignoring (queue) queue_depth", "unknown + other", "vector(1) + sum(up)"],
)  # fmt: skip
def test_sides_that_can_match(text: str) -> None:
    expr = parse(text)
    assert infer(expr, world()).joins[id(expr)].never is None


@pytest.mark.parametrize("text", ["up + 1", "1 + up", "1 + 1", "up > 1", "up * scalar(up)", "time() - up"])
def test_scalars_are_not_joined(text: str) -> None:
    expr = parse(text)
    assert infer(expr, world()).joins == {}


def test_too_many_branches_are_given_up() -> None:
    text = " or ".join(f"m{number}" for number in range(12))
    expr = parse(text)
    assert len(infer(expr, world())[expr]) == 12
    expr = parse(text + " or m12")
    (source,) = infer(expr, world())[expr]
    assert (source.node, source.have, source.rest, source.kind) == (expr, {}, None, None)

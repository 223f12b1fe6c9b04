"""Tests of recording rules: from inputs that move, the value that this package's own evaluator computes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from monitoring_kit.lower.model import RecordingRule
from monitoring_kit.lower.rule_files import rule_tree
from monitoring_kit.promql import ast
from monitoring_kit.promql.walk import walk
from monitoring_kit.verify.rule_tests.engine import Engine
from monitoring_kit.verify.rule_tests.evaluate import Evaluator, UnsupportedError, milliseconds, reach, unnamed
from monitoring_kit.verify.rule_tests.joins import EvaluationError
from monitoring_kit.verify.rule_tests.leaves import Leaf, Level, Wiring
from monitoring_kit.verify.rule_tests.shapes import build
from monitoring_kit.verify.rule_tests.store import Store
from monitoring_kit.verify.rule_tests.testfile import TestFile, duration, number, series_tree

if TYPE_CHECKING:
    from monitoring_kit.verify.rule_tests.plan import RuleTests

MAX_STEPS = 12_000
HOUR = 3_600_000
_SCALES = (1.0, 100.0, 1e6, 0.01)


def record_file(wiring: Wiring, rule: RecordingRule, position: int, interval: int, *, engine: Engine) -> RuleTests:
    """The test of a recording rule over the series that it reads, other recording rules' included."""
    from monitoring_kit.verify.rule_tests.plan import RuleTests

    result = RuleTests(rule.record, rule.service, None, f"record-{position:05d}")
    try:
        leaves = [*wiring.stubs(rule.expr, rule.service), *wiring.leaves([rule.expr], rule.service)]
        step, steps = _grid(rule.expr, interval)
        made = _made(rule, leaves, step, steps, engine=engine)
    except (UnsupportedError, EvaluationError) as error:
        result.problem = f"the tests do not know {error}"
        return result
    if not made:
        result.problem = "no input was found at which it has a value"
        return result
    name = result.key
    tree = {
        "rule_files": [f"{name}.rules.yml"],
        # One evaluation, at the end: what it reads is given.
        "evaluation_interval": duration(step * steps),
        "tests": made,
    }
    result.files.append(TestFile(name, rule.record, (rule_tree(rule),), tree, len(made), 0))
    result.kinds["records"] = 1
    return result


def _grid(expr: ast.Expr, interval: int) -> tuple[int, int]:
    windows = [milliseconds(n.range) for n in walk(expr) if isinstance(n, ast.MatrixSelector | ast.Subquery)]
    furthest = reach(expr)
    # A sample is found for five minutes: fine where that does, as far apart as that allows where a range is long.
    own = min(interval, 300_000)
    wanted = (
        15_000
        if furthest <= 6 * HOUR and own < 60_000
        else max(own, 60_000)
        if furthest <= 24 * HOUR
        else max(own, 240_000)
    )
    step = min([wanted, *(w // 4 for w in windows)])
    step = max(1000, step - step % 1000)
    # Older samples than it looks back to, so that a range that is too long shows.
    steps = max(30, min(2 * furthest, furthest + 14 * 24 * HOUR) // step + 8)
    if steps > MAX_STEPS:
        raise UnsupportedError("ranges that no test of reasonable length covers")
    return step, steps


def _made(
    rule: RecordingRule, leaves: Sequence[Leaf], step: int, steps: int, *, engine: Engine
) -> list[dict[str, Any]]:
    def tested(name: str, levels: dict[str, list[Level]], *, empty: bool = False) -> dict[str, Any] | None:
        store = build(leaves, levels, step, engine=engine, resets=[steps - steps // 3])
        found = Evaluator(store).vector(rule.expr, step * steps)
        samples = [({**unnamed(labels), **rule.labels}, value) for labels, value in found]
        if bool(samples) == empty or not all(math.isfinite(v) for _, v in samples):
            return None
        return _test(rule.record, f"{rule.record} {name}", store, samples, step, steps)

    for scale in _SCALES:
        moving = {leaf.key: _wave(leaf, i, steps + 1, scale) for i, leaf in enumerate(leaves)}
        first = tested("has its value", moving)
        if first is None:
            continue
        tests = [first]
        for name, level in (("at rest", 0.0), ("with next to nothing", 0.04)):
            flat = {
                leaf.key: [leaf.healthy if leaf.kind in ("up", "histogram") else level] * (steps + 1) for leaf in leaves
            }
            tests += [made for empty in (True, False) if (made := tested(name, flat, empty=empty)) is not None]
        tests += _young(moving, steps, reach(rule.expr) // step, tested)
        for leaf in leaves[:6] if len(leaves) > 1 else ():
            # What stands in for a series that was never seen.
            missing: dict[str, list[Level]] = {**moving, leaf.key: [None] * (steps + 1)}
            tests += [
                made
                for empty in (True, False)
                if (made := tested(f"without {leaf.name}", missing, empty=empty)) is not None
            ]
        return tests
    return []


Tested = Callable[..., "dict[str, Any] | None"]


def _young(moving: dict[str, list[Level]], steps: int, reaching: int, tested: Tested) -> list[dict[str, Any]]:
    """Histories that are just too short for a value, and just long enough."""

    def levels(age: int) -> dict[str, list[Level]]:
        return {key: [*([None] * (steps + 1 - age)), *values[steps + 1 - age :]] for key, values in moving.items()}

    low, high = 0, steps + 1
    while high - low > 1:
        middle = (low + high) // 2
        if tested("", levels(middle)) is None:
            low = middle
        else:
            high = middle
    found = [tested("is too young", levels(low), empty=True), tested("is just old enough", levels(high))]
    if 0 < low < reaching:
        # The same after a gap: what lies before the range must not count.
        again = {k: [*moving[k][: steps - reaching], *v[steps - reaching :]] for k, v in levels(low).items()}
        found.append(tested("is too young after a gap", again, empty=True))
    return [one for one in found if one is not None]


def _wave(leaf: Leaf, seed: int, length: int, scale: float) -> list[Level]:
    """Levels that move, so that a wrong range, offset or function gives another value."""
    if leaf.kind == "up":
        return [0.0 if (i * 7 + seed) % 5 == 0 else 1.0 for i in range(length)]
    if leaf.kind == "histogram":
        bounds = leaf.buckets
        return [(bounds[0] + (bounds[-1] - bounds[0]) * (0.2 + 0.5 * (i / length))) for i in range(length)]
    if leaf.kind == "shares":
        return [0.05 + 0.4 * i / length for i in range(length)]
    base = scale * (3 if leaf.rest_of else 1) * (1 + 0.1 * (seed % 5))
    slope = (0.8, -0.5, 0.3, -0.7, 0.5)[seed % 5]
    return [base * (1 + slope * i / length + 0.25 * ((i * 7 + seed * 3) % 11) / 11) for i in range(length)]


def _test(
    record: str, name: str, store: Store, samples: list[tuple[dict[str, str], float]], step: int, steps: int
) -> dict[str, Any]:
    at = duration(step * steps)
    count = [{"labels": "{}", "value": len(samples)}] if samples else []
    checks: list[dict[str, Any]] = [{"expr": f"count({record})", "eval_time": at, "exp_samples": count}]
    for labels, value in samples[:8]:
        low, high = sorted((value * (1 - 1e-9), value * (1 + 1e-9)))
        low, high = low - 1e-12, high + 1e-12
        chosen = series_tree_labels(record, labels)
        expr = f"({chosen} > bool {number(low)}) * ({chosen} < bool {number(high)})"
        checks.append(
            {"expr": expr, "eval_time": at, "exp_samples": [{"labels": series_tree_labels("", labels), "value": 1}]}
        )
    return {
        "name": name,
        "interval": duration(step),
        "input_series": [series_tree(s) for s in store.series],
        "promql_expr_test": checks,
    }


def series_tree_labels(name: str, labels: dict[str, str]) -> str:
    """A selector of exactly these labels, or the labels alone."""
    import json

    inner = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(labels.items()) if v)
    return f"{name}{{{inner}}}"

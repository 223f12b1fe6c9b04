"""Tests of recording rules: from inputs that move, the value that this package's own evaluator computes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from monitoring_kit.lower.model import RecordingRule
from monitoring_kit.lower.rule_files import rule_tree
from monitoring_kit.promql import ast
from monitoring_kit.promql.walk import walk
from monitoring_kit.verify.rule_tests.evaluate import Evaluator, UnsupportedError, milliseconds, reach, unnamed
from monitoring_kit.verify.rule_tests.joins import EvaluationError
from monitoring_kit.verify.rule_tests.leaves import Leaf, Level, Wiring
from monitoring_kit.verify.rule_tests.shapes import build
from monitoring_kit.verify.rule_tests.store import Store
from monitoring_kit.verify.rule_tests.testfile import duration, number, series_tree

if TYPE_CHECKING:
    from monitoring_kit.verify.rule_tests.plan import RuleTests

MAX_STEPS = 12_000
HOUR = 3_600_000
_SCALES = (1.0, 100.0, 1e6, 0.01)


def record_file(wiring: Wiring, rule: RecordingRule, position: int, interval: int, *, left_open: bool) -> RuleTests:
    """The test of a recording rule over the series that it reads, other recording rules' included."""
    from monitoring_kit.verify.rule_tests.plan import RuleTests, TestFile

    result = RuleTests(rule.record, rule.service, None, f"record-{position:05d}")
    try:
        leaves = [*wiring.stubs(rule.expr, rule.service), *wiring.leaves([rule.expr], rule.service)]
        step, steps = _grid(rule.expr, interval)
        made = _made(rule, leaves, step, steps, left_open=left_open)
    except (UnsupportedError, EvaluationError) as error:
        result.problem = f"the tests do not know {error}"
        return result
    if made is None:
        result.problem = "no input was found at which it has a value"
        return result
    name = result.key
    tree = {
        "rule_files": [f"{name}.rules.yml"],
        # One evaluation, at the end: what it reads is given.
        "evaluation_interval": duration(step * steps),
        "tests": [made],
    }
    result.files.append(TestFile(name, rule.record, (rule_tree(rule),), tree, 1, 0))
    result.kinds["records"] = 1
    return result


def _grid(expr: ast.Expr, interval: int) -> tuple[int, int]:
    windows = [milliseconds(n.range) for n in walk(expr) if isinstance(n, ast.MatrixSelector | ast.Subquery)]
    furthest = reach(expr)
    # A sample is found for five minutes: fine where that does, as far apart as that allows where a range is long.
    wanted = 15_000 if furthest <= 6 * HOUR else 60_000 if furthest <= 24 * HOUR else 300_000 if interval == 300_000 else 240_000
    step = min([wanted, *(w // 4 for w in windows)])
    step = max(1000, step - step % 1000)
    steps = max(30, furthest // step + 8)
    if steps > MAX_STEPS:
        raise UnsupportedError("ranges that no test of reasonable length covers")
    return step, steps


def _made(rule: RecordingRule, leaves: Sequence[Leaf], step: int, steps: int, *, left_open: bool) -> dict[str, Any] | None:
    for scale in _SCALES:
        levels = {leaf.key: _wave(leaf, i, steps + 1, scale) for i, leaf in enumerate(leaves)}
        store = build(leaves, levels, step, left_open=left_open, resets=[steps - steps // 3])
        found = Evaluator(store).vector(rule.expr, step * steps)
        samples = [({**unnamed(labels), **rule.labels}, value) for labels, value in found]
        if samples and all(math.isfinite(v) for _, v in samples):
            return _test(rule.record, store, samples, step, steps)
    return None


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
    return [base * (1 + 0.5 * i / length + 0.25 * ((i * 7 + seed * 3) % 11) / 11) for i in range(length)]


def _test(record: str, store: Store, samples: list[tuple[dict[str, str], float]], step: int, steps: int) -> dict[str, Any]:
    at = duration(step * steps)
    checks: list[dict[str, Any]] = [
        {"expr": f"count({record})", "eval_time": at, "exp_samples": [{"labels": "{}", "value": len(samples)}]}
    ]
    for labels, value in samples[:8]:
        low, high = sorted((value * (1 - 1e-9), value * (1 + 1e-9)))
        low, high = low - 1e-12, high + 1e-12
        chosen = series_tree_labels(record, labels)
        expr = f"({chosen} > bool {number(low)}) * ({chosen} < bool {number(high)})"
        checks.append({"expr": expr, "eval_time": at, "exp_samples": [{"labels": series_tree_labels("", labels), "value": 1}]})
    return {
        "name": f"{record} has its value",
        "interval": duration(step),
        "input_series": [series_tree(s) for s in store.series],
        "promql_expr_test": checks,
    }


def series_tree_labels(name: str, labels: dict[str, str]) -> str:
    """A selector of exactly these labels, or the labels alone."""
    import json

    inner = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(labels.items()) if v)
    return f"{name}{{{inner}}}"

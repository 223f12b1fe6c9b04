"""Cases to the files of ``promtool test rules`` (Prometheus' documentation, "Unit testing for rules"; the subset of 2.42)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring_kit.verify.rule_tests.cases import Case
from monitoring_kit.verify.rule_tests.store import STALE, InputSeries

# A rule file with all rules would be evaluated for every test: each test loads only the rules that it is about.
GROUP = "under-test"


@dataclass(frozen=True, slots=True)
class TestFile:
    """A promtool test file and the rules that it loads. ``rule`` is the position of the rule under test in ``rules``; ``scope``
    is the service and its job that inputs and rules keep to, None when they may see more."""

    __test__ = False

    name: str
    alert: str
    rules: tuple[Mapping[str, Any], ...]
    tree: Mapping[str, Any]
    cases: int
    rule: int
    scope: tuple[str, str] | None = None


def file_tree(rule_file: str, alert: str, step: int, cases: Sequence[Case]) -> dict[str, Any]:
    """A test file for one alert; ``interval`` is always written, its default is only known since 2.49."""
    return {
        "rule_files": [rule_file],
        "evaluation_interval": duration(step),
        "tests": [_test(alert, step, case) for case in cases],
    }


def _test(alert: str, step: int, case: Case) -> dict[str, Any]:
    checks = []
    for expected in case.expected:
        check: dict[str, Any] = {"eval_time": duration(expected.step * step), "alertname": alert}
        if expected.firing:
            check["exp_alerts"] = [
                {"exp_labels": dict(f.labels), "exp_annotations": dict(f.annotations)} for f in expected.firing
            ]
        checks.append(check)
    return {
        "name": case.name,
        "interval": duration(step),
        "input_series": [series_tree(s) for s in case.series],
        "alert_rule_test": checks,
    }


def series_tree(series: InputSeries) -> dict[str, str]:
    """A series in promtool's notation."""
    labels = ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(series.labels.items()))
    return {"series": f"{series.name}{{{labels}}}", "values": notation(series.values)}


def duration(ms: int) -> str:
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms}ms"


def milliseconds_of(text: str) -> int:
    """The milliseconds that ``duration`` wrote."""
    return int(text[:-2]) if text.endswith("ms") else int(text[:-1]) * 1000


def notation(values: Sequence[float | str | None]) -> str:
    """The samples as ``a+bxN``, ``_xN`` and single numbers; ramps only of whole numbers, which promtool adds up exactly."""
    parts: list[str] = []
    position = 0
    while position < len(values):
        first = values[position]
        if first is None or isinstance(first, str):
            end = position
            while end < len(values) and values[end] == first:
                end += 1
            parts += [STALE] * (end - position) if first is not None else [f"_x{end - position}"]
        else:
            end, change = _run(values, position)
            count = end - position
            sign = "-" if change < 0 else "+"
            parts.append(number(first) if count == 1 else f"{number(first)}{sign}{number(abs(change))}x{count - 1}")
        position = end
    return " ".join(parts)


def _run(values: Sequence[float | str | None], start: int) -> tuple[int, float]:
    first, second = values[start], values[start + 1] if start + 1 < len(values) else None
    assert isinstance(first, float | int)
    if second is None or isinstance(second, str):
        return start + 1, 0.0
    change = second - first
    whole = float(first).is_integer() and float(second).is_integer() and abs(second) < 2**50
    if change != 0 and not whole:
        return start + 1, 0.0
    end = start + 1
    previous: float = first
    while end < len(values):
        value = values[end]
        if (
            value is None
            or isinstance(value, str)
            or value - previous != change
            or not (change == 0 or float(value).is_integer())
        ):
            break
        previous = value
        end += 1
    return end, change


def number(value: float) -> str:
    """A float as promtool reads it back to the same bits."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))

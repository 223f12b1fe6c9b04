"""A matcher with a value that its label never has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitoring_kit.checks.finding import Check, Finding, Subject, proven
from monitoring_kit.diagnostics import Severity
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.promql import ast

CODE = "promql/unknown-value"


def run(node: ast.VectorSelector, subject: Subject) -> Iterable[Finding]:
    series = subject.facts[node][0].series
    if series is None:
        return
    whole = subject.world.series(series.name) or series
    for matcher in node.matchers:
        allowed = whole.labels.get(matcher.name)
        if allowed is None or not matcher.value or matcher.op in ("!=", "!~") or "$" in matcher.value:
            continue
        if matcher.name == "le" and matcher.op == "=":
            if allowed.values and not _bound_in(matcher.value, allowed.values):
                yield _finding(matcher, subject, series.name, allowed.values, proven(series.declared))
            elif allowed.values and whole.exact_bounds and matcher.value != (text := _as_float(matcher.value)):
                yield Finding(
                    CODE, proven(series.declared), f'`le` of `{series.name}` is never "{matcher.value}": nothing is selected',
                    matcher.value_span, f'mkit\'s exporters write this bound as "{text}"', fix=(matcher.value_span, f'"{text}"'),
                )  # fmt: skip
            continue
        try:
            if allowed.values:
                if (matcher.op == "=" and not allowed.lists(matcher.value)) or (
                    matcher.op == "=~" and not any(re.fullmatch(matcher.value, v) for v in (*allowed.values, ""))
                ):
                    yield _finding(
                        matcher,
                        subject,
                        series.name,
                        allowed.values,
                        proven(series.declared or matcher.name in ("job", "service")),
                    )
            elif allowed.pattern and matcher.op == "=" and not re.fullmatch(allowed.pattern, matcher.value):
                yield Finding(
                    CODE, proven(series.declared), f'`{matcher.name}` of `{series.name}` is never "{matcher.value}": nothing is selected',
                    matcher.value_span, f"its values match `{allowed.pattern}`" + ('; for a class of codes write `=~"5.."`' if re.fullmatch(r"\dxx", matcher.value, re.I) else ""),
                )  # fmt: skip
        except (re.error, RecursionError, OverflowError):
            continue


def _bound_in(value: str, bounds: tuple[str, ...]) -> bool:
    try:
        return any(float(value) == float(bound) for bound in bounds)
    except ValueError:
        return False


def _as_float(bound: str) -> str:
    """A bound as the exposition formats of Python's exporters have it; "+Inf" as it is."""
    return bound if bound == "+Inf" else repr(float(bound))


def _finding(matcher: ast.Matcher, subject: Subject, name: str, values: tuple[str, ...], severity: Severity) -> Finding:
    shown = f'"{matcher.value}"' if matcher.op == "=" else f"matched by `{matcher.value}`"
    help_ = did_you_mean(matcher.value, values, "its values")
    return Finding(
        CODE, severity, f"`{matcher.name}` of `{name}` is never {shown}: nothing is selected", matcher.value_span, help_
    )


CHECK = Check(CODE, ast.VectorSelector, run)

"""Files to lint, given as text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from monitoring_kit.diagnostics import Diagnostic, Span
from monitoring_kit.lint import Linted, LintOptions, lint

RULES = """groups:
  - name: alerts
    rules:
      - alert: Down
        expr: up{job="api"} == 0
        for: 5m
        labels: {severity: critical}
      - alert: Slow
        expr: sum by (job) (rate(slow_total[5m])) > 1
        labels: {severity: warning}
      - alert: Late
        expr: max by (job) (lag_seconds) > 60
        labels: {severity: warning}
"""


def lint_files(files: dict[str, str], **options: Any) -> Linted:
    """Lint texts by name: ``alertmanager.yml`` as such, ``*.json`` as dashboards, the others as rules."""
    rules = [name for name in files if not name.endswith(".json") and name != "alertmanager.yml"]
    boards = [name for name in files if name.endswith(".json")]
    base = LintOptions(rules, boards, "alertmanager.yml" if "alertmanager.yml" in files else None, texts=files)
    return lint(replace(base, **options))


def lint_rules(text: str, **options: Any) -> Linted:
    return lint_files({"rules.yml": text}, **options)


def lint_routes(text: str, rules: str | None = RULES, **options: Any) -> Linted:
    """Lint an alertmanager.yml beside ``rules``; the findings in the rules are left out."""
    options = {"external_labels": {}, **options}
    files = {"alertmanager.yml": text, **({"rules.yml": rules} if rules is not None else {})}
    found = lint_files(files, **options)
    found.report.diagnostics[:] = [d for d in found.report if d.code.startswith(("routes/", "yaml/", "checks/"))]
    return found


def codes(found: Linted) -> list[str]:
    return [d.code for d in found.report]


def one(found: Linted, code: str) -> Diagnostic:
    wanted = [d for d in found.report if d.code == code]
    assert len(wanted) == 1, [(d.code, d.message, str(d.span)) for d in found.report]
    return wanted[0]


def cut(found: Linted, span: Span) -> str:
    """The text of the file under a span of one line."""
    assert span.line == span.end_line
    return found.report.sources[span.file].line(span.line)[span.column - 1 : span.end_column - 1]


def marked(found: Linted, code: str) -> str:
    return cut(found, one(found, code).span)

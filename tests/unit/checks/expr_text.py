"""One expression checked alone: in the open world of a captured catalog, in that of the checks' spec, or where nothing is known."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from monitoring_kit.checks.engine import findings, subject
from monitoring_kit.checks.finding import Finding, Subject
from monitoring_kit.checks.lint import lint
from monitoring_kit.promql import ast, parse
from monitoring_kit.promql.catalog import Catalog, Metric
from monitoring_kit.promql.world import Recorded, World, lint_world
from tests.unit.promql.inferred import world as spec_world

METRICS = [
    Metric("http_requests_total", "counter", labels=("method", "status")),
    Metric("queue_depth", "gauge", labels=("queue",), values={"queue": ("mail", "print")}),
    Metric("disk_used_bytes", "gauge", unit="bytes"),
    Metric("latency_seconds", "histogram", unit="seconds", labels=("method",), buckets=(0.1, 1.0)),
    Metric("rpc_seconds", "summary", unit="seconds"),
]
NOTHING = World()


def captured(**more: Any) -> World:
    """What a captured catalog says of a few metrics: nobody vouches for it, and there may be others."""
    return lint_world([Catalog("an exporter", metrics={metric.name: metric for metric in METRICS})], **more)


def declared(**more: Any) -> World:
    """The closed world of the checks' spec."""
    return dataclasses.replace(spec_world(), _cache={}, nearest={}, **more)


def recording(known: World, **rules: str) -> World:
    """``known`` with recording rules; ``__`` in a name stands for ``:``."""
    records = {
        name.replace("__", ":"): [Recorded(name.replace("__", ":"), parse(expr), {})] for name, expr in rules.items()
    }
    return dataclasses.replace(known, records=records, _cache={})


@dataclass
class One:
    """What is found in one expression."""

    about: Subject
    found: list[Finding]

    def codes(self) -> list[str]:
        return [f.code for f in self.found]

    def one(self, code: str) -> Finding:
        wanted = [f for f in self.found if f.code == code]
        assert len(wanted) == 1, self.found
        return wanted[0]

    def marked(self, code: str) -> str:
        return self.about.text[slice(*self.one(code).span)]


def check_expr(text: str, known: World | None = None, use: Any = "alert", **more: Any) -> One:
    """Check ``text`` in ``known`` (by default `captured`)."""
    about = subject(use, "It", parse(text, variables=True), captured() if known is None else known, text, **more)
    return One(about, findings(about))


def check_built(text: str, known: World | None = None, use: Any = "alert", **more: Any) -> One:
    """As `check_expr`, of a tree that was built and not parsed: none of its nodes has a place in a text."""
    tree = _without_spans(parse(text))
    about = subject(use, "It", tree, captured() if known is None else known, **more)
    return One(about, findings(about))


def _without_spans(node: Any) -> Any:
    if isinstance(node, tuple):
        return tuple(_without_spans(item) for item in node)
    if not isinstance(node, ast.Expr | ast.Matcher | ast.Matching | ast.Duration):
        return node
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if field.name.endswith("_spans"):
            changes[field.name] = ()
        elif field.name.endswith("span"):
            changes[field.name] = None if field.default is None else (0, 0)
        else:
            changes[field.name] = _without_spans(value)
    return dataclasses.replace(node, **changes)


def check_rules(*rules: tuple[str, str, str], known: World = NOTHING, **more: Any) -> list[tuple[str, Finding]]:
    """The findings of rules (use, name, expression) together, each with its rule's name."""
    subjects = [subject(use, name, parse(text), known, text, **more) for use, name, text in rules]  # type: ignore[arg-type]
    return [(about.name, found) for about, found in lint(subjects)]

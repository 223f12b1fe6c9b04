"""What a check finds, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Literal, NamedTuple

from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.frozen import dataclass
from monitoring_kit.promql import ast
from monitoring_kit.promql.errors import PromQLError, Span
from monitoring_kit.promql.infer import Inference, Value
from monitoring_kit.promql.parser import parse
from monitoring_kit.promql.printer import print_expr
from monitoring_kit.promql.walk import children
from monitoring_kit.promql.world import World

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
Use = Literal["alert", "record", "panel"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding in a subject.

    ``span`` is a stretch of the text of ``field``: ``expr``, ``summary``, ``labels.team`` … ``notes`` are further places
    (stretch, text, field); ``fix`` replaces a stretch of the expression.
    """

    code: str
    severity: Severity
    message: str
    span: Span
    help: str = ""
    notes: tuple[tuple[Span, str], ...] = ()
    fix: tuple[Span, str] | None = None
    field: str = "expr"
    place: Any = None


@dataclass(slots=True, eq=False)
class Subject:
    """An expression and what it is for: an alert, a recording rule or a panel.

    ``text`` is the expression as its author wrote it, or as it is printed where mkit made it. Times are in milliseconds.
    ``annotations`` hold templates by name. ``group`` is the rule group's name and ``place`` where the author wrote it.
    """

    use: Use
    name: str
    expr: ast.Expr
    text: str
    facts: Inference
    for_ms: int = 0
    keep_ms: int = 0
    interval_ms: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    unit: str | None = None
    group: str = ""
    generated: bool = False
    place: Any = None
    watchdog: bool = False
    _parents: dict[int, ast.Expr] | None = None

    @property
    def world(self) -> World:
        return self.facts.world

    @property
    def value(self) -> Value:
        """The value of the whole expression."""
        return self.facts[self.expr]

    def parent(self, node: ast.Expr) -> ast.Expr | None:
        """The node right above ``node``, parentheses skipped; None for the root."""
        if self._parents is None:
            self._parents = {}
            stack = [self.expr]
            while stack:
                above = stack.pop()
                for child in children(above):
                    self._parents[id(child)] = above
                    stack.append(child)
        found = self._parents.get(id(node))
        while isinstance(found, ast.Paren):
            found = self._parents.get(id(found))
        return found

    def source(self, node: ast.Expr) -> str:
        """``node`` as its author wrote it."""
        start, end = node.span
        return self.text[start:end] if end else print_expr(node)

    def rewritten(self, span: Span, text: str) -> str:
        """The whole expression with a stretch replaced; "" where that would be no PromQL."""
        whole = " ".join((self.text[: span[0]] + text + self.text[span[1] :]).split())
        try:
            parse(whole, variables=True)
        except PromQLError:
            return ""
        return whole

    def instead(self, span: Span, text: str, before: str = "write") -> str:
        """A help line that shows the corrected expression."""
        whole = self.rewritten(span, text)
        return f"{before} `{whole}`" if whole else f"{before} `{text}`"

    @property
    def window(self) -> str:
        """The range that a rate here usually has."""
        return "$__rate_interval" if self.use == "panel" else "5m"


class Check(NamedTuple):
    """One check: its code, the type of node that it looks at (None for the whole subject) and, of calls, aggregations and
    binary operations, which; ``run`` yields the findings."""

    code: str
    on: type[Any] | None
    run: Callable[[Any, Subject], Iterable[Finding]]
    only: frozenset[str] | None = None
    uses: frozenset[str] = frozenset(("alert", "record", "panel"))


class GroupCheck(NamedTuple):
    """A check that looks at all subjects together."""

    code: str
    run: Callable[[list[Subject]], Iterable[tuple[Subject, Finding]]]


def proven(subject_declared: bool) -> Severity:
    """Error where the author declared the fact, warning where it comes from a captured catalog."""
    return ERROR if subject_declared else WARNING

"""What is known of one branch of an expression's result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from monitoring_kit.promql import ast
from monitoring_kit.promql.errors import Span
from monitoring_kit.promql.world import INF, Series


class Why(NamedTuple):
    """The reason for something, and the stretch of the expression that decided it."""

    span: Span
    text: str


class Fact(NamedTuple):
    """A label that a branch can have: ``sure`` when every series has it, ``value`` when it is one constant."""

    sure: bool
    value: str | None = None

    def differs(self, other: Fact) -> bool:
        """Whether both are constants, of which no two can be equal."""
        return self.value is not None and other.value is not None and self.value != other.value


@dataclass(slots=True)
class Source:
    """One branch of a value: an expression has several where ``or`` joins them.

    Labels: those in ``have`` are possible or guaranteed; any other is impossible for the reason in ``gone`` or ``rest``, or,
    when ``rest`` is None, unknown. ``low`` and ``high`` bound the value, ``steps`` are its only values. ``dead`` says why
    it never returns anything, ``always`` that it always does, ``filtered`` that a comparison has thinned it out, ``const``
    that it is a constant. ``node`` is the expression that made the values, ``series`` the one metric they come from.
    """

    node: ast.Expr
    have: dict[str, Fact] = field(default_factory=dict)
    gone: dict[str, Why] = field(default_factory=dict)
    rest: Why | None = None
    kind: str | None = None
    unit: str | None = None
    low: float = -INF
    high: float = INF
    steps: frozenset[float] | None = None
    series: Series | None = None
    dead: Why | None = None
    always: bool = False
    filtered: Why | None = None
    const: bool = False
    scalar: bool = False
    tautology: Why | None = None

    def fact(self, label: str) -> Fact | None:
        """The label if it is possible, an unsure fact if nothing is known, None if it is impossible."""
        found = self.have.get(label)
        if found is not None:
            return found
        return None if self.rest is not None or label in self.gone else _UNKNOWN

    def why_not(self, label: str) -> Why | None:
        """Why the label is impossible; None when it is possible."""
        if label in self.have:
            return None
        return self.gone.get(label, self.rest)

    def copy(self, node: ast.Expr) -> Source:
        """The same, to be changed; its dicts are shared until they are replaced."""
        return Source(
            node, self.have, self.gone, self.rest, self.kind, self.unit, self.low, self.high, self.steps, self.series,
            self.dead, self.always, self.filtered, self.const, self.scalar, self.tautology,
        )  # fmt: skip

    def number(self, low: float, high: float, unit: str | None = None, kind: str | None = "gauge") -> Source:
        """Give it another value: bounds, unit and kind; it no longer is what a metric exposes."""
        self.low, self.high, self.unit, self.kind, self.steps = low, high, unit, kind, None
        return self


_UNKNOWN = Fact(False)
Value = tuple[Source, ...]

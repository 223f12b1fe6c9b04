"""The syntax tree of PromQL: frozen nodes with exact source spans.

Two trees are equal when they mean the same text; spans and the ``text``/``quoted`` marks of how something
was written never count. Trees built by hand carry the span (0, 0).
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import Literal, TypeAlias

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql.errors import Span

NO_SPAN: Span = (0, 0)
NAN = math.nan
"""The one NaN of the trees: equality of nodes compares it by identity."""

MatchOp = Literal["=", "!=", "=~", "!~"]
METRIC_NAME = "__name__"

COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
SET_OPERATORS = frozenset(("and", "or", "unless"))


def _span() -> Span:
    return field(default=NO_SPAN, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Duration:
    """A literal duration in milliseconds; negative only in an offset.

    ``text`` is how it was written ("" in a built tree): "5m", "300" (a bare number, Prometheus 2.54) ...
    """

    ms: float
    span: Span = _span()
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DurationVar:
    """A dashboard or template variable in the place of a duration: ``$name``, ``${name:fmt}``, ``${name}s``."""

    name: str
    format: str = ""
    unit: str = ""
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class DurationOp:
    """Duration arithmetic (feature flag ``promql-duration-expr``): ``lhs`` is None for a negation."""

    op: str
    lhs: DurationExpr | None
    rhs: DurationExpr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class DurationParen:
    """A parenthesised duration expression."""

    expr: DurationExpr
    span: Span = _span()


DurationExpr: TypeAlias = Duration | DurationVar | DurationOp | DurationParen


@dataclass(frozen=True, slots=True)
class At:
    """The ``@`` modifier: a Unix time in seconds, ``"start"`` or ``"end"``."""

    value: float | Literal["start", "end"]
    span: Span = _span()
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher; ``value_span`` covers the quoted value."""

    name: str
    op: MatchOp
    value: str
    span: Span = _span()
    value_span: Span = _span()
    quoted: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class VectorSelector:
    """An instant vector selector. ``name`` is None when only matchers select (``{__name__=~"a|b"}``)."""

    name: str | None
    matchers: tuple[Matcher, ...] = ()
    offset: DurationExpr | None = None
    at: At | None = None
    span: Span = _span()
    quoted: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MatrixSelector:
    """A range vector selector; its offset and ``@`` belong to ``vector``."""

    vector: VectorSelector
    range: DurationExpr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Subquery:
    """``expr[range:step]``; ``step`` is None for the global evaluation interval."""

    expr: Expr
    range: DurationExpr
    step: DurationExpr | None = None
    offset: DurationExpr | None = None
    at: At | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; ``func_span`` covers the name."""

    func: str
    args: tuple[Expr, ...]
    span: Span = _span()
    func_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregation. ``grouping_span`` covers ``by (a, b)``; ``label_spans`` each label in it."""

    op: str
    expr: Expr
    param: Expr | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False
    span: Span = _span()
    op_span: Span = _span()
    grouping_span: Span | None = field(default=None, compare=False, repr=False)
    label_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Matching:
    """Vector matching of a binary operator: ``on``/``ignoring`` and, where one side is "many", ``group``.

    ``group`` names the side that has many ("left" for ``group_left``), ``include`` its extra labels.
    """

    on: bool
    labels: tuple[str, ...]
    group: Literal["left", "right"] | None = None
    include: tuple[str, ...] = ()
    span: Span = _span()
    label_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)
    group_span: Span | None = field(default=None, compare=False, repr=False)
    include_spans: tuple[Span, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary operation; ``op_span`` covers the operator itself."""

    op: str
    lhs: Expr
    rhs: Expr
    bool_modifier: bool = False
    matching: Matching | None = None
    span: Span = _span()
    op_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unary:
    """``-expr`` or ``+expr``; a signed number literal is a `Number`."""

    op: str
    expr: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Paren:
    """A parenthesised expression, kept so that printing does not lose the author's grouping."""

    expr: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Number:
    """A number literal; ``duration`` for ``5m`` written as a number (seconds, Prometheus 2.54)."""

    value: float
    duration: bool = False
    span: Span = _span()
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NumberVar:
    """A dashboard or template variable in the place of a number."""

    name: str
    format: str = ""
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class String:
    """A string literal. Bytes that are no UTF-8 (``"\\xff"``) are kept as lone surrogates."""

    value: str
    span: Span = _span()


Expr: TypeAlias = (
    VectorSelector | MatrixSelector | Subquery | Call | Aggregate | Binary | Unary | Paren | Number | NumberVar | String
)

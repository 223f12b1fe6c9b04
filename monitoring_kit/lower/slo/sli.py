"""What an SLO counts: all events and the bad (or good) ones, as PromQL over ``$window``."""

from __future__ import annotations

import hashlib

from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.slo.classify import WINDOW, additive
from monitoring_kit.promql import Expr, add_matchers, ast, print_expr, replace_durations, rewrite
from monitoring_kit.promql import build as q
from monitoring_kit.promql.template import hole
from monitoring_kit.resolve.signals import Signal
from monitoring_kit.spec.quantity import Duration

RANGE = ast.DurationVar(WINDOW)
# What stands for the service's scrape job until the rules are filled in.
JOB = hole("job")


@dataclass(frozen=True, slots=True)
class Sli:
    """``part`` and ``total`` have one series for each value of the labels ``by`` and nothing else.

    ``kind`` says what ``part`` is: bad events, good events, or already the ratio of bad ones (then ``total`` is None).
    ``unit`` is ``rate`` or ``count`` when tiles of both may be added up over time, None when they may not.
    """

    kind: str
    part: Expr
    total: Expr | None
    by: tuple[str, ...]
    unit: str | None

    @property
    def tileable(self) -> bool:
        return self.unit is not None

    def part_over(self, window: Duration) -> Expr:
        return _over(self.part, window)

    def total_over(self, window: Duration) -> Expr:
        assert self.total is not None
        return _over(self.total, window)

    def events_text(self, extra: str) -> str:
        """What the denominator is: SLOs that share it share its recordings."""
        return "\0".join(("" if self.total is None else _canonical(self.total), ",".join(sorted(self.by)), extra))

    def definition_text(self, extra: str) -> str:
        """What the whole definition is: another one has another history."""
        return "\0".join((self.kind, _canonical(self.part), self.events_text(extra)))


def name_of(text: str, job: str) -> str:
    """A short name for a definition's text, with the service's job in it: the first 8 digits of its SHA-256."""
    return hashlib.sha256(text.replace(JOB, job).encode()).hexdigest()[:8]


def _canonical(expr: Expr) -> str:
    """The text of ``expr`` with the matchers of each selector in order: what means the same has the same name."""

    def ordered(node: Expr) -> Expr:
        if not isinstance(node, ast.VectorSelector):
            return node
        matchers = tuple(sorted(node.matchers, key=lambda m: (m.name, m.op, m.value)))
        return ast.VectorSelector(node.name, matchers, node.offset, node.at)

    return print_expr(rewrite(expr, ordered))


def _over(expr: Expr, window: Duration) -> Expr:
    return replace_durations(expr, {WINDOW: ast.Duration(window.ms)})


def _made(kind: str, part: Expr, total: Expr | None, by: tuple[str, ...]) -> Sli:
    one = additive(part)
    unit = one if total is not None and one == additive(total) else None
    return Sli(kind, part, total, by, unit)


def ratio_sli(signal: Signal, by: tuple[str, ...]) -> Sli:
    """A signal that is a ratio of two counters."""
    assert signal.ratio is not None
    bad, total = (_of_job(counter) for counter in signal.ratio)
    return _made("bad", _summed_rate(bad, by), _summed_rate(total, by), by)


def histogram_sli(signal: Signal, threshold: float, by: tuple[str, ...]) -> Sli:
    """Observations of a classic histogram up to ``threshold``, which must be the end of a bucket."""
    name, matchers = _histogram(signal)
    # Servers since 3.0 store le="1" as le="1.0".
    bound = f"{threshold:.12g}"
    le = ast.Matcher("le", "=~", rf"{bound}(\.0)?") if threshold == int(threshold) else ast.Matcher("le", "=", bound)
    good = _of_job(ast.VectorSelector(f"{name}_bucket", (*matchers, le)))
    total = _of_job(ast.VectorSelector(f"{name}_count", matchers))
    return _made("good", _summed_rate(good, by), _summed_rate(total, by), by)


def native_sli(signal: Signal, threshold: float, by: tuple[str, ...]) -> Sli:
    """Observations of a native histogram up to ``threshold``, interpolated within the bucket that it falls into."""
    name, matchers = _histogram(signal)
    rate = _summed_rate(_of_job(ast.VectorSelector(name, matchers)), by)
    count = q.call("histogram_count", rate)
    # Without observations the fraction is NaN; the filter leaves no series then.
    good = q.mul(q.call("histogram_fraction", float("-inf"), threshold, rate), q.gt(count, 0))
    return Sli("good", good, count, by, "rate")


def counted_sli(kind: str, part: Expr, total: Expr, by: tuple[str, ...]) -> Sli:
    """The author's own counters (selectors, summed here) or expressions over ``$window``."""
    return _made(kind, summed(part, by), summed(total, by), by)


def ratio_query_sli(query: Expr, by: tuple[str, ...]) -> Sli:
    """The author's own ratio of bad events; taken apart where it is a quotient of sums."""
    bad = _quotient(query)
    if bad is not None:
        return counted_sli("bad", bad[0], bad[1], by)
    inner = _unwrapped(query)
    if isinstance(inner, ast.Binary) and inner.op == "-" and isinstance(inner.lhs, ast.Number) and inner.lhs.value == 1:
        good = _quotient(inner.rhs)
        if good is not None:
            return counted_sli("good", good[0], good[1], by)
    return Sli("ratio", q.aggregate("max", query, by=by), None, by, None)


def summed(expr: Expr, by: tuple[str, ...]) -> Expr:
    """``expr`` as a sum by ``by``: the rate of a bare selector; an expression that is such a sum stays as it is."""
    expr = _unwrapped(expr)
    if isinstance(expr, ast.VectorSelector):
        return _summed_rate(expr, by)
    if isinstance(expr, ast.Aggregate) and expr.op == "sum" and not expr.without and set(expr.grouping) == set(by):
        return expr
    return q.sum_by(by, expr)


def _quotient(expr: Expr) -> tuple[Expr, Expr] | None:
    expr = _unwrapped(expr)
    if not isinstance(expr, ast.Binary) or expr.op != "/":
        return None
    left, right = _unwrapped(expr.lhs), _unwrapped(expr.rhs)
    if additive(left) is None or additive(left) != additive(right) or not _one_series(left) or not _one_series(right):
        return None
    return left, right


def _one_series(expr: Expr) -> bool:
    """Whether an additive expression is summed as a whole: only then is the ratio of sums what its author wrote."""
    expr = _unwrapped(expr)
    if isinstance(expr, ast.Binary):
        return all(_one_series(side) or not isinstance(side, ast.Aggregate | ast.Call) for side in (expr.lhs, expr.rhs))
    return isinstance(expr, ast.Aggregate) and not expr.grouping and not expr.without


def _unwrapped(expr: Expr) -> Expr:
    while isinstance(expr, ast.Paren):
        expr = expr.expr
    return expr


def _histogram(signal: Signal) -> tuple[str | None, tuple[ast.Matcher, ...]]:
    assert isinstance(signal.histogram, ast.VectorSelector)
    return signal.histogram.name, signal.histogram.matchers


def _of_job(selector: Expr) -> Expr:
    return add_matchers(selector, {"job": JOB})


def _summed_rate(selector: Expr, by: tuple[str, ...]) -> Expr:
    return q.sum_by(by, q.rate(selector, RANGE))

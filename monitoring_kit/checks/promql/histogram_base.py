"""The base name of a classic histogram, under which nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.promql.printer import print_expr

CODE = "promql/histogram-base"


def run(node: ast.VectorSelector, subject: Subject) -> Iterable[Finding]:
    name = node.name
    world = subject.world
    if name is None or world.family(name) not in ("histogram", "summary") or world.knows(name):
        return
    span = (node.span[0], node.span[0] + len(name))
    help_, fix = _help(node, name, subject, world.family(name) == "histogram")
    yield Finding(
        CODE, ERROR if world.closed else WARNING,
        f"`{name}` is a {world.family(name)}: no series has that name, only `{name}_bucket`, `{name}_sum` and `{name}_count`",
        span, help_, fix=fix,
    )  # fmt: skip


def _help(
    node: ast.VectorSelector, name: str, subject: Subject, histogram: bool
) -> tuple[str, tuple[tuple[int, int], str] | None]:
    selector = print_expr(ast.VectorSelector(None, node.matchers)) if node.matchers else ""
    above = subject.parent(node)
    by = subject.world.owner
    window = subject.window
    if isinstance(above, ast.MatrixSelector):
        outer = subject.parent(subject.parent(above) or above)
        wants = (isinstance(outer, ast.Aggregate) and "le" in outer.grouping) or (
            isinstance(outer, ast.Call) and outer.func == "histogram_quantile"
        )
        suffix = "_bucket" if wants else "_count"
        span = (node.span[0], node.span[0] + len(name))
        return subject.instead(span, name + suffix), (span, name + suffix)
    buckets = f"rate({name}_bucket{selector}[{window}])"
    if isinstance(above, ast.Call) and above.func == "histogram_quantile":
        return subject.instead(node.span, f"sum by (le, {by}) ({buckets})"), (
            node.span,
            f"sum by (le, {by}) ({buckets})",
        )
    if (isinstance(above, ast.Aggregate) and above.op == "avg") or not histogram:
        whole = above if isinstance(above, ast.Aggregate) else node
        group = (
            f" by ({', '.join(above.grouping)}) "
            if isinstance(above, ast.Aggregate) and above.grouping and not above.without
            else ""
        )
        mean = f"sum{group}(rate({name}_sum{selector}[{window}])) / sum{group}(rate({name}_count{selector}[{window}]))"
        return subject.instead(whole.span, mean, "for the mean, write"), None
    quantile = f"histogram_quantile(0.95, sum by (le, {by}) ({buckets}))"
    return subject.instead(node.span, quantile, "for the 95th percentile, write"), None


CHECK = Check(CODE, ast.VectorSelector, run)

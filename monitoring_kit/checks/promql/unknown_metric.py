"""A metric that nothing exposes and no rule records."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.diagnostics.suggest import closest, is_typo
from monitoring_kit.promql import ast
from monitoring_kit.promql.walk import metric_name
from monitoring_kit.promql.world import stems

CODE = "promql/unknown-metric"


def run(node: ast.VectorSelector, subject: Subject) -> Iterable[Finding]:
    name = metric_name(node)
    world = subject.world
    if name is None or "$" in name or world.knows(name):
        return
    known = list(world.names())
    if not world.closed and not known:
        return
    if any(world.family(stem) for stem in stems(name)) or f"{name}_total" in known:
        return  # promql/histogram-base and promql/missing-total have more to say
    span = (node.span[0], node.span[0] + len(name)) if node.name else node.span
    consequence = "this alert can never fire" if subject.use == "alert" else "there is nothing to show"
    keys = next((world.dormant[stem] for stem in stems(name) if stem in world.dormant), None)
    if keys is not None:
        message = f"nothing exposes `{name}` as the spec stands: {consequence}"
        yield Finding(CODE, ERROR, message, span, f"it is served once the spec has {keys}")
        return
    for stem in (stem for stem in stems(name) if stem in world.standing):
        own = world.standing[stem]
        suffix = name[len(stem) :]
        if world.knows(own + suffix):
            help_ = f"its exporter serves `{own}` in its place: {subject.instead(span, own + suffix)}"
            yield Finding(CODE, ERROR, _nowhere(name, consequence), span, help_)
            return
        if own in world.dormant:
            help_ = f"its exporter serves `{own}` in its place once the spec has {world.dormant[own]}"
            yield Finding(CODE, ERROR, _nowhere(name, consequence), span, help_)
            return
    if name not in world.nearest:
        # Looked up once a name: comparing with thousands of names takes milliseconds.
        world.nearest[name] = closest(name, [*known, *world.records])
    near = world.nearest[name]
    if world.closed:
        help_ = (
            subject.instead(span, near, "did you mean") + "?"
            if near
            else "declare it under `metrics:` with the services that expose it"
        )
        if near is None and name.split("_")[0] in _SIGNALS:
            help_ += f"; or use a signal, e.g. `when: {_condition(name.split('_')[0], subject.parent(node))}`"
        yield Finding(CODE, ERROR, _nowhere(name, consequence), span, help_, fix=(span, near) if near else None)
    elif near is not None and is_typo(name, near):
        yield Finding(CODE, WARNING, f"no catalog has a metric `{name}`", span, f"did you mean `{near}`?")


def _nowhere(name: str, consequence: str) -> str:
    return f"no service exposes a metric `{name}`, and no rule records it: {consequence}"


# Signals that most kinds have: how they are written, and a usual threshold.
_SIGNALS = {
    "cpu": ("cpu", "> 80%"), "memory": ("memory", "> 80%"), "disk": ("disk", "> 80%"), "errors": ("errors", "> 5%"),
    "latency": ("latency(p95)", "> 1s"), "traffic": ("traffic", "> 100/s"),
}  # fmt: skip


def _condition(signal: str, compared: ast.Expr | None) -> str:
    """The condition on ``signal`` that the author seems to mean: with their own threshold, where it is a share."""
    written, usual = _SIGNALS[signal]
    if isinstance(compared, ast.Binary) and compared.op in ("<", "<=", ">", ">=") and usual.endswith("%"):
        limit = compared.rhs
        if isinstance(limit, ast.Number) and 0 < limit.value <= 100 and limit.value != 1:
            return f"{written} {compared.op} {limit.value * (100 if limit.value < 1 else 1):.6g}%"
    return f"{written} {usual}"


CHECK = Check(CODE, ast.VectorSelector, run)

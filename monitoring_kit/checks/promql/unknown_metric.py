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
    if name not in world.nearest:
        # Looked up once a name: comparing with thousands of names takes milliseconds.
        world.nearest[name] = closest(name, [*known, *world.records])
    near = world.nearest[name]
    span = (node.span[0], node.span[0] + len(name)) if node.name else node.span
    if world.closed:
        help_ = (
            subject.instead(span, near, "did you mean") + "?"
            if near
            else "declare it under `metrics:` with the services that expose it"
        )
        if near is None and name.split("_")[0] in _SIGNALS:
            help_ += f"; or use a signal, e.g. `when: {name.split('_')[0]} > 80%`"
        consequence = "this alert can never fire" if subject.use == "alert" else "there is nothing to show"
        message = f"no service exposes a metric `{name}`, and no rule records it: {consequence}"
        yield Finding(CODE, ERROR, message, span, help_, fix=(span, near) if near else None)
    elif near is not None and is_typo(name, near):
        yield Finding(CODE, WARNING, f"no catalog has a metric `{name}`", span, f"did you mean `{near}`?")


_SIGNALS = frozenset(("cpu", "memory", "errors", "latency", "traffic", "disk"))
CHECK = Check(CODE, ast.VectorSelector, run)

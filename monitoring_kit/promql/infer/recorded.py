"""The series that a recording rule writes."""

from __future__ import annotations

from dataclasses import replace

from monitoring_kit.promql.infer.source import Source
from monitoring_kit.promql.world import Allowed, Recorded, Series, World, merged


def recorded_series(rule: Recorded, world: World) -> Series:
    """What ``rule`` records: the inferred type, unit, labels and bounds of its expression, plus its own labels."""
    from monitoring_kit.promql.infer import infer

    found = world.inferred.get(id(rule.expr))
    if found is None:
        # With the expression itself: its identity may not go to another one.
        found = world.inferred[id(rule.expr)] = rule.expr, infer(rule.expr, world)
    return merged(
        [_series(rule, source) for source in found[1][rule.expr] if source.dead is None]
        or [Series(rule.name, rule.name, None)]
    )


def _series(rule: Recorded, source: Source) -> Series:
    # `job="x"` in the selector also fixes the target label of the same meaning only where the spec says so.
    labels = {n: Allowed((f.value,) if f.value is not None else ()) for n, f in source.have.items()}
    sure = {n for n, f in source.have.items() if f.sure}
    labels.update({n: Allowed((v,)) for n, v in rule.labels.items()})
    sure |= set(rule.labels)
    if rule.service is not None and "service" in labels:
        labels["service"] = Allowed((rule.service,))
    origin = source.series
    series = Series(
        rule.name, rule.name, source.kind, rule.unit or source.unit, rule.unit or source.unit, labels, frozenset(sure), source.rest is None,
        low=source.low, high=source.high, steps=source.steps, declared=origin.declared if origin else False,
        source="a recording rule", origin=rule.origin,
    )  # fmt: skip
    return replace(series, kind="rate") if source.kind == "bucket_rate" else series

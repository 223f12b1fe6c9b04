"""The rules of one shape of SLO as printed templates, made once and filled in for every SLO that has it."""

from __future__ import annotations

from collections.abc import Callable

from monitoring_kit.conventions import SLO_BAD, SLO_PERIOD_ERROR, SLO_TOTAL, slo_ratio
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.slo import alerts, level0
from monitoring_kit.lower.slo.ratios import from_recorded, ratio_expr
from monitoring_kit.lower.slo.shape import Shape
from monitoring_kit.lower.slo.windows import TierPlan
from monitoring_kit.promql import Expr
from monitoring_kit.promql.template import Template
from monitoring_kit.spec.quantity import Duration


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Templates in evaluation order. ``total`` may be shared with other SLOs; ``period`` is only there where the period
    must be read from raw samples. Those of ``page`` and ``ticket`` come with the record, and with what makes rules of several
    shapes alike, None where nothing does."""

    total: Template | None
    page: tuple[tuple[str, Template, object], ...]
    ticket: tuple[tuple[str, Template, object], ...]
    period: Template | None
    tiers: tuple[tuple[TierPlan, Template], ...]
    low_traffic: Template | None
    vanished: Template | None


def blueprint(shape: Shape, kept: dict[object, Template]) -> Blueprint:
    """Everything that is printed for an SLO of this shape. What reads recorded series only is the same for many shapes: ``kept``
    holds it from one to the next."""
    sli = shape.sli

    def common(key: object, make: Callable[[], Expr]) -> Template:
        # Maintenance is part of every condition, and compares its windows one by one.
        if shape.maintenance:
            return Template(make())
        found = kept.get(key)
        if found is None:
            found = kept[key] = Template(make())
        return found

    def ratio(window: Duration) -> tuple[str, Template, object]:
        record = slo_ratio(str(window))
        if not from_recorded(shape, window):
            return record, Template(ratio_expr(shape, window)), None
        # Grouped otherwise, the recorded series have other labels.
        template = common(("ratio", window), lambda: ratio_expr(shape, window))
        return record, template, ("slo ratio", sli.by)

    page = [ratio(window) for window in shape.windows(page=True)]
    if sli.tileable:
        page.insert(0, (SLO_BAD, Template(level0.bad_expr(shape)), None))
    counted = (sli.by, sli.unit, shape.step, shape.floor)
    return Blueprint(
        total=Template(level0.total_expr(shape)) if sli.total is not None else None,
        page=tuple(page),
        ticket=tuple(ratio(window) for window in shape.windows(page=False)),
        period=None if sli.tileable else Template(ratio_expr(shape, shape.period.length)),
        tiers=tuple(
            (tier, common((tier, shape.limit(tier), counted), lambda tier=tier: alerts.burn_expr(shape, tier)))  # type: ignore[misc]
            for tier in shape.tiers
        ),
        low_traffic=None
        if shape.floor is None
        else common(("low traffic", counted), lambda: alerts.low_traffic_expr(shape)),
        vanished=common(("vanished", sli.total is None), lambda: alerts.vanished_expr(shape)) if shape.absent else None,
    )


__all__ = ["SLO_PERIOD_ERROR", "SLO_TOTAL", "Blueprint", "blueprint"]

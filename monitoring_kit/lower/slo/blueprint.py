"""The rules of one shape of SLO as printed templates, made once and filled in for every SLO that has it."""

from __future__ import annotations

from monitoring_kit.conventions import SLO_BAD, SLO_PERIOD_ERROR, SLO_TOTAL, slo_ratio
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.slo import alerts, level0
from monitoring_kit.lower.slo.ratios import ratio_expr
from monitoring_kit.lower.slo.shape import Shape
from monitoring_kit.lower.slo.windows import TierPlan
from monitoring_kit.promql.template import Template


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Templates in evaluation order. ``total`` may be shared with other SLOs; ``period`` is only there where the period
    must be read from raw samples."""

    total: Template | None
    page: tuple[tuple[str, Template], ...]
    ticket: tuple[tuple[str, Template], ...]
    period: Template | None
    tiers: tuple[tuple[TierPlan, Template], ...]
    low_traffic: Template | None
    vanished: Template | None


def blueprint(shape: Shape) -> Blueprint:
    """Everything that is printed for an SLO of this shape."""
    sli = shape.sli
    page = [(slo_ratio(str(w)), Template(ratio_expr(shape, w))) for w in shape.windows(page=True)]
    if sli.tileable:
        page.insert(0, (SLO_BAD, Template(level0.bad_expr(shape))))
    ticket = [(slo_ratio(str(w)), Template(ratio_expr(shape, w))) for w in shape.windows(page=False)]
    return Blueprint(
        total=Template(level0.total_expr(shape)) if sli.total is not None else None,
        page=tuple(page),
        ticket=tuple(ticket),
        period=None if sli.tileable else Template(ratio_expr(shape, shape.period.length)),
        tiers=tuple((tier, Template(alerts.burn_expr(shape, tier))) for tier in shape.tiers),
        low_traffic=Template(alerts.low_traffic_expr(shape)) if shape.floor is not None else None,
        vanished=Template(alerts.vanished_expr(shape)) if shape.absent else None,
    )


__all__ = ["SLO_PERIOD_ERROR", "SLO_TOTAL", "Blueprint", "blueprint"]

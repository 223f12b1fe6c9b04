"""The SLOs of a system, checked and closed: what the rules, dashboards and pages about them are made from."""

from __future__ import annotations

import math

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.slo.checks import check_slo
from monitoring_kit.lower.slo.choose import interpolates, sli_of
from monitoring_kit.lower.slo.period import period_of
from monitoring_kit.lower.slo.shape import Floor, Shape, maintenance_text
from monitoring_kit.lower.slo.sli import name_of
from monitoring_kit.lower.slo.windows import TierPlan, tiers_of
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.owner import Owner
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.slos import Slo

# The fast group's interval follows the global one between these.
_FASTEST, _SLOWEST = Duration(30_000), Duration(60_000)
_FEWEST_BAD = 5


@dataclass(frozen=True, slots=True)
class SloPlan:
    """An SLO of a service with everything looked up. ``shape_key`` is equal for the SLOs of one shape. ``events`` and
    ``definition`` are the labels that keep the history of another definition apart; SLOs that count the same events share
    ``events``."""

    spec: Slo
    view: ServiceView
    shape: Shape
    shape_key: tuple[str, int]
    events: str
    definition: str

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def service(self) -> str:
        return self.view.name

    @property
    def origin(self) -> Span:
        return self.spec.name_span

    @property
    def owner(self) -> Owner | None:
        return self.spec.owner or self.view.owner

    @property
    def by(self) -> tuple[str, ...]:
        """The labels that have a budget each."""
        return self.shape.sli.by


# By what decides them, with a number: the key itself is large, and every rule would be looked up by it again and again.
_Shapes = dict[tuple[object, ...], tuple[int, Shape]]


def plan_slos(system: System, report: Report) -> tuple[SloPlan, ...]:
    """Every SLO that can work; the others are reported with the reason."""
    shapes: _Shapes = {}
    found = []
    for view in system.services.values():
        for slo in view.spec.slos.values():
            plan = _plan(system, view, slo, shapes, report)
            if plan is not None:
                found.append(plan)
    return tuple(found)


def _plan(system: System, view: ServiceView, slo: Slo, shapes: _Shapes, report: Report) -> SloPlan | None:
    if not check_slo(system, view, slo, report):
        return None
    period = period_of(system, slo, report)
    if period is None:
        return None
    tiers = tiers_of(slo, period, system.spec.compatibility.prometheus)
    signal = view.signals.get(slo.signal) if slo.signal is not None else None
    native = signal is not None and slo.threshold is not None and interpolates(system, view, slo, signal)
    key: tuple[object, ...] = (
        id(signal), slo.threshold, native, slo.total, slo.bad, slo.good, slo.error_ratio, slo.objective.value, period, tiers, slo.profile,
        slo.group_by, slo.min_events and (slo.min_events.total, slo.min_events.bad),
        tuple((w.weekly, w.from_, w.to) for w in slo.maintenance), slo.absent != "off",
    )  # fmt: skip
    known = shapes.get(key)
    if known is None:
        sli = sli_of(system, view, slo, report)
        if sli is None:
            return None
        planned = maintenance_text(slo.maintenance)
        shape = Shape(
            sli=sli, objective=slo.objective.value, period=period, tiers=tiers, profile=slo.profile, floor=_floor(slo, tiers),
            maintenance=slo.maintenance, absent=slo.absent != "off", step=fast_step(system),
            events=sli.events_text(planned), definition=sli.definition_text(planned),
        )  # fmt: skip
        known = shapes[key] = len(shapes), shape
    number, shape = known
    if not _can_fire(slo, shape, report) or not _fits(system, slo, shape, report):
        return None
    return SloPlan(
        slo, view, shape, ("slo", number), name_of(shape.events, view.job), name_of(shape.definition, view.job)
    )


def fast_step(system: System) -> Duration:
    """The interval of the fast group: the global one, within 30 s and 1 m."""
    return min(max(system.spec.prometheus.evaluation_interval, _FASTEST), _SLOWEST)


def _floor(slo: Slo, tiers: tuple[TierPlan, ...]) -> Floor | None:
    if slo.min_events is None:
        return None
    pages = [t.factor for t in tiers if t.page]
    share = max(pages, default=1.0) * (1 - slo.objective.value)
    bad = slo.min_events.bad or max(_FEWEST_BAD, math.ceil(share * slo.min_events.total))
    return Floor(slo.min_events.total, bad)


def _can_fire(slo: Slo, shape: Shape, report: Report) -> bool:
    """Report tiers whose limit no share of events can pass."""
    ok = True
    for tier in shape.tiers:
        if shape.limit(tier) >= 1:
            ok = False
            report.error(
                "slo/objective",
                f"`{tier.key}` could never fire: {tier.factor:g} times the budget of {shape.budget * 100:g}% is more than all events",
                slo.at("objective"),
                help=f"raise the objective, lower the factor, or leave it out: `tiers: {{{tier.key}: {{disable: true}}}}`",
            )
    return ok


def _fits(system: System, slo: Slo, shape: Shape, report: Report) -> bool:
    """Report what needs counts that can be added up over time, and alert windows that reach beyond the retention."""
    keeps = system.spec.prometheus.retention.time
    longest = max((t.long for t in shape.tiers), default=keeps)
    if longest > keeps:
        report.error(
            "slo/window", f"its alerts look back {longest}, but Prometheus keeps only {keeps}", slo.name_span,
            help="raise `prometheus.retention.time`, or disable the tiers that look back so far",
        )  # fmt: skip
        return False
    if shape.sli.tileable:
        return True
    ok = True
    needing = {"min_events": slo.min_events, "maintenance": slo.maintenance, "window": shape.period.calendar}
    for key, used in needing.items():
        if used:
            ok = False
            report.error(
                "slo/not-additive", f"`{key}` needs counts that add up over time, which this query does not give", slo.at(key),
                help="write `total` and `bad` (or `good`) as sums of rate() or increase() over $window",
            )  # fmt: skip
    return ok

"""The rule groups of all SLOs.

Rules of a group run in order, and later ones see what earlier ones recorded at the same instant; so the recordings of a
tier and the alerts on them stand in one group. Slow tiers have groups of their own, which cannot delay a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from itertools import groupby

from monitoring_kit import conventions as c
from monitoring_kit.lower.alerts import static_labels
from monitoring_kit.lower.filled import alerting, recording
from monitoring_kit.lower.model import AlertingRule, RecordingRule, RuleGroup
from monitoring_kit.lower.slo import meta, texts, tiles
from monitoring_kit.lower.slo.blueprint import Blueprint, blueprint
from monitoring_kit.lower.slo.plan import SloPlan, fast_step
from monitoring_kit.lower.slo.windows import TierPlan
from monitoring_kit.promql import Expr
from monitoring_kit.promql import build as q
from monitoring_kit.promql.template import Template
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.quantity import Duration

TICKET_INTERVAL = Duration(60_000)
BUDGET_INTERVAL = Duration(120_000)
TILE_INTERVAL = Duration(300_000)
HOUR_INTERVAL = Duration(3_600_000)
# Twice what a counter needs to come back after a restart; shorter gaps are in every other alert already.
VANISHED_FOR = Duration(600_000)
_NONE = Duration(0)
# By shape, and what several shapes have in common.
_Made = tuple[dict[tuple[str, int], Blueprint], dict[object, Template]]


def slo_groups(system: System, plans: tuple[SloPlan, ...]) -> list[RuleGroup]:
    """Two groups a service (pages, tickets), and four that serve all SLOs at once (tiles, budgets)."""
    if not plans:
        return []
    made: _Made = {}, {}
    groups: list[RuleGroup] = []
    for service, mine in groupby(plans, key=lambda plan: plan.service):
        groups += _service_groups(system, service, list(mine), made)
    return groups + _shared_groups(plans)


def _service_groups(system: System, service: str, plans: list[SloPlan], made: _Made) -> list[RuleGroup]:
    blueprints, templates = made
    page: list[RecordingRule | AlertingRule] = []
    ticket: list[RecordingRule | AlertingRule] = []
    slow: list[RecordingRule | AlertingRule] = []
    shared: set[str] = set()
    for plan in plans:
        found = blueprints.get(plan.shape_key)
        if found is None:
            found = blueprints[plan.shape_key] = blueprint(plan.shape, templates)
        rules = _Rules(system, plan, found)
        page += rules.page(shared)
        ticket += rules.ticket()
        slow += rules.period()
    file = c.service_rules_file(service)
    groups = [
        RuleGroup(c.slo_group(service, "page"), file, tuple(page), fast_step(system)),
        RuleGroup(c.slo_group(service, "ticket"), file, tuple(ticket), TICKET_INTERVAL),
        RuleGroup(c.slo_group(service, "period"), file, tuple(slow), TILE_INTERVAL),
    ]
    return [group for group in groups if group.rules]


class _Rules:
    """The rules of one SLO."""

    def __init__(self, system: System, plan: SloPlan, made: Blueprint) -> None:
        self.system, self.plan, self.made = system, plan, made
        own = {"service": plan.service, "slo": plan.name, "events": plan.events, "definition": plan.definition}
        self.values = {"job": plan.view.job, **own}
        self.events = {c.SERVICE: plan.service, c.SLO_EVENTS: plan.events}
        self.labels = {**self.events, c.SLO: plan.name, c.SLO_DEFINITION: plan.definition}

    def page(self, shared: set[str]) -> Iterable[RecordingRule | AlertingRule]:
        """Rates and short windows, and the alerts on them; ``shared`` are the totals that the service records already."""
        events = self.plan.events
        if self.made.total is not None and events not in shared:
            shared.add(events)
            yield self._record(c.SLO_TOTAL, self.made.total.fill(**self.values), self.events)
        for record, template, alike in self.made.page:
            yield self._record(record, template.fill(**self.values), self.labels, alike)
        yield from self._tiers(page=True)
        if self.made.low_traffic is not None:
            name, text = c.SLO_LOW_TRAFFIC, self.made.low_traffic.fill(**self.values)
            words = texts.low_traffic_texts(self.system, self.plan, name)
            yield self._alert(name, text, "low_traffic", "warning", words)
        if self.made.vanished is not None:
            name, text = c.SLO_ABSENT, self.made.vanished.fill(**self.values)
            words = texts.vanished_texts(self.system, self.plan, name)
            yield self._alert(name, text, "absent", self.plan.spec.absent, words, for_=VANISHED_FOR)

    def ticket(self) -> Iterable[RecordingRule | AlertingRule]:
        """The long windows, and the alerts on them."""
        for record, template, alike in self.made.ticket:
            yield self._record(record, template.fill(**self.values), self.labels, alike)
        yield from self._tiers(page=False)

    def period(self) -> Iterable[RecordingRule]:
        """The whole period, where it cannot be added up from tiles."""
        if self.made.period is not None:
            yield self._record(c.SLO_PERIOD_ERROR, self.made.period.fill(**self.values), self.labels)

    def _tiers(self, *, page: bool) -> Iterable[AlertingRule]:
        for tier, template in self.made.tiers:
            if tier.page == page:
                yield self._tier(tier, template.fill(**self.values))

    def _tier(self, tier: TierPlan, text: str) -> AlertingRule:
        words = texts.burn_texts(self.system, self.plan, tier)
        return self._alert(
            tier.alert,
            text,
            tier.key,
            tier.severity,
            words,
            for_=tier.for_,
            keep=tier.keep_firing_for,
            notify=tier.notify,
        )

    def _record(self, record: str, text: str, labels: dict[str, str], alike: object = None) -> RecordingRule:
        return recording(
            text,
            record=record,
            labels=labels,
            origin=self.plan.origin,
            service=self.plan.service,
            shape=alike or self.plan.shape_key,
        )

    def _alert(
        self, name: str, text: str, tier: str, severity: str, words: dict[str, str], *,
        for_: Duration = _NONE, keep: Duration = _NONE, notify: tuple[str, ...] = (),
    ) -> AlertingRule:  # fmt: skip
        plan = self.plan
        wanted = set(notify or plan.spec.notify or self.system.channels_by_severity[severity])
        channels = tuple(name for name in self.system.spec.channels if name in wanted)
        own = {c.SLO: plan.name, c.SLO_TIER: tier.replace("_", "-")}
        labels = static_labels(self.system, plan.service, severity, channels, {**plan.spec.labels, **own})
        if plan.owner is not None:
            labels[c.TEAM] = plan.owner.team
        return alerting(
            text, name=name, for_=for_, keep_firing_for=keep, labels=labels, annotations=words, origin=plan.origin, kind="slo",
            severity=severity, notify=channels, service=plan.service,
        )  # fmt: skip


def _shared_groups(plans: tuple[SloPlan, ...]) -> list[RuleGroup]:
    """What all SLOs have in common: one rule for all of them."""
    origin = plans[0].origin
    periods = list(dict.fromkeys(plan.shape.period for plan in plans if plan.shape.sli.tileable))
    units = [period.unit for period in periods if period.calendar]

    def rules(pairs: Iterable[tuple[str, Expr]]) -> tuple[RecordingRule, ...]:
        return tuple(RecordingRule(record, expr, {}, origin) for record, expr in pairs)

    groups = []
    if periods:
        hourly = [*tiles.hours(), *(pair for unit in units for pair in tiles.calendar(unit))]
        groups.append(RuleGroup("slo-tiles-5m", c.SLO_RULES, rules(tiles.five_minutes()), TILE_INTERVAL))
        groups.append(RuleGroup("slo-tiles-1h", c.SLO_RULES, rules(hourly), HOUR_INTERVAL))
    # One rule for all periods: promtool takes a second one of the same name without labels for a mistake.
    errors = [(c.SLO_PERIOD_ERROR, reduce(q.or_, map(meta.period_error, periods)))] if periods else []
    budgets = rules([*errors, *meta.budgets()])
    objectives = tuple(_objective(plan) for plan in plans)
    groups.append(RuleGroup("slo-budgets", c.SLO_RULES, (*objectives, *budgets), BUDGET_INTERVAL))
    return groups


def _objective(plan: SloPlan) -> RecordingRule:
    """The objective as a series: what the budgets of all SLOs are computed from in one go."""
    labels = {
        c.SERVICE: plan.service, c.SLO: plan.name, c.SLO_DEFINITION: plan.definition, c.SLO_PERIOD: str(plan.shape.period),
    }  # fmt: skip
    expr = q.vector(plan.shape.objective)
    shape = ("slo objective", plan.shape.objective)
    return RecordingRule(c.SLO_OBJECTIVE, expr, labels, plan.origin, plan.service, shape=shape)

"""What anomaly, capacity and degradation have in common: their signals, parameters and groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from monitoring_kit.conventions import service_rules_file
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.load.nodes import Entry, Mapping, Sequence
from monitoring_kit.lower import messages
from monitoring_kit.lower.alerts import channels_of, static_labels
from monitoring_kit.lower.model import AlertingRule, RecordingRule, RuleGroup
from monitoring_kit.lower.plans import Plan
from monitoring_kit.lower.uses import (
    check_limit,
    check_use,
    find_use,
    known_signals,
    unknown_signal,
    whole_use,
)
from monitoring_kit.promql import Expr
from monitoring_kit.promql import build as b
from monitoring_kit.resolve.packs import shipped_kinds
from monitoring_kit.resolve.resolve import alert_services
from monitoring_kit.resolve.signals import SignalUse
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.resolve.uses import RawUse
from monitoring_kit.shipped import yaml_of
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.shapes import Item

SIGNAL = "signal"
INTERVAL = Duration(300_000)
PER_DAY = 288


@cache
def parameters(family: str) -> dict[str, Any]:
    """The data of ``rules/detection/<family>.yaml``."""
    found: dict[str, Any] = yaml_of("monitoring_kit.rules", f"detection/{family}.yaml")
    return found


@dataclass(slots=True)
class Family:
    """The rules that read long history, by service, in the order of their evaluation."""

    system: System
    plans: list[Plan] = field(default_factory=list)
    recordings: dict[str, dict[str, RecordingRule]] = field(default_factory=dict)
    alerts: dict[str, list[AlertingRule]] = field(default_factory=dict)

    def record(self, plan: Plan, name: str, expr: Expr) -> None:
        """Record a series for the plan's service, once however many entries of the spec ask for it."""
        mine = self.recordings.setdefault(plan.service, {})
        mine.setdefault(name, RecordingRule(name, expr, {}, plan.origin, plan.service))

    def tile(self, plan: Plan) -> None:
        """Record the 5-minute averages that days and weeks are read from: 20 times fewer samples than the signal's own."""
        self.record(plan, plan.tile, b.over_time("avg", b.metric(plan.record, service=plan.service), "5m"))

    def alert(
        self, plan: Plan, spec: Alert, name: str, expr: Expr, for_: Duration, texts: dict[str, str], kind: str
    ) -> None:
        """An alert of the entry ``spec`` on the plan's signal."""
        notify = channels_of(self.system, spec)
        labels = {SIGNAL: plan.key, **spec.labels}
        own = {k: v for k, v in (("summary", spec.summary), ("description", spec.description)) if v}
        panel = f"{kind}/{plan.key}"
        rule = AlertingRule(
            name=name,
            expr=expr,
            for_=for_,
            keep_firing_for=spec.keep_firing_for,
            labels=static_labels(self.system, plan.service, spec.severity, notify, labels),
            annotations={**texts, **own, **messages.links(self.system, spec, name, plan.service, panel)},
            origin=spec.name_span,
            kind=kind,
            severity=spec.severity,
            notify=notify,
            service=plan.service,
            spec=spec,
        )
        self.alerts.setdefault(plan.service, []).append(rule)

    def group(self, service: str) -> RuleGroup | None:
        """The group of a service, beside the one that is evaluated often; None when nothing of it is watched."""
        rules = (*self.recordings.get(service, {}).values(), *self.alerts.get(service, ()))
        return RuleGroup(f"history-{service}", service_rules_file(service), rules, INTERVAL) if rules else None


def kept_long_enough(system: System, alert: Alert, least: Duration, family: str, report: Report) -> bool:
    """Whether Prometheus keeps as much history as the entry needs; reports if not."""
    retention = system.spec.prometheus.retention.time
    if retention >= least:
        return True
    report.error(
        f"{family}/retention", f"`{alert.name}` needs {least} of history, but Prometheus keeps {retention}", alert.name_span,
        help=f"raise `prometheus.retention` to at least {least}",
    )  # fmt: skip
    return False


Each = Callable[[ServiceView, SignalUse, Span], None]


def each_use(system: System, alert: Alert, item: Item, signals: tuple[str, ...], report: Report, do: Each) -> None:
    """Call ``do`` for every signal of an entry and every service that has it; say what leads nowhere."""
    if SIGNAL in alert.labels:
        report.error(
            "alerts/duplicate",
            f"the label `{SIGNAL}` tells the alerts of `{alert.name}` apart",
            alert.at("labels"),
            help="use another name",
        )
        return
    seen: set[str] = set()
    for index, text in enumerate(signals):
        one = _one(item, index)
        raw = whole_use(one, "signals", text, report)
        if raw is None:
            continue
        span = item.at("signals", index=index)
        services = [s for s in alert_services(system, alert, raw.name) if raw.name in system.services[s].signals]
        if not services:
            _nobody(system, alert, one, raw, span, report)
        check_limit(system, raw.name, services, span, report)
        for service in services:
            view = system.services[service]
            if not check_use(raw, view.signals[raw.name], one, "signals", report):
                break
            use = find_use(raw, view.signals[raw.name])
            if f"{service}/{use}" in seen:
                report.warning("spec/repeated", f"`{text}` is named twice", span)
                break
            seen.add(f"{service}/{use}")
            do(view, use, span)


def _one(item: Item, index: int) -> Item:
    """``item`` as if it had only one signal, so that offsets into its text are places in the file."""
    entry = item.node.entries["signals"]
    if not isinstance(entry.value, Sequence):
        return item
    node = Mapping({"signals": Entry(entry.key, entry.value.items[index])}, item.node.span)
    return Item(node=node, name=item.name, name_span=item.name_span)


def _nobody(system: System, alert: Alert, item: Item, raw: RawUse, span: Span, report: Report) -> None:
    """A signal of no service: a mistake, unless a kind has it that no service is of yet."""
    if alert.services or raw.name not in shipped_signals():
        if not alert.services and raw.name not in known_signals(system):
            known = {*known_signals(system), *shipped_signals()}
            report.error(
                "spec/unknown-signal",
                f"there is no signal `{raw.name}`",
                span,
                help=did_you_mean(raw.name, known, "signals"),
            )
        elif not (alert.services and not all(s in system.services for s in alert.services)):
            unknown_signal(system, raw, alert.services, item, "signals", report)
        return
    report.info(
        "signals/nowhere", f"`{alert.name}` watches `{raw.name}`, which no service of this system has", span,
        help="it begins when a service has it; remove it if that is not planned",
    )  # fmt: skip


@cache
def shipped_signals() -> frozenset[str]:
    """The signals of all kinds that mkit ships."""
    packs = (yaml_of("monitoring_kit.rules", f"{kind}.yaml") for kind in shipped_kinds())
    return frozenset(name for pack in packs for name in pack.get("signals", {}))

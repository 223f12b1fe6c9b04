"""From a compiled model to what is replayed: each alert with its group's interval, and the recording rules it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitoring_kit.conventions import SERVICE
from monitoring_kit.diagnostics import Span
from monitoring_kit.live.backtest.inline import Recorded
from monitoring_kit.lower.model import AlertingRule, Model, RecordingRule, RuleGroup
from monitoring_kit.promql import Expr


@dataclass(frozen=True, slots=True)
class Job:
    """One alerting rule to replay; all times in milliseconds. ``variant`` is the what-if it belongs to, "" for the spec as it
    is; ``anchor`` is a recording rule of the same group, which is evaluated at the same moments."""

    alert: str
    service: str | None
    severity: str
    expr: Expr
    hold: int
    keep: int
    labels: Mapping[str, str]
    interval: int
    origin: Span
    variant: str = ""
    anchor: Recorded | None = None

    @property
    def title(self) -> str:
        """How people tell it from the others: name, what it is about, and the what-if."""
        about = [self.service or "", self.labels.get("slo", ""), self.labels.get("signal", "")]
        return " ".join([self.alert, *filter(None, about)]) + (f" [{self.variant}]" if self.variant else "")


def jobs_of(model: Model) -> list[Job]:
    """Every alert of the model but the dead man's switch, which fires always, in the order of the rule files."""
    return [
        job_of(rule, model, group)
        for group in model.groups
        for rule in group.rules
        if isinstance(rule, AlertingRule) and rule.kind != "watchdog"
    ]


def job_of(rule: AlertingRule, model: Model, group: RuleGroup, variant: str = "") -> Job:
    """The job of one rule of ``group``, or of a changed copy of one."""
    recorded = next((r for r in group.rules if isinstance(r, RecordingRule)), None)
    return Job(
        rule.name, rule.service or rule.labels.get(SERVICE), rule.severity, rule.expr, rule.for_.ms, rule.keep_firing_for.ms,
        rule.labels, _interval(model, group), rule.origin, variant,
        None if recorded is None else _recorded(recorded, _interval(model, group)),
    )  # fmt: skip


def recordings_of(model: Model) -> list[Recorded]:
    """Every recording rule in the order of the rule files."""
    return [
        _recorded(rule, _interval(model, group))
        for group in model.groups
        for rule in group.rules
        if isinstance(rule, RecordingRule)
    ]


def _interval(model: Model, group: RuleGroup) -> int:
    return (group.interval or model.system.spec.prometheus.evaluation_interval).ms


def _recorded(rule: RecordingRule, interval: int) -> Recorded:
    # A recorded signal is aggregated by the service that its scrape job is labelled with.
    known = {SERVICE: rule.service} if rule.use is not None and rule.service else {}
    return Recorded(rule.record, rule.expr, rule.labels, interval, known)


def by_record(rules: list[Recorded]) -> dict[str, list[Recorded]]:
    """Recording rules by the series that they write."""
    found: dict[str, list[Recorded]] = {}
    for rule in rules:
        found.setdefault(rule.record, []).append(rule)
    return found

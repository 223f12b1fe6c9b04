"""The state of an alerting rule from evaluation to evaluation (``rules/alerting.go``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql import ast
from monitoring_kit.verify.rule_tests.evaluate import Evaluator, unnamed
from monitoring_kit.verify.rule_tests.gotemplate import render

Fingerprint = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """An alerting rule under test; durations in milliseconds."""

    name: str
    expr: ast.Expr
    for_: int
    keep: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires: its labels (without ``alertname``) and annotations."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(slots=True)
class _Active:
    since: int
    firing: bool = False
    gone_since: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, str] = field(default_factory=dict)
    value: float = 0.0


@dataclass(slots=True)
class Machine:
    """Runs a rule over time: ``step`` evaluates it once."""

    subject: Subject
    evaluator: Evaluator
    active: dict[Fingerprint, _Active] = field(default_factory=dict)

    def step(self, t: int) -> list[Firing]:
        """Evaluate at ``t`` (milliseconds); what fires afterwards."""
        seen: set[Fingerprint] = set()
        for raw, value in self.evaluator.vector(self.subject.expr, t):
            raw = unnamed(raw)
            labels = {**raw, **{k: render(v, raw, value) for k, v in self.subject.labels.items()}}
            labels = {k: v for k, v in labels.items() if v}
            key = tuple(sorted(labels.items()))
            seen.add(key)
            alert = self.active.setdefault(key, _Active(t))
            alert.labels, alert.raw, alert.value, alert.gone_since = labels, raw, value, None
            alert.firing = alert.firing or t - alert.since >= self.subject.for_
        for key in [k for k in self.active if k not in seen]:
            if not self._kept(self.active[key], t):
                del self.active[key]
        return [self._firing(alert) for alert in self.active.values() if alert.firing]

    def _kept(self, alert: _Active, t: int) -> bool:
        if not alert.firing or not self.subject.keep:
            return False
        if alert.gone_since is None:
            alert.gone_since = t
        return t - alert.gone_since < self.subject.keep

    def _firing(self, alert: _Active) -> Firing:
        texts = {k: render(v, alert.raw, alert.value) for k, v in self.subject.annotations.items()}
        return Firing(alert.labels, texts)


def timeline(machine: Machine, step: int, steps: Sequence[int]) -> list[list[Firing]]:
    """What fires after each of the evaluations at ``steps``."""
    return [machine.step(i * step) for i in steps]

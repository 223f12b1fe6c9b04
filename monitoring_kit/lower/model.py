"""The model: what the spec means, before it becomes text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.plans import Plan
from monitoring_kit.promql import Expr, print_expr
from monitoring_kit.resolve.signals import SignalUse
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.quantity import Duration, Quantity

if TYPE_CHECKING:
    from monitoring_kit.lower.slo.plan import SloPlan


@dataclass(frozen=True, slots=True)
class Condition:
    """``signal comparator threshold``: one comparison of an alert on signals; the threshold is in the signal's unit."""

    use: SignalUse
    comparator: str
    threshold: Quantity


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A recording rule. ``use`` is the signal of ``service`` that it records, when it records one; ``text`` the printed
    expression, when it is known already. Rules of one record and ``shape`` differ in names alone."""

    record: str
    expr: Expr
    labels: dict[str, str]
    origin: Span
    service: str | None = None
    use: SignalUse | None = None
    text: str = ""
    shape: object = None
    _printed: str = field(default="", init=False, repr=False, compare=False)

    @property
    def printed(self) -> str:
        """The expression as text."""
        return self.text or self._printed or _print(self)


@dataclass(frozen=True, slots=True)
class AlertingRule:
    """An alerting rule.

    ``labels`` are the static ones, ``severity``, ``notify``, ``team`` and ``service`` included; ``notify`` holds the channels that
    must receive it, in the spec's order (never empty); ``service`` is None for an alert that is about no single service.
    ``kind`` is one of threshold, expr, absent, watchdog, meta, anomaly, capacity, degradation, slo.
    ``text`` is the printed expression, when it is known already.
    """

    name: str
    expr: Expr
    for_: Duration
    keep_firing_for: Duration
    labels: dict[str, str]
    annotations: dict[str, str]
    origin: Span
    kind: str
    severity: str
    notify: tuple[str, ...]
    service: str | None = None
    conditions: tuple[Condition, ...] = ()
    spec: Alert | None = None
    text: str = ""
    _printed: str = field(default="", init=False, repr=False, compare=False)

    @property
    def printed(self) -> str:
        """The expression as text."""
        return self.text or self._printed or _print(self)


def _print(rule: RecordingRule | AlertingRule) -> str:
    """Print a rule's expression and keep the text, for the rule file and the runbook both show it. A copy by ``replace`` starts
    without it."""
    object.__setattr__(rule, "_printed", print_expr(rule.expr))
    return rule._printed


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """A rule group; ``file`` is its rule file's path under the output folder, ``interval`` None means the global one."""

    name: str
    file: str
    rules: tuple[RecordingRule | AlertingRule, ...]
    interval: Duration | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """The rules of a system; everything else is lowered from these and the system. ``plans`` say what is watched by its
    history, in the order of the spec; ``slos`` are its objectives."""

    system: System
    groups: tuple[RuleGroup, ...]
    recorded: dict[tuple[str, str], str] = field(default_factory=dict)
    plans: tuple[Plan, ...] = ()
    slos: tuple[SloPlan, ...] = ()

    @property
    def alerts(self) -> Iterator[AlertingRule]:
        """All alerting rules in the order of the files."""
        return (rule for group in self.groups for rule in group.rules if isinstance(rule, AlertingRule))

    @property
    def recordings(self) -> Iterator[RecordingRule]:
        """All recording rules in the order of the files."""
        return (rule for group in self.groups for rule in group.rules if isinstance(rule, RecordingRule))

    def recorded_name(self, service: str, use: SignalUse) -> str | None:
        """The name of the series that records this use of a signal for ``service``; None when it is not recorded."""
        return self.recorded.get((service, str(use)))

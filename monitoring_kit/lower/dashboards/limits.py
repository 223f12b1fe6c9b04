"""What the alerts call too much: their own constants, for the lines and colours of panels."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from operator import ge, gt, le, lt
from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.dashboards.library import library
from monitoring_kit.lower.model import AlertingRule, Model

_TESTS = {">": gt, ">=": ge, "<": lt, "<=": le}
_RANK = {"none": 0, "info": 1, "warning": 2, "critical": 3}


@dataclass(frozen=True, slots=True)
class Limit:
    """One comparison of an alert: the value is in the unit of the signal or query that it is drawn on."""

    comparator: str
    value: float
    rule: AlertingRule
    text: str

    @property
    def severity(self) -> str:
        return self.rule.severity

    @property
    def key(self) -> tuple[str, float, str]:
        return (self.comparator, self.value, self.severity)


def signal_limits(model: Model) -> dict[tuple[str, str], list[Limit]]:
    """The limits of every alert on signals, by service and use of the signal."""
    found: dict[tuple[str, str], list[Limit]] = {}
    for rule in model.alerts:
        if rule.service is None:
            continue
        for condition in rule.conditions:
            text = f"{condition.use} {condition.comparator} {condition.threshold.text}"
            limit = Limit(condition.comparator, condition.threshold.value, rule, text)
            found.setdefault((rule.service, str(condition.use)), []).append(limit)
    return found


def common(groups: Iterable[list[Limit]]) -> list[Limit]:
    """The limits that all groups with any share: a line on a panel of several services must hold for each that has alerts."""
    listed = [group for group in groups if group]
    if not listed:
        return []
    shared = set.intersection(*({limit.key for limit in group} for group in listed))
    return [limit for limit in listed[0] if limit.key in shared]


def drawable(limits: Iterable[Limit]) -> list[Limit]:
    """The limits that are a border on an axis: equality is none."""
    return [limit for limit in limits if limit.comparator in _TESTS]


def steps(limits: Iterable[Limit]) -> list[dict[str, Any]]:
    """Grafana's threshold steps: a border at every constant, and between the borders the colour of the worst alert
    that fires there."""
    listed = drawable(limits)
    colors = library()["colors"]["severity"]
    borders = sorted({limit.value for limit in listed})
    if not borders:
        return [{"color": colors["none"], "value": None}]
    probes = [borders[0] - 1, *((a + b) / 2 for a, b in pairwise(borders)), borders[-1] + 1]
    values: list[float | None] = [None, *borders]
    return [
        {"color": colors[_worst(listed, probe)], "value": value} for value, probe in zip(values, probes, strict=True)
    ]


def _worst(limits: list[Limit], value: float) -> str:
    firing = [limit.severity for limit in limits if _TESTS[limit.comparator](value, limit.value)]
    return max(firing, key=lambda s: _RANK[s], default="none")


def soft_bounds(limits: Iterable[Limit], *, share: bool) -> dict[str, float]:
    """Soft axis bounds that keep every line in sight; ``share`` for a ratio whose good end is 1."""
    listed = drawable(limits)
    above = [limit.value for limit in listed if limit.comparator in (">", ">=")]
    below = [limit.value for limit in listed if limit.comparator in ("<", "<=")]
    bounds: dict[str, float] = {}
    if above and max(above) > 0:
        bounds["axisSoftMax"] = rounded(max(above) * 1.2)
    if below:
        lowest = min(below)
        bounds["axisSoftMin"] = (
            rounded(lowest - (1 - lowest)) if share and lowest < 1 else rounded(min(lowest * 1.2, 0))
        )
        if share:
            bounds.setdefault("axisSoftMax", 1)
    return bounds


def rounded(value: float) -> float:
    """``value`` without the dust of binary arithmetic."""
    return float(f"{value:.6g}")

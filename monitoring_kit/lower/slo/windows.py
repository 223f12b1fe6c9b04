"""The burn-rate windows: data under ``rules/windows``, with what an SLO changes about them."""

from __future__ import annotations

from functools import cache
from typing import Any

from monitoring_kit.conventions import SLO_ALERTS
from monitoring_kit.frozen import dataclass
from monitoring_kit.shipped import yaml_of
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.slos import Period, Slo, Tier

TIERS = tuple(SLO_ALERTS)
# Prometheus 2.42 is the first that knows keep_firing_for.
_KEEPS_FIRING = (2, 42)


@dataclass(frozen=True, slots=True)
class TierPlan:
    """One burn-rate alert: it fires while the share of bad events over ``long`` and over ``short`` is above ``factor``
    times the error budget."""

    key: str
    alert: str
    severity: str
    long: Duration
    short: Duration
    factor: float
    for_: Duration
    keep_firing_for: Duration
    notify: tuple[str, ...] = ()

    @property
    def page(self) -> bool:
        """Whether it is one of the two fast tiers, whose inputs are never smoothed."""
        return self.key.startswith("page")


@cache
def table() -> dict[str, Any]:
    """The shipped table; shared, never to be changed."""
    return yaml_of("monitoring_kit.rules", "windows/google-sre-workbook.yaml")  # type: ignore[no-any-return]


def tiers_of(slo: Slo, period: Period, prometheus: str) -> tuple[TierPlan, ...]:
    """The enabled tiers of an SLO, fastest first."""
    keeps = tuple(int(part) for part in prometheus.split(".")[:2]) >= _KEEPS_FIRING
    found = []
    for key in TIERS:
        own: Tier = getattr(slo.tiers, key)
        if not own.disable:
            found.append(_tier(key, own, period, keeps))
    return tuple(found)


def _tier(key: str, own: Tier, period: Period, keeps: bool) -> TierPlan:
    base, speed = _base(key, str(period))
    keep = own.keep_firing_for if own.keep_firing_for is not None else base["keep"] if keeps else Duration(0)
    factor = own.factor if own.factor is not None else speed
    name = own.name_ or SLO_ALERTS[key]
    return TierPlan(
        key,
        name,
        own.severity or base["severity"],
        base["long"],
        base["short"],
        factor,
        own.for_ or Duration(0),
        keep,
        own.notify,
    )


@cache
def _base(key: str, period: str) -> tuple[dict[str, Any], float]:
    row = table()["tiers"][key]
    base = {
        "severity": row["severity"],
        "long": Duration.of(row["long"]),
        "short": Duration.of(row["short"]),
        "keep": Duration.of(row["keep_firing_for"]),
    }
    speed = table()["periods"][period][key]
    if "factor" in speed:
        return base, float(speed["factor"])
    days = Duration.of(period)
    return base, float(f"{speed['share'] * days.ms / base['long'].ms:.12g}")

"""The rules that sloth and pyrra write for one objective, from their documented shapes, and histories to run them on.

sloth v0.16: ``internal/plugin/slo/core/{sli_rules,alert_rules}_v1`` and its committed outputs; the 30 day ratio is the average of
the 5 minute ones. pyrra: ``slo/rules.go``, windows scaled from 28 days. Queries hold ``%s`` for the window.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

SLOTH_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
# long, short, factor: page quick and slow, ticket quick and slow.
SLOTH_ALERTS = {"page": (("1h", "5m", 14.4), ("6h", "30m", 6)), "ticket": (("1d", "2h", 3), ("3d", "6h", 1))}
PYRRA_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "4d")


def sloth_rules(service: str, slo: str, bad: str, total: str, objective: float, alert: str = "Burn") -> dict[str, Any]:
    """sloth's rule groups (recordings, alerts) for an objective."""
    ids = f'sloth_id="{service}-{slo}", sloth_service="{service}", sloth_slo="{slo}"'
    labels = {"sloth_id": f"{service}-{slo}", "sloth_service": service, "sloth_slo": slo}
    recordings = [
        {
            "record": f"slo:sli_error:ratio_rate{w}",
            "expr": f"({bad % w}) / ({total % w})",
            "labels": {**labels, "sloth_window": w},
        }
        for w in SLOTH_WINDOWS
    ]
    recordings.append({
        "record": "slo:sli_error:ratio_rate30d", "labels": {**labels, "sloth_window": "30d"},
        "expr": f"sum_over_time(slo:sli_error:ratio_rate5m{{{ids}}}[30d]) / ignoring (sloth_window) count_over_time(slo:sli_error:ratio_rate5m{{{ids}}}[30d])",
    })  # fmt: skip
    alerts = [
        {"alert": alert, "expr": sloth_condition(ids, tiers, 1 - objective), "labels": {"sloth_severity": severity}}
        for severity, tiers in SLOTH_ALERTS.items()
    ]
    return {
        "groups": [{"name": f"sloth-sli-{slo}", "rules": recordings}, {"name": f"sloth-alerts-{slo}", "rules": alerts}]
    }


def sloth_condition(ids: str, tiers: Any, budget: float) -> str:
    """The condition of one of sloth's alerts."""
    parts = [
        f"(max(slo:sli_error:ratio_rate{short}{{{ids}}} > ({factor} * {budget!r})) without (sloth_window)"
        f" and max(slo:sli_error:ratio_rate{long}{{{ids}}} > ({factor} * {budget!r})) without (sloth_window))"
        for long, short, factor in tiers
    ]
    return " or ".join(parts)


def counters(
    pods: int, codes: int, rps: float, minutes: int, step: int, seed: int, start: int = 0
) -> Iterator[tuple[dict[str, str], list[tuple[int, int]]]]:
    """Counters of ``pods`` x ``codes`` series (one of the codes is 500): traffic of a day's shape, restarts, and incidents.

    Yields labels and (Unix time, value) pairs, ``step`` seconds apart.
    """
    chance = random.Random(seed)
    incidents = [
        (
            chance.uniform(0.05, 0.95) * minutes,
            chance.choice((4, 12, 45, 180, 700)),
            chance.choice((0.004, 0.01, 0.05, 0.5)),
        )
        for _ in range(9)
    ]
    names = ["200", "500", *(f"2{i:02}" for i in range(1, codes - 1))][:codes]
    for pod in range(pods):
        values = dict.fromkeys(names, 0)
        series: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
        for tick in range(minutes * 60 // step):
            minute = tick * step / 60
            if chance.random() < step / 60 / 3000:
                values = dict.fromkeys(names, 0)
            load = rps / pods * (0.6 + 0.4 * (1 - abs((minute % 1440) / 720 - 1))) * step
            share = max((s for begin, length, s in incidents if begin <= minute < begin + length), default=0.0002)
            events = _some(load, chance)
            bad = sum(chance.random() < share for _ in range(events)) if events < 50 else _some(events * share, chance)
            values["500"] += min(bad, events)
            good = [name for name in names if name != "500"]
            for name in good:
                values[name] += (events - min(bad, events)) // len(good) if name != good[0] else 0
            values[good[0]] += (events - min(bad, events)) - (events - min(bad, events)) // len(good) * (len(good) - 1)
            for name in names:
                series[name].append((start + tick * step, values[name]))
        for name in names:
            yield {"job": "web", "service": "web", "instance": f"pod{pod}", "status": name}, series[name]


def _some(mean: float, chance: random.Random) -> int:
    """A number of events around ``mean``: Poisson by its normal approximation, exact where it is small."""
    if mean > 30:
        return max(0, round(chance.gauss(mean, mean**0.5)))
    found, left = 0, chance.expovariate(1)
    while left < mean:
        found += 1
        left += chance.expovariate(1)
    return found

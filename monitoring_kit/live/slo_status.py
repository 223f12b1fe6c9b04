"""How the objectives of a spec stand, asked from a running Prometheus that has evaluated their rules."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitoring_kit import conventions as c
from monitoring_kit.live.scrape import ScrapeError, get
from monitoring_kit.lower.slo.plan import SloPlan
from monitoring_kit.spec.slos import Period

_MAX_ANSWER = 64 * 1024 * 1024
_READ = (c.SLO_PERIOD_ERROR, c.SLO_PERIOD_BURN, c.SLO_CURRENT_BURN)


@dataclass(frozen=True, slots=True)
class Standing:
    """An objective, or one group of it, at one moment.

    ``left`` is the share of the error budget that is left (below 0 when it is overspent), ``error`` the share of bad events
    of the period, ``burn`` how many times faster than it lasts the budget was spent in the last hour; None where Prometheus
    has no value. ``exhausted`` is the Unix time at which the budget is gone if it goes on like the last hour: now or before
    when it is gone, None when it lasts.
    """

    service: str
    slo: str
    group: dict[str, str]
    objective: float
    period: str
    error: float | None
    left: float | None
    burn: float | None
    exhausted: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain data; times in RFC 3339."""
        when = (
            None
            if self.exhausted is None
            else datetime.fromtimestamp(self.exhausted, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        )
        return {
            "service": self.service, "slo": self.slo, "group": self.group, "objective": self.objective, "period": self.period,
            "error_ratio": self.error, "budget_left": self.left, "burn_rate_1h": self.burn, "exhausted_at": when,
        }  # fmt: skip


def standings(url: str, plans: Iterable[SloPlan], timeout: float = 30.0, now: float | None = None) -> list[Standing]:
    """The standing of each objective, one for each group of a grouped one, in the order of the spec.

    Raises ScrapeError when the server cannot be reached, takes too long, or does not answer like a Prometheus.
    """
    moment = time.time() if now is None else now
    deadline = time.monotonic() + timeout
    found: dict[tuple[str, str, str], dict[tuple[tuple[str, str], ...], dict[str, float]]] = {}
    for name in _READ:
        for labels, value in query(url, name, deadline, moment):
            own = tuple(labels.get(label, "") for label in (c.SERVICE, c.SLO, c.SLO_DEFINITION))
            group = tuple(sorted((k, v) for k, v in labels.items() if k not in (*c.SLO_LABELS, "__name__")))
            found.setdefault((own[0], own[1], own[2]), {}).setdefault(group, {})[name] = value
    result = []
    for plan in plans:
        groups = found.get((plan.service, plan.name, plan.definition), {(): {}})
        result += [_standing(plan, dict(group), values, moment) for group, values in sorted(groups.items())]
    return result


def query(url: str, expr: str, deadline: float, at: float) -> list[tuple[dict[str, str], float]]:
    """An instant query: labels and value of each series; NaN is left out. Raises ScrapeError."""
    address = f"{url.rstrip('/')}/api/v1/query"
    left = max(deadline - time.monotonic(), 0.001)
    body = get(address, timeout=left, max_bytes=_MAX_ANSWER, params=[("query", expr), ("time", f"{at:.3f}")])
    try:
        answer = json.loads(body)
        if answer["status"] != "success":
            raise ScrapeError(f"{address}: {answer.get('error', 'no success')}")
        pairs = [(dict(item["metric"]), float(item["value"][1])) for item in answer["data"]["result"]]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ScrapeError(f"{address}: not an answer of the Prometheus HTTP API") from error
    return [(labels, value) for labels, value in pairs if not math.isnan(value)]


def _standing(plan: SloPlan, group: dict[str, str], values: dict[str, float], now: float) -> Standing:
    spent, burn = values.get(c.SLO_PERIOD_BURN), values.get(c.SLO_CURRENT_BURN)
    left = None if spent is None else 1 - spent
    return Standing(
        plan.service, plan.name, group, plan.shape.objective, str(plan.shape.period), values.get(c.SLO_PERIOD_ERROR), left, burn,
        exhaustion(plan.shape.period, left, burn, now),
    )  # fmt: skip


def exhaustion(period: Period, left: float | None, burn: float | None, now: float) -> float | None:
    """When the budget is gone at the present burn rate.

    Rolling: what is left of the window's budget, spent ``burn`` times as fast as it lasts; a rate of 1 or less never gets
    there, since as much comes back. Calendar: what is left of the whole period's budget, None when the period ends first.
    """
    if left is None or burn is None:
        return now if left is not None and left <= 0 else None
    length = period.length.seconds
    if not period.calendar:
        if left <= 0:
            return now
        return now + left * length / burn if burn > 1 else None
    start, end = calendar_bounds(period.unit, now)
    unspent = (end - start) - (1 - left) * (now - start)
    if unspent <= 0:
        return now
    gone = now + unspent / burn if burn > 0 else math.inf
    return gone if gone < end else None


def calendar_bounds(unit: str, now: float) -> tuple[float, float]:
    """Begin and end (Unix time) of the UTC month or quarter that ``now`` lies in."""
    moment = datetime.fromtimestamp(now, UTC)
    months = 3 if unit == "quarter" else 1
    first = (moment.month - 1) // months * months
    start = datetime(moment.year, first + 1, 1, tzinfo=UTC)
    after = first + months
    end = datetime(moment.year + after // 12, after % 12 + 1, 1, tzinfo=UTC)
    return start.timestamp(), end.timestamp()

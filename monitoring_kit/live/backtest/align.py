"""At which moments a group was really evaluated: Prometheus shifts each group by a hash of its file and name.

Source: prometheus/prometheus, rules/manager.go, ``Group.EvalTimestamp``: evaluations are ``offset + n * interval``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from monitoring_kit.live.backtest.client import Client
from monitoring_kit.live.backtest.errors import EvaluationError
from monitoring_kit.live.backtest.inline import Recorded
from monitoring_kit.promql.literals import quote

PROBES = 20


def phases(client: Client, anchors: Iterable[Recorded], start: int, end: int) -> dict[int, int]:
    """For each rule (by ``id``) the remainder of its evaluations' times by its interval, in milliseconds, as most of its recorded
    samples show it; nothing for rules without samples."""
    found = {}
    for rule in anchors:
        matchers = ", ".join(f"{n}={quote(v)}" for n, v in {**rule.labels, **rule.known}.items())
        # A group may be evaluated less often than the server looks back: look through two intervals.
        within = f"[{2 * rule.interval}ms:{min(rule.interval, 60_000)}ms]"
        expr = f"max_over_time(timestamp({rule.record}{{{matchers}}}){within})"
        try:
            rows = client.query_range(expr, start, end, max((end - start) // PROBES, 1))
        except EvaluationError:
            continue
        seen = Counter(round(float(v) * 1000) % rule.interval for row in rows for _, v in row.get("values", ()))
        if seen:
            found[id(rule)] = seen.most_common(1)[0][0]
    return found


def first_evaluation(start: int, interval: int, phase: int | None) -> int:
    """The first evaluation at or after ``start``; ``start`` itself when the phase is not known."""
    return start if phase is None else start + (phase - start) % interval

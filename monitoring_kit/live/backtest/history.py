"""Which recording rules have history of their own in a Prometheus, and which must be evaluated anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monitoring_kit.live.backtest.client import Client
from monitoring_kit.live.backtest.errors import EvaluationError
from monitoring_kit.live.backtest.inline import Recorded
from monitoring_kit.promql.literals import quote

PROBES = 20


def first_sample(client: Client, start: int, end: int) -> int | None:
    """When the history begins, in Unix milliseconds: None when that is not between ``start`` and ``end``, or cannot be told."""
    try:
        if client.has_samples(start) or not client.has_samples(end):
            return None
        before, found = start, end
        while found - before > 1:
            middle = (before + found) // 2
            before, found = (before, middle) if client.has_samples(middle) else (middle, found)
    except EvaluationError:
        return None
    return found


def recorded_history(client: Client, rules: Sequence[Recorded], start: int, end: int) -> set[int]:
    """The positions in ``rules`` of those whose series were there at half or more of 20 moments between two times: an earlier
    definition of an SLO, which carries another hash, does not count."""
    names = sorted({rule.record for rule in rules})
    if not names:
        return set()
    labels = sorted({label for rule in rules for label in (*rule.labels, *rule.known)})
    step = max((end - start) // PROBES, 1)
    found: set[int] = set()
    # Names in portions: the query travels in a form, but a server may still limit its length.
    for first in range(0, len(names), 200):
        some = set(names[first : first + 200])
        pattern = quote("|".join(sorted(some)))
        by = ", ".join(["__name__", *labels])
        # The value may be older than the lookback at a probe where the group's interval is long.
        expr = f"count by ({by}) (last_over_time({{__name__=~{pattern}}}[1h]))"
        rows = client.query_range(expr, start, end, step)
        for index, rule in enumerate(rules):
            if rule.record in some and _present(rule, rows) * 2 >= (end - start) // step + 1:
                found.add(index)
    return found


def _present(rule: Recorded, rows: Iterable[Mapping[str, object]]) -> int:
    wanted = {"__name__": rule.record, **rule.labels, **rule.known}
    times: set[float] = set()
    for row in rows:
        metric, values = row["metric"], row.get("values", ())
        assert isinstance(metric, dict)
        if all(metric.get(name) == value for name, value in wanted.items()):
            times.update(at for at, _ in values)  # type: ignore[attr-defined]
    return len(times)

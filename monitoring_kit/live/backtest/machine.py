"""The state machine of Prometheus' alerting rules: inactive, pending, firing, kept firing.

Source: prometheus/prometheus, rules/alerting.go, ``AlertingRule.Eval``. At each evaluation an element of the result is one
alert, told apart by its labels after the rule's own were put on. It is pending from its first evaluation, fires at the first
one that is ``for`` or more later (the first itself without ``for``), and is dropped at the first evaluation without it. A
firing alert without its element goes on firing until ``keep_firing_for`` has passed since that evaluation. An evaluation that
fails changes nothing. Two elements that are equal after labelling fail the evaluation.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]
_TEMPLATE = re.compile(r"\{\{-?\s*\$labels\.([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")


@dataclass(frozen=True, slots=True)
class Series:
    """One element of the rule's expression over time: its labels, and its value at each evaluation (its index) that has one."""

    labels: Mapping[str, str]
    values: dict[int, float]


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert from its first firing evaluation to the first at which it no longer fires; Unix milliseconds.

    ``active_at`` is when it became pending; ``end`` is None when it still fires at the last evaluation; ``value`` is that of
    the expression when it began to fire.
    """

    alert: str
    labels: dict[str, str]
    active_at: int
    start: int
    end: int | None
    value: float


@dataclass(slots=True)
class Replay:
    """What a rule did: its firings by start, how often an alert was pending without ever firing, and the evaluations at which
    two elements had the same labels."""

    firings: list[Firing] = field(default_factory=list)
    unfired: int = 0
    clashes: set[int] = field(default_factory=set)


def alert_labels(name: str, static: Mapping[str, str], element: Mapping[str, str]) -> Labels:
    """The labels of an alert: the element's without the metric name, the rule's, ``alertname``; empty ones are none."""
    found = {n: v for n, v in element.items() if n != "__name__"}
    for label, text in static.items():
        found[label] = _TEMPLATE.sub(lambda m: element.get(m[1], ""), text) if "{{" in text else text
    found["alertname"] = name
    return tuple(sorted((n, v) for n, v in found.items() if v))


def replay(
    name: str, static: Mapping[str, str], hold: int, keep: int, times: Sequence[int], series: Iterable[Series],
    failed: Iterable[int] = (),
) -> Replay:  # fmt: skip
    """Run one rule. ``times`` are its evaluations in milliseconds, ``hold`` and ``keep`` its ``for`` and ``keep_firing_for``,
    ``failed`` the indexes of evaluations that gave an error."""
    found = Replay()
    elements: dict[Labels, dict[int, float]] = {}
    for one in series:
        into = elements.setdefault(alert_labels(name, static, one.labels), {})
        found.clashes |= into.keys() & one.values.keys()
        into.update(one.values)
    skipped = found.clashes | set(failed)
    ranks = [i for i in range(len(times)) if i not in skipped] if skipped else range(len(times))
    at = [times[i] for i in ranks] if skipped else times
    rank_of = {index: rank for rank, index in enumerate(ranks)} if skipped else None
    for labels, values in elements.items():
        present = sorted(values) if rank_of is None else sorted(rank_of[i] for i in values if i in rank_of)
        runs = _runs(present)
        for active, first, end in _episodes(runs, hold, keep, at, found):
            value = values[ranks[first]]
            found.firings.append(
                Firing(name, dict(labels), at[active], at[first], None if end is None else at[end], value)
            )
    found.firings.sort(key=lambda f: (f.start, sorted(f.labels.items())))
    return found


def _runs(present: Sequence[int]) -> list[tuple[int, int]]:
    """The unbroken stretches of evaluations with the element: (first, last)."""
    runs: list[tuple[int, int]] = []
    for rank in present:
        if runs and runs[-1][1] == rank - 1:
            runs[-1] = (runs[-1][0], rank)
        else:
            runs.append((rank, rank))
    return runs


def _episodes(
    runs: list[tuple[int, int]], hold: int, keep: int, at: Sequence[int], found: Replay
) -> Iterable[tuple[int, int, int | None]]:
    """(pending since, firing since, no longer firing at) of each firing, as positions in ``at``."""
    active = fired = -1
    for number, (first, last) in enumerate(runs):
        if fired < 0:
            active, fired = first, bisect_left(at, at[first] + hold, first)
            if fired > last:
                # Whether an alert that is pending at the very end would have fired is not known.
                found.unfired += last < len(at) - 1
                fired = -1
                continue
        following = runs[number + 1][0] if number + 1 < len(runs) else len(at)
        if last + 1 >= len(at):
            break
        end = bisect_left(at, at[last + 1] + keep, last + 1)
        if end < following:
            yield active, fired, end
            fired = -1
    if fired >= 0:
        yield active, fired, None

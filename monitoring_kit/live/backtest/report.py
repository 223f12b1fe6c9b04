"""A backtest for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from monitoring_kit.live.backtest.incidents import Incident, Score, score
from monitoring_kit.live.backtest.run import Backtest, Outcome
from monitoring_kit.live.backtest.times import show_span, show_time

MAX_LISTED = 200


def as_data(found: Backtest, incidents: Sequence[Incident], slack: int) -> dict[str, Any]:
    """Everything, as plain data with RFC 3339 times and lengths in seconds."""
    options = found.options
    data: dict[str, Any] = {
        "from": show_time(options.start), "asked_from": None if options.asked is None else show_time(options.asked), "to": show_time(options.end), "complete": not found.stopped,
        "stopped": found.stopped or None, "inlined": found.inlined,
        "alerts": [_outcome(o, found, incidents, slack) for o in found.outcomes],
    }  # fmt: skip
    if incidents:
        data["incidents"] = [
            {"variant": name or None, **_score(s)} for name, s in scores(found, incidents, slack).items()
        ]
    return data


def scores(found: Backtest, incidents: Sequence[Incident], slack: int) -> dict[str, Score]:
    """How well all alerts together found the incidents: as the spec is, "", and for each what-if, in which its alerts take the
    place of the spec's."""
    variants = list(dict.fromkeys(o.job.variant for o in found.outcomes))
    result = {}
    for variant in variants:
        changed = {o.job.alert for o in found.outcomes if o.job.variant == variant}
        firings = [
            firing for o in found.outcomes for firing in o.firings
            if o.job.variant == variant or (variant and not o.job.variant and o.job.alert not in changed)
        ]  # fmt: skip
        result[variant] = score(incidents, firings, slack)
    return result


def _outcome(o: Outcome, found: Backtest, incidents: Sequence[Incident], slack: int) -> dict[str, Any]:
    data: dict[str, Any] = {
        "alert": o.job.alert, "service": o.job.service, "severity": o.job.severity, "variant": o.job.variant or None,
        "done": o.done, "evaluations": o.evaluations, "failed_evaluations": o.failed + o.clashes,
        "pending_without_firing": o.unfired, "problem": o.problem or None, "code": o.kind or None, "missing": o.missing,
        "firings": [
            {
                "start": show_time(f.start), "end": None if f.end is None else show_time(f.end),
                "pending_since": show_time(f.active_at), "labels": f.labels, "value": _number(f.value),
            }
            for f in o.firings
        ],
    }  # fmt: skip
    if incidents:
        mine = [i for i in incidents if not i.alerts or o.job.alert in i.alerts]
        data["precision"] = score(mine, o.firings, slack).precision
    return data


def _number(value: float) -> float | str:
    """JSON has no NaN and no infinity."""
    return value if value - value == 0 else str(value)


def _score(s: Score) -> dict[str, Any]:
    return {
        "precision": s.precision, "recall": s.recall, "true": s.true, "false": s.false,
        "median_time_to_detect_s": None if s.detect is None else s.detect / 1000,
        "found": [
            {
                "name": f.incident.name, "start": show_time(f.incident.start), "end": show_time(f.incident.end),
                "alert": f.alert, "time_to_detect_s": None if f.after is None else f.after / 1000,
            }
            for f in s.found
        ],
    }  # fmt: skip


def as_text(found: Backtest, incidents: Sequence[Incident], slack: int) -> str:
    """The table of alerts, the firings, the incidents, and what could not be replayed."""
    options = found.options
    lines = [f"{show_time(options.start)} to {show_time(options.end)} ({show_span(options.end - options.start)})", ""]
    lines += _table(
        [("alert", "severity", "firings", "firing for", "longest", "pending only"), *map(_row, found.outcomes)]
    )
    lines += _firings(found)
    if incidents:
        lines += _incidents(found, incidents, slack)
    lines += _notes(found)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _row(o: Outcome) -> tuple[str, ...]:
    if not o.done:
        return (o.job.title, o.job.severity, "not done", "", "", "")
    if o.kind == "backtest/no-history" or not o.evaluations:
        return (o.job.title, o.job.severity, "not replayed", "", "", "")
    return (o.job.title, o.job.severity, str(len(o.firings)), *_lengths(o), str(o.unfired or "-"))


def _lengths(o: Outcome) -> tuple[str, str]:
    lengths = [f.end - f.start for f in o.firings if f.end is not None]
    still = any(f.end is None for f in o.firings)
    if not o.firings:
        return "-", "-"
    if not lengths:
        return "still", "still"
    return show_span(sum(lengths)) + (" +" if still else ""), "still" if still else show_span(max(lengths))


def _firings(found: Backtest) -> list[str]:
    fired = [(firing, o) for o in found.outcomes for firing in o.firings]
    if not fired:
        return ["", "no alert would have fired"]
    fired.sort(key=lambda pair: (pair[0].start, pair[1].job.title))
    rows = [("start", "end", "alert", "labels")]
    for firing, o in fired[:MAX_LISTED]:
        static = {*o.job.labels, "alertname", "service"}
        labels = ", ".join(f"{n}={v}" for n, v in firing.labels.items() if n not in static)
        end = "still firing" if firing.end is None else show_time(firing.end)
        rows.append((show_time(firing.start), end, o.job.title, labels))
    left = len(fired) - MAX_LISTED
    return ["", *_table(rows), *([f"... and {left} more: --format json lists all"] if left > 0 else [])]


def _incidents(found: Backtest, incidents: Sequence[Incident], slack: int) -> list[str]:
    all_scores = scores(found, incidents, slack)
    lines = [""]
    rows = [("what-if", "precision", "recall", "false alarms", "median time to detect")]
    for variant, s in all_scores.items():
        detect = "-" if s.detect is None else show_span(s.detect)
        rows.append((_variant(found, variant), _percent(s.precision), _percent(s.recall), str(s.false), detect))
    lines += _table(rows)
    first = next(iter(all_scores.values()))
    listed = [("incident", "start", "found by", "after")]
    for f in first.found[:MAX_LISTED]:
        after = "MISSED" if f.after is None else show_span(f.after)
        listed.append((f.incident.name, show_time(f.incident.start), f.alert or "-", after))
    return [*lines, "", *_table(listed)]


def _variant(found: Backtest, variant: str) -> str:
    if not variant:
        return "as in the spec"
    alerts = dict.fromkeys(o.job.alert for o in found.outcomes if o.job.variant == variant)
    return f"{', '.join(alerts)} {variant}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.1f} %"


def _notes(found: Backtest) -> list[str]:
    lines = []
    if (asked := found.options.asked) is not None:
        begin = show_time(found.options.start)
        lines.append(
            f"note: the history begins at {begin}, after {show_time(asked)}; replayed from its first sample on"
        )
    problems: dict[str, list[str]] = {}
    for o in found.outcomes:
        if o.problem:
            problems.setdefault(f"{o.problem} [{o.kind}]", []).append(o.job.title)
        if o.missing and o.done:
            problems.setdefault(f"no sample of {', '.join(o.missing)} in this range", []).append(o.job.title)
    for text, titles in problems.items():
        lines.append(f"note: {_some(titles)}: {text}")
    if found.inlined:
        lines.append(
            f"note: {len(found.inlined)} recorded series have no history here; their expressions were evaluated in their place"
        )
    if found.stopped:
        left = sum(not o.done for o in found.outcomes)
        lines.append(f"note: {found.stopped}; {left} of {len(found.outcomes)} alerts are not done")
    delays = [f.start - f.active_at for o in found.outcomes for f in o.firings]
    if delays and median(delays):
        lines.append(f"note: `for` took {show_span(int(median(delays)))} of the time to fire (median)")
    return ["", *lines] if lines else []


def _some(titles: Sequence[str]) -> str:
    return ", ".join(titles[:5]) + (f" and {len(titles) - 5} more" if len(titles) > 5 else "")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]

"""Simulated incidents for people, for machines, and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitoring_kit.live.backtest.times import show_span
from monitoring_kit.live.simulate.per_alert import Figures, per_alert
from monitoring_kit.live.simulate.run import Detection, Played

MONTH_SECONDS = 30 * 86_400
# The share of firings without a cause that a set of alerts may have.
MAX_FALSE_SHARE = 0.01


def as_data(played: Sequence[Played]) -> dict[str, Any]:
    """Everything, as plain data; times in seconds."""
    return {"scenarios": [_scenario(p) for p in played], "alerts": _figures(played), "totals": totals(played)}


def _figures(played: Sequence[Played]) -> list[dict[str, Any]]:
    return [
        {
            "alert": f.alert, "severity": f.severity, "scenarios": f.scenarios, "time_to_detect_s": _seconds(f.detect),
            "time_to_resolve_s": _seconds(f.resolve), "pages": f.pages, "tickets": f.tickets, "false_alarms": f.false,
            "false_alarms_per_30_quiet_days": f.false_per_month,
        }
        for f in per_alert(played)
    ]  # fmt: skip


def totals(played: Sequence[Played]) -> dict[str, Any]:
    """Firings in all, the share of false alarms, false alarms per 30 quiet days, and whether every goal that is judged is met (None where
    none is)."""
    right, false = sum(len(p.right) for p in played), sum(len(p.false) for p in played)
    quiet = [p for p in played if not p.scenario.harms]
    seconds = sum(p.scenario.judged for p in quiet)
    wrong = sum(len(p.false) for p in quiet)
    return {
        "alerts": right + false, "false_alarms": false,
        "false_share": false / (right + false) if right + false else 0.0,
        "quiet_days": seconds / 86_400,
        "false_alarms_per_30_quiet_days": wrong * MONTH_SECONDS / seconds if seconds else None,
        "goals_judged": sum(p.goal_met is not None for p in played),
        "goals_met": all(p.goal_met is not False for p in played) if any(p.goal_met is not None for p in played) else None,
    }  # fmt: skip


def _scenario(p: Played) -> dict[str, Any]:
    return {
        "name": p.scenario.name, "title": p.scenario.title, "expect": p.scenario.expect, "goal_met": p.goal_met,
        "goal_not_judged": p.not_judged or None, "within_s": p.scenario.within or None, "services": p.hit,
        "services_without_alert": p.unwatched,
        "detections": [
            {
                "service": d.service, "alert": d.first, "time_to_detect_s": _seconds(d.after), "page": d.page,
                "time_to_page_s": _seconds(d.page_after),
            }
            for d in p.detections
        ],
        "alerts": [
            {"alert": a, "service": s, "severity": sev, "firings": n, "time_to_detect_s": _seconds(d), "time_to_resolve_s": _seconds(r)}
            for a, s, sev, n, d, r in _alerts(p)
        ],
        "pages": _count(p, "critical"), "tickets": _count(p, None),
        "false_alarms": [{"alert": job.alert, "service": job.service} for job, _ in p.false],
        "not_judged": sorted({o.job.title for o in p.backtest.outcomes if o.kind == "backtest/no-history"}),
    }  # fmt: skip


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _count(p: Played, severity: str | None) -> int:
    fired = [job for job, _ in p.right + p.false]
    return sum(job.severity == "critical" if severity else job.severity != "critical" for job in fired)


def _alerts(p: Played) -> list[tuple[str, str | None, str, int, int, int | None]]:
    """(alert, service, severity, firings, time to detect, time to resolve or None while it fires) of the right alarms."""
    found: dict[tuple[str, str | None], tuple[str, str | None, str, int, int, int | None]] = {}
    for job, firing in p.right:
        known = found.get((job.alert, job.service))
        end = None if firing.end is None else max(firing.end - p.finish, 0)
        number, detect = (known[3] + 1, known[4]) if known else (1, firing.start - p.begin)
        if known and firing.end is not None:
            end = None if known[5] is None else max(known[5], end or 0)
        found[(job.alert, job.service)] = (job.alert, job.service, job.severity, number, detect, end)
    return sorted(found.values(), key=lambda row: (row[4], row[0], row[1] or ""))


def as_text(played: Sequence[Played], *, markdown: bool = False) -> str:
    """The table of scenarios, the alerts of each, and the totals."""
    head = ("scenario", "goal", "found after", "by", "paged after", "pages", "tickets", "false alarms", "")
    out = _table([head, *map(_row, played)], markdown)
    for p in played:
        rows = [("alert", "service", "severity", "firings", "detected after", "resolved after")]
        for alert, service, severity, number, detect, resolve in _alerts(p):
            ended = "-" if resolve is None else show_span(resolve)
            rows.append((alert, service or "-", severity, str(number), show_span(detect), ended))
        false = sorted({f"{job.alert} ({job.service or '-'})" for job, _ in p.false})
        out += ["", f"{'## ' if markdown else ''}{p.scenario.title}", ""]
        out += (
            _table(rows, markdown)
            if len(rows) > 1
            else ["no alert" if not p.scenario.harms and not false else "no right alert"]
        )
        if false:
            out += ["", f"False alarms: {', '.join(false)}."]
        missed = [d.service for d in p.detections if d.after is None]
        if p.unwatched:
            what = "page" if p.scenario.expect == "page" else "alert"
            out += ["", f"The spec has no {what} on this for: {', '.join(p.unwatched)}."]
        if p.not_judged and not p.hit:
            signals = ", ".join(p.scenario.signals)
            out += ["", f"The spec has no alert on this for: any service; none has the signal {signals}."]
        if missed:
            out += ["", f"No alert for: {', '.join(missed)}."]
    figures = per_alert(played)
    out += ["", f"{'## ' if markdown else ''}Every alert", "", *_table(_alert_rows(figures), markdown)]
    if silent := [f.alert for f in figures if not f.firings]:
        out += ["", f"Raised by none of these scenarios, and never for nothing: {', '.join(silent)}."]
    return "\n".join([*out, "", _sum(played), "", *_verdict(played)]) + "\n"


def _alert_rows(figures: Sequence[Figures]) -> list[tuple[str, ...]]:
    """The alerts that fired, over all scenarios; the slowest service counts."""
    rows: list[tuple[str, ...]] = [
        ("alert", "severity", "scenarios", "detected after", "resolved after", "pages", "tickets", "false alarms",
         "false in 30 quiet days")
    ]  # fmt: skip
    for f in figures:
        if not f.firings:
            continue
        times = ["-" if t is None else show_span(max(t, 0)) for t in (f.detect, f.resolve)]
        monthly = "-" if f.false_per_month is None else f"{f.false_per_month:.1f}"
        rows.append(
            (f.alert, f.severity, str(f.scenarios), *times, str(f.pages), str(f.tickets), str(f.false), monthly)
        )
    return rows


def _verdict(played: Sequence[Played]) -> list[str]:
    """Whether each promise of the library is kept, in words."""
    t = totals(played)
    missed = [p.scenario.title for p in played if p.goal_met is False]
    judged = sum(p.goal_met is not None for p in played)
    kept = f"{judged - len(missed)} of {judged} goals met" + (f"; missed: {', '.join(missed)}" if missed else "")
    idle = [f"{p.scenario.title} ({p.not_judged})" for p in played if p.not_judged]
    kept += f"; not judged: {', '.join(idle)}." if idle else "."
    verdict = "met" if t["false_share"] < MAX_FALSE_SHARE else "MISSED"
    return [f"{kept} False alarms below {MAX_FALSE_SHARE:.0%} of all alerts: {verdict}."]


def _row(p: Played) -> tuple[str, ...]:
    s = p.scenario
    goal = {"page": f"< {show_span(round(s.within * 1000))}", "ticket": "found", "quiet": "quiet", "any": "-"}[s.expect]
    worst = _worst(p.detections)
    found = "-" if worst is None else show_span(worst.after or 0)
    pages = [d.page_after for d in p.detections if d.page_after is not None]
    verdict = {True: "met", False: "MISSED", None: p.not_judged and f"not judged: {p.not_judged}"}[p.goal_met]
    return (
        s.title, goal, found, (worst.first or "-") if worst else "-", show_span(max(pages)) if pages else "-",
        str(_count(p, "critical")), str(_count(p, None)), str(len(p.false)), verdict,
    )  # fmt: skip


def _worst(detections: Sequence[Detection]) -> Detection | None:
    found = [d for d in detections if d.after is not None]
    return max(found, key=lambda d: (d.after or 0, d.service)) if found else None


def _sum(played: Sequence[Played]) -> str:
    t = totals(played)
    rate = t["false_alarms_per_30_quiet_days"]
    quiet = (
        "" if rate is None else f"; {rate:.1f} false alarms per 30 quiet days ({t['quiet_days']:.1f} days simulated)"
    )
    return f"{t['alerts']} alerts, {t['false_alarms']} of them false ({t['false_share'] * 100:.1f} %){quiet}."


def _table(rows: Sequence[Sequence[str]], markdown: bool) -> list[str]:
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


HEAD = """# Simulated incidents

Generated by `mkit simulate {spec} --format markdown`; every line comes from the real rule engine.

Each scenario hits every service with the signals it is about, and begins just after a scrape: the worst case. "Found" is the
slowest watched service's first alert of any severity, a page is a critical alert, everything else is a ticket. The slow burn, half
of the traffic and the seasonal week come after ten days of recorded history, so that anomalies, capacity and SLO tickets are
judged there. The other scenarios have no such past: alerts on days of recorded series are left out (`--format json` lists them).

"""

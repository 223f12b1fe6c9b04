"""Calendar periods, planned maintenance, retention and what cannot work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_kit.cli.main import main
from monitoring_kit.lower.slo.maintenance import seconds, weekly_minutes
from monitoring_kit.pipeline import Compilation
from tests.conftest import CHANNEL, HEAD, marked
from tests.unit.lower.slo.rig import BAD, OK, Run, rules_of, spec

LEFT = "max(round(slo:period_error_budget_remaining:ratio, 0.001))"


def test_a_month_forgets_the_last_one(tmp_path: Path) -> None:
    """promtool's clock starts on 1 January 1970: 1 % of the events of January 30 are bad, none of February."""
    slo = "{up: {signal: errors, objective: 99%, window: month}}"
    day = 288
    good = f"0+300x{29 * day} {300 * 29 * day}+297x{day} {300 * 29 * day + 297 * day}+300x{5 * day}"
    bad = f"0x{29 * day} 0+3x{day} {3 * day}x{5 * day}"
    run = Run(rules_of(spec(slo), tmp_path), tmp_path, step="5m").put(OK, good).put(BAD, bad)
    # A thirtieth of the month's events used a hundredth each of what a budget of a hundredth allows.
    run.expect("725h", LEFT, {"{}": 0.967})
    run.expect("743h", LEFT, {"{}": 0.968})
    run.expect("746h", LEFT, {"{}": 1})
    run.expect("746h", 'count(slo:bad:tile1h_month{calendar="197002"})', {"{}": 1})
    assert run.passes()


def test_a_rolling_window_remembers(tmp_path: Path) -> None:
    slo = "{up: {signal: errors, objective: 99%, window: 7d}}"
    day = 288
    good = f"0+300x{2 * day} {300 * 2 * day}+297x{day} {300 * 2 * day + 297 * day}+300x{9 * day}"
    bad = f"0x{2 * day} 0+3x{day} {3 * day}x{9 * day}"
    run = Run(rules_of(spec(slo), tmp_path), tmp_path, step="5m").put(OK, good).put(BAD, bad)
    run.expect("168h", LEFT, {"{}": 0.857}).expect("250h", LEFT, {"{}": 1})
    assert run.passes()


def test_objectives_over_several_windows_stand_side_by_side(tmp_path: Path) -> None:
    """1 % of one day's events are bad: a week forgets it, 30 days do not."""
    slos = "{week: {signal: errors, objective: 99%, window: 7d}, month: {signal: errors, objective: 95%, window: 30d}}"
    day = 288
    good = f"0+300x{2 * day} {300 * 2 * day}+297x{day} {300 * 2 * day + 297 * day}+300x{9 * day}"
    bad = f"0x{2 * day} 0+3x{day} {3 * day}x{9 * day}"
    run = Run(rules_of(spec(slos), tmp_path), tmp_path, step="5m").put(OK, good).put(BAD, bad)
    left = "max by (slo) (round(slo:period_error_budget_remaining:ratio, 0.001))"
    run.expect("168h", left, {'{slo="week"}': 0.857, '{slo="month"}': 0.971})
    run.expect("250h", left, {'{slo="week"}': 1, '{slo="month"}': 0.981})
    assert run.passes()


WINDOWS = "{a: {signal: errors, objective: 99%%, window: %s}, b: {signal: errors, objective: 95%%, window: %s}, c: {signal: errors, objective: 99.9%%, window: quarter}}"


@pytest.mark.parametrize(("one", "two"), [("7d", "30d"), ("7d", "month"), ("90d", "28d")])
def test_promtool_has_nothing_against_several_windows(tmp_path: Path, one: str, two: str) -> None:
    """Two rules of one name without labels are a duplicate to its lint, and it then counts no rule of the file."""
    path = tmp_path / "mkit.yaml"
    path.write_text(spec(WINDOWS % (one, two)))
    made = CliRunner().invoke(main, ["generate", str(path), "-o", str(tmp_path / "out")])
    assert made.exit_code == 0, made.output
    assert "warning" not in made.output, "nor have mkit's own checks anything against them"
    assert "verified by" in made.output


def test_events_during_maintenance_do_not_count(tmp_path: Path) -> None:
    """Thursday 1 January 1970, 01:00 to 02:00 UTC: everything fails, nothing fires, no budget is spent."""
    slo = "{up: {signal: errors, objective: 99.9%, maintenance: 'thu 01:00-02:00'}}"
    good, bad = "0+100x119 11900x120 11900+100x240", "0x119 0+100x120 12000x240"
    run = Run(rules_of(spec(slo), tmp_path), tmp_path).put(OK, good).put(BAD, bad)
    for minute in range(62, 239, 3):
        run.firing(f"{minute}m")
    run.expect("100m", "count(slo:total:rate5m) or vector(0)", {"{}": 0})
    run.expect("230m", LEFT, {"{}": 1})
    assert run.passes()
    without = (
        Run(rules_of(spec("{up: {signal: errors, objective: 99.9%}}"), tmp_path), tmp_path).put(OK, good).put(BAD, bad)
    )
    assert without.firing("100m", "SloPageFast", "SloPageSlow", "SloTicketFast", "SloTicketSlow").passes()


def test_a_failure_after_maintenance_pages(tmp_path: Path) -> None:
    slo = "{up: {signal: errors, objective: 99.9%, maintenance: [{from: 2026-03-01T22:00Z, to: 2026-03-01T23:00Z}]}}"
    rules = rules_of(spec(slo), tmp_path)
    for path in rules:  # to promtool's first day
        text = path.read_text().replace(str(seconds("2026-03-01T22:00Z")), "3600")
        path.write_text(text.replace(str(seconds("2026-03-01T23:00Z") + 300), "7500"))
    run = Run(rules, tmp_path).put(OK, "0+100x400").put(BAD, "0x280 0+50x120")
    run.firing("130m")
    assert run.firing("155m", "SloPageFast", "SloPageSlow", "SloTicketFast", "SloTicketSlow").passes()


@pytest.mark.parametrize(
    ("text", "stretches"),
    [
        ("sun 02:00-04:00", [(120, 245)]),
        ("sat 22:00-24:00", [(6 * 1440 + 1320, 10080), (0, 5)]),
        ("sat 23:00-01:00", [(6 * 1440 + 1380, 10080), (0, 65)]),
        ("mon-tue,thu 00:00-01:00", [(1440, 1505), (2880, 2945), (5760, 5825)]),
        ("fri-sun 10:00-11:00", [(5 * 1440 + 600, 5 * 1440 + 665), (6 * 1440 + 600, 6 * 1440 + 665), (600, 665)]),
    ],
)
def test_weekly_stretches(text: str, stretches: list[tuple[int, int]]) -> None:
    """Minutes since Sunday 0:00 UTC, five more at the end for the rate's window."""
    assert weekly_minutes(text) == stretches


def test_moments() -> None:
    assert seconds("1970-01-02T00:00Z") == 86_400
    with pytest.raises(ValueError, match="day"):
        seconds("2026-02-30T00:00Z")


def one(keeps: str, slos: str) -> str:
    head = f"{HEAD}{CHANNEL}prometheus: {{retention: {{time: {keeps}}}}}\n"
    return f"{head}services:\n  web:\n    kind: http\n    scrape: {{targets: ['web:80']}}\n    slos: {slos}\n"


MISTAKES = [
    ("{up: {signal: errors, objective: 99%, window: «30d»}}", "15d", "slo/window", "keeps only 15d"),
    ("{up: {signal: errors, objective: 99%, window: «month»}}", "30d", "slo/window", "month of at most 31d"),
    ("{«up»: {signal: errors, objective: 99%}}", "5d", "slo/window", "keeps only 5d"),
    ("{up: {signal: errors, objective: 99%, window: «12d»}}", "90d", "spec/value", "`7d`"),
    ("{up: {signal: errors, objective: «93%»}}", "90d", "slo/objective", "could never fire"),
    ("{up: {signal: errors, objective: 99%, tiers: {page_fast: {notify: [«nobody»]}}}}", "90d", "spec/unknown-channel", "nobody"),
    ("{up: {total: «a_total», objective: 99%}}", "90d", "slo/query", "either `bad` or `good`"),
    ("{up: {signal: errors, bad: «a_total», objective: 99%}}", "90d", "slo/query", "needs `total`"),
    ("{up: {total: «'sum(rate(a[5m]))'», bad: b, objective: 99%}}", "90d", "slo/query", "no `$window`"),
    ("{up: {error_ratio: 'sum(«»', objective: 99%}}", "90d", "promql/syntax", "invalid PromQL"),
    ("{up: {signal: «latency(p95)», objective: 99%, threshold: 1s}}", "90d", "signals/argument", "no quantile"),
    ("{up: {signal: errors, objective: 99%, group_by: [«service»]}}", "90d", "slo/group-by", "`service`"),
    ("{up: {signal: errors, objective: 99%, labels: «{severity: x}»}}", "90d", "slo/labels", "`severity`"),
    ("{up: {signal: errors, objective: 99%, maintenance: [«{from: 2026-01-01T00:00Z}»]}}", "90d", "slo/maintenance", "`from` and `to`"),
    (
        "{up: {error_ratio: 'max(rate(http_requests_total[$window]))', objective: 99%, min_events: «9»}}",
        "90d", "slo/not-additive", "`min_events`",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("slos", "keeps", "code", "says"), MISTAKES)
def test_mistakes(compile_text: Callable[..., Compilation], slos: str, keeps: str, code: str, says: str) -> None:
    text, place = marked(one(keeps, slos.replace("«»", "")))
    found = [d for d in compile_text(text).report if d.code == code and d.severity.name == "ERROR"]
    assert found, [f"{d.code} {d.message}" for d in compile_text(text).report]
    assert says in f"{found[0].message} {found[0].help}"
    if place is not None:
        assert (found[0].span.line, found[0].span.column) == place[:2]


def test_the_default_window_is_what_prometheus_keeps(compile_text: Callable[..., Compilation]) -> None:
    for keeps, window in (("15d", "14d"), ("29d", "28d"), ("30d", "30d"), ("400d", "30d"), ("8d", "7d")):
        made = compile_text(one(keeps, "{up: {signal: errors, objective: 99%}}"))
        assert made.model is not None
        assert [str(plan.shape.period) for plan in made.model.slos] == [window]
        assert any(d.code == "slo/window" for d in made.report) == (window != "30d")

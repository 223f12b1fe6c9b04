"""The figures of each alert over all scenarios, and the verdict."""

from __future__ import annotations

from dataclasses import replace

from monitoring_kit.diagnostics import Span
from monitoring_kit.live.backtest.jobs import Job
from monitoring_kit.live.backtest.machine import Firing
from monitoring_kit.live.backtest.run import Backtest, Options, Outcome
from monitoring_kit.live.simulate.per_alert import per_alert
from monitoring_kit.live.simulate.report import as_data, as_text, totals
from monitoring_kit.live.simulate.run import Detection, Played
from monitoring_kit.live.simulate.scenario import library
from monitoring_kit.promql import parse

MINUTE = 60_000


def job(alert: str, service: str, severity: str = "critical") -> Job:
    return Job(alert, service, severity, parse("up"), 0, 0, {}, 15_000, Span("x", 1, 1, 1, 1))


DOWN, OTHER, SLOW = job("Down", "a"), job("Down", "b"), job("Slow", "a", "warning")


def played(name: str, right: list[tuple[Job, int, int | None]] = (), false: list[tuple[Job, int, int]] = ()) -> Played:  # type: ignore[assignment]
    outcomes = [Outcome(j) for j in (DOWN, OTHER, SLOW)]
    found = Played(library()[name], 100 * MINUTE, 130 * MINUTE, ["a", "b"], Backtest(Options(0, 1), outcomes))
    found.right = [(j, Firing(j.alert, {}, 0, start * MINUTE, end and end * MINUTE, 1.0)) for j, start, end in right]
    found.false = [(j, Firing(j.alert, {}, 0, start * MINUTE, end * MINUTE, 1.0)) for j, start, end in false]
    return found


def test_the_slowest_service_counts_and_its_first_firing() -> None:
    outage = played("total-outage", [(DOWN, 101, 135), (DOWN, 140, 150), (OTHER, 103, 131)])
    flapping = played("flapping", [(DOWN, 102, None)])
    down, slow = per_alert([outage, flapping])
    assert (down.alert, down.scenarios, down.detect, down.resolve) == ("Down", 2, 3 * MINUTE, 20 * MINUTE)
    assert (down.pages, down.tickets, down.false) == (4, 0, 0)
    assert down.false_per_month is None
    assert (slow.scenarios, slow.detect, slow.firings) == (0, None, 0)


def test_false_alarms_are_counted_by_quiet_days() -> None:
    """Two of them in the seven days and an hour of the seasonal week, and one beside an incident."""
    week = played("seasonal-week", false=[(SLOW, 5, 6), (SLOW, 9, 10)])
    outage = played("total-outage", false=[(SLOW, 1, 2)])
    _, slow = per_alert([week, outage])
    assert (slow.false, slow.quiet_false, slow.tickets, slow.pages) == (3, 2, 3, 0)
    assert slow.false_per_month is not None
    assert round(slow.false_per_month, 2) == round(2 * 30 / (7 + 1 / 24), 2)
    # The ten days that are only there to be learned from are no quiet days.
    assert round(totals([week])["quiet_days"], 2) == 7.04


def test_the_verdict_says_what_is_missed() -> None:
    good = as_text([played("deploy")])
    assert "1 of 1 goals met. False alarms below 1% of all alerts: met." in good
    assert "Raised by none of these scenarios, and never for nothing: Down, Slow." in good
    bad = as_text([played("deploy", false=[(DOWN, 1, 2)]), replace(played("total-outage"))])
    assert "False alarms below 1% of all alerts: MISSED." in bad
    assert "missed: Deploy with counter resets" in bad


def test_a_goal_that_no_alert_could_meet_is_not_judged() -> None:
    """Neither met nor missed: in the table, in the sum and in the data."""
    idle, good = played("half-traffic"), played("deploy")
    text = as_text([idle, good])
    assert text.splitlines()[2].split("  ")[-1].strip() == "not judged: no alert"
    assert "The spec has no alert on this for: a, b." in text
    assert "1 of 1 goals met; not judged: Half of the traffic (no alert). " in text
    data = as_data([idle])
    scenario = data["scenarios"][0]
    assert (scenario["goal_met"], scenario["goal_not_judged"]) == (None, "no alert")
    assert scenario["services_without_alert"] == ["a", "b"]
    assert (data["totals"]["goals_judged"], data["totals"]["goals_met"]) == (0, None)
    assert "0 of 0 goals met; not judged: Half of the traffic (no alert)." in as_text([idle])


def test_a_goal_that_an_alert_is_meant_for_is_missed_without_it() -> None:
    silent = played("half-traffic")
    silent.detections = [Detection("a", None, None, None, None)]
    text = as_text([silent])
    assert (silent.goal_met, silent.not_judged) == (False, "")
    assert "0 of 1 goals met; missed: Half of the traffic." in text
    assert "The spec has no alert on this for: b." in text


def test_no_service_with_such_a_signal_is_no_goal_met() -> None:
    nobody = replace(played("errors-50"), hit=[])
    text = as_text([nobody])
    assert nobody.goal_met is None
    assert "The spec has no alert on this for: any service; none has the signal errors." in text
    ticket = replace(played("errors-50"), right=[(SLOW, Firing("Slow", {}, 0, 105 * MINUTE, None, 1.0))])
    assert ticket.not_judged == "no page"

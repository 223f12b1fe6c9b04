"""Periods, profiles and definitions: what a budget is counted over and from what, in the real rule engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_kit.lower.slo import SloPlan
from monitoring_kit.pipeline import Compilation
from tests.unit.lower.slo.rig import BAD, OK, Run, compiled, rules_of, spec

LEFT = "max(round(slo:period_error_budget_remaining:ratio, 0.001))"
HOURS_A_DAY = 24


def plan_of(made: Compilation) -> SloPlan:
    assert made.ok, [d.message for d in made.report]
    assert made.model is not None
    (plan,) = made.model.slos
    return plan


@pytest.mark.parametrize(
    ("window", "factors"),
    [
        # Workbook table 5-8: share of the budget x period / long window; below 28 days the factors of 30 days.
        ("7d", (14.4, 6, 3, 1)),
        ("14d", (14.4, 6, 3, 1)),
        ("28d", (0.02 * 28 * 24, 0.05 * 28 * 4, 0.1 * 28, 0.1 * 28 / 3)),
        ("30d", (14.4, 6, 3, 1)),
        ("90d", (14.4, 6, 3, 1)),
        ("month", (14.4, 6, 3, 1)),
        ("quarter", (14.4, 6, 3, 1)),
    ],
)
@pytest.mark.parametrize("profile", ["exact", "lean"])
def test_every_period_has_its_burn_rates(tmp_path: Path, window: str, factors: tuple[float, ...], profile: str) -> None:
    slo = f"{{up: {{signal: errors, objective: 99.9%, window: {window}, profile: {profile}}}}}"
    plan = plan_of(compiled(spec(slo), tmp_path))
    assert str(plan.shape.period) == window
    assert [tier.factor for tier in plan.shape.tiers] == pytest.approx(list(factors))


@pytest.mark.parametrize(("profile", "raw"), [("exact", {"30m", "1h", "6h", "2h"}), ("lean", {"30m", "1h"})])
def test_profiles(tmp_path: Path, profile: str, raw: set[str]) -> None:
    """Which windows are read from raw counters; the others from tiles, 5m from what is recorded already."""
    made = compiled(spec(f"{{up: {{signal: errors, objective: 99.9%, profile: {profile}}}}}"), tmp_path)
    assert made.model is not None
    texts = {
        rule.record.removeprefix("slo:sli_error:ratio_rate"): rule.text
        for rule in made.model.recordings
        if rule.record.startswith("slo:sli_error:")
    }
    assert set(texts) == {"5m", "30m", "1h", "2h", "6h", "1d", "3d"}
    assert {window for window, text in texts.items() if "http_requests_total" in text} == raw
    assert {window for window, text in texts.items() if ":tile5m" in text} == set(texts) - raw - {"5m"}


def test_exact_is_the_default(tmp_path: Path) -> None:
    assert plan_of(compiled(spec("{up: {signal: errors, objective: 99.9%}}"), tmp_path)).shape.profile == "exact"


@pytest.mark.parametrize("profile", ["exact", "lean"])
def test_every_event_weighs_the_same(tmp_path: Path, profile: str) -> None:
    """Half of the few events of half an hour are bad: 150 of 43,500 a day, 0.35 %. The average of the ratios would be 1 %."""
    slo = f"{{up: {{signal: errors, objective: 99%, window: 7d, profile: {profile}}}}}"
    # Steps of 5 minutes: 12 hours of 150 events a step, half an hour of 50, half of which are bad, 12 hours of 150.
    half = 144 * 150
    good = f"0+150x144 {half + 25}+25x5 {half + 300}+150x150"
    bad = "0x144 25+25x5 150x151"
    run = Run(rules_of(spec(slo), tmp_path), tmp_path, step="5m").put(OK, good).put(BAD, bad)
    share = 150 / (2 * half + 300)
    for expr in ("slo:sli_error:ratio_rate1d", "slo:period_error:ratio"):
        run.expect("1480m", f"abs(max({expr}) / {share} - 1) < bool 0.05", {"{}": 1})
    assert run.passes()


def budget_only(text: str, folder: Path) -> tuple[list[Path], SloPlan]:
    """The rules that all objectives share, and the objective: its rates are given by the test, an hour apart."""
    plan = plan_of(compiled(text, folder))
    return [path for path in rules_of(text, folder) if path.name == "slo.yml"], plan


def rate(plan: SloPlan, side: str, definition: str | None = None) -> str:
    own = f', slo="up", definition="{definition or plan.definition}"' if side == "bad" else ""
    return f'slo:{side}:rate5m{{service="web", events="{plan.events}"{own}}}'


def test_a_quarter_forgets_the_last_one(tmp_path: Path) -> None:
    """1970 began with a quarter of 90 days: 0.5 % of its events were bad, none of the next."""
    rules, plan = budget_only(spec("{up: {signal: errors, objective: 99%, window: quarter}}"), tmp_path)
    hours = 90 * HOURS_A_DAY
    run = Run(rules, tmp_path, step="1h").put(rate(plan, "total"), f"10x{hours + 96}")
    run.put(rate(plan, "bad"), f"0.05x{hours} 0x95")
    run.expect(f"{31 * HOURS_A_DAY}h", LEFT, {"{}": 0.5})
    run.expect(f"{hours - 2}h", LEFT, {"{}": 0.5})
    run.expect(f"{hours + 90}h", f"{LEFT} > bool 0.99", {"{}": 1})
    run.expect(f"{hours + 3}h", 'count(slo:bad:tile1h_quarter{calendar="19702"})', {"{}": 1})
    assert run.passes()


@pytest.mark.parametrize("days", [14, 28, 30, 90])
def test_a_rolling_window_forgets_when_it_has_passed(tmp_path: Path, days: int) -> None:
    """All events of the first day were bad: they count for as long as the window is, and then no more."""
    rules, plan = budget_only(spec(f"{{up: {{signal: errors, objective: 95%, window: {days}d}}}}"), tmp_path)
    hours = days * HOURS_A_DAY
    run = Run(rules, tmp_path, step="1h").put(rate(plan, "total"), f"10x{hours + 60}")
    run.put(rate(plan, "bad"), f"10x{HOURS_A_DAY - 1} 0x{hours + 36}")
    # Averages of an hour an hour apart: the bad day counts for up to half an hour more.
    run.expect(
        f"{hours - 1}h", f"abs({LEFT} - {1 - HOURS_A_DAY / hours / 0.05}) <= bool {0.6 / hours / 0.05}", {"{}": 1}
    )
    run.expect(f"{hours + 30}h", LEFT, {"{}": 1})
    assert run.passes()


def test_another_definition_has_another_history(tmp_path: Path) -> None:
    """Under the old definition everything was bad: neither the budget nor the long windows of the new one know of it."""
    text = spec("{up: {signal: errors, objective: 99%, window: 7d}}")
    rules, plan = budget_only(text, tmp_path)
    run = Run(rules, tmp_path, step="1h").put(rate(plan, "total"), "10x100")
    run.put(rate(plan, "bad", "00000000"), "10x50").put(rate(plan, "bad"), "_x50 0x50")
    run.expect("80h", "count(count_over_time(slo:bad:tile1h[7d]))", {"{}": 2})
    run.expect("80h", LEFT, {"{}": 1})
    assert run.passes()


def test_kept_firing_as_long_as_it_says(tmp_path: Path) -> None:
    """The fast window is clean 5 minutes after the end of the errors at 70 minutes; the alert goes on for 20 more."""
    slo = "{up: {signal: errors, objective: 99.9%, tiers: {page_fast: {keep_firing_for: 20m}, page_slow: {disable: true}, ticket_fast: {disable: true}, ticket_slow: {disable: true}}}}"
    run = Run(rules_of(spec(slo), tmp_path), tmp_path).put(OK, "0+50x240").put(BAD, "0x120 0+25x20 500x100")
    assert run.firing("74m", "SloPageFast").firing("94m", "SloPageFast").firing("97m").passes()

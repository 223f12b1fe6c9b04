"""The alerts of SLOs in promtool: when they fire, and when they must not."""

from __future__ import annotations

from pathlib import Path

from tests.unit.lower.slo.rig import BAD, OK, ROUTE, Run, rules_of, spec

PLAIN = "{up: {signal: errors, objective: 99.9%}}"
RATIO = "slo:sli_error:ratio_rate5m"


def run(text: str, folder: Path) -> Run:
    return Run(rules_of(text, folder), folder)


def test_outage_pages_and_recovers(tmp_path: Path) -> None:
    """10 of 100 requests fail for 10 minutes after an hour of peace: the hour's share passes 1.44 % at about 9 minutes."""
    good = "0+50x120 6045+45x20 6950+50x300"
    bad = "0x120 5+5x20 105x300"
    test = run(spec(PLAIN), tmp_path).put(OK, good).put(BAD, bad)
    test.firing("60m").firing("64m", "SloPageSlow")
    test.firing("70m", "SloPageFast", "SloPageSlow", "SloTicketFast", "SloTicketSlow")
    # The fast window is clean 5 minutes after the end; it goes on firing for 5 more.
    test.firing("90m", "SloPageSlow", "SloTicketFast", "SloTicketSlow")
    assert test.passes()


def test_below_the_budget_nothing_fires(tmp_path: Path) -> None:
    """One bad event in 2,000 is half of the budget of 0.1 %."""
    test = run(spec(PLAIN), tmp_path).put(OK, "0+1999x800").put(BAD, "0+1x800")
    assert test.firing("60m").firing("200m").firing("399m").passes()


def test_no_error_series_yet(tmp_path: Path) -> None:
    """Before the first error the share is 0, not missing; its first samples count at once."""
    test = run(spec(PLAIN), tmp_path).put(OK, "0+50x400").put(BAD, "_x240 0+50x160")
    for window in ("5m", "30m", "1h", "6h"):
        test.expect("100m", f"max(slo:sli_error:ratio_rate{window})", {"{}": 0})
    test.firing("119m")
    assert test.firing("140m", "SloPageFast", "SloPageSlow", "SloTicketFast", "SloTicketSlow").passes()


def test_no_traffic_has_no_share(tmp_path: Path) -> None:
    """0/0 is no value: nothing is NaN, nothing fires, and the budget that was left stays."""
    test = run(spec(PLAIN), tmp_path).put(OK, "0+50x240 12000x400").put(BAD, "0x640")
    test.firing("300m").expect("300m", RATIO, {})
    test.expect("300m", "count(slo:sli_error:ratio_rate1h != slo:sli_error:ratio_rate1h)", {})
    test.expect("300m", "max(slo:period_error_budget_remaining:ratio)", {"{}": 1})
    test.expect("300m", "count(slo:bad:tile1h != slo:bad:tile1h) or vector(0)", {"{}": 0})
    assert test.passes()


def test_vanished_targets_are_told(tmp_path: Path) -> None:
    """After 5 minutes of look-back and 10 of `for`."""
    test = run(spec(PLAIN), tmp_path).put(OK, "0+50x120 stale").put(BAD, "0x120 stale")
    assert test.firing("60m").firing("71m").firing("80m", "SloAbsent").passes()


def test_vanished_can_be_turned_off(tmp_path: Path) -> None:
    test = run(spec("{up: {signal: errors, objective: 99.9%, absent: off}}"), tmp_path).put(OK, "0+50x120 stale")
    assert test.firing("80m").passes()


def test_counter_resets_are_no_errors(tmp_path: Path) -> None:
    """Both counters restart from 0 three times."""
    good = "0+50x100 " * 4
    bad = "1000x100 0x100 0x100 0x100"
    test = run(spec(PLAIN), tmp_path).put(OK, good.strip()).put(BAD, bad)
    assert test.firing("75m").firing("125m").firing("199m").passes()


def test_floor_of_events(tmp_path: Path) -> None:
    """3 of 30 events an hour are bad: a share of 10 %, but too few events to wake anyone; 6 bad ones raise the companion."""
    slo = "{up: {signal: errors, objective: 99.9%, min_events: 100}}"
    good = "0x3 " + " ".join(f"{i // 4}" for i in range(500))
    rare = " ".join(str(i // 40) for i in range(504))
    test = run(spec(slo), tmp_path).put(OK, good).put(BAD, rare)
    assert test.firing("120m", "SloTicketFast", "SloTicketSlow").passes()
    often = " ".join(str(i // 16) for i in range(504))
    test = run(spec(slo), tmp_path).put(OK, good).put(BAD, often)
    assert test.firing("120m", "SloLowTraffic", "SloTicketFast", "SloTicketSlow").passes()


def test_floor_lets_real_pages_through(tmp_path: Path) -> None:
    slo = "{up: {signal: errors, objective: 99.9%, min_events: 100}}"
    test = run(spec(slo), tmp_path).put(OK, "0+50x300").put(BAD, "0x200 0+20x100")
    assert test.firing("130m", "SloPageFast", "SloPageSlow", "SloTicketFast", "SloTicketSlow").passes()


def test_each_group_has_its_own_budget(tmp_path: Path) -> None:
    """One of two routes fails: only it pages, and the other keeps its budget."""
    slo = "{up: {signal: errors, objective: 99%, group_by: route}}"
    test = run(spec(slo, ROUTE), tmp_path)
    for route, bad in (("/a", "0x120 0+25x120"), ("/b", "0x240")):
        labels = f'job="web",service="web",instance="a",route="{route}"'
        test.put(f'http_requests_total{{{labels},status="200"}}', "0+50x240")
        if route == "/a":
            test.put(f'http_requests_total{{{labels},status="500"}}', bad)
    test.firing(
        "110m", *(f'{name}{{route="/a"}}' for name in ("SloPageFast", "SloPageSlow", "SloTicketFast", "SloTicketSlow")), by="route"
    )  # fmt: skip
    test.expect("110m", 'max by (route) (slo:sli_error:ratio_rate1h{route="/b"})', {'{route="/b"}': 0})
    test.expect("110m", 'max by (route) (slo:period_error_budget_remaining:ratio{route="/b"})', {'{route="/b"}': 1})
    assert test.passes()


def test_two_slos_share_their_events_but_not_their_errors(tmp_path: Path) -> None:
    """One recording of the total, no sums across SLOs."""
    slos = (
        "{up: {signal: errors, objective: 99.9%},"
        ' strict: {total: \'http_requests_total{job="web"}\', bad: \'http_requests_total{job="web",status!="200"}\', objective: 99.9%}}'
    )
    test = run(spec(slos), tmp_path).put(OK, "0+90x240").put(BAD, "0+10x240")
    test.put(OK.replace("200", "404"), "0+100x240")
    test.expect("100m", "count(slo:total:rate5m)", {"{}": 1})
    test.expect(
        "100m", "max by (slo) (round(slo:sli_error:ratio_rate1h, 0.0001))", {'{slo="up"}': 0.05, '{slo="strict"}': 0.55}
    )
    test.expect(
        "100m", "max by (slo) (round(slo:sli_error:ratio_rate1d, 0.0001))", {'{slo="up"}': 0.05, '{slo="strict"}': 0.55}
    )
    assert test.passes()


def test_tiers_may_change_everything(tmp_path: Path) -> None:
    slo = (
        "{up: {signal: errors, objective: 99.9%, tiers: {page_fast: {name: MyPage, for: 3m, severity: warning, notify: chat, factor: 10},"
        " page_slow: {disable: true}, ticket_fast: {disable: true}, ticket_slow: {disable: true}}}}"
    )
    test = run(spec(slo), tmp_path).put(OK, "0+50x240").put(BAD, "0x120 0+50x120")
    test.firing("62m").firing("70m", "MyPage")
    test.expect(
        "70m", 'max by (severity, notify) (ALERTS{alertname="MyPage"})', {'{severity="warning", notify="chat"}': 1}
    )
    test.expect("70m", "count(slo:sli_error:ratio_rate3d) or vector(0)", {"{}": 0})
    assert test.passes()


def test_good_events(tmp_path: Path) -> None:
    """Latency: what is slower than the threshold is bad; requests whose bucket has no series yet are all bad."""
    slo = "{fast: {signal: latency, objective: 99%, threshold: 1s}}"
    base = 'http_request_duration_seconds%s{job="web",service="web",instance="a"%s}'
    test = (
        run(spec(slo), tmp_path)
        .put(base % ("_count", ""), "0+100x240")
        .put(base % ("_bucket", ',le="1.0"'), "0+97x240")
    )
    test.put(base % ("_bucket", ',le="+Inf"'), "0+100x240")
    for window in ("5m", "30m", "1h", "6h", "2h", "1d", "3d"):
        test.expect("110m", f"max(round(slo:sli_error:ratio_rate{window}, 0.0001))", {"{}": 0.03})
    assert test.passes()
    test = run(spec(slo), tmp_path).put(base % ("_count", ""), "0+100x240")
    assert (
        test.expect("110m", f"max({RATIO})", {"{}": 1})
        .expect("110m", "max(slo:sli_error:ratio_rate6h)", {"{}": 1})
        .passes()
    )

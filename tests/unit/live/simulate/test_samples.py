"""The series of a scenario: counters that grow, effects at the right time, nothing that depends on the day of the run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from monitoring_kit.live.simulate.samples import BLOCK, exposition, targets_of
from monitoring_kit.live.simulate.scenario import USUAL_ERRORS, Moment, Scenario, library, moment
from monitoring_kit.stack.simulation_plan import SimulatedMetric, SimulatedSeries, SimulatedService

START = BLOCK * 1000
SERVICE = SimulatedService(
    "web", "http",
    [
        SimulatedMetric(
            "hits_total", "counter", "", 20, False, "",
            [SimulatedSeries({"status": "200"}, False, 1.0), SimulatedSeries({"status": "500"}, True, 1.0)],
        ),
        SimulatedMetric("time_seconds", "histogram", "", 20, False, "", [SimulatedSeries({}, False, 1.0)], [0.1, 1.0]),
    ],
)  # fmt: skip
LABELS = {"web": {"service": "web", "job": "web", "instance": "web:80"}}


def series(scenario: Scenario, start: int = START) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for block, text in exposition(targets_of([SERVICE], LABELS, {"web"}, scenario, start), scenario, start):
        *lines, end = text.splitlines()
        assert end == "# EOF"
        for line in lines:
            name, value, at = line.rsplit(" ", 2)
            assert block <= int(at) < block + BLOCK
            found.setdefault(name, []).append((int(at), float(value)))
    return found


def of(found: dict[str, list[tuple[int, float]]], part: str) -> list[tuple[int, float]]:
    (key,) = [name for name in found if part in name]
    return found[key]


def test_the_library_is_what_the_promise_lists() -> None:
    assert set(library()) >= {
        "total-outage", "errors-5", "slow-burn", "latency-creep", "half-traffic", "flapping", "one-of-eight", "deploy",
        "scrape-gaps", "target-gone", "seasonal-week", "quiet-night",
    }  # fmt: skip
    assert all(s.expect in ("page", "ticket", "quiet", "any") for s in library().values())
    assert all(s.within > 0 for s in library().values() if s.expect == "page")


def test_an_outage_fails_the_scrapes_and_silences_the_rest() -> None:
    scenario = library()["total-outage"]
    found = series(scenario)
    begin, end = START + scenario.before, START + scenario.before + scenario.incident
    assert all(value == (0.0 if begin <= at < end else 1.0) for at, value in of(found, "up{"))
    assert not [at for at, _ in of(found, 'status="200"') if begin <= at < end]


def test_errors_have_the_wanted_share() -> None:
    scenario = library()["errors-50"]
    found = series(scenario)
    begin, end = START + scenario.before, START + scenario.before + scenario.incident
    within = [dict(of(found, f'status="{status}"')) for status in ("200", "500")]
    good, bad = (counts[end - 15] - counts[begin] for counts in within)
    assert bad / (good + bad) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", [n for n in library() if n not in ("deploy", "seasonal-week")])
def test_counters_never_shrink(name: str) -> None:
    scenario = library()[name]
    found = series(replace(scenario, incident=min(scenario.incident, 3600.0)))
    for key, samples in found.items():
        if "up{" not in key:
            values = [value for _, value in samples]
            assert values == sorted(values), key


def test_a_deploy_resets_counters() -> None:
    values = [value for _, value in of(series(library()["deploy"]), 'status="200"')]
    assert sum(b < a for a, b in itertools.pairwise(values)) == 6


def test_buckets_are_cumulative() -> None:
    found = series(library()["latency-creep"])
    low, high, total = (dict(of(found, part)) for part in ('le="0.1"', 'le="1"', 'le="+Inf"'))
    assert all(low[at] <= high[at] <= total[at] for at in total)
    # With the usual median of 0.1 s half of the events are at or below that bound, almost all below 1 s.
    at = START + 1200
    assert low[at] / total[at] == pytest.approx(0.5)
    assert high[at] / total[at] > 0.99


def test_the_same_at_every_run() -> None:
    assert series(library()["flapping"]) == series(library()["flapping"])


def test_moments() -> None:
    ramp = library()["latency-creep"]
    assert moment(ramp, 0, 0) == Moment()
    assert moment(ramp, ramp.before + ramp.incident / 2, 0).slow == pytest.approx(10.5)
    eight = library()["one-of-eight"]
    assert [moment(eight, eight.before, i).up for i in range(8)] == [False] + [True] * 7
    flapping = library()["flapping"]
    states = [moment(flapping, flapping.before + at, 0).errors for at in (0, 89, 90, 179, 180)]
    assert states == [0.4, 0.4, USUAL_ERRORS, USUAL_ERRORS, 0.4]
    gaps = library()["scrape-gaps"]
    assert sum(not moment(gaps, gaps.before + at, 0).scraped for at in range(0, 3600, 15)) == 20


def test_an_outage_behind_an_exporter_leaves_the_exporter_up() -> None:
    waiting = SimulatedMetric("waiting", "gauge", "", 5, True, "", [SimulatedSeries({}, False, 1.0)])
    service = SimulatedService("db", "mysql", [waiting], "db_up")
    labels = {"db": {"service": "db", "job": "db", "instance": "db:80"}}
    scenario = library()["total-outage"]
    begin, end = START + scenario.before, START + scenario.before + scenario.incident
    lines = [
        line.rsplit(" ", 2)
        for _, text in exposition(targets_of([service], labels, {"db"}, scenario, START), scenario, START)
        for line in text.splitlines()[:-1]
    ]
    assert {value for name, value, _ in lines if name.startswith("up{")} == {"1"}
    assert all(value == str(int(not begin <= int(at) < end)) for name, value, at in lines if name.startswith("db_up{"))
    assert [at for name, _, at in lines if name.startswith("db_up{") and begin <= int(at) < end]
    assert not [at for name, _, at in lines if name.startswith("waiting{") and begin <= int(at) < end]

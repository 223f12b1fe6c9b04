"""Every query of every dashboard, asked of a real Prometheus that runs the generated rules on synthetic series."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from monitoring_kit.lower.dashboards.queries import legend_labels
from monitoring_kit.spec.quantity import Duration
from tests.e2e.dashboard_lab import Lab, finite, interpolated, start
from tests.unit.lower.dashboard_help import ALL_KINDS, EXAMPLE, Built, build, data_panels

pytestmark = pytest.mark.e2e
ALL = {"instance": ".+", "service": ".*", "job": ".+", "slo": ".+", "version": ".*"}


# Everything that is watched by its history, and objectives over every kind of window.
WATCHED = """version: mkit/v1
system: watched
prometheus: {retention: {time: 120d}}
services:
  web:
    kind: http
    scrape: {targets: ['web:80']}
    resources: {cpu: 1, memory: 1GiB}
    slos:
      month:   {signal: errors, objective: 99.9%, window: month}
      quarter: {signal: latency, objective: 99%, threshold: 1s, window: quarter}
      week:    {total: http_requests_total, bad: 'http_requests_total{status="500"}', objective: 99%, window: 7d, group_by: [version]}
      own:     {error_ratio: 'sum(rate(http_requests_total{status="500"}[$window])) / sum(rate(http_requests_total[$window]))', objective: 95%, window: 30d}
  host:  {kind: node, scrape: {targets: ['host:9100']}}
  cache: {kind: redis, scrape: {targets: ['cache:9121']}}
metrics:
  http_requests_total: {type: counter, help: Requests., labels: {version: {values: [v1, v2]}, status: {}}, services: [web]}
  http_request_duration_seconds: {type: histogram, unit: seconds, help: Time., buckets: [0.1, 0.5, 1, 5], services: [web]}
alerts:
  unusual: {anomaly: {signals: [traffic, latency]}, services: [web], severity: warning}
  hourly:  {anomaly: {signals: [hits], season: 1d}, services: [cache], severity: warning}
  full:    {capacity: {signals: [disk, memory, connections], horizon: 14d, limits: {disk: {soft: 80%, hard: 95%}}}, severity: warning}
  worse:   {degradation: {signals: [errors], worse: 20%}, services: [web], severity: warning}
channels:
  mail: {kind: webhook, url: 'http://hook:1/'}
"""


@pytest.fixture(scope="module", params=["example", "everything", "watched"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Built, Lab]]:
    folder = tmp_path_factory.mktemp("lab")
    path = EXAMPLE
    if request.param != "example":
        path = folder / "mkit.yaml"
        path.write_text(ALL_KINDS if request.param == "everything" else WATCHED)
    built = build(path)
    child, lab = start(built, folder)
    try:
        yield built, lab
    finally:
        child.terminate()
        child.wait(20)


def asked(lab: Lab, panel: dict[str, Any], target: dict[str, Any], chosen: dict[str, str]) -> list[dict[str, Any]]:
    step = int(Duration.of(panel.get("interval", "15s")).seconds)
    expr = interpolated(target["expr"], step, chosen)
    assert "$" not in expr
    return lab.instant(expr) if target.get("instant") else lab.range(expr, step)


def test_every_panel_shows_something(live: tuple[Built, Lab]) -> None:
    built, lab = live
    targets = [
        (f"{board['title']} / {panel['title']}: {target['expr']}", panel, target)
        for board in built.boards.values()
        for panel in data_panels(board)
        for target in panel["targets"]
        if "ALERTS" not in target["expr"]
    ]
    assert len(targets) > 50
    end = time.monotonic() + 90  # on a busy machine the last rules are not recorded yet
    while empty := [t for t in targets if not shows(lab, *t)]:
        assert time.monotonic() < end, [where for where, _, _ in empty]
        targets = empty
        time.sleep(1)


def shows(lab: Lab, where: str, panel: dict[str, Any], target: dict[str, Any]) -> bool:
    """Whether a panel's query has a result; every value must be a number."""
    found = asked(lab, panel, target, ALL)
    assert all(finite(series) for series in found), where
    return bool(found)


def test_history_has_the_labels_under_which_the_rules_record(live: tuple[Built, Lab]) -> None:
    """Else the panels above would show what the lab made up, not what the rules write."""
    _, lab = live
    for name, made in lab.learnt.items():
        labels = [{k: v for k, v in series["metric"].items() if k != "__name__"} for series in made]
        assert labels, name
        # Younger than what was loaded: recorded by the rule itself.
        recorded = lab.instant(f"timestamp({name}) > {lab.end + 1}")
        assert sorted(map(str, (sorted(s["metric"].items()) for s in recorded))) == sorted(
            map(str, (sorted(found.items()) for found in labels))
        ), name


def test_every_legend_names_labels_that_the_series_have(live: tuple[Built, Lab]) -> None:
    built, lab = live
    grouped = {label for plan in built.model.slos for label in plan.by}
    for board in built.boards.values():
        for panel in data_panels(board):
            for target in panel["targets"]:
                labels = legend_labels(target.get("legendFormat", ""))
                # Objectives have their own `group_by`: a line of one that has none shows nothing in its place.
                optional = grouped if "slo" in board["tags"] else set()
                for series in asked(lab, panel, target, ALL):
                    missing = set(labels) - set(series["metric"]) - optional
                    # An alert that is about no service has no such label; Grafana prints nothing for it.
                    assert not missing - ({"service"} if "ALERTS" in target["expr"] else set()), (
                        panel["title"],
                        series["metric"],
                    )


def test_every_variable_offers_values_and_a_choice_narrows(live: tuple[Built, Lab]) -> None:
    built, lab = live
    for board in built.boards.values():
        chosen = dict(ALL)
        for variable in board["templating"]["list"]:
            if variable["type"] != "query":
                continue
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert match is not None
            values = lab.ask(f"label/{match[2]}/values", **{"match[]": interpolated(match[1], 15, ALL)})
            assert values, variable["query"]
            chosen[variable["name"]] = re.escape(values[0])
            for panel in data_panels(board):
                for target in panel["targets"]:
                    if f"${variable['name']}" in target["expr"] and "ALERTS" not in target["expr"]:
                        narrowed = asked(lab, panel, target, {**ALL, variable["name"]: values[0]})
                        assert len(narrowed) <= len(asked(lab, panel, target, ALL))


def test_every_annotation_is_valid_and_the_firing_alert_is_found(live: tuple[Built, Lab]) -> None:
    built, lab = live

    def firing() -> int:
        return sum(
            len(lab.range(interpolated(annotation["expr"], 15, ALL), 15))
            for board in built.boards.values()
            for annotation in board["annotations"]["list"]
            if "expr" in annotation
        )

    # An alert without `for` fires at the second evaluation after its recording.
    deadline = time.monotonic() + 60
    while not (found := firing()) and time.monotonic() < deadline:
        time.sleep(2)
    assert found, "an instance of each service is down, so an alert without `for` fires"


def test_a_panel_whose_metric_is_missing_would_be_found(live: tuple[Built, Lab]) -> None:
    built, lab = live
    panel = next(data_panels(next(iter(built.boards.values()))))
    broken = {**panel["targets"][0], "expr": "service:no_such_signal:rate5m"}
    assert asked(lab, panel, broken, ALL) == []

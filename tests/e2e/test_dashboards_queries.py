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
ALL = {"instance": ".+", "service": ".*", "job": ".+"}


@pytest.fixture(scope="module", params=["example", "everything"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Built, Lab]]:
    folder = tmp_path_factory.mktemp("lab")
    path = EXAMPLE
    if request.param == "everything":
        path = folder / "mkit.yaml"
        path.write_text(ALL_KINDS)
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


# What is learnt from days of history has none in a lab of minutes. tests/e2e/test_history.py holds the rules against weeks,
# not these panels.
OF_DAYS = re.compile(r":(prediction|residual|avg_1d|days_to_limit|forecast)")


def _live(built: Built) -> list[dict[str, Any]]:
    """The dashboards whose series exist within minutes. The one of the objectives is left out: it reads hourly tiles and days
    of budgets, and nothing asks a real Prometheus for its panels yet (the rules behind them are tested)."""
    return [board for board in built.boards.values() if "slo" not in board["tags"]]


def test_every_panel_shows_something(live: tuple[Built, Lab]) -> None:
    built, lab = live
    empty, asked_for = [], 0
    for board in _live(built):
        for panel in data_panels(board):
            for target in panel["targets"]:
                found = asked(lab, panel, target, ALL)
                asked_for += 1
                where = f"{board['title']} / {panel['title']}: {target['expr']}"
                if "ALERTS" not in target["expr"] and not found and not OF_DAYS.search(target["expr"]):
                    empty.append(where)
                assert all(finite(series) for series in found), where
    assert asked_for > 50
    assert empty == []


def test_every_legend_names_labels_that_the_series_have(live: tuple[Built, Lab]) -> None:
    built, lab = live
    for board in _live(built):
        for panel in data_panels(board):
            for target in panel["targets"]:
                labels = legend_labels(target.get("legendFormat", ""))
                for series in asked(lab, panel, target, ALL):
                    missing = set(labels) - set(series["metric"])
                    # An alert that is about no service has no such label; Grafana prints nothing for it.
                    assert not missing - ({"service"} if "ALERTS" in target["expr"] else set()), (
                        panel["title"],
                        series["metric"],
                    )


def test_every_variable_offers_values_and_a_choice_narrows(live: tuple[Built, Lab]) -> None:
    built, lab = live
    for board in _live(built):
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
            for board in _live(built)
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

"""What holds for every dashboard, whatever the spec."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

from monitoring_kit.conventions import service_dashboard
from monitoring_kit.lower.dashboards.library import is_unit
from monitoring_kit.promql import parse, variables
from monitoring_kit.spec.quantity import Duration
from tests.unit.lower.dashboard_help import Built, data_panels, panels

ROOT = Path(__file__).parents[3]
GRAFANA_OWN = re.compile(r"__\w+")


def test_there_is_one_for_the_system_one_a_service_and_the_specs_own(built: Built) -> None:
    expected = 1 + bool(built.model.slos) + len(built.system.services) + len(built.system.spec.dashboards)
    assert len(built.boards) == expected
    assert not built.report.failed, [d.message for d in built.report]
    for name in built.system.services:
        uids = [board["uid"] for board in built.boards.values()]
        assert service_dashboard(built.system.name, name) in uids


def test_panel_ids_are_unique_and_not_zero(built: Built) -> None:
    for board in built.boards.values():
        ids = [panel["id"] for panel in panels(board)]
        assert len(ids) == len(set(ids))
        assert all(0 < number < 2**31 for number in ids)


def test_no_panel_overlaps_another_or_leaves_the_grid(built: Built) -> None:
    for board in built.boards.values():
        for group in [board["panels"], *(p["panels"] for p in board["panels"] if p["type"] == "row")]:
            places = [panel["gridPos"] for panel in group]
            assert all(p["x"] >= 0 and p["x"] + p["w"] <= 24 and p["h"] > 0 and p["w"] > 0 for p in places)
            assert not [pair for pair in combinations(places, 2) if overlap(*pair)]


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    across = a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
    return across and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def test_uids_and_titles_are_unique_and_fit(built: Built) -> None:
    boards = list(built.boards.values())
    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", board["uid"]) for board in boards)


def test_every_panel_variable_and_target_asks_the_chosen_data_source(built: Built) -> None:
    wanted = {"type": "prometheus", "uid": "${datasource}"}
    for board in built.boards.values():
        assert board["templating"]["list"][0]["name"] == "datasource"
        assert all(v["datasource"] == wanted for v in board["templating"]["list"] if v["type"] == "query")
        for panel in data_panels(board):
            assert panel["datasource"] == wanted
            assert all(target["datasource"] == wanted for target in panel["targets"])


def test_every_variable_in_use_is_defined_and_every_defined_one_in_use(built: Built) -> None:
    for board in built.boards.values():
        defined = {variable["name"] for variable in board["templating"]["list"]}
        used: set[str] = set()
        for text in queries(board):
            used |= {name for name in variables(parse(text, variables=True)) if not GRAFANA_OWN.fullmatch(name)}
        assert used | {"datasource"} == defined, board["title"]


def queries(board: dict[str, Any]) -> list[str]:
    found = [target["expr"] for panel in data_panels(board) for target in panel["targets"]]
    found += [a["expr"] for a in board["annotations"]["list"] if "expr" in a]
    return found


def test_a_variable_of_several_values_stands_behind_a_regular_expression(built: Built) -> None:
    for board in built.boards.values():
        for text in queries(board):
            assert not re.search(r'[^~]="?\$(service|instance|job)', text), text


def test_every_panel_is_described_and_says_what_no_data_means(built: Built) -> None:
    for board in built.boards.values():
        for panel in panels(board):
            if panel["type"] == "row":
                continue
            assert panel["title"]
            assert panel["description"]
        for panel in data_panels(board):
            defaults = panel["fieldConfig"]["defaults"]
            assert is_unit(defaults["unit"]), defaults["unit"]
            assert defaults["noValue"]
            assert defaults["mappings"]
            assert "Metric: `" in panel["description"]


def test_rates_follow_the_zoom(built: Built) -> None:
    for board in built.boards.values():
        for text in queries(board):
            assert "[" not in text or "[$__rate_interval]" in text, text


def test_dashboards_are_read_only_current_and_share_the_crosshair(built: Built) -> None:
    for board in built.boards.values():
        assert (board["schemaVersion"], board["editable"], board["graphTooltip"], board["timezone"]) == (
            42,
            False,
            1,
            "browser",
        )
        assert "id" not in board
        assert "version" not in board


def test_nothing_is_refreshed_more_often_than_scraped(everything: Built) -> None:
    web = everything.boards["service-web"]
    assert web["refresh"] == "1m"
    assert web["timepicker"]["refresh_intervals"][0] == "1m"
    assert everything.boards["service-db"]["refresh"] == "30s"
    for board in everything.boards.values():
        assert Duration.of(board["refresh"]).seconds >= 30


def test_a_slower_service_widens_the_step_of_its_panels(everything: Built) -> None:
    assert everything.panel("service-web", "Traffic by status")["interval"] == "1m"
    assert "interval" not in everything.panel("service-shop-api", "Traffic by status")


def test_links_between_dashboards_lead_somewhere(built: Built) -> None:
    uids = {board["uid"] for board in built.boards.values()}
    seen = 0
    for board in built.boards.values():
        text = json.dumps(board)
        for uid in re.findall(r"/d/([a-zA-Z0-9_-]+)\?", text):
            assert uid in uids
            seen += 1
    assert seen > len(uids)


def test_dependencies_and_runbook_of_a_service_are_linked(everything: Built) -> None:
    links = {link["title"]: link["url"] for link in everything.boards["service-web"]["links"]}
    assert links["Needs db"].startswith("/d/everything-service-db?")
    assert links["Runbook"] == "https://runbooks/web"


def test_every_alert_on_a_signal_has_a_panel_with_its_line_and_a_way_back(built: Built) -> None:
    alerts = [rule for rule in built.model.alerts if rule.conditions]
    assert alerts
    by_uid = {board["uid"]: board for board in built.boards.values()}
    for rule in alerts:
        board = by_uid[rule.annotations["__dashboardUid__"]]
        (panel,) = [p for p in panels(board) if str(p["id"]) == rule.annotations["__panelId__"]]
        lines = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert rule.conditions[0].threshold.value in lines
        assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "line"}
        assert rule.name in panel["description"]


def test_no_panel_has_a_line_that_is_no_alerts_constant(built: Built) -> None:
    known = {c.threshold.value for rule in built.model.alerts for c in rule.conditions}
    known |= {0.9} if built.system.name == "ai-camera-counting" else set()
    for board in built.boards.values():
        for panel in data_panels(board):
            if panel["type"] != "timeseries":
                continue
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            assert {step["value"] for step in steps[1:]} <= known


def test_lines_are_in_sight(everything: Built) -> None:
    slow = everything.panel("service-web", "Latency p99 over 10m")["fieldConfig"]["defaults"]
    assert slow["custom"]["axisSoftMax"] == 4.8
    assert slow["thresholds"]["steps"] == [
        {"color": "green", "value": None},
        {"color": "orange", "value": 2},
        {"color": "red", "value": 4},
    ]
    down = everything.panel("service-web", "Availability over 1h")["fieldConfig"]["defaults"]
    assert (down["custom"]["axisSoftMin"], down["custom"]["axisSoftMax"]) == (0.99, 1)
    assert "min" not in down
    assert down["thresholds"]["steps"] == [{"color": "red", "value": None}, {"color": "green", "value": 0.995}]


def test_alerts_are_annotated_for_the_service_alone(example: Built) -> None:
    (_, annotation) = example.boards["service-becamera"]["annotations"]["list"]
    assert 'service="beCamera"' in annotation["expr"]
    assert 'alertname!="Watchdog"' in annotation["expr"]


def test_a_published_runbook_is_linked_from_the_panel(everything: Built) -> None:
    links = everything.panel("service-db", "Aborted connections")["fieldConfig"]["defaults"]["links"]
    assert {"title": "Runbook Failing", "url": "https://runbooks/failing", "targetBlank": True} in links


def test_the_same_spec_gives_the_same_dashboards(example: Built) -> None:
    from monitoring_kit.diagnostics import Report
    from monitoring_kit.lower.dashboards import lower_grafana

    again = lower_grafana(example.system, example.model, Report())
    assert [json.dumps(file.tree) for file in again] == [json.dumps(file.tree) for file in example.files.values()]


def test_every_panel_knows_the_spec_line_it_comes_from(built: Built) -> None:
    for file in built.files.values():
        if file.kind == "json":
            assert file.tree.origin is not None
            assert all(getattr(panel, "origin", None) is not None for panel in panels(file.tree))


def test_the_order_of_hashes_changes_nothing() -> None:
    script = (
        "import sys, json; from tests.unit.lower.dashboard_help import *\n"
        "sys.stdout.write(json.dumps(build(EXAMPLE).boards))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        for seed in ("1", "77")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) > 100_000

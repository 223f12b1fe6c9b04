"""Dashboards pass the rules of grafana/dashboard-linter, but for those that ``.lint`` excludes with a reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.lower.dashboard_help import Built, data_panels
from tests.unit.lower.dashboard_linter import RULES, lint


def test_only_excluded_rules_are_broken(built: Built) -> None:
    excluded = built.files["grafana/dashboards/.lint"].tree["exclusions"]
    assert set(excluded) <= set(RULES)
    assert all(rule["reason"] for rule in excluded.values())
    for name, board in built.boards.items():
        assert lint(board) - set(excluded) == set(), name


def first(board: dict[str, Any]) -> dict[str, Any]:
    return next(p for p in data_panels(board) if p["type"] == "timeseries")


def no_datasource(board: dict[str, Any]) -> None:
    board["templating"]["list"].pop(0)


def fixed_datasource(board: dict[str, Any]) -> None:
    first(board)["datasource"] = {"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}


def no_description(board: dict[str, Any]) -> None:
    first(board)["description"] = ""


def unknown_unit(board: dict[str, Any]) -> None:
    first(board)["fieldConfig"]["defaults"]["unit"] = "requests"


def no_targets(board: dict[str, Any]) -> None:
    first(board)["targets"] = []


def bad_promql(board: dict[str, Any]) -> None:
    first(board)["targets"][0]["expr"] = "sum(rate("


def fixed_range(board: dict[str, Any]) -> None:
    first(board)["targets"][0]["expr"] = 'sum(rate(x_total{instance=~"$instance"}[5m]))'


def plain_counter(board: dict[str, Any]) -> None:
    first(board)["targets"][0]["expr"] = "sum(x_total)"


def stale_variable(board: dict[str, Any]) -> None:
    board["templating"]["list"][1]["refresh"] = 1


def broken_variable(board: dict[str, Any]) -> None:
    board["templating"]["list"][1]["query"]["query"] = "label_values(up{, instance)"


def unused_variable(board: dict[str, Any]) -> None:
    board["templating"]["list"][1]["name"] = "nobody"


def equal_to_many(board: dict[str, Any]) -> None:
    first(board)["targets"][0]["expr"] = 'up{instance="$instance"}'


def editable(board: dict[str, Any]) -> None:
    board["editable"] = True


def hasty(board: dict[str, Any]) -> None:
    board["refresh"] = "5s"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (no_datasource, "template-datasource-rule"),
        (fixed_datasource, "panel-datasource-rule"),
        (no_description, "panel-title-description-rule"),
        (unknown_unit, "panel-units-rule"),
        (no_targets, "panel-no-targets-rule"),
        (bad_promql, "target-promql-rule"),
        (fixed_range, "target-rate-interval-rule"),
        (plain_counter, "target-counter-agg-rule"),
        (stale_variable, "template-on-time-change-reload-rule"),
        (broken_variable, "template-label-promql-rule"),
        (unused_variable, "template-unused-rule"),
        (equal_to_many, "template-variable-matchers-rule"),
        (editable, "uneditable-dashboard-rule"),
        (hasty, "dashboard-refresh-interval-rule"),
    ],
)
def test_each_rule_finds_what_it_is_for(example: Built, change: Callable[[dict[str, Any]], None], rule: str) -> None:
    board = copy.deepcopy(example.boards["service-becamera"])
    change(board)
    assert rule in lint(board)

"""Dashboards against Grafana's own types of four versions, and its own formatting of values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from monitoring_kit.lower.dashboards.library import library, unit_ids
from tests.e2e.grafana_oracle import VERSIONS, display, schema, without_required
from tests.unit.lower.dashboard_help import ALL_KINDS, EXAMPLE, Built, build, data_panels

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["example", "everything"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    path = EXAMPLE
    if request.param == "everything":
        path = tmp_path_factory.mktemp("all") / "mkit.yaml"
        path.write_text(ALL_KINDS)
    return build(path)


def leaves(error: jsonschema.ValidationError) -> Iterator[str]:
    if error.context:
        for inner in error.context:
            yield from leaves(inner)
    else:
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message}"


def wrong(tree: Any, of: dict[str, Any]) -> list[str]:
    return [text for error in jsonschema.Draft7Validator(of).iter_errors(tree) for text in leaves(error)]


@pytest.mark.parametrize("version", VERSIONS)
def test_dashboards_fit_the_types_of_each_version(built: Built, version: str) -> None:
    types = schema(version, "dashboard", "Dashboard")
    for board in built.boards.values():
        found = wrong(board, types)
        # The type of annotations models the queries of Grafana's own data source only.
        others = [text for text in found if not (text.startswith("annotations/") and "'expr', 'step'" in text)]
        assert others == [], board["title"]


@pytest.mark.parametrize("version", ["10.4", "13.2"])
def test_options_fit_each_panel_type(built: Built, version: str) -> None:
    seen = set()
    for board in built.boards.values():
        for panel in data_panels(board):
            seen.add(panel["type"])
            options = without_required(schema(version, panel["type"], "Options"))
            assert wrong(panel["options"], options) == [], panel["title"]
            custom = panel["fieldConfig"]["defaults"].get("custom")
            if custom:
                config = without_required(schema(version, panel["type"], "FieldConfig"))
                assert wrong(custom, config) == [], panel["title"]
    assert {"timeseries", "stat", "state-timeline"} <= seen


def test_the_oracle_rejects_a_key_that_a_version_lacks(built: Built) -> None:
    board = {**next(iter(built.boards.values())), "refesh": "1m"}
    assert any("refesh" in text for text in wrong(board, schema("10.4", "dashboard", "Dashboard")))


def test_a_value_past_an_alerts_threshold_has_its_colour(built: Built) -> None:
    panels = [p for board in built.boards.values() for p in data_panels(board)]
    judged = [
        p["fieldConfig"]["defaults"] for p in panels if len(p["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1
    ]
    asked = []
    for defaults in judged:
        borders = [step["value"] for step in defaults["thresholds"]["steps"][1:]]
        probes = [borders[0] - 1e-6, *[border + 1e-6 for border in borders]]
        asked.append({"defaults": {**defaults, "color": {"mode": "thresholds"}}, "values": probes})
    answer = display(asked, [])
    for defaults, shown in zip(judged, answer["shown"], strict=True):
        wanted = [answer["colors"][step["color"]] for step in defaults["thresholds"]["steps"]]
        assert [value["color"] for value in shown] == wanted
    assert judged


def test_no_number_is_shown_as_no_data(built: Built) -> None:
    panels = [p for board in built.boards.values() for p in data_panels(board) if p["type"] != "state-timeline"]
    answer = display([{"defaults": p["fieldConfig"]["defaults"], "values": ["nan", "null"]} for p in panels], [])
    assert {value["text"] for shown in answer["shown"] for value in shown} == {"no data"}


def test_units_are_formatted_and_not_printed_behind_the_value(built: Built) -> None:
    examples: list[tuple[dict[str, Any], float, str]] = [
        # Without decimals an availability just under its objective would read as 100.0%.
        (built.panel("system", "Availability")["fieldConfig"]["defaults"], 0.9995, "99.95%"),
        ({"unit": "percentunit"}, 0.05, "5%"),
        ({"unit": "s"}, 0.25, "250 ms"),
        ({"unit": "reqps"}, 12.345, "12.3 req/s"),
        ({"unit": "bytes"}, 2048, "2 KiB"),
        ({"unit": "Bps"}, 1500, "1.50 kB/s"),
    ]
    answer = display([{"defaults": defaults, "values": [value]} for defaults, value, _ in examples], [])
    texts = [shown[0]["text"] for shown in answer["shown"]]
    assert texts == [text for *_, text in examples]
    assert set(answer["units"]) == unit_ids()


def test_colours_by_value_match_the_values_they_are_for(built: Built) -> None:
    names = ["200", "204", "301", "404", "500", "503", "5xx", "ok", "failed", "refunded", "timeout"]
    rules = library()["colors"]["values"]
    answer = display([], [{"options": rule["match"], "names": names} for rule in rules])
    found = {rule["color"]: matched for rule, matched in zip(rules, answer["matched"], strict=True)}
    assert found == {
        "red": ["500", "503", "5xx", "failed"],
        "orange": ["404", "timeout"],
        "blue": ["301"],
        "green": ["200", "204", "ok"],
    }

"""The spec's own dashboards: what they show, and every mistake a user can make in one."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring_kit.diagnostics import Diagnostic
from tests.conftest import marked
from tests.unit.lower.dashboard_help import Built, data_panels
from tests.unit.lower.spec_text import HEAD, WEB, Compile

TWO = "services:\n  web: {kind: http, scrape: {targets: ['web:80']}}\n  api: {kind: http, scrape: {targets: ['api:80']}}\n"


def one(compile_text: Compile, panels: str, services: str = TWO, more: str = "", board: str = "title: Mine") -> Built:
    items = "".join(f"      - {line}\n" for line in panels.splitlines())
    text = f"{HEAD}{services}{more}dashboards:\n  mine:\n    {board}\n    panels:\n{items}"
    return Built(compile_text(text))


def shown(built: Built) -> dict[str, Any]:
    (found,) = data_panels(built.boards["board-mine"])
    return found


def test_a_signal_shows_all_services_that_have_it(compile_text: Compile) -> None:
    built = one(compile_text, "{title: Errors, signal: errors}")
    (target,) = shown(built)["targets"]
    assert target["expr"] == 'service:errors:ratio_rate5m{service=~"$service"}'
    assert target["legendFormat"] == "{{service}}"
    assert shown(built)["fieldConfig"]["defaults"]["unit"] == "percentunit"
    assert [v["name"] for v in built.boards["board-mine"]["templating"]["list"]] == ["datasource", "service"]


@pytest.mark.parametrize(("services", "matcher"), [("[web]", '="web"'), ("[web, api]", '=~"web|api"')])
def test_a_signal_shows_the_named_services(compile_text: Compile, services: str, matcher: str) -> None:
    built = one(compile_text, f"{{title: Errors, signal: errors, services: {services}}}")
    assert shown(built)["targets"][0]["expr"] == f"service:errors:ratio_rate5m{{service{matcher}}}"


def test_a_dot_in_a_services_name_is_no_wildcard(everything: Built) -> None:
    assert (
        everything.panel("board-mine", "Slowest")["targets"][0]["expr"]
        == r'service:latency:p99_5m{service=~"web|shop\\.api"}'
    )


def test_arguments_of_a_signal_choose_the_series(compile_text: Compile) -> None:
    built = one(compile_text, '{title: L, signal: "latency(p99, 1h)"}')
    assert shown(built)["targets"][0]["expr"] == 'service:latency:p99_1h{service=~"$service"}'


def test_a_heatmap_of_a_signal_shows_its_buckets(compile_text: Compile) -> None:
    found = shown(one(compile_text, "{title: L, signal: latency, type: heatmap}"))
    (target,) = found["targets"]
    assert (
        target["expr"]
        == 'sum by (le) (rate(http_request_duration_seconds_bucket{service=~"$service"}[$__rate_interval]))'
    )
    assert (target["format"], target["legendFormat"]) == ("heatmap", "{{le}}")


def test_a_table_asks_once_and_for_rows(compile_text: Compile) -> None:
    (target,) = shown(one(compile_text, "{title: L, signal: errors, type: table}"))["targets"]
    assert (target["format"], target["instant"], target["range"]) == ("table", True, False)


def test_what_the_author_writes_wins(compile_text: Compile) -> None:
    panel = "{title: T, signal: traffic, unit: ops, legend: '{{service}}!', description: Mine., type: stat, width: 5, height: 3}"
    found = shown(one(compile_text, panel))
    assert found["type"] == "stat"
    assert found["fieldConfig"]["defaults"]["unit"] == "ops"
    assert found["targets"][0]["legendFormat"] == "{{service}}!"
    assert found["description"].startswith("Mine.")
    assert (found["gridPos"]["w"], found["gridPos"]["h"]) == (5, 3)


def test_a_query_is_sent_as_it_was_written(compile_text: Compile) -> None:
    query = "sum   by(status) ( rate(http_requests_total[$__rate_interval]) )"
    found = shown(one(compile_text, f"{{title: Q, query: '{query}'}}"))
    assert found["targets"][0]["expr"] == query
    assert found["targets"][0]["legendFormat"] == "{{status}}"
    assert found["fieldConfig"]["defaults"]["unit"] == "reqps"
    assert [o["properties"][0]["value"]["fixedColor"] for o in found["fieldConfig"]["overrides"]] == [
        "red",
        "orange",
        "blue",
        "green",
    ]


@pytest.mark.parametrize(
    ("query", "legend"),
    [
        ("up", "{{service}}"),
        ('up{job="web"}', "Q"),
        ("sum(up)", "Q"),
        ("topk(3, sum by (job) (up))", "{{job}}"),
        ("http_requests_total", "{{service}} {{method}} {{status}}"),
        ('http_requests_total{status="500", service="web"}', "{{method}}"),
        ("sum by (le, route) (rate(http_request_duration_seconds_bucket[$__rate_interval])) > 0", "{{route}}"),
        ("sum without (instance) (up)", "Q"),
    ],
)
def test_legends_name_the_labels_that_are_left(compile_text: Compile, query: str, legend: str) -> None:
    built = one(compile_text, f"{{title: Q, query: {query!r}}}")
    assert shown(built)["targets"][0]["legendFormat"] == legend


def test_a_raw_alert_on_the_same_value_draws_its_line(compile_text: Compile) -> None:
    alerts = 'alerts:\n  Full: {expr: "max by (instance) (queue_length) > 90", severity: critical}\n  Other: {expr: "sum(queue_length) > 500", severity: warning}\n'
    metric = "metrics:\n  queue_length: {type: gauge, help: Waiting., labels: {queue: {}}, services: [web]}\n"
    found = shown(one(compile_text, "{title: Queue, query: queue_length}", more=metric + alerts))
    steps = found["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps == [{"color": "green", "value": None}, {"color": "red", "value": 90}]
    assert "Alert Full (critical)" in found["description"]
    assert found["description"].startswith("Waiting.")


def test_targets_that_are_discovered_are_told_apart_by_instance(compile_text: Compile) -> None:
    services = "services:\n  web: {kind: http, scrape: {dns: {names: [web], type: A, port: 80}}}\n"
    built = one(compile_text, "{title: Q, query: up}", services)
    assert shown(built)["targets"][0]["legendFormat"] == "{{instance}}"


def finding(compile_text: Compile, text: str, code: str) -> tuple[Diagnostic, tuple[int, int, int, int] | None]:
    """The finding ``code``, and where the marks of ``text`` say that it should be."""
    clean, where = marked(text)
    report = compile_text(clean).report
    found = [d for d in report if d.code == code]
    assert len(found) == 1, [(d.code, d.message) for d in report]
    return found[0], where


def at(diagnostic: Diagnostic) -> tuple[int, int, int, int]:
    span = diagnostic.span
    return span.line, span.column, span.end_line, span.end_column


def mine(panel: str, board: str = "title: Mine") -> str:
    return f"{HEAD}{WEB}dashboards:\n  mine:\n    {board}\n    panels:\n      - {panel}\n"


def test_an_unknown_unit(compile_text: Compile) -> None:
    found, where = finding(compile_text, mine("{title: T, query: up, unit: «secs»}"), "dashboards/unit")
    assert found.severity.word == "error"
    assert "Grafana has no unit `secs`" in found.message
    assert "suffix:secs" in found.help
    assert at(found) == where


@pytest.mark.parametrize(("unit", "meant"), [("'%'", "percentunit"), ("seconds", "s"), ("Celsius", "celsius")])
def test_a_near_unit_is_suggested_with_its_repair(compile_text: Compile, unit: str, meant: str) -> None:
    found, _ = finding(compile_text, mine(f"{{title: T, query: up, unit: {unit}}}"), "dashboards/unit")
    assert f"did you mean `{meant}`" in found.help
    assert found.fix is not None
    assert found.fix.text == meant


def test_a_heatmap_needs_a_histogram(compile_text: Compile) -> None:
    found, where = finding(compile_text, mine("{title: T, signal: errors, type: «heatmap»}"), "dashboards/heatmap")
    assert "`errors` is no histogram" in found.message
    assert at(found) == where


def test_an_undefined_variable(compile_text: Compile) -> None:
    found, where = finding(
        compile_text, mine("""{title: T, query: 'up{service=~"$«servce»"}'}"""), "dashboards/variable"
    )
    assert "`$servce`" in found.message
    assert "did you mean `service`" in found.help
    assert at(found) == where


def test_a_fixed_range_in_a_rate_is_worth_a_word(compile_text: Compile) -> None:
    text = mine("{title: T, query: 'sum(rate(http_requests_total[«5m»]))'}")
    found, where = finding(compile_text, text, "dashboards/fixed-range")
    assert found.severity.word == "info"
    assert found.fix is not None
    assert found.fix.text == "$__rate_interval"
    assert at(found) == where


def test_two_dashboards_with_one_uid(compile_text: Compile) -> None:
    panels = "panels: [{title: T, query: up}]"
    text = f"{HEAD}{WEB}dashboards:\n  a: {{title: A, uid: same, {panels}}}\n  «b»: {{title: B, uid: same, {panels}}}\n"
    found, where = finding(compile_text, text, "dashboards/duplicate")
    assert found.message == "two dashboards with one uid: `same`"
    assert found.notes[0].text == "the other one, `A`"
    assert at(found) == where


def test_two_dashboards_with_one_title(compile_text: Compile) -> None:
    panels = "panels: [{title: T, query: up}]"
    text = f"{HEAD}{WEB}dashboards:\n  a: {{title: Same, {panels}}}\n  «b»: {{title: same, {panels}}}\n"
    found, where = finding(compile_text, text, "dashboards/duplicate")
    assert found.message.startswith("two dashboards with one title in one folder")
    assert at(found) == where


def test_services_whose_names_differ_only_in_marks_cannot_share_a_uid(compile_text: Compile) -> None:
    services = "services:\n  a_b: {kind: http, scrape: {targets: ['x:1']}}\n  «a-b»: {kind: http, scrape: {targets: ['y:1']}}\n"
    found, where = finding(compile_text, HEAD + services, "dashboards/duplicate")
    assert at(found) == where


def test_a_uid_that_is_too_long(compile_text: Compile) -> None:
    panels = "panels: [{title: T, query: up}]"
    report = compile_text(f"{HEAD}{WEB}dashboards:\n  a: {{title: A, uid: {'x' * 41}, {panels}}}\n").report
    assert any("uid" in d.message and d.severity.word == "error" for d in report)


def test_a_folder_that_grafana_refuses(compile_text: Compile) -> None:
    found, where = finding(compile_text, f"{HEAD}grafana: {{folder: «ops/web»}}\n{WEB}", "dashboards/folder")
    assert "`ops/web`" in found.message
    assert at(found) == where


@pytest.mark.parametrize(
    "panel",
    [
        "{title: T, query: 'sum('}",
        "{title: T, signal: nonsense}",
        "{title: T, signal: 'errors('}",
        "{title: T, signal: 'cpu(p95)'}",
    ],
)
def test_what_cannot_be_read_is_an_error_never_an_exception(compile_text: Compile, panel: str) -> None:
    compilation = compile_text(mine(panel))
    assert compilation.system is not None
    built = Built(compilation)
    assert list(data_panels(built.boards["board-mine"])) == []


def test_two_panels_of_one_title_both_stay(compile_text: Compile) -> None:
    built = one(compile_text, "{title: T, query: up}\n{title: T, query: sum(up)}")
    assert len({panel["id"] for panel in data_panels(built.boards["board-mine"])}) == 2

"""What a change means: each kind of change is named, and no change of a value is ever missed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_kit.diagnostics import Report
from monitoring_kit.emit import Output
from monitoring_kit.emit.yaml_text import yaml_text
from monitoring_kit.write import manifest_bytes, read_manifest, write_tree
from monitoring_kit.write.change import Change
from monitoring_kit.write.deep import same
from monitoring_kit.write.diff import diff_trees, difference, render_changes

RULES = "prometheus/rules/service-web.yml"
ALERT = {
    "alert": "HighErrorRate", "expr": "sum by (service) (rate(http_requests_total{code=~\"5..\", job=\"web2\"}[5m])) > 0.05", "for": "5m",
    "keep_firing_for": "10m", "labels": {"severity": "critical", "service": "web", "notify": "mail"}, "annotations": {"summary": "s"},
}  # fmt: skip
RECORD = {"record": "service:errors:ratio_rate5m", "expr": "rate(x[5m])", "labels": {"service": "web"}}
TREE: dict[str, Any] = {
    RULES: {"groups": [{"name": "web", "interval": "30s", "rules": [RECORD, ALERT]}]},
    "prometheus/prometheus.yml": {
        "global": {"scrape_interval": "15s"},
        "scrape_configs": [
            {"job_name": "web", "scrape_interval": "15s", "static_configs": [{"targets": ["a:1", "b:1"], "labels": {"service": "web"}}]},
            {"job_name": "db", "dns_sd_configs": [{"names": ["db"]}]},
        ],
        "remote_write": [{"url": "http://x/"}],
    },
    "alertmanager/alertmanager.yml": {
        "global": {"resolve_timeout": "5m"},
        "route": {
            "receiver": "none", "group_by": ["alertname"],
            "routes": [
                {"receiver": "mail", "matchers": ['notify="mail"'], "continue": True},
                {"receiver": "ops", "matchers": ['notify="ops"'], "routes": [{"matchers": ['severity="critical"'], "repeat_interval": "1h"}]},
            ],
        },
        "receivers": [{"name": "none"}, {"name": "mail", "email_configs": [{"to": "a@b.c"}]}, {"name": "ops"}],
        "inhibit_rules": [{"source_matchers": ['severity="critical"'], "target_matchers": ['severity="warning"'], "equal": ["service"]}],
        "time_intervals": [{"name": "night", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "24:00"}]}]}],
    },
    "grafana/dashboards/web.json": {
        "uid": "shop-web", "title": "Web", "templating": {"list": []},
        "panels": [
            {"id": 1, "type": "row", "title": "Row", "panels": [{"id": 2, "type": "stat", "title": "Up", "targets": [{"refId": "A", "expr": "up"}]}]},
            {"id": 3, "type": "timeseries", "title": "Errors", "targets": [{"refId": "A", "expr": "rate(x[5m])"}],
             "fieldConfig": {"defaults": {"unit": "percentunit", "thresholds": {"steps": [{"value": None}, {"value": 0.05}]}}}},
        ],
    },
    "grafana/provisioning/datasources.yml": {"datasources": [{"name": "mkit"}]},
    "docs/runbook.md": "# a\nold\nb\n",
    "flags": "--x=1\n",
}  # fmt: skip


def changed(*path: Any, to: Any) -> list[Change]:
    tree = copy.deepcopy(TREE)
    here: Any = tree
    for step in path[:-1]:
        here = here[step]
    if to is None:
        del here[path[-1]]
    else:
        here[path[-1]] = to
    return diff_trees(TREE, tree)


def lines(changes: list[Change]) -> list[str]:
    return render_changes(changes).splitlines()


ALERT_AT = (RULES, "groups", 0, "rules", 1)
AM = "alertmanager/alertmanager.yml"
PROM = "prometheus/prometheus.yml"
BOARD = "grafana/dashboards/web.json"


@pytest.mark.parametrize(
    ("path", "to", "want"),
    [
        ((*ALERT_AT, "expr"), ALERT["expr"].replace("0.05", "0.02"), ["~ alert HighErrorRate (web)", "    threshold: 0.05 → 0.02"]),
        ((*ALERT_AT, "expr"), ALERT["expr"].replace("[5m]", "[10m]"), ["~ alert HighErrorRate (web)", "    window: 5m → 10m"]),
        ((*ALERT_AT, "for"), "10m", ["~ alert HighErrorRate (web)", "    for: 5m → 10m"]),
        ((*ALERT_AT, "keep_firing_for"), None, ["~ alert HighErrorRate (web)", "    keep_firing_for: 10m (removed)"]),
        ((*ALERT_AT, "labels", "severity"), "warning", ["~ alert HighErrorRate (web)", "    labels.severity: critical → warning"]),
        ((*ALERT_AT, "labels", "notify"), "mail,ops", ["~ alert HighErrorRate (web)", "    labels.notify: mail → mail,ops"]),
        ((*ALERT_AT[:-1], 0, "expr"), "rate(y[5m])", ["~ recording rule service:errors:ratio_rate5m (web)", "    expr: rate(x[5m]) → rate(y[5m])"]),
        ((RULES, "groups", 0, "interval"), "1m", ["~ rule group web", "    interval: 30s → 1m"]),
        ((AM, "receivers", 1, "email_configs", 0, "to"), "x@y.z", ["~ receiver mail", "    email_configs[0].to: a@b.c → x@y.z"]),
        ((AM, "receivers", 2), None, ["- receiver ops"]),
        ((AM, "route", "routes", 0, "continue"), None, ['~ route notify="mail"', "    continue: true (removed)"]),
        ((AM, "route", "routes", 1, "routes", 0, "repeat_interval"), "4h",
         ['~ route notify="ops" > severity="critical"', "    repeat_interval: 1h → 4h"]),
        ((AM, "route", "group_by"), ["alertname", "service"], ["~ route default", "    group_by: service (added)"]),
        ((AM, "inhibit_rules", 0), None, ['- inhibition severity="critical" over severity="warning"']),
        ((AM, "inhibit_rules", 0, "equal"), ["team"],
         ['~ inhibition severity="critical" over severity="warning"', "    equal: service (removed)", "    equal: team (added)"]),
        ((AM, "global", "resolve_timeout"), "6m", ["~ alertmanager setting global", "    resolve_timeout: 5m → 6m"]),
        ((PROM, "scrape_configs", 0, "scrape_interval"), "30s", ["~ scrape job web", "    scrape_interval: 15s → 30s"]),
        ((PROM, "scrape_configs", 0, "static_configs", 0, "targets"), ["a:1", "c:1"],
         ["~ scrape job web", "    targets: b:1 (removed)", "    targets: c:1 (added)"]),
        ((PROM, "scrape_configs", 1), None, ["- scrape job db"]),
        ((PROM, "global", "scrape_interval"), "1m", ["~ prometheus setting global", "    scrape_interval: 15s → 1m"]),
        ((PROM, "remote_write", 0), None, ["- remote write http://x/"]),
        ((BOARD, "panels", 1, "targets", 0, "expr"), "rate(x[1m])",
         ["~ panel Web / Errors [3]", "    query.A.expr: rate(x[5m]) → rate(x[1m])"]),
        ((BOARD, "panels", 1, "fieldConfig", "defaults", "thresholds", "steps", 1, "value"), 0.02,
         ["~ panel Web / Errors [3]", "    fieldConfig.defaults.thresholds.steps[1].value: 0.05 → 0.02"]),
        ((BOARD, "panels", 0, "panels", 0), None, ["- panel Web / Up [2]"]),
        ((BOARD, "templating"), {"list": [{"name": "x"}]}, ["~ dashboard shop-web", '    templating.list[0]: {"name": "x"} (added)']),
        ((BOARD,), None, ["- dashboard shop-web"]),
        (("docs/runbook.md",), "# a\nnew\nb\n", ["~ file docs/runbook.md", "    1 line changed"]),
        (("flags",), None, ["- file flags"]),
        ((RULES,), None, ["- alert HighErrorRate (web)", "- recording rule service:errors:ratio_rate5m (web)", "- rule group web",
                          "- rule file prometheus/rules/service-web.yml"]),
    ],
)  # fmt: skip
def test_a_change_is_named_in_the_fields_terms(path: tuple[Any, ...], to: Any, want: list[str]) -> None:
    assert lines(changed(*path, to=to)) == want


def test_the_order_of_routes_and_rules_is_meaning() -> None:
    tree = copy.deepcopy(TREE)
    tree[AM]["route"]["routes"].reverse()
    (change,) = diff_trees(TREE, tree)
    assert (change.kind, change.name) == ("route", "order")
    tree = copy.deepcopy(TREE)
    tree[RULES]["groups"][0]["rules"].reverse()
    (change,) = diff_trees(TREE, tree)
    assert change.kind == "rule group"


def test_a_moved_rule_is_told() -> None:
    tree = copy.deepcopy(TREE)
    tree["prometheus/rules/other.yml"] = {
        "groups": [{"name": "other", "rules": [tree[RULES]["groups"][0]["rules"].pop()]}]
    }
    details = next(c for c in diff_trees(TREE, tree) if c.kind == "alert").details
    assert [d.text() for d in details] == ["group: web → other"]


def test_one_alert_name_in_two_services_is_two_alerts() -> None:
    tree = copy.deepcopy(TREE)
    tree[RULES]["groups"][0]["rules"].append({**ALERT, "labels": {**ALERT["labels"], "service": "db"}})  # type: ignore[dict-item]
    assert "+ alert HighErrorRate (db)" in lines(diff_trees(TREE, tree))


def test_nothing_is_nothing() -> None:
    assert diff_trees(TREE, copy.deepcopy(TREE)) == []
    assert render_changes([]) == "no change in meaning\n"
    assert len(lines(diff_trees({}, TREE))) == len(lines(diff_trees(TREE, {})))


@pytest.mark.parametrize(
    ("before", "after", "want"),
    [
        ('x{a="1"} > 1', 'x{a="2"} > 1', [("expr", 'x{a="1"} > 1', 'x{a="2"} > 1')]),
        ("x1 > 1", "x2 > 1", [("expr", "x1 > 1", "x2 > 1")]),
        ("x > 1e3", "x > 2e3", [("threshold", "1e3", "2e3")]),
        ("x > .5", "x > 1.5", [("threshold", ".5", "1.5")]),
        ("rate(x[1h30m]) > 5", "rate(x[5m]) > 6", [("window", "1h30m", "5m"), ("threshold", "5", "6")]),
        ("x > 1", "x  >  1", [("expr", "x > 1", "x  >  1")]),
        ("x > 1", "x < 1", [("expr", "x > 1", "x < 1")]),
    ],
)
def test_only_literals_count_as_thresholds(before: str, after: str, want: list[Any]) -> None:
    from monitoring_kit.write.diff_rules import expression_details

    assert [tuple(d) for d in expression_details(before, after)] == want


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in children:
        found += places(value, (*path, key))
    return found


@given(place=st.sampled_from(places(TREE)), value=st.sampled_from([None, 0, 1, True, "x", [], {}, ["x"], {"x": 1}]))
@settings(max_examples=400, deadline=None)
def test_no_change_of_a_value_is_missed(place: tuple[Any, ...], value: Any) -> None:
    tree = copy.deepcopy(TREE)
    here: Any = tree
    for step in place[:-1]:
        here = here[step]
    untouched = same(here[place[-1]], value)
    here[place[-1]] = value
    try:
        changes = diff_trees(TREE, tree)
    except (AttributeError, TypeError, KeyError) as error:
        pytest.fail(f"{place} = {value!r}: {error!r}")
    assert bool(changes) is not untouched
    json.dumps([c.plain() for c in changes])
    render_changes(changes)


def test_it_reads_what_is_in_the_folder_even_when_it_is_broken(tmp_path: Path) -> None:
    outputs = {p: Output(yaml_text(t)[0].encode(), kind="yaml", tree=t) for p, t in TREE.items() if p.endswith(".yml")}
    data = manifest_bytes(outputs, spec_file="s", spec_sha256="x", environment=None, targets={}, verified=False)
    assert difference(tmp_path, None, outputs)
    write_tree(tmp_path, outputs, data, Report())
    previous = read_manifest(tmp_path)
    assert difference(tmp_path, previous, outputs) == []
    (tmp_path / "foreign.yml").write_text("a: 1")
    assert difference(tmp_path, previous, outputs) == []
    for broken in ("a: [", "a: *b", "\x00", "- 1", "groups: 5"):
        (tmp_path / RULES).write_text(broken)
        assert difference(tmp_path, previous, outputs), broken
        (tmp_path / PROM).write_text(broken)
        assert difference(tmp_path, previous, outputs), broken
    (tmp_path / AM).unlink()
    assert any(c.action == "added" for c in difference(tmp_path, previous, outputs))

"""Rule files and PrometheusRule resources: what is read, what Prometheus would refuse, and where it stands."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

from monitoring_kit.stack.tools import find_tools
from tests.unit.lint.lint_text import codes, lint_files, lint_rules, marked, one

GROUP = "groups:\n  - name: g\n    rules:\n"

# «marks» enclose what the caret underlines; all of these make promtool refuse the file.
REFUSED = {
    "unknown key of a rule": GROUP + "      - alert: A\n        expr: up == 0\n        «fro»: 5m\n",
    "unknown key of a group": "groups:\n  - name: g\n    «intervall»: 1m\n    rules: []\n",
    "no expression": GROUP + "      - «alert»: A\n        for: 5m\n",
    "both": GROUP + "      - record: a\n        «alert»: A\n        expr: up == 0\n",
    "bad duration": GROUP + "      - alert: A\n        expr: up == 0\n        for: «5 minutes»\n",
    "bad record name": GROUP + "      - record: «a-b{}»\n        expr: up\n",
    "for on a record": GROUP + "      - record: a\n        expr: up\n        «for»: 5m\n",
    "annotations on a record": GROUP + "      - record: a\n        expr: up\n        «annotations»: {a: b}\n",
    "name label": GROUP + "      - alert: A\n        expr: up == 0\n        labels: {«__name__»: c}\n",
    "two groups of a name": "groups:\n  - name: g\n    rules: []\n  - «name»: g\n    rules: []\n",
    "labels are a list": GROUP + "      - alert: A\n        expr: up == 0\n        labels: «[a]»\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_prometheus_refuses_is_found_at_its_place(name: str, tmp_path: Path) -> None:
    text = REFUSED[name].replace("«", "").replace("»", "")
    wanted = REFUSED[name].split("«")[1].split("»")[0]
    found = lint_rules(text)
    assert marked(found, "lint/structure") == wanted
    if which("promtool"):
        path = tmp_path / "r.yml"
        path.write_text(text)
        assert subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True).returncode == 1


LATER = {
    "label": (GROUP + "      - alert: A\n        expr: up == 0\n        labels: {«a-b»: c}\n", (3, 0)),
    "record": (GROUP + "      - record: «a-b»\n        expr: up\n", (3, 2)),
}


@pytest.mark.parametrize("name", LATER)
def test_names_that_only_later_versions_take(name: str, tmp_path: Path) -> None:
    marks, since = LATER[name]
    text = marks.replace("«", "").replace("»", "")
    for version, severity in (("2.42", "error"), (None, "warning"), ("3.5", "")):
        found = lint_rules(text, prometheus=version)
        assert [d.severity.word for d in found.report if d.code == "lint/structure"] == ([severity] if severity else [])
        if severity:
            assert marked(found, "lint/structure") == "a-b"
    tool = find_tools()["promtool"]
    if tool.path is not None:
        path = tmp_path / "r.yml"
        path.write_text(text)
        refused = subprocess.run([tool.path, "check", "rules", str(path)], capture_output=True).returncode == 1
        assert refused is (tool.release is not None and tool.release < since)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "groups:\n",
        "groups: []\n",
        "groups:\n  - name: g\n    rules:\n",
        GROUP + "      - alert: A\n        expr: up == 0\n        for: 0\n        labels:\n        annotations:\n",
        "groups:\n  - name: g\n    interval: 30s\n    limit: 10\n    rules: [{record: 'a:b', expr: sum(up)}]\n",
        "# only a comment\n---\ngroups: []\n",
    ],
)
def test_what_prometheus_takes_is_silent(text: str, tmp_path: Path) -> None:
    assert codes(lint_rules(text)) == []
    if which("promtool"):
        path = tmp_path / "r.yml"
        path.write_text(text)
        assert subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True).returncode == 0


def test_a_resource_and_a_list_of_them() -> None:
    rule = "spec: {groups: [{name: g, rules: [{alert: A, expr: 'count(up) == 0'}]}]}"
    one_of_them = f"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: a}}\n{rule}\n"
    found = lint_rules(one_of_them + "---\n" + one_of_them)
    assert codes(found).count("promql/constant-comparison") == 2
    assert "lint/documents" not in codes(found)
    listed = f"kind: List\nitems:\n  - kind: PrometheusRule\n    {rule}\n  - kind: Service\n    spec: {{}}\n"
    found = lint_rules(listed)
    assert marked(found, "promql/constant-comparison") == "count(up) == 0"
    assert codes(lint_rules("kind: PrometheusRule\nmetadata: {}\n")) == ["lint/structure"]


def test_only_the_first_document_of_a_plain_file_is_loaded() -> None:
    text = (
        GROUP
        + "      - {alert: A, expr: up == 0}\n---\n"
        + GROUP.replace("g\n", "h\n")
        + "      - {alert: B, expr: 'count(up) == 0'}\n"
    )
    found = lint_rules(text)
    assert one(found, "lint/documents").span.line == 6
    assert one(found, "promql/constant-comparison").span.line == 9


def test_positions_in_a_later_document_and_in_folded_text() -> None:
    text = (
        "---\n# x\n"
        + GROUP
        + "      - alert: A\n        expr: >-\n          up\n          and count(up)\n          == 0\n"
    )
    span = one(lint_rules(text), "promql/constant-comparison").span
    assert (span.line, span.column, span.end_line, span.end_column) == (9, 15, 10, 15)


def test_no_rules_at_all() -> None:
    assert codes(lint_rules("a: 1\n")) == ["lint/not-rules"]
    assert codes(lint_rules("- 1\n")) == ["lint/not-rules"]
    assert codes(lint_rules("a: [\n")) == ["yaml/syntax"]
    assert codes(lint_files({}, rules=["/nonexistent/x.yml"])) == ["file/missing"]


def test_what_is_no_promql() -> None:
    found = lint_rules(GROUP + "      - alert: A\n        expr: sum(rate(x[5m]) by (job\n")
    assert one(found, "promql/syntax").span.line == 5


def test_a_recorded_series_is_known_to_rules_and_panels() -> None:
    rules = (
        GROUP
        + "      - {record: 'job:x:rate', expr: 'sum by (job) (rate(x_total[5m]))'}\n      - alert: A\n        expr: job:x:rate > 1\n        annotations: {summary: '{{ $labels.instance }}'}\n"
    )
    board = '{"panels": [{"title": "p", "targets": [{"expr": "sum by (instance) (job:x:rate)"}]}]}'
    found = lint_files({"rules.yml": rules, "b.json": board})
    assert marked(found, "labels/template-label") == "instance"
    assert marked(found, "promql/impossible-grouping") == "instance"


def test_a_record_that_comes_later() -> None:
    late = (
        GROUP
        + "      - {alert: A, expr: 'job:x:rate > 1'}\n      - {record: 'job:x:rate', expr: 'sum by (job) (rate(x_total[5m]))'}\n"
    )
    assert marked(lint_rules(late), "promql/record-order") == "job:x:rate"
    other = late.replace("      - {record", "  - name: h\n    rules:\n      - {record")
    assert codes(lint_rules(other)) == []
    apart = {
        "a.yml": late.split("      - {record")[0],
        "b.yml": GROUP + "      - {record" + late.split("      - {record")[1],
    }
    assert codes(lint_files(apart)) == []


def test_what_a_version_does_not_know() -> None:
    text = "groups:\n  - name: g\n    labels: {a: b}\n    query_offset: 1m\n    rules: [{alert: A, expr: 'up == 0'}]\n"
    assert codes(lint_rules(text)) == []
    assert codes(lint_rules(text, prometheus="2.42")) == ["promql/version"] * 2
    assert codes(lint_rules(text, prometheus="3.0")) == []


def test_a_watchdog_may_fire_always() -> None:
    assert (
        codes(
            lint_rules(GROUP + "      - {alert: Watchdog, expr: vector(1)}\n      - {alert: Any, expr: 'vector(1)'}\n")
        )
        == []
    )
    assert codes(lint_rules(GROUP + "      - {alert: Any, expr: 'up == 0 or vector(1)'}\n")) == ["alerts/no-condition"]

"""labels/template-label: a template prints a label that the result cannot have."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert, needs_promtool

CODE = "labels/template-label"
AGGREGATED = "sum by (queue) (queue_depth) > 5"


@pytest.mark.parametrize(
    ("text", "caret"),
    [
        ("{{ $labels.instance }}", "instance"),
        ("{{ .Labels.instance }}", "instance"),
        ("{{ if $labels.instance }}on it{{ end }}", "instance"),
        ("{{ with $labels.instance }}{{ . }}{{ end }}", "instance"),
        ("{{ range query `up` }}{{ $.Labels.instance }}{{ end }}", "instance"),
        ("{{ range query `up` }}{{ .Labels.pod }}{{ else }}{{ .Labels.instance }}{{ end }}", "instance"),
        ("{{ range query `up` }}{{ if .Value }}{{ .Labels.pod }}{{ end }}{{ end }}{{ .Labels.instance }}", "instance"),
        ("{{ if $value }}{{ .Labels.instance }}{{ end }}", "instance"),
        ("{{ with query `up` }}x{{ end }}{{ .Labels.instance }}", "instance"),
        ("{{ range query `up` }}{{ $labels.instance }}{{ end }}", "instance"),
        ("{{ index $labels `instance` }}", "`instance`"),
        ("{{ $labels.queue | toUpper }} {{- $labels.qeue -}}", "qeue"),
        ("{{ $labels.severity }}", "severity"),
    ],
)
def test_found(text: str, caret: str) -> None:
    found = check_alert(AGGREGATED, summary=f'"{text}"')
    assert found.marked(CODE) == caret


def test_the_second_caret_is_where_the_label_is_lost() -> None:
    found = check_alert(AGGREGATED, summary='"{{ $labels.instance }}"')
    assert found.noted(CODE) == ["by (queue)"]
    assert [note.text for note in found.one(CODE).notes] == ["aggregated away here"]


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (AGGREGATED, "{{ $labels.queue }}"),
        ("queue_depth > 5", "{{ $labels.instance }} {{ $labels.job }} {{ $labels.service }} {{ $labels.queue }}"),
        ("sum without (queue) (queue_depth) > 5", "{{ $labels.instance }}"),
        ('absent(queue_depth{queue="mail"})', "{{ $labels.queue }}"),
        ("sum by (queue) (queue_depth) > 5 or sum by (job) (up) > 5", "{{ $labels.job }}"),
        ('label_replace(sum(queue_depth), "team", "x", "", "") > 5', "{{ $labels.team }}"),
        ("count_values('x', queue_depth) > 5".replace("'", '"'), "{{ $labels.x }}"),
        (AGGREGATED, "{{/* $labels.instance */}} $labels.instance"),
        (AGGREGATED, "{{ range query `up` }}{{ .Labels }}{{ end }}"),
        # There the dot is a sample of the query, or what `with` binds (a form of Ceph's alerts).
        (AGGREGATED, "{{ range query `up` }}{{ .Labels.pod }}{{ end }}"),
        (AGGREGATED, "{{ range query `up` }}{{ if .Value }}{{ .Labels.pod }}{{ end }}{{ end }}"),
        (AGGREGATED, "{{ with query `up` | first }}{{ .Labels.pod }} {{ index .Labels `pod` }}{{ end }}"),
        (AGGREGATED, "{{ with $labels.queue }}{{ else with query `up` | first }}{{ .Labels.pod }}{{ end }}"),
        (AGGREGATED, "{{ define `t` }}{{ .Labels.pod }}{{ end }}"),
    ],
)
def test_silent(expr: str, text: str) -> None:
    assert CODE not in check_alert(expr, summary=f'"{text}"').codes()


@needs_promtool
def test_prometheus_agrees(tmp_path: Path) -> None:
    """Neither an aggregated label nor one that the rule adds reaches the text."""
    text = (
        "on [{{ $labels.instance }}{{ $labels.severity }}{{ $labels.queue }}]"
        "{{ range query `queue_depth` }}{{ .Labels.instance }}{{ $.Labels.instance }}{{ else }}x{{ end }}"
        "{{ range query `nothing` }}x{{ else }}{{ .Labels.queue }}{{ end }}"
    )
    rule = {"alert": "Raw", "expr": AGGREGATED, "labels": {"severity": "page"}, "annotations": {"summary": text}}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}))
    wanted = {"exp_labels": {"queue": "mail", "severity": "page"}, "exp_annotations": {"summary": "on [mail]amail"}}
    case = {
        "rule_files": ["rules.yml"],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": "queue_depth{instance='a',queue='mail'}", "values": "9x20"}],
                "alert_rule_test": [{"eval_time": "10m", "alertname": "Raw", "exp_alerts": [wanted]}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(case))
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_said_of_the_labels_that_are_there() -> None:
    known = declared()
    own = check_expr(AGGREGATED, known, labels={"severity": "page"}, annotations={"s": "{{ $labels.severity }}"}).one(
        CODE
    )
    assert own.help.startswith("`$labels` holds the labels of the result only, not those that the rule adds")
    assert (
        check_expr(AGGREGATED, known, annotations={"s": "{{ $labels.quue }}"}).one(CODE).help == "did you mean `queue`?"
    )
    assert (
        check_expr("sum(up) > 1", known, annotations={"s": "{{ $labels.queue }}"}).one(CODE).help
        == "the result has no labels"
    )


@pytest.mark.parametrize(
    ("expr", "label", "found"),
    [
        # A branch that is never there lends no label; where all are dead, what they would have counts.
        ("sum by (job) (up > 5) or sum by (queue) (queue_depth) > 5", "job", True),
        ("sum by (job) (up > 5)", "job", False),
        ("sum by (job) (up > 5)", "instance", True),
        ("vector(5) > 2", "job", True),
        ("sum by (queue) (queue_depth) > 5 or vector(0)", "queue", False),
        ("vector(0) or sum by (queue) (queue_depth) > 5", "queue", False),
        ("vector(0) or sum by (queue) (queue_depth) > 5", "job", True),
        ("queue_depth > 5", "__name__", False),
    ],
)
def test_which_branches_count(expr: str, label: str, found: bool) -> None:
    checked = check_expr(expr, declared(), annotations={"s": f"{{{{ $labels.{label} }}}}"})
    assert (CODE in checked.codes()) is found


def test_external_labels_are_others() -> None:
    assert CODE not in check_expr(AGGREGATED, declared(), annotations={"s": "{{ $externalLabels.instance }}"}).codes()
    in_label = check_expr(AGGREGATED, declared(), labels={"host": "{{ $labels.instance }}"}).one(CODE)
    assert in_label.field == "labels.host"

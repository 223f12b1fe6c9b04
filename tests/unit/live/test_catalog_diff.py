"""What a new version took away, and which expressions read it."""

from pathlib import Path

import pytest

from monitoring_kit.live.catalog import capture
from monitoring_kit.live.usage import UsageError, find_uses
from monitoring_kit.promql import parse
from monitoring_kit.promql.catalog import load_catalog
from monitoring_kit.promql.catalog_diff import Change, breaks, diff_catalogs

OLD = capture(
    '# TYPE gone counter\ngone{a="1"} 1\n'
    '# TYPE requests_total counter\nrequests_total{code="200",host="x"} 1\nrequests_total{code="500",host="x"} 1\n'
    '# TYPE wait_seconds histogram\nwait_seconds_bucket{le="0.5"} 1\nwait_seconds_bucket{le="1.0"} 1\n'
    'wait_seconds_bucket{le="+Inf"} 1\nwait_seconds_sum 1\nwait_seconds_count 1\n'
    "# TYPE depth gauge\ndepth 1\nvague 1\n# TYPE size_bytes gauge\nsize_bytes 1\n",
    closed=["code"],
)
NEW = capture(
    '# TYPE requests_total counter\nrequests_total{code="200",path="/"} 1\n'
    '# TYPE wait_seconds histogram\nwait_seconds_bucket{le="0.5"} 1\nwait_seconds_bucket{le="2"} 1\n'
    'wait_seconds_bucket{le="+Inf"} 1\nwait_seconds_sum 1\nwait_seconds_count 1\n'
    "# TYPE depth counter\ndepth 1\n# TYPE vague gauge\nvague 1\n# TYPE fresh gauge\nfresh 1\n"
    "# TYPE size_bytes gauge\nsize_bytes 1\n",
    closed=["code"],
)


def test_every_change_is_told_once() -> None:
    assert diff_catalogs(OLD, NEW) == [
        Change("depth", "type", "was a gauge, is a counter", True, "counter"),
        Change("fresh", "metric-added", "is new (gauge)", False),
        Change("gone", "metric-removed", "is gone", True),
        Change("requests_total", "label-removed", "lost the label host", True, "host"),
        Change("requests_total", "label-added", "has the new label path", False, "path"),
        Change("requests_total", "value-removed", "lost the value 500 of code", True, "500", "code"),
        Change("vague", "type", "was untyped, is a gauge", False, "gauge"),
        Change("wait_seconds", "bucket-removed", "lost the bucket 1", True, "1"),
        Change("wait_seconds", "bucket-added", "has the new bucket 2", False, "2"),
    ]


def test_the_same_catalog_has_no_changes() -> None:
    catalog = load_catalog("prometheus")
    assert diff_catalogs(catalog, catalog) == []


@pytest.mark.parametrize(
    ("expr", "because"),
    [
        ("rate(gone[5m]) > 0", "is gone"),
        ('sum(rate({__name__="gone"}[5m]))', "is gone"),
        ("depth > 5", "was a gauge, is a counter"),
        ("sum by (host) (rate(requests_total[5m]))", "lost the label host"),
        ('requests_total{host="x"}', "lost the label host"),
        ("requests_total / on (host) depth2", "lost the label host"),
        ('requests_total{code="500"}', "lost the value 500 of code"),
        ('wait_seconds_bucket{le="1.0"}', "lost the bucket 1"),
        ('wait_seconds_bucket{le="1"}', "lost the bucket 1"),
    ],
)
def test_an_expression_that_reads_what_is_gone_breaks(expr: str, because: str) -> None:
    tree = parse(expr)
    assert [change.text for change in diff_catalogs(OLD, NEW) if breaks(change, OLD, tree)] == [because]


@pytest.mark.parametrize(
    "expr",
    [
        "sum(rate(requests_total[5m]))",
        'requests_total{code="200"}',
        'requests_total{code=~"5.."}',
        "sum without (host) (requests_total)",
        "sum by (path) (requests_total)",
        'wait_seconds_bucket{le="0.5"}',
        "histogram_quantile(0.9, rate(wait_seconds_bucket[5m]))",
        "vague > 1",
        "fresh",
        "gone_elsewhere",
        'other{host="x", code="500", le="1"}',
    ],
)
def test_an_expression_that_reads_what_is_left_does_not_break(expr: str) -> None:
    tree = parse(expr)
    assert [change.text for change in diff_catalogs(OLD, NEW) if breaks(change, OLD, tree)] == []


RULES = """\
groups:
- name: shop
  rules:
  - {record: "a:b", expr: "sum(gone)"}
  - {alert: Down, expr: up == 0}
- {name: empty}
"""
RESOURCE = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {groups: [{name: g, rules: [{alert: A, expr: '1'}]}]}\n"
DASHBOARD = (
    '{"title": "D", "panels": [{"title": "P", "targets": [{"expr": "rate(gone[$__rate_interval])"}, {"expr": ""}]},'
    '{"title": "Row", "panels": [{"title": "Q", "targets": [{"expr": "up"}]}]}]}'
)


def test_expressions_are_found_in_rules_resources_and_dashboards(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(RESOURCE, encoding="utf-8")
    (tmp_path / "c.json").write_text(DASHBOARD, encoding="utf-8")
    (tmp_path / "d.txt").write_text("not read", encoding="utf-8")
    found = [(use.file.name, use.where, use.expr, use.variables) for use in find_uses(tmp_path)]
    assert found == [
        ("a.yml", "shop/a:b", "sum(gone)", False),
        ("a.yml", "shop/Down", "up == 0", False),
        ("b.yaml", "g/A", "1", False),
        ("c.json", "P", "rate(gone[$__rate_interval])", True),
        ("c.json", "Q", "up", True),
    ]


@pytest.mark.parametrize(("name", "text"), [("a.yml", "a: ["), ("a.json", "{"), ("a.json", "[" * 100_000)])
def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=name):
        list(find_uses(tmp_path / name))


@pytest.mark.parametrize(
    "text", ["", "3", "groups: 3", "groups: [3]", "groups: [{rules: 3}]", "groups: [{rules: [3]}]"]
)
def test_other_yaml_holds_no_expressions(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yml").write_text(text, encoding="utf-8")
    assert list(find_uses(tmp_path)) == []

"""rules/unused: a recording rule that nobody reads."""

from __future__ import annotations

from tests.unit.lint.lint_text import codes, lint_files, lint_rules, marked

GROUP = "groups:\n  - name: g\n    rules:\n"


def test_a_record_that_nobody_reads_is_told_only_with_dashboards() -> None:
    rules = GROUP + "      - {record: 'job:x:rate', expr: 'sum by (job) (rate(x_total[5m]))'}\n"
    board = '{"panels": [{"title": "p", "targets": [{"expr": "sum(%s)"}]}]}'
    assert codes(lint_rules(rules)) == []
    assert marked(lint_files({"r.yml": rules, "b.json": board % "up"}), "rules/unused") == "'job:x:rate'"
    assert codes(lint_files({"r.yml": rules, "b.json": board % "job:x:rate"})) == []
    assert codes(lint_files({"r.yml": rules, "b.json": board % "$metric"})) == []
    assert codes(lint_files({"r.yml": rules, "b.json": board % "{__name__=~'job:.*'}"})) == []

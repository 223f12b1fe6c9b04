"""rules/duplicate: a rule that is there twice."""

from __future__ import annotations

from tests.unit.lint.lint_text import codes, lint_rules

GROUP = "groups:\n  - name: g\n    rules:\n"


def test_the_same_rule_twice() -> None:
    rule = "      - {record: 'a:b', expr: 'sum(up)', labels: {x: y}}\n"
    assert codes(lint_rules(GROUP + rule + rule.replace("sum(up)", "sum( up )"))) == ["rules/duplicate"]
    assert codes(lint_rules(GROUP + rule + rule.replace("x: y", "x: z"))) == []
    assert codes(lint_rules(GROUP + rule + rule.replace("sum(up)", "max(up)"))) == []


def test_an_alert_that_is_there_twice_is_told_once() -> None:
    rule = "      - {alert: Late, expr: 'jobs_waiting > 5', for: 5m, labels: {severity: page}}\n"
    assert codes(lint_rules(GROUP + rule + rule)) == ["rules/duplicate"]
    assert codes(lint_rules(GROUP + rule + rule.replace("Late", "Late2"))) == ["alerts/twin"]
    assert codes(lint_rules(GROUP + rule + rule.replace("page}", "page, team: web}"))) == ["alerts/twin"]

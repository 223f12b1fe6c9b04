"""rules/lag: a rule that is faster than what it reads."""

from __future__ import annotations

from tests.unit.lint.lint_text import codes, cut, lint_rules, marked, one

GROUP = "groups:\n  - name: g\n    rules:\n"


def test_a_rule_that_is_faster_than_what_it_reads() -> None:
    text = (
        "groups:\n  - {name: a, interval: 2m, rules: [{record: 'job:x:rate', expr: 'sum by (job) (rate(x_total[5m]))'}]}\n"
        "  - {name: b, interval: 30s, rules: [{alert: A, expr: 'job:x:rate > 1'}]}\n"
    )
    found = lint_rules(text)
    assert marked(found, "rules/lag") == "job:x:rate"
    assert cut(found, one(found, "rules/lag").notes[0].span) == "'job:x:rate'"
    assert "rules/lag" not in codes(lint_rules(text.replace("30s", "2m")))
    assert "rules/lag" not in codes(lint_rules(text.replace("30s", "5m")))

"""routes/never-matches: A route that no alert can reach."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked, one

CODE = "routes/never-matches"
R = "receivers: [{name: ops}, {name: team}]\n"


def tree(*children: str) -> str:
    return "route:\n  receiver: ops\n  routes:\n" + "".join(f"    - {child}\n" for child in children) + R


FOUND = [
    (tree("{matchers: ['severity=\"crticial\"']}"), 'severity="crticial"'),
    (tree("{matchers: ['a=\"x\"', 'a=\"y\"']}"), 'a="x"'),
    (tree("{matchers: ['alertname=~\"Dwn.*\"']}"), 'alertname=~"Dwn.*"'),
    (tree("{match: {severity: page}}"), "page"),
    (tree("{match_re: {severity: pa.*}}"), "pa.*"),
    (
        tree("{matchers: ['severity=\"critical\"'], routes: [{matchers: ['severity=\"warning\"']}]}"),
        'severity="warning"',
    ),
    (tree("{matchers: ['job=\"api\"', 'alertname!=\"Down\"', 'alertname!~\"Slow|Late\"']}"), 'job="api"'),
    (tree("{matchers: ['instance=\"a\"', 'alertname=\"Slow\"']}"), 'instance="a"'),
]
SILENT = [
    tree("{matchers: ['severity=\"critical\"']}"),
    tree("{matchers: ['instance=\"a\"']}"),
    tree("{matchers: ['job=~\".*\"']}"),
    tree("{matchers: ['team=\"\"']}"),
    tree("{matchers: ['severity=~\"(?i)CRITICAL\"']}"),
    tree("{matchers: ['alertname=~\"Slow|Late\"', 'severity!=\"critical\"']}"),
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))


def test_an_external_label_may_be_anything_unless_it_is_known() -> None:
    text = tree("{matchers: ['cluster=\"eu\"']}")
    assert CODE not in codes(lint_routes(text, external_labels=None))
    assert CODE not in codes(lint_routes(text, external_labels={"cluster": "eu"}))
    assert CODE in codes(lint_routes(text, rules=CLOSED, external_labels={"cluster": "us"}))
    assert CODE in codes(lint_routes(text, rules=CLOSED))


def test_without_rules_only_a_contradiction_is_known() -> None:
    assert codes(lint_routes(tree("{matchers: ['severity=\"x\"']}", "{receiver: team}"), rules=None)) == []
    assert CODE in codes(lint_routes(tree("{matchers: ['severity=\"x\"', 'severity!=\"x\"']}"), rules=None))


def test_the_routes_below_a_dead_one_are_not_told_again() -> None:
    text = tree("{matchers: ['severity=\"x\"'], routes: [{matchers: ['severity=\"x\"'], routes: [{receiver: team}]}]}")
    assert codes(lint_routes(text)).count(CODE) == 1


def test_what_was_meant() -> None:
    assert "critical" in one(lint_routes(tree("{matchers: ['severity=\"critcal\"']}")), CODE).help
    assert "`critical`, `warning`" in one(lint_routes(tree("{matchers: ['severity=\"zzz\"']}")), CODE).help
    assert "no alert has" in one(lint_routes(tree("{matchers: ['team=\"zzz\"']}"), rules=CLOSED), CODE).help


CLOSED = "groups:\n  - name: g\n    rules:\n      - {alert: A, expr: 'sum by (job) (up) == 0', labels: {severity: critical}}\n"

"""routes/equal-label: An inhibition that compares a label which the alerts lack."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked, one

CODE = "routes/equal-label"
R = "receivers: [{name: ops}, {name: team}]\n"


def rule(source: str, target: str, equal: str) -> str:
    return f"route: {{receiver: ops}}\n{R}inhibit_rules:\n  - source_matchers: ['{source}']\n    target_matchers: ['{target}']\n    equal: [{equal}]\n"


FOUND = [
    (rule('alertname="Slow"', 'alertname="Late"', "instance"), "instance"),
    (rule('alertname="Slow"', 'alertname="Late"', "job, clster"), "clster"),
    (rule('job="api"', 'alertname="Late"', "queue"), "queue"),
]
SILENT = [
    rule('alertname="Slow"', 'alertname="Late"', "job, severity"),
    rule('alertname="Down"', 'alertname="Slow"', "cluster"),
    rule('alertname="Slow"', 'alertname="Down"', "cluster"),
    rule('alertname="Nobody"', 'alertname="Late"', "instance"),
    rule('alertname="Slow"', 'alertname="Nobody"', "instance"),
]
FOUND.pop()


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))


def test_a_label_that_only_the_source_has() -> None:
    rules = (
        "groups:\n  - name: g\n    rules:\n      - {alert: A, expr: 'sum by (job) (x) > 1', labels: {team: a}}\n"
        "      - {alert: B, expr: 'sum by (job) (y) > 1'}\n"
    )
    found = lint_routes(rule('alertname="A"', 'alertname="B"', "team"), rules=rules)
    assert "never equal" in one(found, CODE).message
    found = lint_routes(rule('alertname="B"', 'alertname="A"', "team"), rules=rules)
    assert CODE not in codes(found)

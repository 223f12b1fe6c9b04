"""routes/inhibit-never: An inhibition that never holds anything back."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked

CODE = "routes/inhibit-never"
R = "receivers: [{name: ops}, {name: team}]\n"


def rule(source: str, target: str) -> str:
    return f"route: {{receiver: ops}}\n{R}inhibit_rules:\n  - source_matchers: ['{source}']\n    target_matchers: ['{target}']\n    equal: [job]\n"


FOUND = [
    (rule('alertname="Dwn"', 'severity="warning"'), 'alertname="Dwn"'),
    (rule('alertname="Down"', 'severity="info"'), 'severity="info"'),
    (rule('a="x", a="y"', 'severity="warning"'), 'a="x"'),
    (rule('alertname="Down"', 'a="x",a!~"x|y"'), 'a="x"'),
]
SILENT = [
    rule('alertname="Down"', 'severity="warning"'),
    rule('severity=~"crit.*"', 'alertname!="Down"'),
    "route: {receiver: ops}\n" + R + "inhibit_rules: [{equal: [job]}]\n",
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))

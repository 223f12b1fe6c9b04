"""routes/default-receiver: An alert that no route is meant for."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked

CODE = "routes/default-receiver"
R = "receivers: [{name: ops}, {name: team}]\n"


def tree(*children: str) -> str:
    return "route:\n  receiver: ops\n  routes:\n" + "".join(f"    - {child}\n" for child in children) + R


FOUND = [
    (tree("{matchers: ['severity=\"warning\"']}"), "Down"),
    (tree("{matchers: ['alertname=\"Down\"']}", "{matchers: ['alertname=\"Late\"']}"), "Slow"),
]
SILENT = [
    tree("{matchers: ['severity=~\".+\"']}"),
    tree("{matchers: ['alertname=\"Down\"']}", "{matchers: ['severity=\"warning\"']}"),
    "route: {receiver: ops}\n" + R,
    tree("{matchers: ['job=\"x\"']}", "{matchers: ['alertname=\"Down\"']}"),
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))

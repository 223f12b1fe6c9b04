"""routes/useless-continue: continue where nothing follows."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked, one

CODE = "routes/useless-continue"
R = "receivers: [{name: ops}, {name: team}]\n"


def tree(*children: str) -> str:
    return "route:\n  receiver: ops\n  routes:\n" + "".join(f"    - {child}\n" for child in children) + R


FOUND = [
    (tree("{receiver: team, continue: true}"), "continue"),
    (tree("{matchers: ['a=\"b\"'], continue: true, routes: [{receiver: team}]}"), "continue"),
    ("route: {receiver: ops, continue: true}\n" + R, "continue"),
]
SILENT = [
    tree("{matchers: ['a=\"b\"'], continue: true}", "{receiver: team}"),
    tree("{receiver: team, continue: false}"),
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))


def test_alertmanager_refuses_it_at_the_root() -> None:
    assert one(lint_routes(FOUND[2][0]), CODE).severity.word == "error"
    assert one(lint_routes(FOUND[0][0]), CODE).severity.word == "info"

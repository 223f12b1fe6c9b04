"""routes/unused-receiver: A receiver to which no route leads."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked

CODE = "routes/unused-receiver"
R = "receivers: [{name: ops}, {name: team}]\n"


def tree(*children: str) -> str:
    return "route:\n  receiver: ops\n  routes:\n" + "".join(f"    - {child}\n" for child in children) + R


FOUND = [("route: {receiver: ops}\n" + R, "team"), (tree("{matchers: ['a=\"b\"']}"), "team")]
SILENT = [
    tree("{receiver: team}"),
    tree("{matchers: ['a=\"b\"'], routes: [{receiver: team}]}"),
    "receivers: [{name: ops}]\n",
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))

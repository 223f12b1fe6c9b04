"""routes/stripped-brace: An unquoted matcher that ends in a brace."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked, one

CODE = "routes/stripped-brace"
R = "receivers: [{name: ops}, {name: team}]\n"


def tree(*children: str) -> str:
    return "route:\n  receiver: ops\n  routes:\n" + "".join(f"    - {child}\n" for child in children) + R


FOUND = [
    (tree("{matchers: ['code=~[0-9]{3}']}"), "}"),
    (tree("{matchers: ['code!~[0-9]{3}']}"), "}"),
    (
        "route: {receiver: ops}\n"
        + R
        + "inhibit_rules: [{source_matchers: ['a=~x{2}'], target_matchers: ['b=\"c\"']}]\n",
        "}",
    ),
]
SILENT = [
    tree("{matchers: ['code=~\"[0-9]{3}\"']}"),
    tree("{matchers: ['{code=\"5\"}']}"),
    tree("{matchers: ['code=~[0-9]{3}x']}"),
    tree("{match_re: {code: '[0-9]{3}'}}"),
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))


def test_the_repair() -> None:
    fix = one(lint_routes(tree("{matchers: ['code=~[0-9]{3}']}")), CODE).fix
    assert fix is not None
    assert fix.text == 'code=~"[0-9]{3}"'
    fix = one(lint_routes(tree('{matchers: ["code!=x{3}"]}')), CODE).fix
    assert fix is not None
    assert fix.text == 'code!=\\"x{3}\\"'

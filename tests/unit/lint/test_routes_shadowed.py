"""routes/shadowed: A route behind one that takes all of its alerts."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, cut, lint_routes, marked, one

CODE = "routes/shadowed"
R = "receivers: [{name: ops}, {name: team}]\n"


def tree(*children: str) -> str:
    return "route:\n  receiver: ops\n  routes:\n" + "".join(f"    - {child}\n" for child in children) + R


WIDE = "{matchers: ['severity=~\"crit.*|warning\"']}"
FOUND = [
    (tree(WIDE, "{matchers: ['severity=\"critical\"']}"), 'severity="critical"'),
    (tree("{receiver: team}", "{matchers: ['severity=\"critical\"']}"), 'severity="critical"'),
    (tree("{matchers: ['a!=\"\"']}", "{matchers: ['a=~\"x.+\"', 'b=\"y\"']}"), 'a=~"x.+"'),
    (tree(WIDE, "{receiver: team, match: {severity: warning}}"), "warning"),
    (tree("{matchers: ['a=\"x\"'], routes: [{matchers: ['a=~\"x|y\"']}, {matchers: ['b=\"z\"']}]}"), 'b="z"'),
]
SILENT = [
    tree("{matchers: ['severity=\"critical\"']}", WIDE),
    tree("{continue: true, matchers: ['severity=~\"crit.*|warning\"']}", "{matchers: ['severity=\"critical\"']}"),
    tree("{matchers: ['a=\"x\"']}", "{matchers: ['b=\"x\"']}"),
    tree("{matchers: ['a=\"x\"', 'b=\"y\"']}", "{matchers: ['a=\"x\"']}"),
    tree("{matchers: ['a=~\"(?i)x\"']}", "{matchers: ['a=\"x\"']}"),
    tree("{matchers: ['a=~\"x|y\"']}", "{matchers: ['a=\"x\"', 'a=\"z\"']}"),
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))


def test_the_second_caret() -> None:
    found = lint_routes(tree(WIDE, "{matchers: ['severity=\"critical\"']}"))
    assert cut(found, one(found, CODE).notes[0].span) == 'severity=~"crit.*|warning"'

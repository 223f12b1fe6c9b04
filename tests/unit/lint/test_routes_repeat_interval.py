"""routes/repeat-interval: A repeat_interval that is shorter than the group_interval."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked

CODE = "routes/repeat-interval"
R = "receivers: [{name: ops}, {name: team}]\n"


def tree(*children: str) -> str:
    return "route:\n  receiver: ops\n  routes:\n" + "".join(f"    - {child}\n" for child in children) + R


FOUND = [
    ("route: {receiver: ops, repeat_interval: 1m}\n" + R, "1m"),
    ("route: {receiver: ops, group_interval: 5h}\n" + R, "5h"),
    ("route: {receiver: ops, group_interval: 10m, repeat_interval: 8m}\n" + R, "8m"),
    (tree("{receiver: team, repeat_interval: 4m}"), "4m"),
]
SILENT = [
    "route: {receiver: ops, group_interval: 10m, repeat_interval: 10m}\n" + R,
    "route: {receiver: ops, group_interval: 10m, repeat_interval: 9m}\n" + R,
    "route: {receiver: ops, repeat_interval: 5m}\n" + R,
    "route: {receiver: ops}\n" + R,
    tree("{receiver: team, group_interval: 1m, repeat_interval: 2m, routes: [{receiver: ops}]}"),
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))

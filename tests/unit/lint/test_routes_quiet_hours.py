"""routes/quiet-hours: A time interval that mutes nothing."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked

CODE = "routes/quiet-hours"
R = "receivers: [{name: ops}, {name: team}]\n"
HOURS = "time_intervals: [{name: nights, time_intervals: [{weekdays: [monday]}]}]\n"


def tree(child: str) -> str:
    return f"route:\n  receiver: ops\n  routes:\n    - {child}\n{R}{HOURS}"


FOUND = [
    (tree("{receiver: team}"), "nights"),
    (tree("{matchers: ['severity=\"info\"'], mute_time_intervals: [nights]}"), "nights"),
    (tree("{matchers: ['a=\"x\"', 'a=\"y\"'], active_time_intervals: [nights]}"), "nights"),
]
SILENT = [
    tree("{matchers: ['severity=\"warning\"'], mute_time_intervals: [nights]}"),
    tree("{matchers: ['severity=\"warning\"'], active_time_intervals: [nights]}"),
    tree("{receiver: team, routes: [{mute_time_intervals: [nights]}]}"),
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))


def test_without_rules_every_route_can_be_reached() -> None:
    text = tree("{matchers: ['severity=\"info\"'], mute_time_intervals: [nights]}")
    assert CODE not in codes(lint_routes(text, rules=None))

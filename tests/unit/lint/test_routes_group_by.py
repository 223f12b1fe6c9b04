"""routes/group-by: Grouping by a label that no alert has."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, marked, one

CODE = "routes/group-by"
R = "receivers: [{name: ops}, {name: team}]\n"


def tree(*children: str) -> str:
    return "route:\n  receiver: ops\n  routes:\n" + "".join(f"    - {child}\n" for child in children) + R


FOUND = [
    (tree("{matchers: ['severity=\"warning\"'], group_by: [alertname, jobb]}"), "jobb"),
    (tree("{matchers: ['alertname=\"Slow\"'], group_by: [instance]}"), "instance"),
]
SILENT = [
    tree("{matchers: ['severity=\"warning\"'], group_by: [alertname, job, severity]}"),
    tree("{matchers: ['severity=\"critical\"'], group_by: [whatever]}"),
    tree("{matchers: ['severity=\"warning\"'], group_by: ['...']}"),
    tree("{matchers: ['severity=\"info\"'], group_by: [jobb]}"),
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))


def test_what_is_not_known_is_not_told() -> None:
    text = tree("{matchers: ['severity=\"warning\"'], group_by: [cluster]}")
    assert CODE not in codes(lint_routes(text, external_labels=None))
    assert CODE not in codes(lint_routes(text, external_labels={"cluster": "eu"}))
    assert CODE not in codes(lint_routes(text, rules=None))
    assert one(lint_routes(FOUND[0][0]), CODE).help == "did you mean `job`?"

"""Comments that disable a check: what they reach, and when they are findings themselves."""

from __future__ import annotations

import pytest

from tests.unit.lint.lint_text import codes, lint_routes, lint_rules, marked

TEXT = """%s
groups:
  %s
  - name: g
    rules:
      %s
      - alert: A
        %s
        expr: up{job=~"^a.*$"} == 0%s
      - alert: B
        expr: up{job=~"^b.*$"} == 0
"""
OFF = "# mkit disable promql/regex until 2999-01-31: we like it"


def found(*comments: str, at: int = 0) -> list[str]:
    lines = ["", "", "", "", ""]
    for number, comment in enumerate(comments):
        lines[at + number] = comment
    return codes(lint_rules(TEXT % tuple(lines)))


def test_what_a_comment_reaches() -> None:
    assert found() == ["promql/regex"] * 2
    assert found(OFF, at=0) == []  # the file
    assert found(OFF, at=1) == []  # the group
    assert found(OFF, at=2) == ["promql/regex"]  # the rule
    assert found(OFF, at=3) == ["promql/regex"]  # the expression
    assert found("  " + OFF, at=4) == ["promql/regex"]  # its line


def test_a_rule_s_comment_does_not_reach_the_next_one() -> None:
    text = TEXT.replace("      - alert: B", "      " + OFF + "\n      - alert: B") % ("", "", "", "", "")
    assert len(codes(lint_rules(text))) == 1
    assert marked(lint_rules(text), "promql/regex") == '"^a.*$"'


@pytest.mark.parametrize(
    ("comment", "code"),
    [
        ("# mkit disable promql/rejex: why", "checks/unknown"),
        ("# mkit disable promql/regex", "checks/comment"),
        ("# mkit disable promql/regex:", "checks/comment"),
        ("# mkit disable", "checks/comment"),
        ("# mkit disable promql/regex until tomorrow: why", "checks/comment"),
        ("# mkit disable promql/regex until 2020-01-31: why", "checks/expired"),
    ],
)
def test_a_comment_that_disables_nothing_is_a_finding(comment: str, code: str) -> None:
    assert sorted(found(comment)) == sorted([code, "promql/regex", "promql/regex"])


def test_a_stale_comment_is_a_finding() -> None:
    assert sorted(found("# mkit disable promql/rate-on-gauge: why")) == ["checks/stale", "promql/regex", "promql/regex"]


def test_other_comments_are_none_of_our_business() -> None:
    assert found("# mkit is nice", at=1) == ["promql/regex"] * 2
    assert found("# see mkit disable promql/regex: x", at=1) == ["promql/regex"] * 2


def test_the_option_disables_everywhere() -> None:
    assert codes(lint_rules(TEXT % ("", "", "", "", ""), disable=["promql/regex"])) == []


def test_an_alertmanager_file() -> None:
    text = "route:\n  receiver: a\nreceivers:\n  - name: a\n  %s\n  - name: b\n"
    assert codes(lint_routes(text % "")) == ["routes/unused-receiver"]
    assert codes(lint_routes(text % "# mkit disable routes/unused-receiver: for drills")) == []
    assert codes(lint_routes(text.replace("receivers", "# mkit disable routes/shadowed: x\nreceivers") % "")) == [
        "checks/stale",
        "routes/unused-receiver",
    ]

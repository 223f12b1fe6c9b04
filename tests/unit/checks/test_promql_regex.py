"""promql/regex: A regular expression that is none, or has anchors of no use."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import check_alert

CODE = "promql/regex"
BAD = 'queue_depth{queue=~"^mail.*$"} > 1'
GOOD_EXPR = 'queue_depth{queue=~"mail.*"} > 1'
MORE = [
    ('queue_depth{queue=~"mail"} > 1', 'queue=~"mail"'),
    ('queue_depth{queue=~".*"} > 1', 'queue=~".*"'),
    ('queue_depth{queue!~".*"} > 1', 'queue!~".*"'),
]
SILENT = [
    GOOD_EXPR,
    'queue_depth{queue=~"mail|print"} > 1',
    'queue_depth{queue=~"ma.l"} > 1',
    'queue_depth{queue!~"p.+"} > 1',
    'queue_depth{queue=~"^mail|print$"} > 1',
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == '"^mail.*$"'
    assert "write `mail.*`" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, '"^mail.*$"'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


def test_a_repair_only_where_the_text_is_the_pattern() -> None:
    assert check_expr('up{job=~"^a.*"} == 0').one(CODE).fix == ((9, 13), "a.*")
    escaped = check_expr('up{job=~"^a\\\\.b.*"} == 0').one(CODE)
    assert (escaped.fix, escaped.help) == (None, "write `a\\.b.*`")

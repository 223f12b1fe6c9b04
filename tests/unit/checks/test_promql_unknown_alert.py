"""promql/unknown-alert: `ALERTS` of an alert that does not exist."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import captured, check_expr
from tests.unit.checks.world_text import check_alert

CODE = "promql/unknown-alert"
BAD = 'ALERTS{alertname="ServiceDwon"}'
GOOD_EXPR = 'ALERTS{alertname="ServiceDown"}'
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    'ALERTS{alertname=~"Service.*"}',
    'ALERTS{alertstate="firing"}',
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == '"ServiceDwon"'
    assert "did you mean `ServiceDown`?" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, '"ServiceDwon"'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


def test_silent_where_the_alerts_are_unknown_or_not_meant() -> None:
    assert CODE not in check_expr('ALERTS{alertname="Nope"} == 1').codes()
    known = captured(alertnames=frozenset(("Down",)))
    assert check_expr('ALERTS_FOR_STATE{alertname="Nope"} > 1', known).marked(CODE) == '"Nope"'
    for expr in (
        'up{alertname="Nope"} == 0',
        'ALERTS{alertname="Down"} == 1',
        'ALERTS{alertname!="Nope"} == 1',
        'ALERTS{alertstate="Nope"} == 1',
        'ALERTS{alertname="$a"}',
    ):
        assert CODE not in check_expr(expr, known, use="panel").codes(), expr

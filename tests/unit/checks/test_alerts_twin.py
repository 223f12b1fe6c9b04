"""alerts/twin: two alerts of which one tells nothing new."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_text

CODE = "alerts/twin"


def pair(first: tuple[str, str, str], second: tuple[str, str, str]) -> str:
    rows = (
        f"  A{n}: {{expr: 'queue_depth {expr}', for: {for_}, severity: {severity}, notify: [mail]}}\n"
        for n, (expr, for_, severity) in enumerate((first, second))
    )
    return "alerts:\n" + "".join(rows)


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        (("> 5", "5m", "warning"), ("> 5", "5m", "warning"), "always fire together"),
        (("> 5", "5m", "critical"), ("> 9", "5m", "warning"), "tells nothing new"),
        (("> 9", "5m", "warning"), ("> 5", "5m", "critical"), "never comes first"),
        (("< 5", "5m", "critical"), ("< 3", "5m", "warning"), "tells nothing new"),
        (("> 5", "5m", "warning"), ("> 9", "5m", "warning"), "at the same severity"),
        (("< 3", "5m", "warning"), ("< 5", "5m", "critical"), "never comes first"),
        (("< 5", "5m", "warning"), ("< 3", "5m", "warning"), "at the same severity"),
        ((">= 5", "5m", "critical"), ("> 5", "9m", "warning"), "tells nothing new"),
    ],
)
def test_found(first: tuple[str, str, str], second: tuple[str, str, str], word: str) -> None:
    found = check_text(pair(first, second))
    assert word in found.one(CODE).message
    assert found.marked(CODE).startswith("queue_depth")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("> 9", "5m", "critical"), ("> 5", "5m", "warning")),
        (("< 3", "5m", "critical"), ("< 5", "5m", "warning")),
        (("> 9", "5m", "critical"), ("< 5", "5m", "warning")),
        (("> 9", "15m", "critical"), ("> 9", "5m", "warning")),
        (("> 5", "15m", "critical"), ("> 9", "5m", "warning")),
        (("> 5", "5m", "warning"), ("> 9", "5m", "critical")),
        (("< 5", "5m", "warning"), ("< 3", "5m", "critical")),
        (("> 9", "5m", "warning"), ("> 5", "15m", "critical")),
        (("> 5", "5m", "warning"), ("> 5", "15m", "critical")),
        (("== 5", "5m", "warning"), ("== 5", "5m", "warning")),
        (("> 5 + 0 * queue_depth", "5m", "warning"), ("> 5 + 0 * queue_depth", "5m", "warning")),
    ],
)
def test_silent(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    assert CODE not in check_text(pair(first, second)).codes()

"""labels/value-in-label: the value in a label."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "labels/value-in-label"


@pytest.mark.parametrize("text", ["{{ $value }}", "{{ .Value }}", "{{ $value | humanize }}"])
def test_found(text: str) -> None:
    found = check_alert("queue_depth > 5", labels=f'{{depth: "{text}"}}')
    assert found.one(CODE).severity.word == "error"


def test_with_a_for_it_never_fires() -> None:
    """Each value is a new alert that starts to wait from the beginning (the real promtool agrees below)."""
    text = "none of which ever outlives its `for`"
    assert text in check_alert("queue_depth > 5", labels='{depth: "{{ $value }}"}').one(CODE).message
    assert (
        text not in check_alert("queue_depth > 5", labels='{depth: "{{ $value }}"}', **{"for": "0s"}).one(CODE).message
    )


@needs_promtool
@pytest.mark.parametrize(
    ("for_", "value", "firing"), [("5m", "10+1x200", False), ("5m", "10x200", True), ("0s", "10+1x200", True)]
)
def test_prometheus_agrees(for_: str, value: str, firing: bool) -> None:
    assert fires("queue_depth > 5", {"queue_depth": value}, for_=for_, labels={"depth": "{{ $value }}"}) is firing


def test_silent() -> None:
    assert CODE not in check_alert("queue_depth > 5", labels='{depth: "{{ $labels.queue }}"}').codes()
    assert CODE not in check_alert("queue_depth > 5", summary='"{{ $value }}"').codes()
    # The value of a sample of the query, not the alert's.
    assert (
        CODE not in check_alert("queue_depth > 5", labels='{d: "{{ range query `up` }}{{ .Value }}{{ end }}"}').codes()
    )

"""labels/value-in-label: the value in a label."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "labels/value-in-label"


@pytest.mark.parametrize("text", ["{{ $value }}", "{{ .Value }}", "{{ $value | humanize }}"])
def test_found(text: str) -> None:
    found = check_alert("queue_depth > 5", labels=f'{{depth: "{text}"}}')
    assert found.one(CODE).severity.word == "error"


def test_silent() -> None:
    assert CODE not in check_alert("queue_depth > 5", labels='{depth: "{{ $labels.queue }}"}').codes()
    assert CODE not in check_alert("queue_depth > 5", summary='"{{ $value }}"').codes()

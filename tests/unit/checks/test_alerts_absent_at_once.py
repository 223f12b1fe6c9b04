"""alerts/absent-at-once: `absent` without a `for` of some scrapes."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "alerts/absent-at-once"


@pytest.mark.parametrize("for_", ["0s", "15s"])
def test_found(for_: str) -> None:
    found = check_alert('absent(queue_depth{queue="mail"})', **{"for": for_})
    assert found.marked(CODE) == "absent"
    assert "for: 2m" in found.one(CODE).help


def test_the_interval_is_that_of_the_job() -> None:
    assert check_alert("absent(slow_total)", **{"for": "1m"}).marked(CODE) == "absent"
    assert CODE not in check_alert("absent(queue_depth)", **{"for": "1m"}).codes()
    assert CODE not in check_alert("absent(slow_total)", **{"for": "2m"}).codes()

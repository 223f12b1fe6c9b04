"""alerts/short-for: a `for` that is no multiple of the evaluation interval."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "alerts/short-for"


@pytest.mark.parametrize(("for_", "wanted"), [("10s", "15s"), ("20s", "30s"), ("100s", "1m45s")])
def test_found(for_: str, wanted: str) -> None:
    found = check_alert("queue_depth > 5", **{"for": for_})
    assert found.marked(CODE) == for_
    assert f"for: {wanted}" in found.one(CODE).help


@pytest.mark.parametrize("for_", ["0s", "15s", "30s", "5m"])
def test_silent(for_: str) -> None:
    assert CODE not in check_alert("queue_depth > 5", **{"for": for_}).codes()


def test_longer_in_truth_or_at_another_time() -> None:
    longer = check_alert("queue_depth > 5", **{"for": "10s"}).one(CODE)
    assert (longer.severity.word, "is longer in truth, one whole interval" in longer.message) == ("warning", True)
    later = check_alert("queue_depth > 5", **{"for": "20s"}).one(CODE)
    assert (later.severity.word, "fires after 30s, not after 20s" in later.message) == ("info", True)

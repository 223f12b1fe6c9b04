"""labels/external-label: external labels overwritten or not there."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "labels/external-label"


def test_found() -> None:
    assert "routes on the external one" in check_alert("queue_depth > 5", labels="{region: us}").one(CODE).message
    found = check_alert("queue_depth > 5", summary='"{{ $externalLabels.regoin }}"')
    assert found.marked(CODE) == "regoin"
    assert "region" in found.one(CODE).help


@pytest.mark.parametrize(
    "more", [{"labels": "{area: us}"}, {"labels": "{region: eu}"}, {"summary": '"{{ $externalLabels.region }}"'}]
)
def test_silent(more: dict[str, str]) -> None:
    assert CODE not in check_alert("queue_depth > 5", **more).codes()

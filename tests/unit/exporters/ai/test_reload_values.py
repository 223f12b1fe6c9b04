"""What a reload keeps when the declaration of a metric changes."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.unit.exporters.ai.rig import Rig

SEEN = {"type": "counter", "help": "S.", "labels": {"class": {"allow": ["car", "bus"]}, "lane": {}}}
WAIT = {"type": "histogram", "help": "W.", "unit": "seconds", "buckets": [1, 2], "native": True}
LEVEL = {"type": "gauge", "help": "L.", "labels": {"lane": {}}}
ITEMS = [
    ["c", "seen_total", {"class": "car", "lane": "1"}, 3, 1], ["c", "seen_total", {"class": "bus", "lane": "1"}, 4, 1],
    ["h", "wait_seconds", {}, [0.5, 5.0]], ["g", "level", {"lane": "1"}, 7],
]  # fmt: skip


def after(caplog: pytest.LogCaptureFixture, **changed: Any) -> tuple[Rig, list[dict[str, Any]]]:
    """The exporter after a reload with these declarations, and what the log says of it."""

    def config(**metrics: Any) -> dict[str, Any]:
        declared = {"seen_total": SEEN, "wait_seconds": WAIT, "level": LEVEL, **metrics}
        return {"model": {"name": "m", "version": "1"}, "metrics": declared, "gpu": False, "ingest": {"http": True}}

    old = Rig(config())
    assert old.intake.items("http", ITEMS) == 0
    with caplog.at_level(logging.WARNING):
        new = Rig(config(**changed), old.lasting)
    old.close()
    return new, [record.__dict__ for record in caplog.records]


def state(rig: Rig) -> list[float | None]:
    return [
        rig.value("seen_total", **{"class": "car", "lane": "1"}), rig.value("seen_total", **{"class": "bus", "lane": "1"}),
        rig.value("wait_seconds_count"), rig.value("level", lane="1"),
    ]  # fmt: skip


@pytest.mark.parametrize("changed", [
    {"seen_total": {**SEEN, "help": "Seen."}, "wait_seconds": {**WAIT, "help": "Waited."}, "level": {**LEVEL, "help": "Level."}},
    {"seen_total": {**SEEN, "labels": {"class": {"allow": ["car", "bus", "tram"]}, "lane": {"max": 5}}}},
    {"seen_total": {**SEEN, "labels": {"lane": {}, "class": {"allow": ["bus", "car"], "else": "other"}}}},
    {"seen_total": {**SEEN, "max_series": 50}, "level": {**LEVEL, "valid": [0, 10]}, "wait_seconds": {**WAIT, "valid": [0, 1]}},
])  # fmt: skip
def test_values_stay_whatever_else_is_declared(caplog: pytest.LogCaptureFixture, changed: dict[str, Any]) -> None:
    rig, said = after(caplog, **changed)
    with rig:
        assert state(rig) == [3, 4, 2, 7]
        assert rig.value("mkit_ai_ingest_events_total", transport="http") == 5
        rig.intake.items("http", ITEMS[:1])
        assert state(rig)[0] == 6
    assert not said


@pytest.mark.parametrize("more", [{}, {"else": "other"}])
def test_label_sets_that_are_no_longer_allowed_are_left_out(
    caplog: pytest.LogCaptureFixture, more: dict[str, Any]
) -> None:
    labels = {"class": {"allow": ["car"], **more}, "lane": {}}
    rig, said = after(caplog, seen_total={**SEEN, "labels": labels}, level={**LEVEL, "valid": [0, 5]})
    with rig:
        assert state(rig) == [3, None, 2, None]
        # Neither folded, which would be an increase of another series, nor counted as dropped.
        assert rig.value("seen_total", **{"class": "other", "lane": "1"}) is None
        assert "mkit_ai_series_dropped_total{" not in rig.text()
    assert {(line["metric"], line["label_sets"]) for line in said} == {("seen_total", 1), ("level", 1)}


@pytest.mark.parametrize(("name", "changed", "left", "words"), [
    ("seen_total", {**SEEN, "labels": {"class": {"allow": ["car", "bus"]}}}, [None, None, 2, 7], "labels, from [class, lane] to [class]"),
    ("wait_seconds", {**WAIT, "buckets": [1, 3]}, [3, 4, 0, 7], "buckets, from [1.0, 2.0] to [1.0, 3.0]"),
    ("wait_seconds", {**WAIT, "native": {"schema": 2}}, [3, 4, 0, 7], "native"),
    ("level", {**WAIT, "labels": LEVEL["labels"], "unit": ""}, [3, 4, 2, None], "type, from gauge to histogram"),
])  # fmt: skip
def test_a_metric_that_starts_anew_is_named_with_the_reason(
    caplog: pytest.LogCaptureFixture, name: str, changed: dict[str, Any], left: list[float | None], words: str
) -> None:
    rig, said = after(caplog, **{name: changed})
    with rig:
        assert state(rig) == left
    assert [line["metric"] for line in said] == [name]
    assert words in said[0]["changed"]

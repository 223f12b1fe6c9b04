"""Numbers whose sum is no float: the event is refused, everything else goes on."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.ai.statsd import StatsdHandler, StatsdNames

from monitoring_kit.stack.lab import free_port
from tests.unit.exporters.ai.rig import Rig

HUGE = 1e308
CONFIG: dict[str, Any] = {
    "model": {"name": "m", "version": "1"},
    "metrics": {
        "calls_total": {"type": "counter", "help": "C."},
        "level": {"type": "gauge", "help": "L."},
        "wait_seconds": {"type": "histogram", "help": "W.", "unit": "seconds", "buckets": [1, 2], "native": True},
        "other_total": {"type": "counter", "help": "O."},
    },
    "ingest": {"http": True},
    "gpu": False,
}


@pytest.mark.parametrize(("item", "events", "name", "value"), [
    (["c", "calls_total", {}, HUGE, 1], 1, "calls_total", HUGE),
    (["c", "calls_total", {}, 10**308, 3], 3, "calls_total", 1e308),
    (["g", "level", {}, HUGE, "+"], 1, "level", HUGE),
    (["g", "level", {}, -HUGE, "+"], 1, "level", -HUGE),
    (["g", "level", {}, 10**308, "+"], 1, "level", 1e308),
    (["h", "wait_seconds", {}, [HUGE]], 1, "wait_seconds_sum", HUGE),
    (["h", "wait_seconds", {}, [0.5, HUGE, 0.5]], 3, "wait_seconds_count", 3),
    (["h", "wait_seconds", {}, [HUGE, *[0.5] * 20]], 21, "wait_seconds_count", 21),
    (["H", "wait_seconds", {}, [HUGE], [1], None], 1, "wait_seconds_sum", HUGE),
    (["H", "wait_seconds", {}, [1.0], [4], HUGE], 4, "wait_seconds_count", 4),
])  # fmt: skip
def test_an_event_whose_sum_would_be_no_float_is_refused(item: Any, events: int, name: str, value: float) -> None:
    with Rig(CONFIG) as rig:
        assert rig.intake.items("http", [item]) == 0
        assert rig.intake.items("http", [item, ["c", "other_total", {}, 1, 1]]) == events
        assert rig.dropped("http", "invalid_value") == events
        # The exposition is there, with what was counted before and what came in the same batch.
        assert rig.value(name) == value
        assert rig.value("other_total") == 1
        assert "Inf\n" not in rig.text().replace('le="+Inf"', "")


def test_a_sum_within_one_item_is_refused_too() -> None:
    with Rig({**CONFIG, "ingest": {"http": True, "statsd": {"udp": f"127.0.0.1:{free_port()}"}}}) as rig:
        assert rig.intake.items("http", [["h", "wait_seconds", {}, [HUGE, HUGE]]]) == 2
        assert rig.intake.items("http", [["H", "wait_seconds", {}, [HUGE], [2], None]]) == 2
        StatsdHandler(rig.intake, StatsdNames())(b"calls:1e308|c\ncalls:1e308|c\nother:1|c", 0)
        assert rig.dropped("http", "invalid_value") == 4
        assert rig.dropped("statsd", "invalid_value") == 1
        assert [rig.value(name) for name in ("wait_seconds_count", "calls_total", "other_total")] == [0, HUGE, 1]


# -- quality --------------------------------------------------------------------------------------------------------------


def quality(tmp_path: Path) -> dict[str, Any]:
    block = {"key": ["id"], "by": "id", "min_samples": 1, "state_file": str(tmp_path / "s.db")}
    return {**CONFIG, "quality": block}


def pair(rig: Rig, name: str, prediction: float, truth: float) -> int:
    facts = [[side, {"id": name}, value, time.time(), {}] for side, value in (("p", prediction), ("t", truth))]
    return rig.intake.items("http", facts)


def test_predictions_and_truths_are_bounded(tmp_path: Path) -> None:
    with Rig(quality(tmp_path)) as rig:
        assert pair(rig, "a", 1e308, 1) == 1
        assert pair(rig, "b", 1e15, 10**15 + 1) == 1
        assert rig.dropped("http", "invalid_value") == 2
        assert pair(rig, "c", 1e15, 1) == 0
        assert rig.value("mkit_model_counted_objects_total", model="m", version="1", id="c") == 1e15


def test_a_state_file_that_holds_such_sums_blinds_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Rig(quality(tmp_path)) as rig:
        pair(rig, "a", 3, 1)
    with sqlite3.connect(tmp_path / "s.db") as db:
        # As exporters without a bound left it.
        db.execute("UPDATE facts SET pred = 1e308")
        db.execute("INSERT INTO facts SELECT 'x', time, version, grp, 1e308, pred_at, 1, truth_at FROM facts")
        db.execute("UPDATE tally SET value = 9e999 WHERE name IN ('counted_objects', 'overcount')")
    db.close()
    with caplog.at_level(logging.WARNING), Rig(quality(tmp_path)) as rig:
        labels = {"model": "m", "version": "1"}
        pair(rig, "b", 4, 1)
        assert "Inf\n" not in rig.text().replace('le="+Inf"', "")
        assert rig.value("mkit_model_counted_objects_total", **labels, id="b") == 4
        assert rig.value("mkit_model_truth_objects_total", **labels, id="a") == 1
        assert rig.value("mkit_model_count_mae_objects", **labels, id="") == 3
    told = [(record.msg, record.__dict__["state_file"]) for record in caplog.records if hasattr(record, "state_file")]
    assert {place for _, place in told} == {tmp_path / "s.db"}
    assert len(told) == 2


def test_a_batch_over_http_says_what_it_dropped() -> None:
    with Rig(CONFIG) as rig:
        for batch in ("1", "2"):
            event = {"metric": "calls_total", "inc": HUGE}
            answer = rig.post(json.dumps({"batch_id": batch, "events": [event]}).encode())
        assert (answer.status, answer.headers["X-Mkit-Dropped"]) == (204, "1")

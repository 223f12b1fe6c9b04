"""A state file that cannot be written: what cannot be kept is counted and said, everything else goes on."""

from __future__ import annotations

import json
import logging
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.ai.mkit_client import Client

from tests.unit.exporters.ai.rig import Rig
from tests.unit.exporters.ai.test_intake import until

FACTS = "mkit_model_evaluated_windows_total"
LABELS = {"model": "m", "version": "1"}


def config(tmp_path: Path, **quality: Any) -> dict[str, Any]:
    return {
        "model": {"name": "m", "version": "1"},
        "metrics": {"calls_total": {"type": "counter", "help": "C."}},
        "ingest": {"http": True, "unix": str(tmp_path / "ai.sock")},
        "gpu": False,
        "process": False,
        "quality": {"key": ["id"], "state_file": str(tmp_path / "s.db"), **quality},
    }


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process can grow: the kernel refuses writes beyond the first byte, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_datagram_counts_without_its_facts_and_recovers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Rig(config(tmp_path)) as rig:
        client = Client(str(tmp_path / "ai.sock"))

        def send(name: str) -> None:
            client.counter("calls_total").inc()
            client.prediction(3, key={"id": name})
            client.truth(3, key={"id": name})
            client.flush()

        send("a")
        until(lambda: rig.value(FACTS, **LABELS) == 1)
        success = "mkit_ai_collector_success"
        assert rig.value(success, collector="quality") == 1
        with no_room():
            for name in "bcd":
                send(name)
            until(lambda: rig.dropped("unix", "state") == 6)
            assert rig.value("calls_total") == 4
            assert rig.value(success, collector="quality") == 0
            # What is known stays.
            assert rig.value(FACTS, **LABELS) == 1
        said = [record.__dict__ for record in caplog.records if record.levelno == logging.ERROR]
        assert [(line["state_file"], line["err"]) for line in said] == [(str(tmp_path / "s.db"), "disk I/O error")]
        assert rig.value("mkit_ai_ingest_events_total", transport="unix") == 3 + 3
        send("e")
        until(lambda: rig.value(FACTS, **LABELS) == 2)
        assert rig.value(success, collector="quality") == 1
        client.close()


def test_http_keeps_the_batch_for_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    events = [{"metric": "calls_total", "inc": 1}, {"prediction": 1, "key": {"id": "a"}}]
    body = json.dumps({"batch_id": "1", "events": events}).encode()
    with Rig(config(tmp_path)) as rig:
        with no_room():
            assert rig.post(body).status == 503
        assert rig.value("calls_total") == 0
        assert any("state_file" in record.__dict__ for record in caplog.records)
        assert rig.post(body).status == 204
        assert rig.value("calls_total") == 1


def test_truth_from_a_table_says_state(tmp_path: Path) -> None:
    table = tmp_path / "truth.db"
    with sqlite3.connect(table) as db:
        db.execute("CREATE TABLE t (id TEXT, value REAL)")
        db.execute("INSERT INTO t VALUES ('a', 1)")
    db.close()
    truth = {"source": {"kind": "sqlite", "url": f"sqlite:///{table}"}, "query": "SELECT id, value FROM t", "every": 1}
    with no_room_after(Rig(config(tmp_path, truth=truth))) as rig:
        until(lambda: (rig.value("mkit_ai_truth_errors_total", reason="state") or 0) >= 1)
        assert rig.value("mkit_ai_truth_success") == 0
        assert rig.value("mkit_ai_truth_errors_total", reason="exception") == 0


@contextmanager
def no_room_after(rig: Rig) -> Iterator[Rig]:
    """The rig, once it read its truth, on a full disk; with another truth to keep."""
    with rig:
        until(lambda: rig.value("mkit_ai_truth_success") == 1)
        facts = [["p", {"id": "a"}, 1, time.time(), {}]]
        rig.intake.items("http", facts)
        with no_room():
            yield rig

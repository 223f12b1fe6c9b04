"""The load on the AI exporter: model processes over datagrams, batches over HTTP, truth that arrives in a database."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.soak.processes import Every, Process
from tests.soak.sources import Ledger

INCS, FACTS = 40, 2  # What one HTTP batch holds.


def config(folder: Path, truth: dict[str, Any]) -> dict[str, Any]:
    shard = {"shard": {"max": 8}}
    return {
        "model": {"name": "soak"},
        "ingest": {"unix": str(folder / "ai.sock"), "http": True},
        "metrics": {
            "soak_frames_total": {"type": "counter", "help": "Frames.", "labels": shard},
            "soak_latency_seconds": {"type": "histogram", "help": "Latency.", "labels": shard, "buckets": [0.1, 0.5], "unit": "seconds"},
            "soak_http_total": {"type": "counter", "help": "Events over HTTP."},
        },
        "quality": {
            "kind": "count", "key": ["id"], "window": "1h", "max_delay": "1h", "min_samples": 1,
            "state_file": str(folder / "ai.db"),
            "truth": {"source": truth, "query": "SELECT id, value, time FROM truth", "every": "1s"},
        },
    }  # fmt: skip


class Models:
    """Model processes that come and go, one a shard."""

    def __init__(self, path: str, shards: int) -> None:
        self._path = path
        self._running = {str(shard): self._start(str(shard)) for shard in range(shards)}
        self.calls: dict[str, int] = dict.fromkeys(self._running, 0)
        self.dropped = 0

    def _start(self, shard: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(Path(__file__).with_name("model_client.py")), self._path, shard]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    def _end(self, shard: str) -> None:
        process = self._running.pop(shard)
        process.send_signal(signal.SIGTERM)
        said = json.loads(process.communicate(timeout=20)[0])
        self.calls[shard] += said["calls"]
        self.dropped += said["dropped"]

    def replace(self) -> None:
        """Every process ends and another one takes its place, as in a deployment."""
        for shard in list(self._running):
            self._end(shard)
            self._running[shard] = self._start(shard)

    def stop(self) -> None:
        for shard in list(self._running):
            self._end(shard)

    def kill(self) -> None:
        for process in self._running.values():
            process.kill()
            process.communicate()


class Batches:
    """HTTP batches with events, predictions and later their truths; each is sent until it is acknowledged, some twice."""

    def __init__(self, exporter: Process, write_truth: Any) -> None:
        self._exporter, self._write_truth = exporter, write_truth
        self._random = random.Random(7)
        self.counting = False
        self.events = Ledger()
        self.events.note(0, 0)
        self.acknowledged = self.predictions = self.batches = 0
        self._owed: list[tuple[int, float]] = []

    def step(self) -> None:
        """One batch, and the truth about what was predicted before."""
        now, first = time.time(), self.predictions
        events: list[dict[str, Any]] = [{"metric": "soak_http_total", "inc": 1}] * (INCS if self.counting else 0)
        events += [{"prediction": 3, "key": {"id": first + i}, "time": now} for i in range(FACTS)]
        if self.counting:
            self.events.note(self.acknowledged, self.acknowledged + INCS)
        self.batches += 1
        body = json.dumps({"batch_id": f"b{self.batches}", "events": events}).encode()
        self._send(body)
        if self._random.random() < 0.2:
            self._send(body)  # As a sender does that lost the answer.
        if self.counting:
            self.acknowledged += INCS
            self.events.note(self.acknowledged, self.acknowledged)
        self.predictions += FACTS
        self._owed += [(first + i, now) for i in range(FACTS)]
        self.settle()

    def _send(self, body: bytes) -> None:
        url = f"http://127.0.0.1:{self._exporter.port}/v1/events"
        for _ in range(600):
            with contextlib.suppress(OSError):
                request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=5) as answer:
                    assert answer.status == 204
                    assert "X-Mkit-Dropped" not in answer.headers, "an acknowledged event was not counted"
                    return
            time.sleep(0.1)
        raise AssertionError("never acknowledged")

    def settle(self) -> bool:
        """Write the truths owed; False while their database is away."""
        try:
            for owed in list(self._owed):
                self._write_truth(*owed)
                self._owed.remove(owed)
        except Exception:
            return False
        return True

    def load(self) -> Every:
        return Every(0.2, self.step)

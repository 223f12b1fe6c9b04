"""A model process: counts and observes through the client until SIGTERM, then says what it did.

Usage: model_client.py SOCKET SHARD. Prints ``{"calls": ..., "dropped": ...}``.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time

from monitoring_kit.exporters.ai.mkit_client import Client


def main() -> None:
    path, shard = sys.argv[1:]
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    client = Client(path)
    frames = client.counter("soak_frames_total", shard=shard)
    latency = client.histogram("soak_latency_seconds", shard=shard)
    calls = 0
    while not ended.is_set():
        for _ in range(20):
            frames.inc()
            latency.observe(0.25)
        calls += 20
        time.sleep(0.01)
    for _ in range(50):
        client.flush()
        if not client._unsent:
            break
        time.sleep(0.1)
    left = sum(events for _, events in client._unsent)
    client.close()
    print(json.dumps({"calls": calls, "dropped": client.dropped + left}))


if __name__ == "__main__":
    main()

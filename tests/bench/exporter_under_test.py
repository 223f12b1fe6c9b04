"""The programs that ``bench_exporters`` measures: ours and one on prometheus_client, with the same series.

Usage: exporter_under_test.py (mkit | client) PORT SERIES CHANGES. A thread changes CHANGES values every 100 ms.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LABELS = ("camera", "site", "model")
CONFIG = Path(__file__).with_name("exporter.yml")


def change(children: list[Any], count: int) -> None:
    rng = random.Random(1)
    while True:
        time.sleep(0.1)
        for child in rng.sample(children, count):
            child.set(round(rng.random() * 1000, 3))


def fill(labels: Callable[..., Any], series: int, changes: int) -> None:
    rng = random.Random(2)
    children = [labels(f"cam-{number}", "warehouse", "m1") for number in range(series)]
    for child in children:
        child.set(round(rng.random() * 1000, 3))
    if changes and children:
        threading.Thread(target=change, args=(children, changes), daemon=True).start()


def serve_mkit(port: str, series: int, changes: int) -> int:
    from monitoring_kit.exporters.runtime import Exporter, ExporterApp, Registry, run_exporter

    def build(args: Any, previous: Any) -> Exporter:
        import yaml

        # The C loader, as the exporters use it.
        specs = yaml.load(Path(args.config_file).read_text(), Loader=yaml.CSafeLoader)["metrics"]
        registry = Registry("bench", max_series=None)
        [family] = [registry.declare(spec) for spec in specs]
        fill(family.labels, series, changes)
        return Exporter(registry)

    app = ExporterApp("bench-exporter", "1", "Benchmark", "127.0.0.1:0", build)
    flags = ["--config.file", str(CONFIG), "--web.listen-address", f"127.0.0.1:{port}", "--log.level", "error"]
    return run_exporter(app, flags)


def serve_client(port: str, series: int, changes: int) -> None:
    from prometheus_client import Gauge, start_http_server

    gauge = Gauge("camera_latency_seconds", "Latency of a camera.", LABELS)
    fill(gauge.labels, series, changes)
    start_http_server(int(port), addr="127.0.0.1")
    threading.Event().wait()


if __name__ == "__main__":
    which, port, series, changes = sys.argv[1:]
    {"mkit": serve_mkit, "client": serve_client}[which](port, int(series), int(changes))

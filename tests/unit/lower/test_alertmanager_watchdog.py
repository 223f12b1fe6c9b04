"""The dead man's switch on a running Alertmanager: one delivery an interval, and never a "resolved"."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import PATH_SUITE
from tests.unit.lower.alertmanager_tools import CONFIG, alertmanager, spec
from tests.unit.lower.test_alertmanager_inhibition import running

SECONDS = 6.5


def test_one_delivery_an_interval(compile_text: Callable[..., Compilation], tmp_path: Path) -> None:
    seen: list[tuple[float, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((time.monotonic(), body["status"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    channels = f"{{m: {{kind: webhook, url: 'http://127.0.0.1:{server.server_port}/'}}}}"
    alertmanager(compile_text(spec(channels, "watchdog: {notify: [m], interval: 1s}"))).write(tmp_path)
    labels = {"alertname": "Watchdog", "notify": "m", "severity": "info", "prometheus_replica": "a", "system": "shop"}
    ends = datetime.now(UTC) + timedelta(seconds=SECONDS - 2)
    body = json.dumps([{"labels": labels, "endsAt": ends.isoformat()}]).encode()
    try:
        with running(tmp_path / CONFIG, PATH_SUITE) as address:
            urlopen(Request(f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"}), timeout=5).close()
            time.sleep(SECONDS)
    finally:
        server.shutdown()
        server.server_close()
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(seen)]
    assert len(seen) >= 4
    # Were the repeat interval no shorter than the group interval, every second flush would be silent.
    assert max(gaps) < 1.7, gaps
    assert {status for _, status in seen} == {"firing"}

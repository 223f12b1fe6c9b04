"""The exporter as a process, scraped by a real Prometheus, while its table shrinks and its database dies."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import servers
from tests.e2e import business_rig
from tests.e2e.business_rig import COUNT, STATUS, Database
from tests.servers import PASSWORD, find, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EVENTS = {
    "type": "histogram", "help": "Amounts.", "source": "shop", "buckets": [1, 2], "watermark": "id",
    "query": "SELECT id, amount AS value FROM tx WHERE id > :watermark ORDER BY id",
}  # fmt: skip


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
    return text


def until(test: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, KeyError, IndexError):
            found = test()
            if found:
                return found
        assert time.monotonic() < end
        time.sleep(0.1)


class Exporter:
    """The exporter's process."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.port = free_port()
        self.config, self.log = folder / "business.yaml", folder / "exporter.log"
        self.write(config)
        self.start()

    def write(self, config: dict[str, Any]) -> None:
        self.config.write_text(yaml.safe_dump(config))

    def start(self) -> None:
        command = [sys.executable, "-m", "monitoring_kit.exporters.business.main", "--config", str(self.config),
                   f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-lifecycle"]  # fmt: skip
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        until(lambda: get(f"http://127.0.0.1:{self.port}/-/ready"))

    def reload(self) -> bool:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/-/reload", method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10):
                return True
        except urllib.error.HTTPError:
            return False

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


class Prometheus:
    """A real Prometheus that scrapes one target every 500 ms."""

    def __init__(self, folder: Path, target: int) -> None:
        self.port, self.log = free_port(), folder / "prometheus.log"
        config = folder / "prometheus.yaml"
        job = {"job_name": "business", "scrape_interval": "500ms", "scrape_timeout": "500ms",
               "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}  # fmt: skip
        config.write_text(json.dumps({"scrape_configs": [job]}))
        command = [find("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
                   f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=debug"]  # fmt: skip
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        until(lambda: get(f"http://127.0.0.1:{self.port}/-/ready"))

    def query(self, text: str) -> float:
        url = f"http://127.0.0.1:{self.port}/api/v1/query?query={urllib.parse.quote(text)}"
        return float(json.loads(get(url))["data"]["result"][0]["value"][1])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Database]:
    with servers.start_mariadb() as server, business_rig.mysql(server, tmp_path) as found:
        found.fill(1000)
        yield found


def test_shrinking_table_restarts_and_outages_never_make_an_increase(shop: Database, tmp_path: Path) -> None:
    config = {
        "sources": {"shop": shop.source},
        "state_file": str(tmp_path / "state.db"),
        "metrics": {"tx_total": STATUS, "user_count": COUNT, "amount_units": EVENTS},
    }
    exporter = Exporter(tmp_path, config)
    prometheus = Prometheus(tmp_path, exporter.port)
    try:
        until(lambda: prometheus.query('tx_total{status="ok"}') == 1000)
        shop.execute("DELETE FROM tx WHERE id <= 10")
        until(lambda: prometheus.query("user_count") == 990)
        assert exporter.stop() == 0
        exporter.start()
        until(lambda: prometheus.query('mkit_business_collector_success{collector="tx_total"}') == 1)
        shop.server.stop()  # type: ignore[union-attr]
        until(lambda: prometheus.query('mkit_business_up{source="shop"}') == 0)
        # Dropped, not frozen: the series is gone while nothing is known.
        until(lambda: prometheus.query("absent(user_count)") == 1, 5)
        shop.server.start()  # type: ignore[union-attr]
        until(lambda: prometheus.query("user_count") == 990)
        time.sleep(1.5)
        assert prometheus.query('increase(tx_total{status="ok"}[5m])') == 0
        assert prometheus.query("resets(amount_units_count[5m])") == 0
        assert prometheus.query("amount_units_count") == 1000
        assert prometheus.query("max_over_time(mkit_business_source_regressions_total[5m])") == 1
        assert prometheus.query('max_over_time(up{job="business"}[5m])') == 1
        log = prometheus.log.read_text()
        assert "uplicate" not in log
        assert "out-of-order" not in log.lower().replace("out of order", "out-of-order")
        assert PASSWORD not in exporter.log.read_text()
    finally:
        prometheus.process.terminate()
        prometheus.process.wait(20)
        exporter.process.kill()
        exporter.process.wait()


def test_reload_keeps_totals_and_refuses_a_broken_configuration(shop: Database, tmp_path: Path) -> None:
    config = {
        "sources": {"shop": shop.source},
        "state_file": str(tmp_path / "state.db"),
        "metrics": {"tx_total": STATUS, "amount_units": EVENTS},
    }
    exporter = Exporter(tmp_path, config)
    url = f"http://127.0.0.1:{exporter.port}/metrics"
    try:
        assert 'tx_total{status="ok"} 1000' in get(url)
        shop.execute("DELETE FROM tx WHERE id <= 10")
        exporter.config.write_text("metrics: [")
        assert not exporter.reload()
        assert "mkit_business_config_last_reload_successful 0" in get(url)
        assert 'tx_total{status="ok"} 1000' in get(url)
        exporter.write({**config, "metrics": {**config["metrics"], "user_count": COUNT}})
        assert exporter.reload()
        text = get(url)
        assert "user_count 990" in text
        assert 'tx_total{status="ok"} 1000' in text
        assert "amount_units_count 1000" in text
        assert "mkit_business_config_last_reload_successful 1" in text
        other = subprocess.run(
            [sys.executable, "-m", "monitoring_kit.exporters.business.main", "--config", str(exporter.config),
             "--web.listen-address=127.0.0.1:0"],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert other.returncode == 1
        assert "another exporter uses it" in other.stderr
        checked = subprocess.run(
            [find("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert checked.returncode in (0, 3), checked.stderr
        assert "collector failed" not in exporter.log.read_text()
    finally:
        assert exporter.stop() == 0

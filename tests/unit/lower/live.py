"""Real servers on loopback, started by a test and stopped with it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.lower.spec_text import tool


@dataclass
class Server:
    """A running InfluxDB or Prometheus on loopback."""

    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str, **query: str) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def influx(self, query: str) -> list[list[Any]]:
        """The rows of an InfluxQL query on the database of the tests."""
        series = self.get("/query", q=query, db="shop_metrics")["results"][0].get("series", [])
        return [row for part in series for row in part["values"]]

    def samples(self, query: str) -> dict[str, str]:
        """The values of an instant PromQL query by the label ``instance``."""
        found = self.get("/api/v1/query", query=query)["data"]["result"]
        return {row["metric"].get("instance", ""): row["value"][1] for row in found}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(ready: Callable[[], object], what: str, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if ready():
                return
        except (OSError, ValueError, KeyError):
            pass
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.3)


@contextmanager
def running(command: list[str], port: int, log: Path, ready: str) -> Iterator[Server]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    server = Server(port, process)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=2) as answer:
            return bool(answer.status < 300)

    try:
        until(answers, f"{command[0]} ready")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def prometheus(folder: Path, config: str, port: int, name: str) -> Iterator[Server]:
    command = [
        str(tool("prometheus").path), f"--config.file={folder}/prometheus/{config}",
        f"--storage.tsdb.path={folder}/data-{name}", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with running(command, port, folder / f"{name}.log", "/-/ready") as server:
        yield server

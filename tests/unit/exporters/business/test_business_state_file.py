"""The state file of the running process: handed on by reloads, locked for others, complete by itself after the end."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from monitoring_kit.stack.lab import free_port


def ask(url: str, method: str = "GET") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def kept(path: Path) -> list[str]:
    """The metrics of a copy of the file alone."""
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    with contextlib.closing(sqlite3.connect(copy)) as db:
        return [row[0] for row in db.execute("SELECT metric FROM state")]


def test_a_reload_changes_the_state_file_and_the_end_leaves_only_the_file(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as db:
        db.executescript("CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2)")
    orders = {"type": "counter", "help": "O.", "source": "shop", "mode": "cumulative", "query": "SELECT COUNT(*) AS value FROM orders"}  # fmt: skip

    def config(state: str) -> dict[str, Any]:
        source = {"kind": "sqlite", "url": f"sqlite:///{tmp_path}/shop.db"}
        return {"sources": {"shop": source}, "metrics": {"orders_total": orders}, "state_file": str(tmp_path / state)}

    file, url = tmp_path / "business.yaml", f"http://127.0.0.1:{free_port()}"
    file.write_text(yaml.safe_dump(config("one.db")))
    command = [sys.executable, "-m", "monitoring_kit", "exporter", "business", "--config", str(file)]
    command += [f"--web.listen-address={url.removeprefix('http://')}", "--web.enable-lifecycle"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 20
            while ask(f"{url}/-/ready")[0] != 200:
                assert time.monotonic() < end
                time.sleep(0.05)
            assert "\norders_total 2.0\n" in ask(f"{url}/metrics")[1]
            other = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
            assert (other.returncode, "another exporter uses it; stop that one" in other.stderr) == (1, True)
            file.write_text(yaml.safe_dump(config("missing/two.db")))
            assert ask(f"{url}/-/reload", "POST")[0] == 500
            file.write_text(yaml.safe_dump(config("two.db")))
            assert ask(f"{url}/-/reload", "POST")[0] == 200
            # The former file is complete and free.
            assert not (tmp_path / "one.db-wal").exists()
            assert kept(tmp_path / "one.db") == ["orders_total"]
            assert "\norders_total 2.0\n" in ask(f"{url}/metrics")[1]
            assert (tmp_path / "two.db-wal").exists()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert kept(tmp_path / "two.db") == ["orders_total"]
    assert not list(tmp_path.glob("*.db-*"))

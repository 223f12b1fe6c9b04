"""A driver that is not installed is a mistake of the installation, told before anything is served."""

from __future__ import annotations

import contextlib
import ctypes.util
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from monitoring_kit.exporters.business.config_sources import SourceConfig
from monitoring_kit.exporters.business.drivers import missing
from monitoring_kit.exporters.business.dsn import Address
from monitoring_kit.exporters.business.source import Source
from monitoring_kit.exporters.business.table import Ask, Connection
from monitoring_kit.exporters.runtime import Deadline

from tests.servers import free_port

# What `pip install .` gives: the libraries of the extra cannot be found.
BARE = """
import runpy, sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = sys.argv.pop(1).split(",")
sys.meta_path.insert(0, Without())
runpy.run_module("monitoring_kit", run_name="__main__", alter_sys=True)
"""
DRIVERS = "pymysql,psycopg,psycopg_binary,psycopg_c,redis,jmespath"
URLS = {
    "mysql": "mysql://u@127.0.0.1:1/d",
    "mariadb": "mariadb://u@127.0.0.1:1/d",
    "postgresql": "postgresql://u@127.0.0.1:1/d",
    "redis": "redis://127.0.0.1:1/0",
    "http": "http://127.0.0.1:1/",
}
QUERY = {"redis": "LLEN mails", "http": "length(items)"}


def bare(*arguments: str) -> list[str]:
    return [sys.executable, "-c", BARE, DRIVERS, "exporter", *arguments]


def business(folder: Path, kinds: dict[str, str]) -> Path:
    file = folder / "business.yaml"
    sources = {
        name: {"kind": kind, "url": URLS.get(kind, f"sqlite:///{folder / 's.db'}")} for name, kind in kinds.items()
    }
    metrics = {
        f"{name}_rows": {
            "type": "gauge",
            "help": "R.",
            "source": name,
            "query": QUERY.get(kind, "SELECT COUNT(*) FROM t"),
        }
        for name, kind in kinds.items()
    }
    file.write_text(yaml.safe_dump({"sources": sources, "metrics": metrics}))
    return file


@pytest.mark.parametrize("flags", [(), ("--config.check",)])
def test_every_missing_driver_is_named_with_its_source_and_the_extra(tmp_path: Path, flags: tuple[str, ...]) -> None:
    names = {"a": "mysql", "b": "mariadb", "c": "postgresql", "d": "redis", "e": "http", "f": "sqlite"}
    file = business(tmp_path, names)
    done = subprocess.run(bare("business", "--config", str(file), *flags), capture_output=True, text=True, timeout=60)
    needs = {"a": "PyMySQL", "b": "PyMySQL", "c": "psycopg", "d": "redis", "e": "jmespath"}
    assert done.stderr.splitlines() == [
        f"mkit-exporter-business: {file}: sources.{name}: source `{name}` ({names[name]}) needs {library}, "
        "which is not installed: pip install 'monitoring-kit[exporter]'"
        for name, library in needs.items()
    ]
    assert (done.returncode, done.stdout) == (1, "")


def test_truth_of_the_ai_exporter_needs_its_driver_too(tmp_path: Path) -> None:
    file = tmp_path / "ai.yaml"
    truth = {"source": {"kind": "mysql", "url": URLS["mysql"]}, "query": "SELECT id, value FROM t"}
    file.write_text(yaml.safe_dump({"gpu": False, "quality": {"state_file": str(tmp_path / "q.db"), "truth": truth}}))
    done = subprocess.run(bare("ai", "--config", str(file)), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (
        1,
        f"mkit-exporter-ai: {file}: quality.truth.source: source `truth` (mysql) needs PyMySQL, "
        "which is not installed: pip install 'monitoring-kit[exporter]'\n",
    )
    assert not (tmp_path / "q.db").exists()


def test_psycopg_without_a_way_to_libpq_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    source = SourceConfig("c", "postgresql", Address("postgresql"))
    for module in ("psycopg_binary", "psycopg_c"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: "libpq.so.5" if name == "pq" else None)
    assert missing(source) is None
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    assert missing(source) == "psycopg[binary]"


@contextlib.contextmanager
def serving(file: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = bare("business", "--config", str(file), "--web.listen-address", f"127.0.0.1:{port}")
    with subprocess.Popen([*command, "--web.enable-lifecycle"], stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def test_a_reload_that_needs_a_missing_driver_keeps_what_runs(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "s.db")) as db:
        db.execute("CREATE TABLE t (i INT)")
    file, port = business(tmp_path, {"f": "sqlite"}), free_port()
    with serving(file, port):
        site = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(requests.ConnectionError):
                assert "f_rows 0" in requests.get(f"{site}/metrics", timeout=5).text
                break
            assert time.monotonic() < until
            time.sleep(0.1)
        business(tmp_path, {"f": "sqlite", "a": "mysql"})
        refused = requests.post(f"{site}/-/reload", timeout=5)
        assert (refused.status_code, "source `a` (mysql) needs PyMySQL" in refused.text) == (500, True)
        text = requests.get(f"{site}/metrics", timeout=5).text
        assert "f_rows 0" in text
        assert "mkit_business_config_last_reload_successful 0" in text


@pytest.mark.parametrize("kind", [*URLS, "sqlite"])
def test_what_is_installed_is_found_without_importing_it(kind: str) -> None:
    assert missing(SourceConfig("s", kind, Address(kind))) is None
    program = (
        "import sys; from monitoring_kit.exporters.business.config_sources import SourceConfig\n"
        "from monitoring_kit.exporters.business.dsn import Address\n"
        "from monitoring_kit.exporters.business.drivers import missing\n"
        "assert missing(SourceConfig('s', sys.argv[1], Address(sys.argv[1]))) is None\n"
        "print(*sys.modules)"
    )
    plain = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", program, kind], capture_output=True, text=True, check=True, env=plain)
    assert not {"pymysql", "psycopg", "psycopg_binary", "redis", "jmespath", "ctypes.util"} & set(done.stdout.split())


def test_a_driver_that_breaks_leaves_its_source_down() -> None:
    class Broken:
        def connect(self, deadline: Deadline) -> Connection:
            raise ImportError("no pq wrapper available")

    source: Any = Source("s", Broken())
    with pytest.raises(ImportError):
        source.fetch(Ask("SELECT 1"), Deadline.after(1))
    assert source.up is False

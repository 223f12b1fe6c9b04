"""Drives the business exporter in this process against real sources."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from monitoring_kit.exporters.business.build import make_exporter
from monitoring_kit.exporters.business.config import parse_config
from monitoring_kit.exporters.business.state import State
from monitoring_kit.exporters.runtime import Deadline

from tests.servers import PASSWORD, RealServer

COUNT = {"type": "gauge", "help": "Rows.", "source": "shop", "query": "SELECT COUNT(*) AS value FROM tx"}
STATUS = {
    "type": "counter",
    "help": "Transactions.",
    "labels": {"status": {"allow": ["ok", "failed"], "else": "other"}},
    "source": "shop",
    "query": "SELECT status, COUNT(*) AS value FROM tx GROUP BY status",
}


class Rig:
    """One exporter. ``scrape`` collects and gives the samples as {'name{a="b"}': value}."""

    def __init__(self, sources: dict[str, Any], metrics: dict[str, Any], state: Path | None = None) -> None:
        data: dict[str, Any] = {"sources": sources, "metrics": metrics}
        if state is not None:
            data["state_file"] = str(state)
        self.state = State(state)
        self.exporter = make_exporter(parse_config(data), self.state)
        self.registry = self.exporter.registry
        self.failures: dict[str, str] = {}
        self.took = 0.0

    def scrape(self, seconds: float = 5.0) -> dict[str, float]:
        began = time.monotonic()
        gathered = self.registry.gather(Deadline.after(seconds))
        self.took = time.monotonic() - began
        self.failures = gathered.failures
        lines = gathered.render("text").decode().splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines if line[:1] not in ("#", ""))
        }

    def start(self) -> None:
        """Go live."""
        for hook in self.exporter.start:
            hook()

    def close(self) -> None:
        for hook in self.exporter.close:
            hook()
        self.registry.close()
        self.state.close()

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Database:
    """A database with an administrator's ``execute`` and the source configuration of the account under test."""

    kind: str
    source: dict[str, Any]
    execute: Callable[..., Any]
    server: RealServer | None = None
    sleep: str = ""

    def fill(self, rows: int = 1000) -> None:
        """A table tx(id, status, amount, note, at) with that many rows of status ok."""
        self.execute("DROP TABLE IF EXISTS tx")
        key = {"mysql": "BIGINT AUTO_INCREMENT PRIMARY KEY", "postgresql": "BIGSERIAL PRIMARY KEY"}
        stamp = {"mysql": "DATETIME", "postgresql": "TIMESTAMPTZ"}.get(self.kind, "TEXT")
        self.execute(
            f"CREATE TABLE tx (id {key.get(self.kind, 'INTEGER PRIMARY KEY')}, status VARCHAR(20),"
            f" amount DECIMAL(20,4), note VARCHAR(50), at {stamp})"
        )
        if self.kind == "postgresql":
            self.execute("GRANT SELECT ON tx TO mkit")
        self.add(rows)

    def add(self, rows: int, status: str = "ok", amount: str = "1.2500") -> None:
        numbers = {
            "mysql": f"SELECT seq FROM seq_1_to_{rows}",
            "postgresql": f"SELECT generate_series(1, {rows}) AS seq",
            "sqlite": f"WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < {rows}) SELECT seq FROM n",
        }[self.kind]
        if rows:
            self.execute(f"INSERT INTO tx (status, amount) SELECT '{status}', {amount} FROM ({numbers}) AS numbers")

    def rig(self, metrics: dict[str, Any], state: Path | None = None, **source: Any) -> Rig:
        return Rig({"shop": {**self.source, **source}}, metrics, state)


@contextlib.contextmanager
def mysql(server: RealServer, folder: Path) -> Iterator[Database]:
    secret = folder / "mysql_dsn"
    secret.write_text(f"mysql+pymysql://mkit:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/shop\n")

    def execute(sql: str) -> Any:
        with server.extra["admin"]() as connection, connection.cursor() as cursor:
            cursor.execute("USE shop")
            cursor.execute(sql)
            return cursor.fetchall()

    yield Database("mysql", {"kind": "mysql", "dsn_file": str(secret)}, execute, server, "SELECT SLEEP(30) AS value")


@contextlib.contextmanager
def postgresql(server: RealServer, folder: Path) -> Iterator[Database]:
    secret = folder / "pg_dsn"
    secret.write_text(f"postgresql://mkit:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/shop")

    def execute(sql: str) -> Any:
        with server.extra["admin"]() as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else None

    sleep = "SELECT 1 AS value FROM pg_sleep(30)"
    yield Database("postgresql", {"kind": "postgresql", "dsn_file": str(secret)}, execute, server, sleep)


@contextlib.contextmanager
def sqlite(folder: Path) -> Iterator[Database]:
    path = folder / "shop.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")

    def execute(sql: str) -> Any:
        return connection.execute(sql).fetchall()

    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) AS value FROM n"
    try:
        yield Database("sqlite", {"kind": "sqlite", "url": f"sqlite:///{path}"}, execute, None, endless)
    finally:
        connection.close()

"""The databases of the soak: each is written to all the time, and knows what was committed when."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.e2e import business_rig
from tests.e2e.business_rig import Database
from tests.servers import PASSWORD, RealServer
from tests.soak.processes import Every

ROWS = 5  # Rows a write commits.
AMOUNT = "1.2500"
EVERY = 2  # Seconds between the readings of a metric at its own pace.


@dataclass
class Ledger:
    """How many rows there are for certain, and at most, at any moment."""

    moments: list[float] = field(default_factory=list)
    certain: list[int] = field(default_factory=list)
    possible: list[int] = field(default_factory=list)

    def note(self, certain: int, possible: int) -> None:
        self.moments.append(time.time())
        self.certain.append(certain)
        self.possible.append(possible)

    def at_least(self, moment: float) -> int:
        place = bisect_right(self.moments, moment)
        return self.certain[place - 1] if place else 0

    def at_most(self, begin: float, end: float) -> int:
        places = range(max(bisect_right(self.moments, begin) - 1, 0), bisect_right(self.moments, end))
        return max((self.possible[place] for place in places), default=0)


@dataclass
class Source:
    """A source under load. ``die`` and ``hang`` take it away, ``back`` brings it back."""

    name: str
    config: dict[str, Any]
    count: Callable[[], int]
    write: Callable[[], None]
    die: Callable[[], None]
    hang: Callable[[], None]
    back: Callable[[], None]
    ledger: Ledger = field(default_factory=Ledger)
    _unsure: bool = True

    def step(self) -> None:
        """Commit some rows; when that fails, nobody knows whether they are there until somebody looks."""
        last, most = (self.ledger.certain[-1], self.ledger.possible[-1]) if self.ledger.certain else (0, 0)
        try:
            if self._unsure:
                last = most = self.count()
                self._unsure = False
            self.ledger.note(last, most + ROWS)
            self.write()
            self.ledger.note(last + ROWS, last + ROWS)
        except Exception:
            # Whatever a driver raises: the source is away.
            self._unsure = True
            time.sleep(0.2)

    def load(self) -> Every:
        return Every(0.05, self.step)

    def metrics(self) -> dict[str, Any]:
        """A counter, a gauge, a histogram and a gauge at its own pace, all of the same rows."""
        here = {"source": self.name, "timeout": "300ms", "max_rows": 100_000}
        status = {"labels": {"status": {"allow": ["ok", "failed"], "else": "other"}}}
        count = "SELECT status, COUNT(*) AS value FROM tx GROUP BY status"
        events = "SELECT id, amount AS value FROM tx WHERE id > :watermark ORDER BY id"
        return {
            f"{self.name}_tx_total": {**here, **status, "type": "counter", "help": "Rows.", "query": count},
            f"{self.name}_rows": {**here, "type": "gauge", "help": "Rows.", "query": "SELECT COUNT(*) FROM tx"},
            f"{self.name}_paced": {**here, "type": "gauge", "help": "Rows.", "query": "SELECT COUNT(*) FROM tx", "every": f"{EVERY}s"},
            f"{self.name}_amount": {**here, "type": "histogram", "help": "Amounts.", "buckets": [1, 2], "watermark": "id", "query": events},
        }  # fmt: skip


def _database(name: str, database: Database, server: RealServer) -> Source:
    database.fill(0)
    return Source(
        name, database.source, lambda: int(database.execute("SELECT COUNT(*) FROM tx")[0][0]),
        lambda: database.add(ROWS), server.stop, server.freeze, lambda: _back(server),
    )  # fmt: skip


def _back(server: RealServer) -> None:
    if server._process is None:
        server.start()
    else:
        server.thaw()


def _sqlite(folder: Path) -> Source:
    path, aside = folder / "shop.db", folder / "shop.aside"

    def execute(sql: str, *, script: bool = False) -> Any:
        # Opened anew each time, and never made when it is away.
        with contextlib.closing(
            sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=0.2, isolation_level=None)
        ) as db:
            return db.executescript(sql) if script else db.execute(sql).fetchall()

    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE tx (id INTEGER PRIMARY KEY, status TEXT, amount REAL)")
    locks: list[sqlite3.Connection] = []

    def hang() -> None:
        lock = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
        lock.execute("BEGIN EXCLUSIVE")
        locks.append(lock)

    def back() -> None:
        while locks:
            locks.pop().close()
        if aside.exists():
            aside.rename(path)

    rows = ", ".join([f"('ok', {AMOUNT})"] * ROWS)
    return Source(
        "sqlite", {"kind": "sqlite", "url": f"sqlite:///{path}"}, lambda: int(execute("SELECT COUNT(*) FROM tx")[0][0]),
        lambda: execute(f"BEGIN; INSERT INTO tx (status, amount) VALUES {rows}; COMMIT", script=True),
        lambda: path.rename(aside) and None, hang, back,
    )  # fmt: skip


class Queue(Source):
    """A Redis list: a gauge that its death empties."""

    def metrics(self) -> dict[str, Any]:
        here = {"source": self.name, "timeout": "300ms"}
        return {f"{self.name}_rows": {**here, "type": "gauge", "help": "Entries.", "query": "LLEN tx"}}


def _redis(server: RealServer, folder: Path) -> Source:
    secret = folder / "redis_password"
    secret.write_text(PASSWORD)
    client = server.extra["admin"]()
    config = {"kind": "redis", "url": f"redis://127.0.0.1:{server.port}/0", "password_file": str(secret)}
    return Queue(
        "redis", config, lambda: int(client.llen("tx")), lambda: client.rpush("tx", *"abcde"), server.stop,
        server.freeze, lambda: _back(server),
    )  # fmt: skip


@contextlib.contextmanager
def all_sources(folder: Path) -> Iterator[tuple[list[Source], list[str]]]:
    """The sources that this machine has the servers for, and why others are missing. SQLite is always there."""
    found, missing = [_sqlite(folder)], list[str]()
    with ExitStack() as stack:
        for name, start, drive in (
            ("mysql", servers.start_mariadb, business_rig.mysql),
            ("postgresql", servers.start_postgres, business_rig.postgresql),
        ):
            try:
                server = stack.enter_context(start())
                found.append(_database(name, stack.enter_context(drive(server, folder)), server))
            except pytest.skip.Exception as reason:
                missing.append(f"{name}: {reason}")
        try:
            found.append(_redis(stack.enter_context(servers.start_redis()), folder))
        except pytest.skip.Exception as reason:
            missing.append(f"redis: {reason}")
        try:
            yield found, missing
        finally:
            for source in found:
                source.back()

"""The end of sources: nothing is sent afterwards, what hangs is broken off, many take no longer than one."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.business.build import make_exporter
from monitoring_kit.exporters.business.config import parse_config
from monitoring_kit.exporters.business.dsn import Address
from monitoring_kit.exporters.business.source import Source
from monitoring_kit.exporters.business.sqlite import SqliteDriver
from monitoring_kit.exporters.business.state import State
from monitoring_kit.exporters.business.table import Ask, Table
from monitoring_kit.exporters.runtime import CollectError, Deadline

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) AS value FROM n"
ONE = "SELECT 1 AS value"


def until(test: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def shop(tmp_path: Path) -> str:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as db:
        db.execute("CREATE TABLE tx (id INTEGER PRIMARY KEY)")
    return f"sqlite:///{tmp_path / 'shop.db'}"


class Far(SqliteDriver):
    """Lets nobody in before ``open`` is set, and notes the queries that are sent."""

    def __init__(self, url: str) -> None:
        super().__init__(Address("sqlite", url))
        self.knocked = threading.Event()
        self.open = threading.Event()
        self.sent: list[Any] = []

    def connect(self, deadline: Deadline) -> Any:
        self.knocked.set()
        assert self.open.wait(20)
        made: Any = super().connect(Deadline.after(20))
        run: Callable[[Ask, float], Table] = made.run

        def noted(ask: Ask, timeout: float) -> Table:
            self.sent.append(ask.query)
            return run(ask, timeout)

        made.run = noted
        return made


class Asked(threading.Thread):
    """A query in a thread of its own, and what came of it."""

    def __init__(self, source: Source, query: str) -> None:
        super().__init__(daemon=True)
        self.fault: CollectError | None = None
        self.table: Table | None = None
        self._source, self._query = source, query
        self.start()

    def run(self) -> None:
        try:
            self.table = self._source.fetch(Ask(self._query, timeout=30), Deadline.after(40))
        except CollectError as fault:
            self.fault = fault

    def ended(self) -> CollectError | None:
        self.join(20)
        assert not self.is_alive()
        return self.fault


def test_a_query_that_still_connects_at_the_end_is_not_sent(shop: str) -> None:
    driver = Far(shop)
    source = Source("far", driver, 30)
    asked = Asked(source, ENDLESS)
    assert driver.knocked.wait(20)
    source.close()
    driver.open.set()
    fault = asked.ended()
    assert (fault and fault.reason, driver.sent) == ("busy", [])
    assert "closed before the query was sent" in str(fault)


def test_a_query_that_waits_for_its_turn_at_the_end_is_not_sent(shop: str) -> None:
    driver = Far(shop)
    driver.open.set()
    source = Source("far", driver, 30)
    first = Asked(source, ENDLESS)
    until(lambda: driver.sent)
    second = Asked(source, ONE)
    time.sleep(0.2)
    source.close()
    assert [one.ended() is not None for one in (first, second)] == [True, True]
    assert driver.sent == [ENDLESS]


def test_a_scrape_that_a_reload_left_over_is_answered_over_a_connection_of_its_own(shop: str) -> None:
    driver = Far(shop)
    driver.open.set()
    source = Source("far", driver, 30)
    source.fetch(Ask(ONE), Deadline.after(20))
    source.close()
    for connects in (2, 3):
        assert source.fetch(Ask(ONE), Deadline.after(20)).rows == [(1,)]
        # None stays open that nobody would close.
        assert (source.connects, source._connection) == (connects, None)


def test_the_end_leaves_a_query_in_flight_time_for_its_answer(shop: str) -> None:
    driver = Far(shop)
    driver.open.set()
    source = Source("far", driver, 30)
    asked = Asked(source, f"{ENDLESS.replace('FROM n)', 'FROM n LIMIT 300000)')}")
    until(lambda: driver.sent)
    source.close()
    assert asked.ended() is None
    assert asked.table is not None
    assert asked.table.rows == [(300000,)]


@pytest.fixture
def mute() -> Iterator[str]:
    """Where a server takes connections and says nothing."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_many_hanging_sources_end_as_soon_as_one(shop: str, mute: str) -> None:
    sources: dict[str, Any] = {f"mute{number}": {"kind": "http", "url": mute} for number in range(4)}
    sources |= {f"busy{number}": {"kind": "sqlite", "url": shop} for number in range(2)}
    metrics = {
        f"{name}_now": {"type": "gauge", "help": "X.", "source": name, "every": "1h", "timeout": "60s"}
        | {"query": ENDLESS if body["kind"] == "sqlite" else "a"}
        for name, body in sources.items()
    }
    exporter = make_exporter(parse_config({"sources": sources, "metrics": metrics}), State(None))

    def running() -> int:
        return sum(thread.name == "query-watchdog" for thread in threading.enumerate())

    before = running()
    for hook in exporter.start:
        hook()
    until(lambda: running() - before == len(sources))
    began = time.monotonic()
    for hook in exporter.close:
        hook()
    took = time.monotonic() - began
    exporter.registry.close()
    # One after another they would take six times as long.
    assert took < 2.5
    until(
        lambda: not [thread for thread in threading.enumerate() if thread.name.startswith(("every-mute", "every-busy"))]
    )

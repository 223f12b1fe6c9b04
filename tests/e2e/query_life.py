"""How long a query lives in its server, by the server's own clock.

What the test sees is late by its own waits for a processor; the server says how old the query is when it is looked at.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from monitoring_kit.exporters.business.mysql import MysqlConnection
from monitoring_kit.exporters.business.postgresql import PostgresConnection

from tests.e2e.business_rig import Database

# Milliseconds since the query began, of the queries that ``Database.sleep`` stands for.
_AGE = {
    "mysql": "SELECT MAX(time_ms) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'",
    "postgresql": (
        "SELECT MAX(EXTRACT(EPOCH FROM clock_timestamp() - query_start)) * 1000 FROM pg_stat_activity"
        " WHERE state = 'active' AND query LIKE 'SELECT 1 AS value FROM pg_sleep%'"
    ),
}

ENOUGH_LOOKS = 3


def tell_the_server(patch: pytest.MonkeyPatch, timeout: float) -> None:
    """Have the servers told this timeout instead of the right one, so that only the watchdog is left."""
    limit, run = MysqlConnection._limit, PostgresConnection.run
    patch.setattr(MysqlConnection, "_limit", lambda self, _, rows: limit(self, timeout, rows))
    patch.setattr(PostgresConnection, "run", lambda self, ask, _: run(self, ask, timeout))


def running(database: Database) -> bool:
    """Whether the server is working on a hanging query."""
    return database.execute(_AGE[database.kind])[0][0] is not None


@dataclass(frozen=True)
class Life:
    """``seen``: its age when it was last seen at work; ``at_most``: when it was not seen any more. Seconds."""

    seen: float
    at_most: float


@contextlib.contextmanager
def _ages(database: Database) -> Iterator[Callable[[], float | None]]:
    """A look at the age of the running query, over one connection; None when there is none."""
    assert database.server is not None
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(database.server.extra["admin"]())
        cursor = stack.enter_context(connection.cursor())

        def age() -> float | None:
            cursor.execute(_AGE[database.kind])
            (found,) = cursor.fetchone()
            return None if found is None else float(found) / 1000

        yield age


def life_of_query(database: Database, scrape: Callable[[], object]) -> Life:
    """The life of the one hanging query that ``scrape`` starts.

    One look that does not see it proves nothing: MariaDB leaves a query's text out when it is busy with that query. It is gone
    when the scrape has ended and several looks in a row have not seen it.
    """
    with _ages(database) as age:
        for _ in range(5):
            if (life := _life(age, scrape)) is not None:
                return life
    raise AssertionError("the query was never seen at work")


def _life(age: Callable[[], float | None], scrape: Callable[[], object]) -> Life | None:
    """The life of the query of one scrape; None when no look fell into it, as happens on a busy machine."""
    thread = threading.Thread(target=scrape)
    thread.start()
    seen = at = missed_at = 0.0
    misses = 0
    while thread.is_alive() or misses < ENOUGH_LOOKS:
        asked, found = time.monotonic(), age()
        if found is not None:
            seen, at, misses = found, asked, 0
        else:
            misses += 1
            missed_at = time.monotonic() if misses == 1 else missed_at
        time.sleep(0.001)
    return Life(seen, seen + missed_at - at) if seen else None

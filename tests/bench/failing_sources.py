"""Figures of sources that fail: what a failing collector costs the others, how long a hung query lives on its server."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.bench.figures import Figure
from tests.e2e import business_rig
from tests.e2e.business_rig import COUNT, Database

TIMEOUT = 0.7
OTHERS = 50
_RUNNING = {
    "mysql": "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'",
    "postgresql": "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT 1 AS value FROM pg_sleep%'",
}


def measure() -> Iterator[Figure]:
    """Ours alone: no peer kills its queries."""
    with tempfile.TemporaryDirectory() as folder:
        yield from others_while_one_fails(Path(folder))
    for name, start, drive in (
        ("MariaDB", servers.start_mariadb, business_rig.mysql),
        ("PostgreSQL", servers.start_postgres, business_rig.postgresql),
    ):
        try:
            yield Figure(
                f"hung query gone from {name}, beyond its timeout", "mkit", hung(start, drive) * 1e3, "ms", 100
            )
        except pytest.skip.Exception as reason:
            print(f"not measured with {name}: {reason}", flush=True)


def others_while_one_fails(folder: Path) -> Iterator[Figure]:
    """Series of ``OTHERS`` metrics that are missing from the scrape in which another one fails, or hangs until its timeout."""
    with business_rig.sqlite(folder) as database:
        database.fill(1000)
        good = {f"rows_{number}": {**COUNT, "source": "good"} for number in range(OTHERS)}
        for how, query in (("fails", "SELECT nothing FROM tx"), ("hangs", database.sleep)):
            bad = {"bad": {**COUNT, "source": "bad", "query": query, "timeout": f"{int(TIMEOUT * 1000)}ms"}}
            with business_rig.Rig({"good": database.source, "bad": database.source}, {**good, **bad}) as rig:
                found = rig.scrape()
                assert list(rig.failures) == ["bad"]
                missing = [name for name in good if found.get(name) != 1000]
                yield Figure(f"series of others missing while a collector {how}", "mkit", len(missing), "series", 0)
                if how == "hangs":
                    yield Figure(f"scrape with a collector that hangs, timeout {TIMEOUT:g} s", "mkit", rig.took * 1e3, "ms", TIMEOUT * 1e3 + 100)  # fmt: skip


Start = Callable[[], AbstractContextManager[servers.RealServer]]
Drive = Callable[[servers.RealServer, Path], AbstractContextManager[Database]]


def hung(start: Start, drive: Drive, runs: int = 5) -> float:
    """The worst of ``runs``: seconds beyond the timeout for which the server still works on the query."""
    with tempfile.TemporaryDirectory() as folder, start() as server, drive(server, Path(folder)) as database:
        metric = {**COUNT, "query": database.sleep, "timeout": f"{int(TIMEOUT * 1000)}ms"}
        with database.rig({"slow_now": metric}) as rig:
            rig.scrape()
            return max(_gone_after(database, rig) for _ in range(runs))


def _gone_after(database: Database, rig: Any) -> float:
    scrape = threading.Thread(target=rig.scrape, args=(TIMEOUT + 3,))
    scrape.start()
    while not _running(database):
        time.sleep(0.002)
    began = time.monotonic()
    while _running(database):
        time.sleep(0.002)
    over = time.monotonic() - began - TIMEOUT
    scrape.join()
    return over


def _running(database: Database) -> int:
    return int(database.execute(_RUNNING[database.kind])[0][0])

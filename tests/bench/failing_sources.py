"""Figures of sources that fail: what a failing collector costs the others, how long a hung query lives on its server."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests import servers
from tests.bench.figures import Figure
from tests.e2e import business_rig
from tests.e2e.business_rig import COUNT, Database
from tests.e2e.query_life import Life, life_of_query, tell_the_server

TIMEOUT = 0.7
OTHERS = 50


def measure() -> Iterator[Figure]:
    """Ours alone: no peer kills its queries."""
    with tempfile.TemporaryDirectory() as folder:
        yield from others_while_one_fails(Path(folder))
    for name, start, drive in (
        ("MariaDB", servers.start_mariadb, business_rig.mysql),
        ("PostgreSQL", servers.start_postgres, business_rig.postgresql),
    ):
        try:
            for layer, limit in (
                ("by itself", 0.0),
                ("by the kill alone", 30.0),
            ):
                lives = hung(start, drive, limit)
                for how, pick in (("median", statistics.median), ("worst", max)):
                    over = (pick([life.at_most for life in lives]) - TIMEOUT) * 1e3
                    yield Figure(f"hung query gone from {name} {layer}, {how} of {len(lives)}, beyond its timeout", "mkit", over, "ms", 100)  # fmt: skip
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


def hung(start: Start, drive: Drive, limit: float, runs: int = 9) -> list[Life]:
    """Lives of a query that hangs. ``limit`` is the timeout that the server is told in place of the right one."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder, start() as server:
        if limit:
            tell_the_server(patch, limit)
        with drive(server, Path(folder)) as database:
            metric = {**COUNT, "query": database.sleep, "timeout": f"{int(TIMEOUT * 1000)}ms"}
            with database.rig({"slow_now": metric}) as rig:
                rig.scrape()
                return [life_of_query(database, lambda: rig.scrape(TIMEOUT + 3)) for _ in range(runs)]

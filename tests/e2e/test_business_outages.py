"""The business exporter while MariaDB and PostgreSQL stop, hang, restart, revoke, and outlive their timeouts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.e2e import business_rig
from tests.e2e.business_rig import COUNT, STATUS, Database, Rig
from tests.e2e.query_life import Life, life_of_query, running, tell_the_server

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["mysql", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("outage")
    if request.param == "mysql":
        with servers.start_mariadb() as server, business_rig.mysql(server, folder) as found:
            yield found
    else:
        with servers.start_postgres() as server, business_rig.postgresql(server, folder) as found:
            yield found


def gauge(query: str, **more: Any) -> dict[str, Any]:
    return {"type": "gauge", "help": "A value.", "source": "shop", "query": query, **more}


def server_of(database: Database) -> servers.RealServer:
    assert database.server is not None
    return database.server


def until(test: Callable[[], bool], seconds: float) -> float:
    """Wait for ``test``; the seconds it took."""
    began = time.monotonic()
    while not test():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


TIMEOUT = 0.7
# What is promised beyond the timeout.
GONE = 0.1


def lives(database: Database, rig: Rig, least: int = 3, most: int = 25) -> list[Life]:
    """Lives of the hanging query, until one kept the promise for certain.

    The server's own clock says how old it is; what a busy machine adds differs from run to run, what the exporter does is
    the same each time. One that takes longer by itself keeps the promise in no run.
    """
    found: list[Life] = []
    while len(found) < least or (len(found) < most and min(life.at_most for life in found) > TIMEOUT + GONE):
        found.append(life_of_query(database, lambda: rig.scrape(TIMEOUT + 3)))
        assert found[-1].at_most < TIMEOUT + 2, "however busy the machine is"
        assert rig.failures == {"slow_now": "timeout"}
    return found


def test_timed_out_query_is_gone_from_the_server(database: Database) -> None:
    with database.rig({"slow_now": gauge(database.sleep, timeout=f"{TIMEOUT}s")}) as rig:
        rig.scrape()
        found = lives(database, rig)
        assert min(life.at_most for life in found) <= TIMEOUT + GONE, found
        # And it is not stopped before its time.
        assert max(life.at_most for life in found) > TIMEOUT - 0.02, found


def test_query_that_ignores_the_servers_timeout_is_killed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second layer alone: the server is told a timeout far too long, the watchdog kills the query."""
    tell_the_server(monkeypatch, 30.0)
    with database.rig({"slow_now": gauge(database.sleep, timeout=f"{TIMEOUT}s")}) as rig:
        rig.scrape()
        found = lives(database, rig)
        assert min(life.at_most for life in found) <= TIMEOUT + GONE, found
        assert rig.registry.value("mkit_business_queries_killed_total", {"source": "shop"}) == len(found) + 1


def test_a_query_that_ends_in_time_is_not_killed_although_the_kill_was_ready(database: Database) -> None:
    """From half of the time on a second connection waits; it goes when the query has ended, and nothing is cut."""
    slow = {"mysql": "SELECT SLEEP(0.5) AS value", "postgresql": "SELECT 1 AS value FROM pg_sleep(0.5)"}[database.kind]
    with database.rig({"slow_now": gauge(slow, timeout="900ms")}) as rig:
        for _ in range(3):
            assert "slow_now" in rig.scrape()
            assert rig.failures == {}
        assert rig.registry.value("mkit_business_queries_killed_total", {"source": "shop"}) == 0
        assert rig.registry.value("mkit_business_source_connects_total", {"source": "shop"}) == 1
        until(lambda: connections(database) == 1, 5)


def connections(database: Database) -> int:
    """Connections of the exporter's account."""
    sql = {
        "mysql": "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'mkit'",
        "postgresql": "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'mkit'",
    }[database.kind]
    return int(database.execute(sql)[0][0])


def test_scrape_deadline_ends_the_query_too(database: Database) -> None:
    with database.rig({"slow_now": gauge(database.sleep, timeout="20s")}) as rig:
        rig.scrape(1.0)
        assert rig.failures == {"slow_now": "timeout"}
        assert rig.took <= 1.05
        until(lambda: not running(database), 0.2)


def test_with_a_pace_of_its_own_a_query_delays_no_scrape_and_ends_with_the_exporter(database: Database) -> None:
    database.fill(5)
    slow = gauge("SELECT COUNT(*) AS value FROM tx", every="200ms", timeout="20s")
    with database.rig({"rows_now": slow}) as rig:
        rig.start()
        assert rig.scrape()["rows_now"] == 5
        database.add(1)
        time.sleep(0.5)
        assert (rig.scrape()["rows_now"], rig.took < 0.3) == (6, True)
        server_of(database).freeze()
        try:
            time.sleep(0.3)
            assert (rig.scrape()["rows_now"], rig.took < 0.3) == (6, True)
        finally:
            server_of(database).thaw()
        database.add(1)
        until(lambda: rig.scrape().get("rows_now") == 7, 5)
    with database.rig({"slow_now": gauge(database.sleep, every="1s", timeout="30s")}) as rig:
        rig.start()
        until(lambda: running(database), 5)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("every-")]
    until(lambda: not running(database), 2)


def test_stopped_server_fails_fast_and_returns(database: Database) -> None:
    database.fill(5)
    with database.rig({"rows_now": COUNT, "tx_total": STATUS}) as rig:
        assert rig.scrape()["rows_now"] == 5
        server_of(database).stop()
        found = rig.scrape()
        assert rig.took < 1
        assert set(rig.failures) == {"rows_now", "tx_total"}
        assert set(rig.failures.values()) == {"connect"}
        assert "rows_now" not in found
        assert found['mkit_business_up{source="shop"}'] == 0
        server_of(database).start()
        # In the scrape that ends the backoff an earlier metric may still have failed.
        until(lambda: rig.scrape().get("rows_now") == 5 and not rig.failures, 7)
        assert rig.scrape()['mkit_business_up{source="shop"}'] == 1


def test_restart_between_two_scrapes_is_not_noticed(database: Database) -> None:
    database.fill(5)
    with database.rig({"rows_now": COUNT}) as rig:
        assert rig.scrape()["rows_now"] == 5
        server_of(database).stop()
        server_of(database).start()
        assert rig.scrape()["rows_now"] == 5
        assert rig.failures == {}
        assert rig.registry.value("mkit_business_source_connects_total", {"source": "shop"}) == 2


def test_hung_server_holds_up_its_own_metrics_only(database: Database, tmp_path: Any) -> None:
    database.fill(5)
    with business_rig.sqlite(tmp_path) as other:
        other.fill(4)
        metrics = {f"rows{i}_now": COUNT for i in range(3)} | {"other_now": {**COUNT, "source": "other"}}
        with Rig({"shop": {**database.source, "timeout": "500ms"}, "other": other.source}, metrics) as rig:
            assert rig.scrape()["rows0_now"] == 5
            server_of(database).freeze()
            try:
                for _ in range(3):
                    found = rig.scrape(2.0)
                    assert found["other_now"] == 4
                    assert set(rig.failures) == {"rows0_now", "rows1_now", "rows2_now"}
                    assert rig.took < 2.1
                    assert found['mkit_business_up{source="shop"}'] == 0
            finally:
                server_of(database).thaw()
            until(lambda: rig.scrape().get("rows2_now") == 5 and not rig.failures, 8)


def test_hung_server_at_the_first_connection(database: Database) -> None:
    database.fill(5)
    with database.rig({"rows_now": COUNT}, timeout="400ms") as rig:
        server_of(database).freeze()
        try:
            rig.scrape(2.0)
            assert rig.failures == {"rows_now": "timeout"}
            assert rig.took < 1.0
        finally:
            server_of(database).thaw()
        until(lambda: rig.scrape().get("rows_now") == 5, 8)


@pytest.mark.parametrize("on", ["shop.*", "shop.tx", "tx"])
def test_revoked_permission_and_its_return(database: Database, on: str) -> None:
    if (database.kind == "mysql") != on.startswith("shop"):
        pytest.skip("the other server's spelling")
    database.fill(5)
    account = "mkit"
    if database.kind == "mysql":
        account = "mkit@'127.0.0.1'"
        database.execute(f"GRANT SELECT ON shop.* TO {account}")
        database.execute(f"REVOKE SELECT ON shop.* FROM {account}")
        database.execute(f"GRANT SELECT ON {on} TO {account}")
    with database.rig({"rows_now": COUNT}) as rig:
        assert rig.scrape()["rows_now"] == 5
        database.execute(f"REVOKE SELECT ON {on} FROM {account}")
        try:
            found = rig.scrape()
            assert list(rig.failures) == ["rows_now"]
            assert rig.failures["rows_now"] == "permission"
            assert "rows_now" not in found
            assert found['mkit_business_up{source="shop"}'] == 1
        finally:
            database.execute(f"GRANT SELECT ON {'shop.*' if on != 'tx' else on} TO {account}")
        assert rig.scrape()["rows_now"] == 5


def test_no_secret_in_any_log_line_whatever_fails(
    database: Database, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    """Wrong password, wrong database, unreachable port, mangled URL: the password shows up nowhere."""
    secret, port = "Tr0ub4dor%263", server_of(database).port
    scheme = "mysql" if database.kind == "mysql" else "postgresql"
    urls = [f"mkit:{secret}@127.0.0.1:{port}/shop", f"mkit:{secret}@127.0.0.1:1/shop", f"mkit:{secret}@127.0.0.1:no/shop",
            f"nobody:{secret}@127.0.0.1:{port}/elsewhere"]  # fmt: skip
    reasons = []
    with caplog.at_level(logging.DEBUG):
        for url in urls:
            path = tmp_path / "dsn"
            path.write_text(f"{scheme}://{url}")
            with Rig({"shop": {"kind": scheme, "dsn_file": str(path)}}, {"rows_now": COUNT}) as rig:
                rig.scrape()
                reasons.append(rig.failures["rows_now"])
                assert rig.scrape()
    text = "\n".join(str(record.__dict__) for record in caplog.records)
    assert len(caplog.records) >= 8
    assert "Tr0ub4dor" not in text
    assert reasons == ["auth", "connect", "connect", "auth"]


def test_rotated_password_is_read_again(database: Database, tmp_path: Any) -> None:
    database.fill(5)
    path = tmp_path / "dsn"
    good = Path(database.source["dsn_file"]).read_text()
    path.write_text(good.replace("s3cr3t", "0ld"))
    with Rig({"shop": {"kind": database.kind, "dsn_file": str(path)}}, {"rows_now": COUNT}) as rig:
        rig.scrape()
        assert rig.failures == {"rows_now": "auth"}
        path.write_text(good)
        until(lambda: rig.scrape().get("rows_now") == 5, 5)


def test_kills_cuts_and_reconnects_leak_nothing(database: Database) -> None:
    database.fill(5)
    metrics = {
        "slow_now": gauge(database.sleep, timeout="30ms"),
        "bad_now": gauge("SELECT nope FROM tx"),
        "rows_now": COUNT,
    }
    server = server_of(database)
    with database.rig(metrics) as rig:

        def held() -> tuple[int, int]:
            until(lambda: not [t for t in threading.enumerate() if t.name.startswith("query-")], 5)
            return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

        rig.scrape()
        before = held()
        for turn in range(40):
            assert rig.scrape()["rows_now"] == 5
            assert rig.failures == {"slow_now": "timeout", "bad_now": "query"}
            if turn % 20 == 10:
                server.freeze()
                rig.scrape(0.5)
                server.thaw()
                until(lambda: rig.scrape().get("rows_now") == 5, 8)
        threads, files = held()
        assert threads <= before[0]
        assert files <= before[1] + 1
    until(lambda: not running(database), 5)

"""TLS towards real databases, and SQLite files that come, go and are locked."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from monitoring_kit.exporters.business.httpjson import SHARED_SECONDS

from tests import servers
from tests.e2e import business_rig
from tests.e2e.business_rig import COUNT, Database, Rig

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["mysql", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("tls")
    start, wrap = (
        (servers.start_mariadb, business_rig.mysql)
        if request.param == "mysql"
        else (servers.start_postgres, business_rig.postgresql)
    )
    with start(tls=True) as server, wrap(server, folder) as found:
        shutil.copy(server.folder / "tls" / "ca.pem", folder / "ca.pem")
        (folder / "ca.pem").chmod(0o644)
        found.source["tls"] = {"ca_file": str(folder / "ca.pem")}
        found.fill(3)
        if request.param == "mysql":
            found.execute("ALTER USER mkit@'127.0.0.1' REQUIRE SSL")
        yield found


def query(database: Database) -> str:
    if database.kind == "mysql":
        return "SELECT COUNT(*) AS value FROM information_schema.session_status WHERE variable_name = 'Ssl_version' AND variable_value <> ''"
    return "SELECT COUNT(*) AS value FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"


def test_verified_connection(database: Database) -> None:
    metrics = {"rows_now": COUNT, "tls_now": {**COUNT, "query": query(database)}}
    with database.rig(metrics) as rig:
        found = rig.scrape()
        assert rig.failures == {}
        assert found["rows_now"] == 3
        assert found["tls_now"] == 1


def test_kill_and_cut_work_over_tls(database: Database) -> None:
    slow = {**COUNT, "query": database.sleep, "timeout": "400ms"}
    with database.rig({"slow_now": slow}) as rig:
        rig.scrape()
        assert rig.failures == {"slow_now": "timeout"}
    server = database.server
    assert server is not None
    with database.rig({"rows_now": COUNT}, timeout="400ms") as rig:
        rig.scrape()
        server.freeze()
        try:
            rig.scrape(2)
            assert rig.failures == {"rows_now": "timeout"}
            assert rig.took < 0.8
        finally:
            server.thaw()


def test_unknown_ca_is_refused(database: Database, tmp_path: Path) -> None:
    other = servers.certificates(tmp_path, None) / "ca.pem"
    with database.rig({"rows_now": COUNT}, tls={"ca_file": str(other)}) as rig:
        found = rig.scrape()
        assert rig.failures == {"rows_now": "connect"}
        assert "rows_now" not in found
    with database.rig({"rows_now": COUNT}, tls={"insecure_skip_verify": True}) as rig:
        assert rig.scrape()["rows_now"] == 3


def test_wrong_server_name_is_refused(database: Database) -> None:
    with database.rig({"rows_now": COUNT}, tls={**database.source["tls"], "server_name": "elsewhere"}) as rig:
        rig.scrape()
        assert rig.failures == {"rows_now": "connect"}
    with database.rig({"rows_now": COUNT}, tls={**database.source["tls"], "server_name": "localhost"}) as rig:
        assert rig.scrape()["rows_now"] == 3


def gauge(query: str) -> dict[str, str]:
    return {"type": "gauge", "help": "A value.", "source": "cache", "query": query}


def test_redis_over_tls(tmp_path: Path) -> None:
    with servers.start_redis(tls=True) as server:
        server.extra["admin"]().set("price", "12.5")
        shutil.copy(server.folder / "tls" / "ca.pem", tmp_path / "ca.pem")
        (tmp_path / "dsn").write_text(
            f"rediss://:{quote(servers.PASSWORD, safe='')}@localhost:{server.extra['tls_port']}/0"
        )
        source = {"kind": "redis", "dsn_file": str(tmp_path / "dsn"), "timeout": "400ms"}
        with Rig(
            {"cache": {**source, "tls": {"ca_file": str(tmp_path / "ca.pem")}}}, {"price_now": gauge("GET price")}
        ) as rig:
            assert rig.scrape()["price_now"] == 12.5
            server.freeze()
            try:
                rig.scrape(2)
                assert rig.failures == {"price_now": "timeout"}
                assert rig.took < 0.8
            finally:
                server.thaw()
        with Rig({"cache": source}, {"price_now": gauge("GET price")}) as rig:
            rig.scrape()
            assert rig.failures == {"price_now": "connect"}


@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1.1"])
def test_json_over_https(tmp_path: Path, protocol: str) -> None:
    made, statuses = servers.certificates(tmp_path, None), [200, 503, 200, 200]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = protocol

        def do_GET(self) -> None:
            self.send_response(statuses.pop(0))
            self.send_header("Content-Length", "8")
            self.end_headers()
            self.wfile.write(b'{"n": 4}')

        def log_message(self, *_: object) -> None:
            pass

    refused: list[str] = []

    class Server(ThreadingHTTPServer):
        def get_request(self) -> tuple[socket.socket, Any]:
            try:
                return super().get_request()
            except ssl.SSLError as error:
                refused.append(str(error.reason))
                raise

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made / "cert.pem", made / "key.pem")
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = {"kind": "http", "url": f"https://localhost:{server.server_address[1]}/stats"}
        with Rig({"cache": {**source, "tls": {"ca_file": str(made / "ca.pem")}}}, {"n_now": gauge("n")}) as rig:
            for value in (4, None, 4, 4):
                assert rig.scrape().get("n_now") == value
                time.sleep(SHARED_SECONDS)
            # Whether the server keeps the connection or ends it, no request was sent in the clear.
            assert refused == []
        with Rig({"cache": source}, {"n_now": gauge("n")}) as rig:
            rig.scrape()
            assert rig.failures == {"n_now": "connect"}
        server.shutdown()


def test_sqlite_file_that_comes_goes_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"

    def make(target: Path, rows: int) -> None:
        with sqlite3.connect(target) as db:
            db.execute("CREATE TABLE tx (i INT)")
            db.executemany("INSERT INTO tx VALUES (?)", [(i,) for i in range(rows)])
        db.close()

    source = {"shop": {"kind": "sqlite", "url": f"sqlite:///{path}"}}
    with Rig(source, {"rows_now": COUNT}) as rig:
        rig.scrape()
        assert rig.failures == {"rows_now": "connect"}
        assert not path.exists()
    make(path, 2)
    with Rig(source, {"rows_now": COUNT}) as rig:
        assert rig.scrape()["rows_now"] == 2
        make(tmp_path / "new.db", 7)
        os.replace(tmp_path / "new.db", path)
        assert rig.scrape()["rows_now"] == 7
        path.unlink()
        assert "rows_now" not in rig.scrape()
        assert rig.failures == {"rows_now": "connect"}
    path.write_text("no database at all, but long enough to look at" * 30)
    with Rig(source, {"rows_now": COUNT}) as rig:
        rig.scrape()
        assert rig.failures == {"rows_now": "connect"}


def test_locked_sqlite_file_times_out_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("CREATE TABLE tx (i INT)")
    with Rig({"shop": {"kind": "sqlite", "url": f"sqlite:///{path}", "timeout": "300ms"}}, {"rows_now": COUNT}) as rig:
        assert rig.scrape()["rows_now"] == 0
        writer.execute("BEGIN EXCLUSIVE")
        rig.scrape()
        assert rig.failures == {"rows_now": "timeout"}
        assert 0.2 < rig.took < 0.6
        writer.execute("COMMIT")
        assert rig.scrape()["rows_now"] == 0
    writer.close()

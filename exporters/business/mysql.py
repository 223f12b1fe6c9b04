"""MySQL and MariaDB by PyMySQL.

Read-only by ``SET SESSION ... READ ONLY``, which stops DDL too (``START TRANSACTION READ ONLY`` does not: DDL commits
first). One statement, because the multi-statement flag is never set. ``max_statement_time`` (MariaDB, seconds) or
``max_execution_time`` (MySQL, milliseconds) end a query in the server.
"""

from __future__ import annotations

import contextlib
import threading
from datetime import datetime, tzinfo
from typing import Any

from ..runtime import Deadline
from .dsn import Address, Dsn
from .faults import SourceFault, column_names, scrub
from .lines import Cutter, TlsConfig, open_socket
from .sqltext import bind_percent
from .table import Ask, Canceller, Table
from .zones import fixed_offset

KILL_SECONDS = 1.0
# https://mariadb.com/kb/en/mariadb-error-codes/
_TIMEOUT = {1969, 3024, 1317, 1205}
_NO_RIGHT_ON_DATABASE = 1044
_AUTH = {_NO_RIGHT_ON_DATABASE, 1045, 1049, 1129, 1130, 1698}
_PERMISSION = {1142, 1143, 1227, 1370}
_LOST = {0, 1053, 1927, 2002, 2003, 2006, 2013, 2055, 4031}
_UNKNOWN_ZONE = 1298


def _fault(error: Any, secrets: tuple[str, ...]) -> SourceFault:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = scrub(f"{code}: {error.args[1]}" if len(error.args) > 1 else type(error).__name__, secrets)
    if code in _LOST:
        return SourceFault("connect", text, lost=True)
    reason = next(
        (r for r, codes in (("timeout", _TIMEOUT), ("auth", _AUTH), ("permission", _PERMISSION)) if code in codes),
        "query",
    )
    return SourceFault(reason, text)


class MysqlConnection:
    """One session."""

    def __init__(self, driver: MysqlDriver, dsn: Dsn, raw: Any, cutter: Cutter) -> None:
        self._driver = driver
        self._dsn = dsn
        self._raw = raw
        self._cutter = cutter
        self._thread_id = int(raw.thread_id())
        self._mariadb = "mariadb" in str(raw.get_server_info()).lower()

    def prepare(self, zone: tzinfo | None) -> None:
        """Set what holds for the whole session."""
        self._execute("SET SESSION TRANSACTION READ ONLY")
        if zone is not None:
            self._set_zone(zone)

    def _set_zone(self, zone: tzinfo) -> None:
        import pymysql

        try:
            self._execute("SET SESSION time_zone = %s", (str(zone),))
        except pymysql.err.MySQLError as error:
            offset = fixed_offset(zone, datetime.now().year)
            if offset is None:
                text = f"time_zone {zone}: the server has no time zone tables and the zone changes its offset over the year"
                raise SourceFault("query", f"{text} ({error.args[0]})") from None
            self._execute("SET SESSION time_zone = %s", (offset,))

    def _execute(self, sql: str, args: tuple[Any, ...] | None = None) -> None:
        with self._raw.cursor() as cursor:
            cursor.execute(sql, args)

    def run(self, ask: Ask, timeout: float) -> Table:
        import pymysql

        text = bind_percent(str(ask.query), "mysql") if ask.params else str(ask.query)
        try:
            if self._dsn.database:
                # The server looks at rights on a whole database again only when it is chosen.
                self._raw.select_db(self._dsn.database)
            self._limit(timeout, ask.max_rows + 1)
            with self._raw.cursor(pymysql.cursors.SSCursor) as cursor:
                cursor.execute(text, dict(ask.params) or None)
                columns = column_names(cursor.description)
                rows = [tuple(row) for row in cursor.fetchmany(ask.max_rows + 1)]
        except pymysql.err.MySQLError as error:
            fault = _fault(error, self._dsn.secrets)
            # The login stands: what is refused now is a right.
            denied = error.args[:1] == (_NO_RIGHT_ON_DATABASE,)
            raise (SourceFault("permission", str(fault)) if denied else fault) from None
        except (OSError, AttributeError, ValueError) as error:
            # PyMySQL lets socket errors through, and stumbles over a line that was cut under it.
            raise SourceFault("connect", f"connection lost ({type(error).__name__})", lost=True) from None
        return Table(columns, rows)

    def _limit(self, timeout: float, rows: int) -> None:
        clock = (
            f"max_statement_time={timeout:.3f}"
            if self._mariadb
            else f"max_execution_time={max(1, int(timeout * 1000))}"
        )
        readonly = "tx_read_only" if self._mariadb else "transaction_read_only"
        self._execute(f"SET SESSION {readonly}=1, {clock}, sql_select_limit={rows}")

    def canceller(self) -> Canceller:
        killer = _Killer(self._driver, self._dsn, self._thread_id)
        killer.open()
        return Canceller(killer.kill, killer.close)

    def abort(self) -> None:
        self._cutter.cut()

    def close(self) -> None:
        # No QUIT: towards a hung server it would block.
        with contextlib.suppress(Exception):
            self._raw._force_close()
        self._cutter.close()


class _Killer:
    """A second connection that ends the first one's query. Logging in takes several round trips: do it beforehand."""

    def __init__(self, driver: MysqlDriver, dsn: Dsn, thread_id: int) -> None:
        self._driver = driver
        self._dsn = dsn
        self._statement = f"KILL QUERY {thread_id}"
        self._opened: tuple[Any, Cutter] | None = None

    def open(self) -> None:
        with contextlib.suppress(Exception):
            self._opened = self._driver.open(self._dsn, Deadline.after(KILL_SECONDS))

    def kill(self) -> None:
        if self._opened is None:
            self.open()
        if self._opened is None:
            return
        raw, cutter = self._opened
        timer = threading.Timer(KILL_SECONDS, cutter.cut)
        timer.daemon = True
        timer.start()
        with contextlib.suppress(Exception), raw.cursor() as cursor:
            cursor.execute(self._statement)
        timer.cancel()

    def close(self) -> None:
        if self._opened is not None:
            raw, cutter = self._opened
            cutter.close()
            # No QUIT: towards a hung server it would block.
            with contextlib.suppress(Exception):
                raw._force_close()


class MysqlDriver:
    """Connects to a MySQL or MariaDB server. ``zone`` is the time zone of the session; None leaves the server's."""

    def __init__(self, address: Address, tls: TlsConfig | None = None, zone: tzinfo | None = None) -> None:
        self._address = address
        self._tls = tls
        self._zone = zone

    def connect(self, deadline: Deadline) -> MysqlConnection:
        import pymysql

        dsn = self._address.resolve()
        raw, cutter = self.open(dsn, deadline)
        connection = MysqlConnection(self, dsn, raw, cutter)
        timer = threading.Timer(max(deadline.remaining(), 0.001), cutter.cut)
        timer.daemon = True
        timer.start()
        try:
            connection.prepare(self._zone)
        except (pymysql.err.MySQLError, OSError, SourceFault) as error:
            connection.close()
            if deadline.expired:
                # The line was cut, which the driver knows as a lost one.
                raise SourceFault("timeout", "no session", lost=True) from None
            raise (error if isinstance(error, SourceFault) else _fault(error, dsn.secrets)) from None
        finally:
            timer.cancel()
        return connection

    def open(self, dsn: Dsn, deadline: Deadline) -> tuple[Any, Cutter]:
        """A logged-in PyMySQL connection and the cutter of its socket."""
        import pymysql

        sock = open_socket(dsn.host or "localhost", dsn.port or 3306, dsn.options.get("unix_socket"), deadline)
        cutter = Cutter(sock.fileno())
        timer = threading.Timer(max(deadline.remaining(), 0.001), cutter.cut)
        timer.daemon = True
        timer.start()
        try:
            raw = pymysql.connections.Connection(**self._arguments(dsn))
            raw.connect(sock=sock)
        except Exception as error:
            expired = deadline.expired
            cutter.close()
            sock.close()
            if expired:
                raise SourceFault("timeout", "no login", lost=True) from None
            if isinstance(error, SourceFault):
                raise
            if isinstance(error, pymysql.err.MySQLError):
                raise _fault(error, dsn.secrets) from None
            raise SourceFault("connect", f"login failed ({type(error).__name__})", lost=True) from None
        finally:
            timer.cancel()
        return raw, cutter

    def _arguments(self, dsn: Dsn) -> dict[str, Any]:
        return {
            "host": (self._tls.server_name if self._tls else None) or dsn.host or "localhost",
            "user": dsn.user,
            "password": dsn.password,
            "database": dsn.database or None,
            "charset": dsn.options.get("charset", "utf8mb4"),
            "autocommit": True,
            "local_infile": False,
            "defer_connect": True,
            "program_name": "mkit",
            **({"ssl": self._tls.context()} if self._tls else {}),
        }

"""PostgreSQL by psycopg 3.

Every query runs in a transaction of its own that is READ ONLY from its first statement on and ends in ROLLBACK, so that
neither the data nor a session setting can change; by the extended protocol, which takes one statement only; under
``statement_timeout`` and ``lock_timeout`` set for that transaction.
"""

from __future__ import annotations

import contextlib
import logging
import select
from datetime import tzinfo
from typing import Any

from ..runtime import Deadline
from .dsn import Address, Dsn
from .faults import SourceFault, column_names, scrub
from .lines import Cutter, TlsConfig
from .sqltext import bind_percent
from .table import Ask, Canceller, Table

KILL_SECONDS = 1.0
_NO_FILE = "/dev/null/none"
# Set per transaction, not as startup options: a connection pooler in between refuses those, or shares sessions.
_BEGIN = "BEGIN TRANSACTION READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 60000"


def _fault(error: Any, secrets: tuple[str, ...], connected: bool = True) -> SourceFault:
    """SQLSTATE to reason: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
    state = getattr(error, "sqlstate", None) or ""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    text = scrub(f"{state}: {primary}" if primary else error, secrets)
    if state in ("57014", "55P03"):
        return SourceFault("timeout", text)
    if state.startswith("28") or state == "3D000":
        return SourceFault("auth", text, lost=not connected)
    if state == "42501":
        return SourceFault("permission", text)
    if not state and type(error).__name__ == "DataError":
        # The driver cannot hold the value: infinite dates, years beyond 9999.
        return SourceFault("value", text)
    if not state or state[:2] in ("08", "57", "53"):
        return SourceFault("connect", text, lost=True)
    return SourceFault("query", text)


def _worth_telling(record: logging.LogRecord) -> bool:
    """Whether a driver's log line is to be kept: that it does not know the zone which we set is nothing to act on.

    It then gives moments in UTC: the same moments, and so the same figures.
    """
    text = record.getMessage()
    return not text.startswith("unknown PostgreSQL timezone: '<")


class PostgresConnection:
    """One session."""

    def __init__(self, raw: Any, dsn: Dsn, zone: tzinfo | None = None) -> None:
        self._raw = raw
        self._dsn = dsn
        self._begin = f"{_BEGIN}; SET LOCAL TIME ZONE '{_posix(str(zone))}'" if zone else _BEGIN
        self._cutter = Cutter(raw.fileno())

    def run(self, ask: Ask, timeout: float) -> Table:
        import psycopg

        ms = max(1, int(timeout * 1000))
        text = bind_percent(str(ask.query), "postgresql") if ask.params else str(ask.query)
        try:
            self._raw.execute(f"{self._begin}; SET LOCAL statement_timeout = {ms}; SET LOCAL lock_timeout = {ms}")
            try:
                table = self._rows(text, ask)
            finally:
                self._raw.execute("ROLLBACK")
        except psycopg.Error as error:
            fault = _fault(error, self._dsn.secrets)
            raise SourceFault(fault.reason, str(fault), lost=fault.lost or self._raw.broken) from None
        except (ValueError, OverflowError, OSError) as error:
            text = f"the driver cannot read a value ({type(error).__name__})"
            raise SourceFault("value", text, lost=self._raw.broken, spent=True) from None
        return table

    def _rows(self, text: str, ask: Ask) -> Table:
        rows: list[tuple[Any, ...]] = []
        with self._raw.cursor() as cursor:
            stream = cursor.stream(text, dict(ask.params) or None)
            try:
                for row in stream:
                    rows.append(tuple(row))
                    if len(rows) > ask.max_rows:
                        break
            finally:
                # Cancels what the server has not sent yet.
                stream.close()
            # An answer that is streamed has its columns with its first row.
            return Table(column_names(cursor.description) if rows else self._columns(), rows)

    def _columns(self) -> tuple[str, ...]:
        """The columns of the statement that has just been streamed, none when the server does not tell.

        The extended protocol leaves it as the unnamed prepared statement: it is described, not run again.
        """
        from psycopg import generators, pq

        self._raw.pgconn.send_describe_prepared(b"")
        (result,) = self._raw.wait(generators.execute(self._raw.pgconn))
        if result.status != pq.ExecStatus.COMMAND_OK:
            return ()
        return tuple((result.fname(number) or b"").decode() for number in range(result.nfields))

    def canceller(self) -> Canceller:
        return Canceller(self._cancel)

    def _cancel(self) -> None:
        with contextlib.suppress(Exception):
            safe = getattr(self._raw, "cancel_safe", None)
            if safe is not None:
                safe(timeout=KILL_SECONDS)
            else:
                self._raw.cancel()

    def abort(self) -> None:
        self._cutter.cut()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._raw.pgconn.finish()
        self._cutter.close()


class PostgresDriver:
    """Connects to a PostgreSQL server. ``zone`` is the time zone of the session; None leaves the server's."""

    def __init__(self, address: Address, tls: TlsConfig | None = None, zone: tzinfo | None = None) -> None:
        self._address = address
        self._tls = tls
        self._zone = zone

    def connect(self, deadline: Deadline) -> PostgresConnection:
        import psycopg

        dsn = self._address.resolve()
        try:
            raw = self._dial(dsn, deadline)
            raw.autocommit = True
            raw.prepare_threshold = None
            # Once: a logger takes the same filter only once.
            logging.getLogger("psycopg").addFilter(_worth_telling)
            return PostgresConnection(raw, dsn, self._zone)
        except psycopg.Error as error:
            raise _fault(error, dsn.secrets, connected=False) from None

    def _dial(self, dsn: Dsn, deadline: Deadline) -> Any:
        """Connect step by step: libpq's own connect_timeout knows whole seconds, two at least."""
        import psycopg
        from psycopg import pq
        from psycopg.conninfo import make_conninfo

        conninfo = make_conninfo("", **self._arguments(dsn))
        pgconn = pq.PGconn.connect_start(conninfo.encode())
        try:
            failed = pgconn.status == pq.ConnStatus.BAD
            state: int = pq.PollingStatus.FAILED if failed else pq.PollingStatus.WRITING
            while state not in (pq.PollingStatus.OK, pq.PollingStatus.FAILED):
                self._wait(pgconn, state, deadline)
                state = pgconn.connect_poll()
            if state == pq.PollingStatus.FAILED:
                raise SourceFault(*_refusal(pgconn.get_error_message(), dsn), lost=True)
            pgconn.nonblocking = 1
            return psycopg.Connection(pgconn)
        except BaseException:
            pgconn.finish()
            raise

    @staticmethod
    def _wait(pgconn: Any, state: Any, deadline: Deadline) -> None:
        from psycopg import pq

        poller = select.poll()
        poller.register(pgconn.socket, select.POLLIN if state == pq.PollingStatus.READING else select.POLLOUT)
        if not poller.poll(deadline.remaining() * 1000):
            raise SourceFault("timeout", "no connection", lost=True)

    def _arguments(self, dsn: Dsn) -> dict[str, Any]:
        found: dict[str, Any] = {
            "host": dsn.options.get("host") or dsn.host or "localhost",
            "port": dsn.port or 5432,
            "user": dsn.user or None,
            "password": dsn.password or None,
            "dbname": dsn.database or None,
            "application_name": "mkit-exporter-business",
            "client_encoding": "UTF8",
            "sslmode": dsn.options.get("sslmode"),
        }
        if self._tls is not None:
            verify = not self._tls.insecure_skip_verify
            found["sslmode"] = "verify-full" if verify else "require"
            # libpq verifies against any root certificate that it finds, even where sslmode does not ask for it.
            found["sslrootcert"] = (self._tls.ca_file or "system") if verify else _NO_FILE
            found.update(sslcert=self._tls.cert_file, sslkey=self._tls.key_file)
            if self._tls.server_name:
                # libpq verifies `host` and dials `hostaddr`.
                found["hostaddr"], found["host"] = found["host"], self._tls.server_name
        return {name: value for name, value in found.items() if value is not None}


def _posix(name: str) -> str:
    """The zone as PostgreSQL spells it. Fixed offsets are POSIX's, who counts west of Greenwich; UTC has a name that drivers know."""
    if name[0] not in "+-":
        return name
    if name == "+00:00":
        return "UTC"
    return f"<{name}>{'-' if name[0] == '+' else '+'}{name[1:]}"


def _refusal(message: str, dsn: Dsn) -> tuple[str, str]:
    text = scrub(message, dsn.secrets)
    denied = ("password authentication failed", "no pg_hba.conf entry", "does not exist", "authentication")
    return ("auth" if any(part in text for part in denied) else "connect"), text

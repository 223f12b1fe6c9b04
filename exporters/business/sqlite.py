"""SQLite by the standard library.

Read-only three times over: the file is opened with ``mode=ro``, ``PRAGMA query_only`` is on, and an authorizer admits
nothing but reading (no ATTACH, no PRAGMA, no extension). A progress handler ends a query at its deadline.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from urllib.parse import quote

from ..runtime import Deadline
from .dsn import Address
from .faults import SourceFault, column_names, scrub
from .table import Ask, Canceller, Table

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
# https://sqlite.org/wal.html#read_only_databases and https://sqlite.org/rescode.html
_LOG = "a file in write-ahead log mode can be read without write access only while an application has it open"
_JOURNAL = "a file whose rollback journal a crash left behind, only after an application that may write has opened it"
_HINTS = {
    "SQLITE_READONLY_CANTINIT": _LOG,
    "SQLITE_READONLY_RECOVERY": _LOG,
    # No file could be made beside the database; which of the two kinds it was to be, SQLite does not say.
    "SQLITE_READONLY_DIRECTORY": f"the folder admits no new file: {_LOG}, and {_JOURNAL}",
    "SQLITE_READONLY_ROLLBACK": "a crash left its rollback journal behind; an application that may write must open it once",
}
# Virtual machine steps between two looks at the clock: about 50 microseconds of work.
_STEPS = 2_000


def _authorize(action: int, one: str | None, two: str | None, database: str | None, trigger: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and (two or "").lower() == "load_extension":
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _fault(error: sqlite3.Error, path: str) -> SourceFault:
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    text = scrub(f"{name}: {error}", ())
    if name.startswith(("SQLITE_INTERRUPT", "SQLITE_BUSY", "SQLITE_LOCKED")):
        return SourceFault("timeout", text)
    if name in _HINTS:
        return SourceFault("permission", f"{text}; {_HINTS[name]}")
    if name.startswith(("SQLITE_AUTH", "SQLITE_READONLY", "SQLITE_PERM")):
        return SourceFault("permission", text)
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return SourceFault("connect", f"{text}: {path}{_obstacle(path)}", lost=True)
    return SourceFault("query", text)


def _obstacle(path: str) -> str:
    """Why the file cannot be read, in brackets, where the system says it. The file is not opened: its locks would go at the close."""
    try:
        os.stat(path)
    except OSError as error:
        return f" ({error.strerror})"
    if os.path.isdir(path):
        return " (a folder)"
    return "" if os.access(path, os.R_OK) else f" ({os.strerror(errno.EACCES)})"


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SqliteConnection:
    """One handle on the file."""

    def __init__(self, raw: sqlite3.Connection, path: str) -> None:
        self._raw = raw
        self._path = path
        self._file = _identity(path)

    def run(self, ask: Ask, timeout: float) -> Table:
        if _identity(self._path) != self._file:
            # Replaced as a whole: this handle would go on reading the old file.
            raise SourceFault("connect", "the file was replaced or removed", lost=True)
        until = time.monotonic() + timeout
        self._raw.set_progress_handler(lambda: int(time.monotonic() >= until), _STEPS)
        try:
            # sqlite3.Row objects are not needed, and `timeout` of connect() is fixed: wait for locks here.
            cursor = self._locked(str(ask.query), dict(ask.params), until)
            columns = column_names(cursor.description)
            rows = [tuple(row) for row in cursor.fetchmany(ask.max_rows + 1)]
            cursor.close()
        except sqlite3.Error as error:
            raise _fault(error, self._path) from None
        finally:
            self._raw.set_progress_handler(None, 0)
        return Table(columns, rows)

    def _locked(self, text: str, params: dict[str, object], until: float) -> sqlite3.Cursor:
        while True:
            try:
                return self._raw.execute(text, params)
            except sqlite3.OperationalError as error:
                busy = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
                if not busy or time.monotonic() + 0.01 >= until:
                    raise
                time.sleep(0.01)

    def canceller(self) -> Canceller:
        return Canceller(self.abort)

    def abort(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._raw.interrupt()

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._raw.close()


class SqliteDriver:
    """Opens a database file."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def connect(self, deadline: Deadline) -> SqliteConnection:
        path = self._address.resolve().database
        try:
            raw = sqlite3.connect(
                f"file:{quote(path)}?mode=ro", uri=True, timeout=0, isolation_level=None, check_same_thread=False
            )
            raw.execute("PRAGMA query_only = ON")
            raw.execute("PRAGMA trusted_schema = OFF")
            raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            raw.set_authorizer(_authorize)
        except sqlite3.Error as error:
            raise _fault(error, path) from None
        return SqliteConnection(raw, path)

"""Predictions and truths on disk: one SQLite file in WAL mode, bounded, every batch one transaction."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..runtime import ConfigError
from ..runtime.claim import Claim
from ..runtime.folders import file_fault, folder_fault, make_folder
from .facts_aside import in_order, swap
from .facts_aside import key_names as _key_names

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
  key TEXT PRIMARY KEY, time REAL NOT NULL, version TEXT NOT NULL, grp TEXT NOT NULL,
  pred, pred_at REAL, truth, truth_at REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS facts_time ON facts (time);
CREATE TABLE IF NOT EXISTS tally (
  name TEXT NOT NULL, version TEXT NOT NULL, grp TEXT NOT NULL, cls TEXT NOT NULL, value REAL NOT NULL,
  PRIMARY KEY (name, version, grp, cls)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""

_COLUMNS = "time, version, grp, pred, pred_at, truth, truth_at"

TallyKey = tuple[str, str, str, str]
# More than any number of facts within their bounds adds up to.
MAX_TALLY = 1e100


_SET = "set `state_file` (in a spec: exporters.ai.truth.state_file)"


def state_fault(path: Path) -> str:
    """Why no facts can be kept at ``path``, with the fix; "" when its folder can be written, or made."""
    cause = folder_fault(path, makes=True) or file_fault(path)
    return f"state_file {path}: {cause}, or {_SET}" if cause else ""


def _make_folder(path: Path) -> None:
    if fault := state_fault(path):
        raise ConfigError(fault)
    if cause := make_folder(path):
        raise ConfigError(f"state_file {path}: {cause}, or {_SET}")


def claim_facts(path: Path) -> Claim:
    """The right to keep facts at ``path``: two exporters on one file would count twice. ConfigError when another has it."""
    _make_folder(path)
    return Claim(path, "state_file", "give this one a `state_file` of its own")


class FactsStore:
    """The file. Not locked: its owner calls from one thread at a time, and holds ``claim_facts``.

    Facts of another ``shape`` (kind, key, time, group; see ``shape_of``) cannot be joined with ours. They are not seen, and set
    aside at the first use: until then the configuration may still be refused, and the running one goes on with them.
    """

    def __init__(self, path: Path | None, shape: str) -> None:
        self._shape = shape
        self._path = path
        try:
            if path is not None:
                _make_folder(path)
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=2)
            self._db.execute("PRAGMA journal_mode=WAL")
            # Sync at checkpoints only: a crash of the process loses nothing, one of the machine the last moments.
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            found = self._db.execute("SELECT value FROM meta WHERE name = 'shape'").fetchone()
            self._found = str(found[0]) if found is not None else shape
            self._foreign = self._found != shape
            if found is None:
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('shape', ?)", (shape,))
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"state_file {path}: cannot be used ({error}): move it away, or {_SET}") from None

    def begin(self) -> bool:
        """Set facts of another shape aside and take up those of ours; True when the content changed so.

        ConfigError, and the file as it was, when that cannot be done.
        """
        if not self._foreign:
            return False
        self._foreign = False
        was = in_order(self._found)
        try:
            if was != self._found:
                self._reorder(was)
            if was != self._shape and self._path is not None:
                swap(self._db, self._path, was, self._shape)
        except BaseException as error:
            self._foreign = True
            if isinstance(error, (OSError, sqlite3.Error)):
                raise ConfigError(
                    f"state_file {self._path}: holds facts of another shape ({was}), which cannot be set aside ({error}): "
                    f"make room beside it, or move it away, or {_SET}"
                ) from None
            raise
        self._found = self._shape
        return True

    def _reorder(self, shape: str) -> None:
        """Give facts of a file that keeps key fields as they were once configured the order of ``shape``: by name."""
        before = _key_names(self._found)
        places = [before.index(name) for name in _key_names(shape)]

        def reordered(text: str) -> str:
            parts = json.loads(text)
            return json.dumps([parts[place] for place in places]) if len(parts) == len(places) else text

        self._db.create_function("reordered", 1, reordered, deterministic=True)
        with self.transaction() as db:
            # Not in place: on the way one fact's new key may be another's old one.
            db.execute(f"CREATE TEMP TABLE moved AS SELECT reordered(key) AS key, {_COLUMNS} FROM facts")  # noqa: S608
            db.execute("DELETE FROM facts")
            db.execute(f"INSERT INTO facts (key, {_COLUMNS}) SELECT key, {_COLUMNS} FROM moved")  # noqa: S608
            db.execute("DROP TABLE moved")
            db.execute("INSERT OR REPLACE INTO meta VALUES ('shape', ?)", (shape,))
        self._found = shape

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        self.begin()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            # On a full disk SQLite has rolled back already, or not: left open, the transaction would fail all that follow.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def newest(self) -> float:
        """The newest event time ever seen; 0 before the first."""
        found = self._db.execute("SELECT value FROM meta WHERE name = 'newest'").fetchone()
        return float(found[0]) if found and not self._foreign else 0.0

    def count(self) -> int:
        """How many facts there are."""
        return 0 if self._foreign else int(self._db.execute("SELECT COUNT(*) FROM facts").fetchone()[0])

    def tallies(self) -> dict[TallyKey, float]:
        """All counters."""
        if self._foreign:
            return {}
        rows = self._db.execute("SELECT name, version, grp, cls, value FROM tally").fetchall()
        if wrong := sorted({row[0] for row in rows if not 0 <= row[4] < MAX_TALLY}):
            log.warning("counters in the state file are larger than facts can make them and start at zero",
                        extra={"state_file": self._path, "counters": ", ".join(wrong)})  # fmt: skip
        return {(name, version, grp, cls): value for name, version, grp, cls, value in rows if 0 <= value < MAX_TALLY}

    def forget_larger(self, most: float) -> None:
        """Forget facts whose numbers are larger than ``most``: an older exporter took them."""
        with self.transaction() as db:
            gone = db.execute("DELETE FROM facts WHERE pred > ? OR truth > ?", (most, most)).rowcount
        if gone:
            log.warning("facts in the state file are larger than may be and are forgotten",
                        extra={"state_file": self._path, "facts": gone, "most": f"{most:g}"})  # fmt: skip

    def save(self, tallies: Sequence[tuple[TallyKey, float]], newest: float) -> None:
        """Keep counters and the newest event time; within a transaction."""
        self._db.executemany("INSERT OR REPLACE INTO tally VALUES (?, ?, ?, ?, ?)", [(*k, v) for k, v in tallies])
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('newest', ?)", (newest,))

    def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        self.begin()
        return self._db.execute(sql, args).fetchall()

    def close(self) -> None:
        """Close the file: SQLite puts the WAL into it and removes that, so that the file alone is all."""
        self._db.close()

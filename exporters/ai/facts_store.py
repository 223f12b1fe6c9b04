"""Predictions and truths on disk: one SQLite file in WAL mode, bounded, every batch one transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..runtime import ConfigError

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

TallyKey = tuple[str, str, str, str]


def folder_fault(path: Path) -> str:
    """Why no facts can be kept at ``path``, with the fix; "" when its folder can be written, or made."""
    wanted = folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        cause = f"{folder} is no folder"
    elif os.access(folder, os.W_OK | os.X_OK):
        return ""
    elif folder != wanted:
        cause = f"this user may not make the folder {wanted}: create it for this user"
    else:
        cause = f"this user may not write into the folder {folder}: change its owner"
    return f"state_file {path}: {cause}, or set `state_file` (in a spec: exporters.ai.truth.state_file)"


class FactsStore:
    """The file. Not locked: its owner calls from one thread at a time."""

    def __init__(self, path: Path | None, shape: str) -> None:
        if path is not None and (fault := folder_fault(path)):
            raise ConfigError(fault)
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=2)
            self._db.execute("PRAGMA journal_mode=WAL")
            # Sync at checkpoints only: a crash of the process loses nothing, one of the machine the last moments.
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
            self._fit(shape)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"state file {path}: {error}") from None

    def _fit(self, shape: str) -> None:
        """Facts of another key or kind cannot be joined with ours: they are forgotten."""
        found = self._db.execute("SELECT value FROM meta WHERE name = 'shape'").fetchone()
        if found is not None and found[0] != shape:
            self._db.executescript("DELETE FROM facts; DELETE FROM tally; DELETE FROM meta;")
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('shape', ?)", (shape,))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def newest(self) -> float:
        """The newest event time ever seen; 0 before the first."""
        found = self._db.execute("SELECT value FROM meta WHERE name = 'newest'").fetchone()
        return float(found[0]) if found else 0.0

    def tallies(self) -> dict[TallyKey, float]:
        """All counters."""
        rows = self._db.execute("SELECT name, version, grp, cls, value FROM tally")
        return {(name, version, grp, cls): value for name, version, grp, cls, value in rows}

    def save(self, tallies: Sequence[tuple[TallyKey, float]], newest: float) -> None:
        """Keep counters and the newest event time; within a transaction."""
        self._db.executemany("INSERT OR REPLACE INTO tally VALUES (?, ?, ?, ?, ?)", [(*k, v) for k, v in tallies])
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('newest', ?)", (newest,))

    def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._db.execute(sql, args).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

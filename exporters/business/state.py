"""What must outlive the process: watermarks, totals, and the highest values that counters have shown.

One SQLite file in WAL mode with full synchronisation: what was written is there after a power cut, and a metric's mark
and totals change together or not at all.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from ..runtime import ConfigError
from ..runtime.claim import Claim
from ..runtime.folders import file_fault, folder_fault
from .faults import SourceFault

log = logging.getLogger(__name__)

_SET = "set `state_file` (in a spec: exporters.business.state_file)"
_TABLE = "CREATE TABLE IF NOT EXISTS state (metric TEXT PRIMARY KEY, shape TEXT NOT NULL, data TEXT NOT NULL)"


class State:
    """Plain data by metric. Thread-safe. Without a path it lives in memory; ``dry`` reads the file and writes nothing."""

    def __init__(self, path: Path | None, *, dry: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._claim: Claim | None = None
        if path is not None and not dry:
            if fault := state_fault(path):
                raise ConfigError(fault)
            # Two exporters on one file would count twice.
            self._claim = Claim(path, "state_file", "give this one a `state_file` of its own")
        try:
            self._db = _open(path, dry)
        except BaseException:
            self._release()
            raise

    def load(self, metric: str, shape: str) -> tuple[Any, bool]:
        """(data, whether it was written in this shape); (None, False) before the first ``save``.

        The shape says what the data depends on (mode, labels, buckets ...).
        """
        with self._lock:
            row = self._db.execute("SELECT shape, data FROM state WHERE metric = ?", (metric,)).fetchone()
        return (None, False) if row is None else (json.loads(row[1]), row[0] == shape)

    def shape(self, metric: str) -> str | None:
        """The shape that the metric's data was written in; None before the first ``save``."""
        with self._lock:
            row = self._db.execute("SELECT shape FROM state WHERE metric = ?", (metric,)).fetchone()
        return None if row is None else str(row[0])

    def save(self, metric: str, shape: str, data: Any) -> None:
        """Keep ``data`` (JSON). SourceFault ``state`` when it cannot be written; the former data then stands."""
        text = json.dumps(data, separators=(",", ":"))
        try:
            with self._lock:
                self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (metric, shape, text))
        except sqlite3.Error as error:
            raise SourceFault("state", f"state_file: {error}") from None

    def close(self) -> None:
        """Give the file back: SQLite puts the WAL into the file and removes it, so that the file alone is all."""
        with self._lock:
            self._db.close()
            self._release()

    def _release(self) -> None:
        if self._claim is not None:
            self._claim.close()


# What a shape is made of, after the mode that it begins with.
_PARTS = {
    "cumulative": ("on_regression", "labels"),
    "increment": ("labels", "buckets", "native"),
    "events": ("labels", "buckets", "native"),
}


def warn_anew(metric: str, former: str | None, shape: str) -> None:
    """Log that the metric starts anew because its configuration has changed; nothing when it has no state yet.

    Prometheus sees a counter reset: what is shown is a smaller number than before, or none.
    """
    if former is None or former == shape:
        return
    (was, *old), (now, *new) = former.split(" "), shape.split(" ")
    changed = [name for name, one, two in zip(_PARTS[now], old, new, strict=False) if one != two]
    if was != now:
        changed = ["mode"]
    begin = "what the source holds now"
    if now != "cumulative":
        kept = was in ("increment", "events")
        begin = "zero; rows up to the remembered mark stay uncounted" if kept else "zero and watermark.start"
    log.warning(
        "the metric starts anew, for its configuration is not the one that its state was saved with",
        extra={"metric": metric, "changed": ",".join(changed), "begins_at": begin},
    )


def state_fault(path: Path) -> str:
    """Why no state can be kept at ``path``, with the fix; "" when its folder is there and can be written."""
    cause = folder_fault(path, makes=False) or file_fault(path)
    return f"state_file {path}: {cause}, or {_SET}" if cause else ""


def _open(path: Path | None, dry: bool) -> sqlite3.Connection:
    target = ":memory:" if path is None or dry else str(path)
    try:
        db = sqlite3.connect(target, isolation_level=None, check_same_thread=False, timeout=2.0)
        if target != ":memory:":
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
        db.execute(_TABLE)
        if dry and path is not None and path.exists():
            _copy(path, db)
    except sqlite3.Error as error:
        raise ConfigError(f"state_file {path}: cannot be used ({error}): move it away, or {_SET}") from None
    return db


def _copy(path: Path, into: sqlite3.Connection) -> None:
    # Without a WAL nobody has it open, and the file alone is all. Read otherwise, it would get a WAL that a reader cannot
    # remove, and that may belong to another user than the exporter's.
    how = "mode=ro" if os.path.exists(f"{os.path.realpath(path)}-wal") else "immutable=1"
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=2.0)) as source:
        into.executemany("INSERT INTO state VALUES (?, ?, ?)", source.execute("SELECT metric, shape, data FROM state"))

"""Facts of another shape: set aside under a name of their own beside the state file, and taken up again when their shape returns."""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from pathlib import Path

from .config_quality import QualityConfig

log = logging.getLogger(__name__)

_TABLES = ("facts", "tally", "meta")


def shape_of(config: QualityConfig) -> str:
    """What facts must have in common to be joined. The order of the key does not matter."""
    return in_order(f"{config.kind} {' '.join(config.key)} time={config.time} by={config.by}")


def key_names(shape: str) -> list[str]:
    """The fields of a shape's key, in its order."""
    return shape.partition(" time=")[0].split(" ")[1:]


def in_order(shape: str) -> str:
    """The shape with its key's fields by name; older exporters wrote them as configured."""
    head, mark, rest = shape.partition(" time=")
    kind = head.split(" ")[0]
    return " ".join([kind, *sorted(key_names(shape))]) + mark + rest


def beside(path: Path, shape: str) -> Path:
    """Where facts of ``shape`` are while ``path`` holds others: one file for each shape."""
    digest = hashlib.sha256(shape.encode()).hexdigest()[:12]
    return path.with_name(f"{path.name}.{shape.split(' ')[0]}-{digest}")


def swap(db: sqlite3.Connection, path: Path, was: str, now: str) -> None:
    """Set the content of ``path``, of shape ``was``, aside, and put what was set aside of ``now`` there.

    OSError or sqlite3.Error, and the content as it was, when that fails. A crash on the way loses nothing: at worst both
    files have the same content.
    """
    aside, kept = beside(path, was), beside(path, now)
    _copy(db, aside)
    restored = kept.exists()
    if restored:
        db.execute("ATTACH ? AS kept", (os.fspath(kept),))
    try:
        db.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            db.execute(f"DELETE FROM main.{table}")  # noqa: S608
            if restored:
                db.execute(f"INSERT INTO main.{table} SELECT * FROM kept.{table}")  # noqa: S608
        db.execute("INSERT OR REPLACE INTO main.meta VALUES ('shape', ?)", (now,))
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
        if restored:
            db.execute("DETACH kept")
    if restored:
        kept.unlink(missing_ok=True)
    log.warning("the state file held facts of another kind or key; they are set aside until that is configured again",
                extra={"state_file": str(path), "aside": str(aside), "was": was, "now": now,
                       "taken_up": str(kept) if restored else "nothing"})  # fmt: skip


def _copy(db: sqlite3.Connection, to: Path) -> None:
    """The database as one file at ``to``, which appears only when it is whole."""
    part = to.with_name(f"{to.name}.part")
    part.unlink(missing_ok=True)
    try:
        db.execute("VACUUM INTO ?", (os.fspath(part),))
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(to)
    except BaseException:
        part.unlink(missing_ok=True)
        raise

"""The event-time join of predictions and truths: which meet, which come too late, which never do."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from .config_quality import QualityConfig
from .fact import MAX_VALUE, Known
from .facts_store import FactsStore, TallyKey

# An event further ahead than this has a broken clock; believed, it would make everything else late.
MAX_AHEAD = 300.0
_COLUMNS = {"p": ("pred", "pred_at"), "t": ("truth", "truth_at")}


class Join:
    """Applies facts. Counters (``tallies``) only rise; what the gauges read is in the store.

    The watermark is the newest event time minus ``max_delay``: older truths are late. Predictions and truths are kept
    for ``retention``, at most ``max_rows`` of them. Hold ``lock`` around every use; ``config`` may change on a reload.
    """

    def __init__(self, config: QualityConfig, store: FactsStore, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.Lock()
        self.config = config
        self.store = store
        self._clock = clock
        self.tallies = store.tallies()
        self.newest = store.newest()
        self._changed: dict[TallyKey, float] = {}
        self._size = store.count()
        self._retired = False
        # What the last read of a table had and was counted for, as long as the table has it: rows that make no sense (their
        # hashes, how often each), and keys of rows about the future. No more than a read has rows.
        self.senseless: Counter[int] = Counter()
        self._ahead: set[str] = set()
        self._ahead_now: set[str] = set()

    @property
    def watermark(self) -> float:
        """Truth about events before this is late."""
        return self.newest - self.config.max_delay

    def apply(self, facts: Iterable[Known], reread: bool = False) -> list[float]:
        """Apply facts in one transaction; the delays (seconds) of truths that met their prediction.

        ``reread`` says that the facts were read from a table that is read again and again: what is old or known
        already is then nothing to count, and what is refused is counted once while it stays in the table.
        """
        if self._retired:
            return []
        before = (dict(self.tallies), self.newest, self._size)
        self._changed = {}
        self._ahead_now = set()
        delays: list[float] = []
        try:
            with self.store.transaction() as db:
                for fact in facts:
                    self._one(db, fact, reread, delays)
                self._prune(db)
                self.store.save(list(self._changed.items()), self.newest)
        except sqlite3.Error:
            self.tallies, self.newest, self._size = before
            raise
        if reread:
            self._ahead = self._ahead_now
        return delays

    def begin(self, config: QualityConfig) -> None:
        """Go live with this configuration."""
        with self.lock:
            self.config = config
            if self.store.begin():
                self.tallies, self.newest, self._size = self.store.tallies(), self.store.newest(), self.store.count()
            if config.kind == "count":
                self.store.forget_larger(MAX_VALUE)
                self._size = self.store.count()

    def retire(self, retired: bool) -> None:
        """Take no more facts: the file belongs to a join of another shape, to which ours mean nothing."""
        with self.lock:
            self._retired = retired

    def close(self) -> None:
        """Close the file, after what is being written."""
        with self.lock:
            self.store.close()

    def count(self, name: str, fact: Known | None = None, cls: str = "", amount: float = 1.0) -> None:
        """Raise a counter."""
        key = (name, fact.version if fact else "", fact.group if fact else "", cls)
        self.tallies[key] = self._changed[key] = self.tallies.get(key, 0.0) + amount

    def _one(self, db: sqlite3.Connection, fact: Known, reread: bool, delays: list[float]) -> None:
        now = self._clock()
        row = db.execute("SELECT version, grp, pred, truth, time FROM facts WHERE key = ?", (fact.key,)).fetchone()
        # Without a time in the key only the prediction knows when the event was; its truth brings its own arrival.
        when = row[4] if row is not None and fact.side == "t" and self.config.time is None else fact.time
        if when > now + MAX_AHEAD:
            return self._refuse(fact, reread)
        if when < self.watermark:
            return None if reread else self.count("late", cls=fact.side)
        self.newest = max(self.newest, when)
        if row is None:
            return self._insert(db, fact, now)
        return self._second(db, fact, row, reread, (now, delays))

    def _refuse(self, fact: Known, reread: bool) -> None:
        """A fact about the future."""
        if reread:
            self._ahead_now.add(fact.key)
            if fact.key in self._ahead:
                return
        self.count("refused", cls=fact.side)

    def _second(
        self, db: sqlite3.Connection, fact: Known, row: tuple[Any, ...], reread: bool, late: tuple[float, list[float]]
    ) -> None:
        """A fact whose key is known: the other side, the same again, or a correction."""
        version, group, pred, truth, when = row
        mine, other = (pred, truth) if fact.side == "p" else (truth, pred)
        if mine is not None:
            if mine == fact.value:
                return None if reread else self.count("duplicate", cls=fact.side)
            # Counters cannot take back what they counted; the gauges read the new value.
            self.count("corrected", cls=fact.side)
            return self._set(db, fact, None)
        now, delays = late
        self._set(db, fact, now)
        if other is not None:
            if fact.side == "p":
                version, group, when = fact.version, fact.group, fact.time
            pair = (fact.value, truth) if fact.side == "p" else (pred, fact.value)
            self._settle(Known(fact.side, fact.key, when, group, version, ""), *pair)
            delays.append(max(now - when, 0.0))
        return None

    def _insert(self, db: sqlite3.Connection, fact: Known, now: float) -> None:
        value, at = _COLUMNS[fact.side]
        db.execute(
            f"INSERT INTO facts (key, time, version, grp, {value}, {at}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            (fact.key, fact.time, fact.version, fact.group, fact.value, now),
        )
        self._size += 1

    def _set(self, db: sqlite3.Connection, fact: Known, now: float | None) -> None:
        value, at = _COLUMNS[fact.side]
        sets = f"{value} = ?, {at} = COALESCE(?, {at})"
        args: list[Any] = [fact.value, now]
        if fact.side == "p":
            # Groups and times of a pair are those of its prediction.
            sets += ", version = ?, grp = ?, time = ?"
            args += [fact.version, fact.group, fact.time]
        args.append(fact.key)
        db.execute(f"UPDATE facts SET {sets} WHERE key = ?", args)  # noqa: S608

    def _settle(self, fact: Known, pred: Any, truth: Any) -> None:
        """Count a pair that met."""
        self.count("evaluated", fact)
        if self.config.kind == "count":
            self.count("truth_objects", fact, amount=truth)
            self.count("counted_objects", fact, amount=pred)
            self.count("overcount", fact, amount=max(pred - truth, 0.0))
            self.count("undercount", fact, amount=max(truth - pred, 0.0))
            return
        pred, truth = self._known_class(pred), self._known_class(truth)
        if pred == truth:
            self.count("true_positives", fact, pred)
        else:
            self.count("false_positives", fact, pred)
            self.count("false_negatives", fact, truth)

    def _known_class(self, name: str) -> str:
        classes = self.config.classes
        return name if not classes or name in classes else "other"

    def _prune(self, db: sqlite3.Connection) -> None:
        """Forget what is too old or too much, and count what never met."""
        limit = self.newest - self.config.retention
        excess = self._size - self.config.max_rows
        if excess > 0:
            found = db.execute("SELECT time FROM facts ORDER BY time LIMIT 1 OFFSET ?", (excess - 1,)).fetchone()
            limit = max(limit, found[0] + 1e-6)
        alone = db.execute(
            "SELECT SUM(pred IS NOT NULL AND truth IS NULL), SUM(pred IS NULL) FROM facts WHERE time < ?", (limit,)
        ).fetchone()
        for name, amount in (("expired", alone[0]), ("unmatched", alone[1])):
            if amount:
                self.count(name, amount=amount)
        self._size -= db.execute("DELETE FROM facts WHERE time < ?", (limit,)).rowcount

"""Truth from a table: read again and again by a thread of its own."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import Any

from ..business.build import make_driver
from ..business.source import Source
from ..business.table import Ask
from ..runtime import CollectError, Deadline, Registry
from ..runtime.records import dataclass
from .config_quality import QualityConfig, TruthSource
from .families import TRUTH_REASONS, truth_specs
from .handed import Handed
from .intake import Fact
from .quality import Quality

log = logging.getLogger(__name__)

# A slow pace is for what seldom changes; a source that did not answer is asked again sooner.
RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """One read: how many rows came, how many are ``bad`` (no key and truth) that the read before did not have, and the ``fault`` if none came at all."""

    rows: int = 0
    bad: int = 0
    fault: str = ""


class TruthPoll:
    """Reads the truth source every so many seconds, after a failure within a minute. ``:since`` in the query is the watermark in Unix seconds."""

    def __init__(
        self, truth: TruthSource, config: QualityConfig, quality: Quality, registry: Registry, errors: Handed
    ) -> None:
        self._truth = truth
        self._config = config
        self._quality = quality
        self._source = Source(
            "truth", make_driver(truth.source), truth.source.timeout, hurry="what the read had left of both limits"
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="truth", daemon=True)
        specs = truth_specs(registry.namespace)
        self._success = registry.declare(specs["success"])
        self._last = registry.declare(specs["last"])
        registry.declare(specs["interval"]).set(truth.every)
        self._errors = errors
        self.errors = registry.declare(specs["errors"])
        # At zero from the start, so that the first one is an increase.
        for reason in TRUTH_REASONS:
            self.errors.labels(reason)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def _run(self) -> None:
        while True:
            answer = self.poll()
            every = self._truth.every
            if self._stop.wait(min(every, RETRY_SECONDS) if answer.fault else every):
                return

    def poll(self) -> Answer:
        """Read once. Failures are counted and logged; they end nothing."""
        try:
            facts = self._facts()
            bad = self._quality.read(facts)
        except CollectError as error:
            return self._failed(error.reason, str(error))
        except sqlite3.Error as error:
            return self._failed("state", f"state_file {self._config.state_file}: {error}")
        except Exception as error:
            return self._failed("exception", type(error).__name__)
        self._success.set(1)
        self._last.set(time.time())
        self._count("row", bad)
        return Answer(len(facts), bad)

    def _count(self, reason: str, amount: int) -> None:
        self._errors.write(lambda family: family.labels(reason).inc(amount))

    def _failed(self, reason: str, text: str) -> Answer:
        if self._stop.is_set():
            # The end of the source, or of the state file, cut it short.
            return Answer(fault=f"{reason}: {text}")
        self._success.set(0)
        self._count(reason, 1)
        log.warning("truth source failed", extra={"reason": reason, "err": text})
        return Answer(fault=f"{reason}: {text}")

    def _facts(self) -> list[Fact]:
        truth = self._truth
        params: dict[str, Any] = {}
        if ":since" in str(truth.query):
            join = self._quality.join
            # Before the first fact: truth that old would be late beside the predictions of now, and the whole table may be
            # more than `max_rows`.
            params["since"] = max(join.watermark if join.newest else time.time() - self._config.max_delay, 0.0)
        # Connecting and the query have as long each.
        timeout = truth.source.timeout
        ask = Ask(truth.query, truth.source.max_rows, timeout, params, extra=truth.extra)
        table = self._source.fetch(ask, Deadline.after(2 * timeout + 1))
        if not table.rows and not table.columns:
            # An empty list of an HTTP document: no truth yet, and no columns to judge.
            return []
        value = self._value_column(table.columns)
        wanted = [*self._config.key, value]
        missing = [name for name in wanted if name not in table.columns]
        if missing:
            note = f"; {table.note}" if table.note else ""
            has = ", ".join(table.columns)
            raise CollectError("columns", f"no column {missing[0]} in the answer (it has {has}){note}")
        places = {name: table.columns.index(name) for name in wanted}
        time_at = table.columns.index("time") if self._config.time is None and "time" in table.columns else None
        return [
            Fact(
                "t",
                {name: row[places[name]] for name in self._config.key},
                row[places[value]],
                row[time_at] if time_at is not None else time.time(),
                {},
            )
            for row in table.rows
        ]

    def _value_column(self, columns: tuple[str, ...]) -> str:
        """The column that holds the truth: the one so called, else the only one that is no part of the key."""
        others = [name for name in columns if name not in (*self._config.key, "time")]
        return others[0] if self._truth.value not in columns and len(others) == 1 else self._truth.value

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._source.close()
        if self._thread.is_alive():
            self._thread.join(2)

"""Truth from a table: read again and again by a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from ..business.build import make_driver
from ..business.source import Source
from ..business.table import Ask
from ..runtime import CollectError, Deadline, Registry
from .config_quality import QualityConfig, TruthSource
from .families import truth_specs
from .intake import Fact
from .quality import Quality

log = logging.getLogger(__name__)


class TruthPoll:
    """Reads the truth source every so many seconds. ``:since`` in the query is the watermark in Unix seconds."""

    def __init__(self, truth: TruthSource, config: QualityConfig, quality: Quality, registry: Registry) -> None:
        self._truth = truth
        self._config = config
        self._quality = quality
        self._source = Source("truth", make_driver(truth.source))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="truth", daemon=True)
        specs = truth_specs(registry.namespace)
        self._success = registry.declare(specs["success"])
        self._last = registry.declare(specs["last"])
        self._errors = registry.declare(specs["errors"])

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def _run(self) -> None:
        while True:
            self.poll()
            if self._stop.wait(self._truth.every):
                return

    def poll(self) -> tuple[int, str]:
        """Read once: (rows, what is wrong or ""). Failures are counted and logged; they end nothing."""
        try:
            facts = self._facts()
            bad = self._quality.read(facts)
        except CollectError as error:
            return 0, self._failed(error.reason, str(error))
        except Exception as error:
            return 0, self._failed("exception", type(error).__name__)
        self._success.set(1)
        self._last.set(time.time())
        self._errors.labels("row").inc(bad)
        return len(facts), f"row: {bad} of {len(facts)} rows make no sense as key and truth" if bad else ""

    def _failed(self, reason: str, text: str) -> str:
        self._success.set(0)
        self._errors.labels(reason).inc()
        log.warning("truth source failed", extra={"reason": reason, "err": text})
        return f"{reason}: {text}"

    def _facts(self) -> list[Fact]:
        truth = self._truth
        params: dict[str, Any] = {}
        if ":since" in str(truth.query):
            join = self._quality.join
            # Before the first fact: truth that old would be late beside the predictions of now, and the whole table may be
            # more than `max_rows`.
            params["since"] = max(join.watermark if join.newest else time.time() - self._config.max_delay, 0.0)
        timeout = truth.source.timeout
        ask = Ask(truth.query, truth.source.max_rows, timeout, params, extra=truth.extra)
        table = self._source.fetch(ask, Deadline.after(timeout + 1))
        value = self._value_column(table.columns)
        wanted = [*self._config.key, value]
        missing = [name for name in wanted if name not in table.columns]
        if missing:
            raise CollectError("columns", f"no column {missing[0]} in the answer (it has {', '.join(table.columns)})")
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

"""No wrong sample, no lost acknowledged event, no leak: both exporters under load while their sources die and return.

One minute by default; ``MKIT_SOAK=600`` (``make soak``) runs ten. Each minute has the same outages.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.business.pace import WAIT_SECONDS

from tests.servers import PASSWORD
from tests.soak.model import Batches, Models, config
from tests.soak.processes import INTERVAL, TIMEOUT, Every, Process, Prometheus, Starvation, until
from tests.soak.sources import EVERY, Source, all_sources

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECONDS = float(os.environ.get("MKIT_SOAK", "60"))
CYCLE = 60.0
SETTLED_SCRAPES = 3
SETTLED = SETTLED_SCRAPES * INTERVAL
# A scrape's time stamp is its beginning, by Prometheus' clock in milliseconds; its queries run after that.
EARLY = 0.05
# Of a scrape's 0.9 s, so much went by without a processor for the exporter.
STARVED = 0.2
READING = 1.0
GROWN_MIB, GROWN_FDS, GROWN_THREADS = 6.0, 2, 2


@dataclass
class Soak:
    """Everything that runs."""

    sources: dict[str, Source]
    business: Process
    ai: Process
    prometheus: Prometheus
    models: Models
    batches: Batches
    truth: TruthTable
    began: float
    starvation: dict[str, Starvation]

    def scrape_began(self, moment: float) -> float:
        """The scrape of ``moment``, or the first of the failed ones just before: a run in flight serves whoever joins it."""
        ((_, values),) = self.samples(f'up{{job="{self.business.name}"}}')
        before = [(at, value) for at, value in values if at < moment]
        failed = itertools.takewhile(lambda sample: sample[1] == 0, reversed(before))
        return min((at for at, _ in failed), default=moment)

    def samples(self, selector: str) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        return self.prometheus.samples(selector, time.time() - self.began)

    def last(self, selector: str) -> float:
        """The sum of the newest values of its series."""
        return sum(values[-1][1] for _, values in self.prometheus.samples(selector, SETTLED))


class TruthTable:
    """A table of truths that its owner moves away and back."""

    def __init__(self, path: Path) -> None:
        self.path, self._aside = path, path.with_suffix(".aside")
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE truth (id INTEGER PRIMARY KEY, value REAL, time REAL)")

    def write(self, key: int, moment: float) -> None:
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=rw", uri=True, timeout=1)) as db, db:
            db.execute("INSERT OR REPLACE INTO truth VALUES (?, 4, ?)", (key, moment))

    def die(self) -> None:
        self.path.rename(self._aside)

    def back(self) -> None:
        if self._aside.exists():
            self._aside.rename(self.path)


def schedule(soak: Soak, first: bool) -> list[tuple[float, Callable[[], Any]]]:
    """What happens in a minute: (second, action). Sources that this machine lacks are left out."""
    s, out = soak.sources, list[tuple[float, Callable[[], Any]]]()
    for name, down, up, how in (
        ("mysql", 10, 15, "die"), ("postgresql", 17, 21, "hang"), ("redis", 22, 25, "die"), ("sqlite", 26, 29, "hang"),
        ("mysql", 30, 34, "hang"), ("postgresql", 35, 40, "die"), ("redis", 38, 41, "hang"), ("sqlite", 42, 45, "die"),
    ):  # fmt: skip
        if name in s:
            out += [(down, getattr(s[name], how)), (up, s[name].back)]
    out += [(24, soak.truth.die), (33, soak.truth.back), (36, soak.business.reload), (37, soak.ai.reload)]
    out += [(44, soak.models.replace), (48, soak.ai.reload)]
    if first:
        out.append((7, soak.business.kill_and_start))
    return sorted(out, key=lambda step: step[0])


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soak]:
    """The whole run: up, load, outages, calm. What follows looks at what Prometheus has stored."""
    folder = tmp_path_factory.mktemp("soak")
    with contextlib.ExitStack() as stack, all_sources(folder) as (sources, missing):
        for reason in missing:
            warnings.warn(f"soak without {reason}", stacklevel=1)
        metrics = {name: metric for source in sources for name, metric in source.metrics().items()}
        parts = {"sources": {s.name: s.config for s in sources}, "metrics": metrics}
        business = Process("business", folder, {**parts, "state_file": str(folder / "business.db")}).start()
        stack.callback(business.stop)
        truth = TruthTable(folder / "truth.db")
        ai = Process(
            "ai", folder, config(folder, {"kind": "sqlite", "url": f"sqlite:///{truth.path}", "max_rows": 100_000})
        )
        ai.start()
        stack.callback(ai.stop)
        began = time.time()
        starvation = {exporter.name: Starvation(exporter) for exporter in (business, ai)}
        prometheus = Prometheus(folder, [business, ai])
        stack.callback(prometheus.stop)
        batches = Batches(ai, truth.write)
        loads = [*(source.load() for source in sources), batches.load()]
        time.sleep(3 * min(1.0, SECONDS / CYCLE))
        # Killed while predictions are on their way: what was acknowledged must be there afterwards.
        ai.kill_and_start()
        loads[-1].stop()
        batches.counting = True
        loads[-1] = batches.load()
        models = Models(str(folder / "ai.sock"), 2)
        stack.callback(models.kill)
        found = Soak({s.name: s for s in sources}, business, ai, prometheus, models, batches, truth, began, starvation)
        watch = Every(1.0, lambda: measure(business, ai))
        run(found, SECONDS)
        watch.stop()
        for starved in starvation.values():
            starved.watch.stop()
        for load in loads:
            load.stop()
        models.stop()
        until(batches.settle)
        time.sleep(SETTLED + 1)
        yield found


def measure(*exporters: Process) -> None:
    for exporter in exporters:
        exporter.measure()


def run(soak: Soak, seconds: float) -> None:
    """Play the schedule for that long, squeezed into less when it is less than a minute."""
    start, cycles = time.monotonic(), max(1, round(seconds / CYCLE))
    length = seconds / cycles
    for cycle in range(cycles):
        for second, action in schedule(soak, cycle == 0):
            time.sleep(max(0.0, start + cycle * length + second * length / CYCLE - time.monotonic()))
            action()
    time.sleep(max(0.0, start + seconds - time.monotonic()))


def test_every_sample_is_what_the_source_held_then(soak: Soak) -> None:
    for name, source in soak.sources.items():
        for selector in (f"{name}_rows", f'{name}_tx_total{{status="ok"}}', f"{name}_amount_count"):
            if name == "redis" and not selector.endswith("_rows"):
                continue
            ((_, values),) = soak.samples(selector)
            # Most of the time there is a value, so the bounds below are looked at.
            assert len(values) > SECONDS / INTERVAL / 3, selector
            for moment, value in values:
                least = source.ledger.at_least(moment - EARLY)
                if value < least:
                    least = source.ledger.at_least(soak.scrape_began(moment) - EARLY)
                most = source.ledger.at_most(moment - EARLY, moment + TIMEOUT)
                # A Redis without persistence comes back empty, and that is then the truth.
                low = 0 if name == "redis" else least
                assert low <= value <= most, (selector, moment - soak.began, low, value, most)
        for _, values in soak.samples(f'{name}_tx_total{{status!="ok"}}'):
            assert {value for _, value in values} <= {0.0}


def test_a_metric_at_its_own_pace_is_what_the_source_held_when_it_was_read(soak: Soak) -> None:
    for name, source in soak.sources.items():
        if name == "redis":
            continue
        ((_, values),) = soak.samples(f"{name}_paced")
        assert len(values) > SECONDS / INTERVAL / 3, name
        read = dict(soak.samples(f'mkit_business_result_timestamp_seconds{{metric="{name}_paced"}}')[0][1])
        ages = []
        for moment, value in values:
            at = read[moment]
            ages.append(moment - at)
            # The reading's time is its end, and the query has 0.3 s.
            least, most = source.ledger.at_least(at - READING), source.ledger.at_most(at - READING, at + EARLY)
            assert least <= value <= most, (name, moment - soak.began, at - soak.began, least, value, most)
        # An answer is served on while the next reading waits for a source that hangs, and no longer.
        assert max(ages) <= EVERY + WAIT_SECONDS + 2 * READING, (name, max(ages))
        assert sorted(ages)[len(ages) // 2] <= EVERY + INTERVAL, name


def test_http_events_are_never_ahead_of_or_behind_their_acknowledgement(soak: Soak) -> None:
    ledger = soak.batches.events
    (series,) = soak.samples("soak_http_total")
    for moment, value in series[1]:
        assert ledger.at_least(moment - EARLY) <= value <= ledger.at_most(moment - EARLY, moment + TIMEOUT)


def test_histograms_agree_with_themselves(soak: Soak) -> None:
    for family, each in (
        ("sqlite_amount", 1.25),
        ("mysql_amount", 1.25),
        ("postgresql_amount", 1.25),
        ("soak_latency_seconds", 0.25),
    ):
        for labels, counts in soak.samples(f"{family}_count"):
            shard = f'{{shard="{labels["shard"]}"}}' if "shard" in labels else ""
            sums = dict(soak.samples(f"{family}_sum{shard}")[0][1])
            for moment, count in counts:
                assert sums[moment] == pytest.approx(count * each, rel=1e-9), (family, moment)


def test_counters_never_fall(soak: Soak) -> None:
    names = "|".join(f"{name}_(tx_total|amount_count|amount_sum|amount_bucket)" for name in soak.sources)
    killed = soak.ai.away[-1][1] if soak.ai.away else 0.0
    for selector in (
        f'{{__name__=~"{names}"}}',
        '{__name__=~"soak_.*(_total|_count|_bucket)|mkit_model_evaluated_.*"}',
    ):
        series = soak.samples(selector)
        assert series
        for labels, values in series:
            lasting = labels["__name__"].startswith("mkit_model_evaluated") or labels["job"] == "business"
            kept = [value for moment, value in values if lasting or moment > killed]
            assert kept == sorted(kept), labels


def test_nothing_that_was_committed_or_acknowledged_is_lost(soak: Soak) -> None:
    for name, source in soak.sources.items():
        rows = source.count()
        assert rows >= source.ledger.certain[-1] or name == "redis"
        assert rows > 0
        assert soak.last(f"{name}_rows") == rows, name
        if name != "redis":
            assert soak.last(f"{name}_tx_total") == rows, name
            assert soak.last(f"{name}_amount_count") == rows, name
    assert soak.batches.acknowledged > 0
    assert soak.last("soak_http_total") == soak.batches.acknowledged
    assert soak.last("mkit_model_evaluated_windows_total") == soak.batches.predictions
    assert soak.last("mkit_model_undercount_objects_total") == soak.batches.predictions


def test_every_call_in_the_model_processes_is_counted(soak: Soak) -> None:
    calls = sum(soak.models.calls.values())
    assert calls > 100 * SECONDS
    assert soak.models.dropped == 0
    assert soak.last("soak_frames_total") == calls
    assert soak.last("soak_latency_seconds_count") == calls
    assert soak.last("mkit_ai_ingest_lost_total") == 0
    assert soak.last('mkit_ai_ingest_dropped_total{reason!="duplicate_batch"}') == 0


def test_the_exporters_always_answered(soak: Soak) -> None:
    for exporter in (soak.business, soak.ai):
        ((_, values),) = soak.samples(f'up{{job="{exporter.name}"}}')
        failed = [moment for moment, value in values if value != 1]
        # While it was killed it could not; a dead or hung source is no excuse.
        late = [m for m in failed if not any(a - TIMEOUT <= m <= b for a, b in exporter.away)]
        assert len(late) <= len(values) / 10
        unexcused = [m for m in late if soak.starvation[exporter.name].within(m, m + TIMEOUT) < STARVED]
        assert not unexcused, (exporter.name, [m - soak.began for m in unexcused])
        longest = max(b[0] - a[0] for a, b in itertools.pairwise(values))
        assert longest < 2.5 * INTERVAL


def test_a_dead_source_is_seen_and_only_its_own_series_vanish(soak: Soak) -> None:
    for name in soak.sources:
        ((_, values),) = soak.samples(f'mkit_business_up{{source="{name}"}}')
        seen = [value for _, value in values]
        assert 0.0 in seen, name
        # A single query may run into its 300 ms where other work holds the processors.
        assert 1.0 in seen[-SETTLED_SCRAPES:], (name, seen[-10:])


def test_nothing_leaks(soak: Soak) -> None:
    for exporter in (soak.business, soak.ai):
        grown = exporter.growth()
        assert grown.rss < GROWN_MIB, (exporter.name, grown)
        assert grown.fds <= GROWN_FDS, (exporter.name, grown)
        assert grown.threads <= GROWN_THREADS, (exporter.name, grown)


def test_prometheus_had_nothing_to_complain_about(soak: Soak) -> None:
    complaints = (
        "duplicate sample",
        "out-of-order",
        "out of order",
        "too old",
        "level=error",
        "append failed",
        "scrape commit failed",
    )
    lines = [
        line for line in soak.prometheus.log.read_text().splitlines() if any(c in line.lower() for c in complaints)
    ]
    assert not lines, lines[:5]


def test_no_secret_in_a_log(soak: Soak) -> None:
    for exporter in (soak.business, soak.ai):
        assert PASSWORD not in exporter.log.read_text()

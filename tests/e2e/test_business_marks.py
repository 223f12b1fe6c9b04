"""Modes increment and events on real databases: each row once, whatever dies in between."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.business import state as state_module
from monitoring_kit.exporters.business.faults import SourceFault
from monitoring_kit.exporters.business.state import State

from tests import servers
from tests.e2e import business_rig
from tests.e2e.business_rig import Database

pytestmark = pytest.mark.e2e

EVENTS = {
    "type": "histogram", "help": "Amounts.", "source": "shop", "mode": "events", "buckets": [1, 10, 100],
    "watermark": {"column": "id"}, "query": "SELECT id, amount AS value FROM tx WHERE id > :watermark ORDER BY id",
}  # fmt: skip
INCREMENT = {
    "type": "counter", "help": "Revenue.", "source": "shop", "mode": "increment", "labels": ["status"],
    "query": "SELECT status, SUM(amount) AS value, MAX(id) AS watermark FROM tx WHERE id > :watermark GROUP BY status",
}  # fmt: skip

CUMULATIVE = {
    "type": "counter", "help": "Rows.", "source": "shop", "on_regression": "rebase", "query": "SELECT COUNT(*) AS value FROM tx",
}  # fmt: skip


@pytest.fixture(scope="module", params=["mysql", "postgresql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("marks")
    if request.param == "mysql":
        with servers.start_mariadb() as server, business_rig.mysql(server, folder) as found:
            yield found
    elif request.param == "postgresql":
        with servers.start_postgres() as server, business_rig.postgresql(server, folder) as found:
            yield found
    else:
        with business_rig.sqlite(folder) as found:
            yield found


def test_each_row_once_over_restarts_and_deletions(database: Database, tmp_path: Path) -> None:
    database.fill(0)
    state = tmp_path / "state.db"
    total = 0
    for rows in (3, 0, 5):
        database.add(rows, amount="20")
        total += rows
        with database.rig({"amount_units": EVENTS, "revenue_total": INCREMENT}, state) as rig:
            for _ in range(2):
                found = rig.scrape()
                assert rig.failures == {}
                assert found["amount_units_count"] == total
                assert found["amount_units_sum"] == 20 * total
                assert found['amount_units_bucket{le="10.0"}'] == 0
                assert found['revenue_total{status="ok"}'] == 20 * total
    database.execute("DELETE FROM tx WHERE id <= 4")
    database.add(1, amount="0.5")
    with database.rig({"amount_units": EVENTS, "revenue_total": INCREMENT}, state) as rig:
        found = rig.scrape()
        assert found["amount_units_count"] == total + 1
        assert found['amount_units_bucket{le="1.0"}'] == 1
        assert found['revenue_total{status="ok"}'] == 20 * total + 0.5


@pytest.mark.parametrize("on_null", ["omit", "zero", "error"])
def test_a_sum_over_no_new_rows_adds_nothing(database: Database, tmp_path: Path, on_null: str) -> None:
    """One row of NULLs: what SUM and MAX give where nothing came after the mark."""
    database.fill(0)
    query = "SELECT SUM(amount) AS value, MAX(id) AS mark FROM tx WHERE id > :watermark"
    more = {"watermark": "mark", "on_null": on_null}
    metrics = {
        "revenue_total": {**INCREMENT, "labels": [], "query": query, **more},
        "batch_units": {**EVENTS, "query": query, **more},
        "rows_total": {**INCREMENT, "labels": [], "query": query.replace("SUM(amount)", "COUNT(*)"), **more},
    }
    state = tmp_path / "state.db"
    shown = []
    for rows in (0, 0, 4, 0):
        database.add(rows)
        with database.rig(metrics, state) as rig:
            for _ in range(2):
                found = rig.scrape()
                assert rig.failures == {}
                names = ("revenue_total", "rows_total", "batch_units_count", "batch_units_sum")
                shown.append(tuple(found[name] for name in names))
                assert found['mkit_business_null_values_total{metric="revenue_total"}'] == 0
    assert shown == [(0, 0, 0, 0)] * 4 + [(5, 4, 1, 5)] * 4


def test_a_mark_without_a_value_moves_on_and_a_value_without_a_mark_is_an_error(
    database: Database, tmp_path: Path
) -> None:
    database.fill(0)
    database.execute("INSERT INTO tx (status, amount) VALUES ('ok', NULL)")
    unmarked = "SELECT amount AS value, NULL AS watermark FROM tx WHERE id > :watermark AND amount IS NOT NULL"
    metrics = {
        "revenue_total": INCREMENT,
        "lost_total": {**INCREMENT, "labels": [], "query": unmarked},
    }
    with database.rig(metrics, tmp_path / "state.db") as rig:
        found = rig.scrape()
        assert (rig.failures, found["lost_total"]) == ({}, 0)
        assert found['mkit_business_null_values_total{metric="revenue_total"}'] == 1
        database.add(1)
        found = rig.scrape()
        assert rig.failures == {"lost_total": "null_value"}
        assert found['revenue_total{status="ok"}'] == 1.25


CHANGES = [
    (CUMULATIVE, {"on_regression": "hold"}, "on_regression", "what the source holds now", (18, 15)),
    (CUMULATIVE, {"labels": ["status"], "query": CUMULATIVE["query"].replace("SELECT", "SELECT 'x' AS status,")}, "labels", "what the source holds now", (18, 15)),
    (EVENTS, {"buckets": [5]}, "buckets", "zero; rows up to the remembered mark stay uncounted", (18, 0)),
    ({**INCREMENT, "labels": []}, {"mode": "cumulative", "query": CUMULATIVE["query"]}, "mode", "what the source holds now", (18, 15)),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "change", "key", "begin", "shown"), CHANGES, ids=lambda value: str(value)[:12])
def test_a_metric_that_starts_anew_is_told_with_the_key(
    database: Database, tmp_path: Path, metric: Any, change: Any, key: str, begin: str, shown: Any, caplog: Any
) -> None:
    if database.kind != "sqlite":
        pytest.skip("nothing of this is the database's")
    database.fill(0)
    name = "amount_units" if metric["type"] == "histogram" else "rows_total"
    if metric.get("mode") == "increment":
        metric = {**metric, "query": "SELECT COUNT(*) AS value, MAX(id) AS watermark FROM tx WHERE id > :watermark"}

    def scraped(body: Any) -> float:
        with database.rig({name: body}, tmp_path / "state.db") as rig:
            found = rig.scrape()
            assert rig.failures == {}
            (value,) = (found[one] for one in found if re.match(rf"{name}(_count)?($|{{status)", one))
            return value

    database.add(10)
    scraped(metric)
    database.execute("DELETE FROM tx WHERE id <= 3")
    scraped(metric)
    database.add(8)
    assert (scraped(metric), caplog.records) == (shown[0], [])
    assert scraped({**metric, **change}) == shown[1]
    (told,) = caplog.records
    assert (told.metric, told.changed, told.begins_at) == (name, key, begin)
    # Once: then the state is that of the new configuration.
    scraped({**metric, **change})
    if "buckets" not in change:
        assert len(caplog.records) == 1


def test_a_table_made_anew_is_counted_after_the_readmes_recovery(database: Database, tmp_path: Path) -> None:
    readme = (Path(state_module.__file__).parent / "README.md").read_text()
    (statement,) = re.findall(r'sqlite3 \S+ "(DELETE [^"]+)"', readme)
    database.fill(5)
    metrics = {"amount_units": EVENTS, "revenue_total": {**INCREMENT, "on_empty": "omit"}}
    state = tmp_path / "state.db"
    with database.rig(metrics, state) as rig:
        rig.scrape()
    database.fill(2)
    with database.rig(metrics, state) as rig:
        found = rig.scrape()
        assert (found["amount_units_count"], found['revenue_total{status="ok"}']) == (5, 6.25)
    for metric in metrics:
        with contextlib.closing(sqlite3.connect(state)) as file:
            file.execute(statement.replace("revenue_total", metric))
            file.commit()
    with database.rig(metrics, state) as rig:
        found = rig.scrape()
        assert (found["amount_units_count"], found['revenue_total{status="ok"}']) == (2, 2.5)


def test_a_backlog_is_read_in_pages(database: Database, tmp_path: Path) -> None:
    database.fill(2345)
    with database.rig({"amount_units": EVENTS}, tmp_path / "state.db", max_rows=100) as rig:
        found = rig.scrape(30)
        assert rig.failures == {}
        assert found["amount_units_count"] == 2345


def test_aggregated_increment_over_the_cap_is_an_error(database: Database, tmp_path: Path) -> None:
    database.fill(0)
    for number in range(4):
        database.add(1, status=f"s{number}")
    with database.rig({"revenue_total": INCREMENT}, tmp_path / "state.db", max_rows=3) as rig:
        rig.scrape()
        assert rig.failures == {"revenue_total": "too_many_rows"}
        database.execute("DELETE FROM tx WHERE status = 's3'")
        assert rig.scrape()['revenue_total{status="s0"}'] == 1.25


@pytest.mark.parametrize("when", ["before", "after"])
def test_failure_around_the_save_counts_nothing_twice(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The disk fails before the state is written, or the process dies right after: both end with each row once."""
    database.fill(10)
    save = State.save

    def broken(self: State, metric: str, shape: str, data: Any) -> None:
        if when == "after":
            save(self, metric, shape, data)
        raise SourceFault("state", "state_file: disk full")

    state = tmp_path / "state.db"
    with database.rig({"amount_units": EVENTS, "revenue_total": INCREMENT}, state) as rig:
        monkeypatch.setattr(State, "save", broken)
        found = rig.scrape()
        assert rig.failures == {"amount_units": "state", "revenue_total": "state"}
        assert "amount_units_count" not in found
        monkeypatch.undo()
        if when == "before":
            assert rig.scrape()["amount_units_count"] == 10
    with database.rig({"amount_units": EVENTS, "revenue_total": INCREMENT}, state) as rig:
        found = rig.scrape()
        assert found["amount_units_count"] == 10
        assert found['revenue_total{status="ok"}'] == 12.5


def test_rows_at_or_before_the_mark_are_an_error(database: Database, tmp_path: Path) -> None:
    database.fill(3)
    metric = {**EVENTS, "query": EVENTS["query"].replace(">", ">=")}
    with database.rig({"amount_units": metric}, tmp_path / "state.db") as rig:
        rig.scrape()
        rig.scrape()
        assert rig.failures == {"amount_units": "order"}


def test_overlap_finds_rows_whose_transaction_ended_late(database: Database, tmp_path: Path) -> None:
    """Row 5 gets its id before row 6 and is committed after it was read."""
    if database.kind == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    database.fill(4)
    metric = {**EVENTS, "watermark": {"column": "id", "overlap": 100}}
    late = database.server.extra["admin"]()  # type: ignore[union-attr]
    late_cursor = late.cursor()
    late_cursor.execute("USE shop" if database.kind == "mysql" else "SELECT 1")
    late_cursor.execute("BEGIN")
    late_cursor.execute("INSERT INTO tx (status, amount) VALUES ('ok', 50)")
    database.add(1, amount="5")
    with database.rig({"amount_units": metric}, tmp_path / "state.db") as rig:
        assert rig.scrape()["amount_units_count"] == 5
        late_cursor.execute("COMMIT")
        late.close()
        for _ in range(3):
            found = rig.scrape()
            assert found["amount_units_count"] == 6
            assert found['amount_units_bucket{le="100.0"}'] == 6
    with database.rig({"amount_units": metric}, tmp_path / "state.db") as rig:
        assert rig.scrape()["amount_units_count"] == 6


def test_rows_while_writers_go_on(database: Database, tmp_path: Path) -> None:
    """Rows come in while scrapes run and the exporter restarts: in the end none is missing, none is double."""
    if database.kind == "sqlite":
        pytest.skip("one connection writes here")
    database.fill(0)
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            database.add(17)
            written += 17

    metric = {**EVENTS, "watermark": {"column": "id", "overlap": 200}}
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(4):
            with database.rig({"amount_units": metric}, tmp_path / "state.db", max_rows=250) as rig:
                for _ in range(3):
                    rig.scrape(10)
                    assert rig.failures == {}
    finally:
        stop.set()
        writer.join()
    with database.rig({"amount_units": metric}, tmp_path / "state.db", max_rows=250) as rig:
        assert rig.scrape(20)["amount_units_count"] == written > 0
        assert rig.failures == {}

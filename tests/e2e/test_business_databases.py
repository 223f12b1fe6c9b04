"""The business exporter on real MariaDB and PostgreSQL and on SQLite: what holds for all three."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.e2e import business_rig
from tests.e2e.business_rig import COUNT, STATUS, Database
from tests.unit.exporters.ai.rig import Rig as Model

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["mysql", "postgresql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("business")
    if request.param == "mysql":
        with servers.start_mariadb() as server, business_rig.mysql(server, folder) as found:
            yield found
    elif request.param == "postgresql":
        with servers.start_postgres() as server, business_rig.postgresql(server, folder) as found:
            yield found
    else:
        with business_rig.sqlite(folder) as found:
            yield found


def gauge(query: str, **more: Any) -> dict[str, Any]:
    return {"type": "gauge", "help": "A value.", "source": "shop", "query": query, **more}


def test_counts_labels_and_known_zeros(database: Database) -> None:
    database.fill(1000)
    database.add(7, "refunded")
    with database.rig({"rows_now": COUNT, "tx_total": STATUS}) as rig:
        found = rig.scrape()
    assert rig.failures == {}
    assert found["rows_now"] == 1007
    assert found['tx_total{status="ok"}'] == 1000
    assert found['tx_total{status="other"}'] == 7
    assert found['tx_total{status="failed"}'] == 0
    assert found['mkit_business_up{source="shop"}'] == 1
    assert abs(found['mkit_business_result_timestamp_seconds{metric="rows_now"}'] - time.time()) < 30


def test_shrunk_table_never_lowers_a_counter_and_is_counted(database: Database, tmp_path: Path) -> None:
    database.fill(1000)
    metrics = {"tx_total": STATUS, "rows_now": COUNT}
    with database.rig(metrics, tmp_path / "state.db") as rig:
        assert rig.scrape()['tx_total{status="ok"}'] == 1000
        database.execute("DELETE FROM tx WHERE id <= 10")
        for _ in range(3):
            found = rig.scrape()
            assert found['tx_total{status="ok"}'] == 1000
            assert found["rows_now"] == 990
            assert found['mkit_business_source_regressions_total{metric="tx_total"}'] == 1
    # A restart must not forget it: Prometheus would see 1000 -> 990 as a reset. Nor the count: 1 -> 1 is no increase.
    database.execute("DELETE FROM tx WHERE id <= 20")
    with database.rig(metrics, tmp_path / "state.db") as rig:
        found = rig.scrape()
        assert found['tx_total{status="ok"}'] == 1000
        assert found['mkit_business_source_regressions_total{metric="tx_total"}'] == 2
        database.add(10)
        database.add(15)
        assert rig.scrape()['tx_total{status="ok"}'] == 1005


def test_renamed_column_fails_alone_and_heals(database: Database) -> None:
    database.fill(3)
    with database.rig({"rows_now": COUNT, "tx_total": STATUS}) as rig:
        assert rig.scrape()['tx_total{status="ok"}'] == 3
        database.execute("ALTER TABLE tx RENAME COLUMN status TO state")
        found = rig.scrape()
        assert found["rows_now"] == 3
        assert rig.failures == {"tx_total": "query"}
        assert not [name for name in found if name.startswith("tx_total")]
        assert found['mkit_business_collector_success{collector="tx_total"}'] == 0
        assert found['mkit_business_collector_errors_total{collector="tx_total",reason="query"}'] == 1
        assert found['mkit_business_up{source="shop"}'] == 1
        database.execute("ALTER TABLE tx RENAME COLUMN state TO status")
        assert rig.scrape()['tx_total{status="ok"}'] == 3
        assert rig.failures == {}


def test_answer_with_other_columns_names_the_column(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    database.fill(3)
    metric = {**STATUS, "query": "SELECT status AS statuss, COUNT(*) AS value FROM tx GROUP BY status"}
    with database.rig({"tx_total": metric}) as rig, caplog.at_level(logging.WARNING):
        rig.scrape()
    assert rig.failures == {"tx_total": "columns"}
    assert "is it statuss?" in str([record.__dict__ for record in caplog.records])


def test_an_answer_without_rows_has_its_columns(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    database.fill(0)
    wrong = "SELECT status AS statuss, id AS value FROM tx WHERE id > 0"
    right = wrong.replace("statuss", "status")
    with database.rig(
        {"wrong_now": gauge(wrong, labels=["status"]), "right_now": gauge(right, labels=["status"])}
    ) as rig:
        for _ in range(2):
            rig.scrape()
            assert rig.failures == {"wrong_now": "columns"}
    assert "is it statuss?" in str([record.__dict__ for record in caplog.records])


def test_truth_may_be_an_empty_table(database: Database, tmp_path: Path) -> None:
    database.fill(0)
    truth = {"source": database.source, "every": 3600, "query": "SELECT status, amount FROM tx WHERE id > :since"}
    quality = {
        "key": ["status"], "min_samples": 1, "state_file": str(tmp_path / "q.db"), "truth": truth,
        "publish": {"accuracy": "ai_accuracy"},
    }  # fmt: skip
    metrics = {"ai_accuracy": {"type": "gauge", "help": "A.", "labels": {"model": {}, "version": {}}}}
    model_config = {
        "model": {"name": "m", "version": "1"}, "gpu": False, "ingest": {"http": True}, "metrics": metrics, "quality": quality,
    }  # fmt: skip
    with Model(model_config) as model:
        end = time.monotonic() + 8
        while (done := model.value("mkit_ai_truth_success")) is None:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert (done, model.value("mkit_ai_truth_errors_total", reason="columns")) == (1, 0)


def test_vanished_labels_vanish_at_once(database: Database) -> None:
    database.fill(2)
    database.add(1, "refunded")
    query = "SELECT status, COUNT(*) AS value FROM tx GROUP BY status"
    with database.rig({"per_status": gauge(query, labels=["status"])}) as rig:
        assert rig.scrape()['per_status{status="refunded"}'] == 1
        database.execute("DELETE FROM tx WHERE status = 'refunded'")
        found = rig.scrape()
        assert 'per_status{status="refunded"}' not in found
        assert found['per_status{status="ok"}'] == 2


@pytest.mark.parametrize(("rule", "expected"), [("omit", None), ("zero", 0.0), ("error", None)])
def test_null_values(database: Database, rule: str, expected: float | None) -> None:
    database.fill(0)
    with database.rig({"revenue_now": gauge("SELECT SUM(amount) AS value FROM tx", on_null=rule)}) as rig:
        found = rig.scrape()
    assert found.get("revenue_now") == expected
    assert rig.failures == ({"revenue_now": "null_value"} if rule == "error" else {})
    if rule == "omit":
        assert found['mkit_business_null_values_total{metric="revenue_now"}'] == 1


def test_null_label_is_an_error_unless_the_label_has_an_else(database: Database) -> None:
    database.fill(2)
    database.execute("INSERT INTO tx (status, amount) VALUES (NULL, 1)")
    query = "SELECT status, COUNT(*) AS value FROM tx GROUP BY status"
    metrics = {
        "open_now": gauge(query, labels={"status": {"max": 5}}),
        "else_now": gauge(query, labels={"status": {"max": 5, "else": "none"}}),
    }
    with database.rig(metrics) as rig:
        found = rig.scrape()
    assert rig.failures == {"open_now": "null_label"}
    assert found['else_now{status="none"}'] == 1
    assert found['else_now{status="ok"}'] == 2


def test_empty_results(database: Database) -> None:
    database.fill(0)
    query = "SELECT status, COUNT(*) AS value FROM tx GROUP BY status"
    metrics = {
        f"{rule}_now": gauge(query, labels={"status": ["ok", "failed"]}, on_empty=rule)
        for rule in ("omit", "zero", "error")
    }
    with database.rig(metrics) as rig:
        found = rig.scrape()
    assert rig.failures == {"error_now": "empty"}
    assert {name: value for name, value in found.items() if name.startswith(("omit_now", "zero_now", "error_now"))} == {
        'zero_now{status="ok"}': 0,
        'zero_now{status="failed"}': 0,
    }


def test_decimals_are_numbers(database: Database) -> None:
    database.fill(0)
    database.add(3, amount="12345678901.2345")
    with database.rig({"revenue_now": gauge("SELECT SUM(amount) AS value FROM tx")}) as rig:
        assert rig.scrape()["revenue_now"] == pytest.approx(37037036703.7035, rel=1e-15)


def test_text_is_no_number_unless_allowed(database: Database) -> None:
    with database.rig(
        {"a_now": gauge("SELECT '12.5' AS value"), "b_now": gauge("SELECT '12.5' AS value", numeric_text=True)}
    ) as rig:
        found = rig.scrape()
    assert rig.failures == {"a_now": "value"}
    assert found["b_now"] == 12.5


NOT_FINITE = {"postgresql": ["'NaN'::float8", "'NaN'::numeric", "'infinity'::float8"], "sqlite": ["9e999", "-9e999"]}


def test_a_figure_that_is_not_finite_is_refused(database: Database) -> None:
    for figure in NOT_FINITE.get(database.kind, ()):
        with database.rig({"a_now": gauge(f"SELECT {figure} AS value")}) as rig:
            assert "a_now" not in rig.scrape()
            assert rig.failures == {"a_now": "value"}, figure


def test_a_value_that_the_driver_cannot_read_is_an_answer(database: Database) -> None:
    if database.kind != "postgresql":
        pytest.skip("the other drivers give such figures as text")
    # More digits than Python makes a number of.
    huge = gauge("SELECT CASE WHEN COUNT(*) > 0 THEN repeat('9', 5000) ELSE '1' END::json AS value FROM tx")
    database.fill(0)
    with database.rig({"a_now": huge}) as rig:
        assert rig.scrape()["a_now"] == 1
        database.add(1)
        for connects in (1, 2):
            found = rig.scrape()
            assert (rig.failures, found['mkit_business_up{source="shop"}']) == ({"a_now": "value"}, 1)
            assert found['mkit_business_source_connects_total{source="shop"}'] == connects
        database.execute("DELETE FROM tx")
        assert rig.scrape()["a_now"] == 1


def test_a_zero_date_is_told_as_one(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    if database.kind != "mysql":
        pytest.skip("only MySQL and MariaDB have such dates")
    database.fill(0)
    with database.server.extra["admin"]() as connection, connection.cursor() as cursor:  # type: ignore[union-attr]
        cursor.execute("SET SESSION sql_mode = ''")
        cursor.execute("INSERT INTO shop.tx (status, at) VALUES ('ok', '0000-00-00')")
    queries = {"at_now": "SELECT at AS value FROM tx", "day_now": "SELECT CAST(at AS DATE) AS value FROM tx"}
    fixed = {
        f"no_{name}": query.replace(" AS value", ", '0000-00-00') AS value").replace("SELECT ", "SELECT NULLIF(")
        for name, query in queries.items()
    }
    metrics = {name: gauge(query) for name, query in {**queries, **fixed}.items()}
    metrics["text_now"] = gauge(queries["at_now"], numeric_text=True)
    with database.rig(metrics, time_zone="UTC") as rig:
        rig.scrape()
        assert rig.failures == dict.fromkeys((*queries, "text_now"), "value")
    told = [str(record.err) for record in caplog.records if hasattr(record, "err")]
    assert len(told) == 3
    assert all("NULLIF(column, '0000-00-00')" in line and "numeric_text" not in line for line in told), told


ZONES = {"UTC": 0, "+00:00": 0, "+07:00": 7, "-03:30": -3.5, "+05:30": 5.5, "Asia/Ho_Chi_Minh": 7}


@pytest.mark.parametrize("zone", ZONES)
def test_the_session_has_the_zone_and_nobody_is_warned(
    database: Database, zone: str, caplog: pytest.LogCaptureFixture
) -> None:
    if database.kind != "postgresql":
        pytest.skip("what a driver says of its session")
    database.fill(0)
    database.execute("INSERT INTO tx (status, at) VALUES ('ok', '2026-01-02 03:04:05+00')")
    metrics = {
        "at_now": gauge("SELECT at AS value FROM tx"),
        "wall_now": gauge("SELECT at::timestamp AS value FROM tx"),
        "hour_now": gauge("SELECT EXTRACT(hour FROM at) + EXTRACT(minute FROM at) / 60.0 AS value FROM tx"),
    }
    moment = 1767323045
    with caplog.at_level(logging.WARNING), database.rig(metrics, time_zone=zone) as rig:
        found = rig.scrape()
    assert (rig.failures, [record.getMessage() for record in caplog.records]) == ({}, [])
    assert (found["at_now"], found["wall_now"]) == (moment, moment)
    assert found["hour_now"] == pytest.approx((3 + 4 / 60 + ZONES[zone]) % 24)


def test_hundred_thousand_rows_are_refused_quickly_and_harm_nobody(database: Database) -> None:
    database.fill(100_000)
    metrics = {"many_now": gauge("SELECT id AS row_id, amount AS value FROM tx", labels=["row_id"]), "rows_now": COUNT}
    with database.rig(metrics) as rig:
        rig.scrape()
        found = rig.scrape()
        assert rig.failures == {"many_now": "too_many_rows"}
        assert not [name for name in found if name.startswith("many_now")]
        assert found["rows_now"] == 100_000
        assert rig.took < 1.5
    with database.rig({"many_now": {**metrics["many_now"], "timeout": "20s"}}, max_rows=100_000) as rig:
        # The row cap admits them, in the time that a busy machine needs; the exporter's series cap holds all the same.
        found = rig.scrape(30)
        assert rig.failures == {}, rig.failures
        assert sum(name.startswith("many_now") for name in found) < 10_000
        assert found['mkit_business_series_dropped_total{metric="many_now",reason="exporter_cap"}'] > 90_000


def test_slow_query_ends_at_its_timeout_and_the_source_lives_on(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.fill(5)
    with database.rig({"slow_now": gauge(database.sleep, timeout="500ms"), "rows_now": COUNT}) as rig:
        found = rig.scrape()
        assert rig.failures.get("slow_now") == "timeout"
        (told,) = [str(record.err) for record in caplog.records if getattr(record, "collector", "") == "slow_now"]
        assert told.startswith("stopped after 0.5 s, the limit that `timeout` sets (at the metric, else at its source)")
        assert rig.took < 1.2
        assert found["rows_now"] == 5


def test_a_slow_source_starves_no_other(database: Database, tmp_path: Path) -> None:
    database.fill(5)
    with business_rig.sqlite(tmp_path) as other:
        other.fill(4)
        sources = {"shop": {**database.source, "timeout": "2s"}, "other": other.source}
        metrics = {"slow_now": gauge(database.sleep), "fast_now": {**COUNT, "source": "other"}}
        with business_rig.Rig(sources, metrics) as rig:
            found = rig.scrape(0.7)
            assert found["fast_now"] == 4
            assert rig.failures == {"slow_now": "timeout"}
            assert rig.took < 1.5, "not the 2 s of the slow source's own timeout"


def test_hold_keeps_the_last_rows_up_to_its_age(database: Database) -> None:
    database.fill(5)
    metric = {**COUNT, "on_error": {"hold": "1s"}}
    with database.rig({"held_now": metric, "dropped_now": COUNT}) as rig:
        rig.scrape()
        database.execute("ALTER TABLE tx RENAME TO elsewhere")
        try:
            found = rig.scrape()
            assert found["held_now"] == 5
            assert "dropped_now" not in found
            assert found['mkit_business_collector_success{collector="held_now"}'] == 0
            time.sleep(1.2)
            assert "held_now" not in rig.scrape()
        finally:
            database.execute("ALTER TABLE elsewhere RENAME TO tx")


WRITES = {
    "mysql": ["INSERT INTO tx (status) VALUES ('evil')", "CREATE TABLE evil (i INT)", "DROP TABLE tx", "UPDATE tx SET status = 'evil'",
              "SET SESSION TRANSACTION READ WRITE", "SELECT 1; DELETE FROM tx", "SELECT * FROM tx INTO OUTFILE '/tmp/evil'",
              "INSERT INTO tx (status) VALUES ('evil') RETURNING id AS value"],
    "postgresql": ["INSERT INTO tx (status) VALUES ('evil') RETURNING id AS value", "CREATE TABLE evil (i INT)", "DROP TABLE tx",
                   "WITH d AS (DELETE FROM tx RETURNING id) SELECT COUNT(*) AS value FROM d",
                   "SELECT 1 AS value; SET transaction_read_only = off; COMMIT; BEGIN; DELETE FROM tx; COMMIT",
                   "SELECT 1 AS value INTO evil", "SELECT nextval('tx_id_seq') AS value"],
    "sqlite": ["INSERT INTO tx (status) VALUES ('evil')", "CREATE TABLE evil (i INT)", "DROP TABLE tx", "PRAGMA query_only = OFF",
               "ATTACH '/tmp/evil.db' AS evil", "SELECT 1; DELETE FROM tx", "DELETE FROM tx RETURNING id AS value"],
}  # fmt: skip


def test_read_only_by_construction_even_for_an_account_that_may_write(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the lint out of the way and all rights granted, the session itself refuses every write."""
    database.fill(10)
    if database.kind == "mysql":
        database.execute("GRANT ALL ON shop.* TO mkit@'127.0.0.1'")
    elif database.kind == "postgresql":
        database.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO mkit")
        database.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO mkit; GRANT CREATE ON SCHEMA public TO mkit")
    from monitoring_kit.exporters.business import config_metrics

    monkeypatch.setattr(config_metrics, "lint", lambda *_: [])
    for number, write in enumerate(WRITES[database.kind]):
        with database.rig({"evil_now": gauge(write), "rows_now": COUNT}) as rig:
            for _ in range(2):
                found = rig.scrape()
                # SET alone succeeds in MySQL, but the next query sets the session back before it runs.
                assert "evil_now" in rig.failures, write
                assert found["rows_now"] == 10, (number, write)
    assert database.execute("SELECT COUNT(*) FROM tx WHERE status = 'evil'")[0][0] == 0
    assert database.execute("SELECT COUNT(*) FROM tx")[0][0] == 10


def test_lint_refuses_the_same_writes_when_the_configuration_is_read(database: Database) -> None:
    for write in WRITES[database.kind]:
        with pytest.raises(Exception, match=r"metrics\.evil_now\.query"):
            database.rig({"evil_now": gauge(write)})

"""Generated grants, time zones and the command line of the business exporter, on real databases."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from click.testing import CliRunner, Result
from monitoring_kit.exporters.business.config import parse_config
from monitoring_kit.exporters.business.grants import PLACEHOLDER, grants

from monitoring_kit.cli.exporter import command
from tests import servers
from tests.e2e import business_rig
from tests.e2e.business_rig import COUNT, STATUS, Database, Rig
from tests.servers import PASSWORD

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["mysql", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("accounts")
    if request.param == "mysql":
        with servers.start_mariadb() as server, business_rig.mysql(server, folder) as found:
            yield found
    else:
        with servers.start_postgres() as server, business_rig.postgresql(server, folder) as found:
            yield found


def gauge(query: str, **more: Any) -> dict[str, Any]:
    return {"type": "gauge", "help": "A value.", "source": "shop", "query": query, **more}


def test_generated_grants_are_enough_and_no_more(database: Database, tmp_path: Path) -> None:
    database.fill(3)
    database.execute("DROP TABLE IF EXISTS secret")
    database.execute("CREATE TABLE secret (i INT)")
    path = tmp_path / "dsn"
    port = database.server.port  # type: ignore[union-attr]
    path.write_text(f"{database.kind}://least:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/shop")
    sources = {"shop": {"kind": database.kind, "dsn_file": str(path)}}
    metrics = {
        "rows_now": gauge("WITH x AS (SELECT * FROM TX) SELECT COUNT(*) AS value FROM x JOIN tx AS t ON t.id = x.id"),
        "tx_total": STATUS,
    }
    if database.kind == "mysql":
        metrics["rows_now"] = {**metrics["rows_now"], "query": metrics["rows_now"]["query"].replace("TX", "tx")}
    printed = grants(parse_config({"sources": sources, "metrics": metrics}))
    assert PASSWORD not in printed
    assert "secret" not in printed
    for line in printed.replace(PLACEHOLDER, PASSWORD).splitlines():
        if line and not line.startswith("--"):
            database.execute(line)
    with Rig(sources, metrics) as rig:
        found = rig.scrape()
        assert rig.failures == {}
        assert found["rows_now"] == 3
    with Rig(sources, {"secret_now": gauge("SELECT COUNT(*) AS value FROM secret")}) as rig:
        rig.scrape()
        assert rig.failures == {"secret_now": "permission"}
    # The account may also end its own query, which the watchdog needs.
    with Rig(sources, {"slow_now": gauge(database.sleep, timeout="300ms")}) as rig:
        rig.scrape()
        assert rig.failures == {"slow_now": "timeout"}


def test_the_grants_of_the_ai_exporter_are_enough_for_its_truth(database: Database, tmp_path: Path) -> None:
    """Beside those of the business exporter for the same account, which know nothing of the truth's table."""
    database.fill(1)
    database.execute("DROP TABLE IF EXISTS counts")
    database.execute("CREATE TABLE counts (id INT, n INT)")
    database.execute("INSERT INTO counts VALUES (1, 7)")
    dsn, file = tmp_path / "dsn", tmp_path / "ai.yaml"
    port = database.server.port  # type: ignore[union-attr]
    dsn.write_text(f"{database.kind}://judge:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/shop")
    source = {"kind": database.kind, "dsn_file": str(dsn)}

    def create(printed: str) -> None:
        for line in printed.replace(PLACEHOLDER, PASSWORD).splitlines():
            # The account is there by then: of the second text only what is granted counts.
            if line.startswith("GRANT") or (
                line.startswith(("CREATE", "ALTER")) and printed.startswith("-- source shop")
            ):
                database.execute(line)

    create(grants(parse_config({"sources": {"shop": source}, "metrics": {"tx_total": STATUS}})))
    truth = {"source": source, "query": "SELECT id, n AS value FROM counts LIMIT 5"}
    quality = {"key": ["id"], "state_file": str(tmp_path / "ai.db"), "truth": truth}
    file.write_text(yaml.safe_dump({"quality": quality, "gpu": "off"}))

    def checked() -> Result:
        return CliRunner().invoke(command, ["ai", "--config", str(file), "--config.check"])

    assert checked().exit_code != 0
    printed = CliRunner().invoke(command, ["ai", "--config", str(file), "--print-grants"]).output
    assert PASSWORD not in printed
    create(printed)
    done = checked()
    assert done.exit_code == 0, done.output


MOMENT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("zone", "wall"),
    [
        ("UTC", "2026-07-01 12:00:00"),
        ("Asia/Ho_Chi_Minh", "2026-07-01 19:00:00"),
        ("+02:00", "2026-07-01 14:00:00"),
        ("-03:30", "2026-07-01 08:30:00"),
    ],
)
def test_dates_without_zone_are_read_in_the_sources_zone(database: Database, zone: str, wall: str) -> None:
    cast = f"CAST('{wall}' AS {'DATETIME' if database.kind == 'mysql' else 'TIMESTAMP'})"
    with database.rig({"at_seconds": gauge(f"SELECT {cast} AS value")}, time_zone=zone) as rig:
        found = rig.scrape()
        assert rig.failures == {}
        assert found["at_seconds"] == MOMENT


def test_the_session_speaks_the_sources_zone(database: Database) -> None:
    """A column that stores moments is shown by the server in the session's zone, and comes back as the same moment."""
    if database.kind == "mysql":
        query = f"SELECT FROM_UNIXTIME({MOMENT:.0f}) AS value"
    else:
        query = f"SELECT to_timestamp({MOMENT:.0f})::timestamptz::timestamp AS value"
    for zone in ("Asia/Ho_Chi_Minh", "+05:45", "UTC"):
        with database.rig({"at_seconds": gauge(query)}, time_zone=zone) as rig:
            assert rig.scrape()["at_seconds"] == MOMENT, zone


def test_dates_without_zone_are_refused_when_no_zone_is_set(database: Database) -> None:
    cast = f"CAST('2026-07-01 12:00:00' AS {'DATETIME' if database.kind == 'mysql' else 'TIMESTAMP'})"
    with database.rig({"at_seconds": gauge(f"SELECT {cast} AS value")}) as rig:
        rig.scrape()
        assert rig.failures == {"at_seconds": "value"}


def test_zone_that_changes_its_offset_needs_the_servers_tables(database: Database) -> None:
    with database.rig({"at_seconds": gauge("SELECT 1 AS value")}, time_zone="Europe/Paris") as rig:
        rig.scrape()
        # A fresh MariaDB has no time zone tables: half the year would be wrong by an hour, so it is refused.
        assert rig.failures == ({"at_seconds": "query"} if database.kind == "mysql" else {})


def test_odd_types(database: Database) -> None:
    queries = {
        "bool_now": ("SELECT TRUE AS value", 1.0),
        "text_now": ("SELECT 'x' AS value", None),
        "big_now": ("SELECT CAST(9007199254740993 AS DECIMAL(30,0)) AS value", 9007199254740992.0),
        "day_now": ("SELECT CAST('2026-07-01' AS DATE) AS value", datetime(2026, 7, 1, tzinfo=UTC).timestamp()),
        "span_now": (
            "SELECT CAST('01:30:00' AS TIME) AS value"
            if database.kind == "mysql"
            else "SELECT INTERVAL '90 minutes' AS value",
            5400.0,
        ),
    }
    if database.kind == "postgresql":
        queries["nan_now"] = ("SELECT 'NaN'::numeric AS value", None)
        queries["json_now"] = ("SELECT '{}'::jsonb AS value", None)
        queries["inf_now"] = ("SELECT 'infinity'::date AS value", None)
    with database.rig({name: gauge(query) for name, (query, _) in queries.items()}, time_zone="UTC") as rig:
        found = rig.scrape()
    for name, (_, expected) in queries.items():
        assert found.get(name) == expected, name
    failed = {"text_now": "value"}
    if database.kind == "postgresql":
        failed |= {"json_now": "value", "inf_now": "value", "nan_now": "value"}
    assert rig.failures == failed


def test_config_check_prints_the_samples_and_saves_nothing(database: Database, tmp_path: Path) -> None:
    database.fill(5)
    config = tmp_path / "business.yaml"
    state = tmp_path / "state.db"
    events = {
        "type": "histogram", "help": "Amounts.", "source": "shop", "buckets": [1, 2], "watermark": "id",
        "query": "SELECT id, amount AS value FROM tx WHERE id > :watermark ORDER BY id",
    }  # fmt: skip
    metrics = {"user_count": COUNT, "tx_total": STATUS, "amount_units": events}
    config.write_text(
        yaml.safe_dump({"sources": {"shop": database.source}, "state_file": str(state), "metrics": metrics})
    )
    command = [
        sys.executable,
        "-m",
        "monitoring_kit.exporters.business.main",
        "--config",
        str(config),
        "--config.check",
    ]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert 'tx_total{status="ok"} 5.0' in done.stdout
        assert "user_count 5.0" in done.stdout
        assert "amount_units_count 5" in done.stdout
        assert "mkit_business" not in done.stdout
    assert not state.exists()
    metrics["bad_now"] = gauge("SELECT nope AS value FROM tx")
    config.write_text(json.dumps({"sources": {"shop": database.source}, "state_file": str(state), "metrics": metrics}))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "FAILED bad_now (shop): query:" in done.stderr
    assert "nope" in done.stderr
    assert "user_count 5.0" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr

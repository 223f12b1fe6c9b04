"""InfluxDB as a second store: the statements on a real InfluxDB 1.x, written and read by a real Prometheus."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitoring_kit.diagnostics import Severity
from monitoring_kit.lower.influxdb import influx_duration, lower_influxdb
from monitoring_kit.lower.prometheus import lower_prometheus
from monitoring_kit.spec.quantity import Duration
from tests.conftest import marked
from tests.unit.lower.live import Server, free_port, prometheus, running, until
from tests.unit.lower.spec_text import HEAD, WEB, Compile, lowered

INFLUX = (
    "storage: {influxdb: {url: 'http://influx:8086/', database: shop_metrics, shard_duration: 1d, "
    "retention: {default: 30d, short: 7d, long: 1y}}}\n"
)


def statements(compile_text: Compile, influx: str = INFLUX) -> list[str]:
    files = lowered(compile_text(HEAD + WEB + influx), lower_influxdb, model=False)
    text = files.text("influxdb/setup.iql")
    return [line.removesuffix(";") for line in text.splitlines() if not line.startswith("--")]


def test_statements(compile_text: Compile) -> None:
    standard = 'RETENTION POLICY "standard" ON "shop_metrics" DURATION 30d REPLICATION 1 SHARD DURATION 1d DEFAULT'
    short = 'RETENTION POLICY "short" ON "shop_metrics" DURATION 7d REPLICATION 1 SHARD DURATION 1d'
    long = 'RETENTION POLICY "long" ON "shop_metrics" DURATION 365d REPLICATION 1 SHARD DURATION 1d'
    found = statements(compile_text)
    assert found[:-1] == ['CREATE DATABASE "shop_metrics"'] + [
        f"{verb} {policy}" for policy in (standard, short, long) for verb in ("CREATE", "ALTER")
    ]
    assert found[-1].startswith('CREATE CONTINUOUS QUERY "long_5m" ON "shop_metrics" BEGIN SELECT last("value")')
    assert found[-1].endswith("GROUP BY time(5m), * END")


def test_a_year_gets_weekly_shards_unless_told_otherwise(compile_text: Compile) -> None:
    found = statements(compile_text, "storage: {influxdb: {url: 'http://i:8086', database: m}}\n")
    assert [line.split("SHARD DURATION ")[1] for line in found if line.startswith("CREATE RET")] == [
        "1d DEFAULT",
        "1d",
        "7d",
    ]


@pytest.mark.parametrize(
    ("text", "influxql"), [("7d", "7d"), ("1y", "365d"), ("36h", "36h"), ("90m", "90m"), ("61s", "61s")]
)
def test_durations_in_influxql(text: str, influxql: str) -> None:
    assert influx_duration(Duration.of(text)) == influxql


def test_each_policy_has_its_write_and_labelled_ones_their_read(compile_text: Compile) -> None:
    tree = lowered(compile_text(HEAD + WEB + INFLUX), lower_prometheus).tree("prometheus/prometheus.yml")
    writes = {w["name"]: w for w in tree["remote_write"]}
    assert set(writes) == {"influxdb-standard", "influxdb-short", "influxdb-long"}
    assert "write_relabel_configs" not in writes["influxdb-standard"]
    assert writes["influxdb-long"]["url"] == "http://influx:8086/api/v1/prom/write?db=shop_metrics&rp=long"
    assert writes["influxdb-short"]["write_relabel_configs"] == [
        {"source_labels": ["retention"], "regex": "7d", "action": "keep"}
    ]
    reads = {r["name"]: r for r in tree["remote_read"]}
    assert set(reads) == {"influxdb-short", "influxdb-long"}
    assert reads["influxdb-long"]["required_matchers"] == {"retention": "1y"}
    assert all(r["filter_external_labels"] is False for r in reads.values())


def test_a_policy_that_nobody_wrote_is_chosen_by_the_documented_default(compile_text: Compile) -> None:
    text = HEAD + WEB + "storage: {influxdb: {url: 'http://i:8086', database: m}}\n"
    tree = lowered(compile_text(text), lower_prometheus).tree("prometheus/prometheus.yml")
    reference = (Path(__file__).parents[3] / "docs/spec.md").read_text().partition("## InfluxRetention")[2]
    for read in tree["remote_read"]:
        name = read["name"].removeprefix("influxdb-")
        row = next(line for line in reference.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.split("|")[3].strip() == f"`{read['required_matchers']['retention']}`"


LABELLED = [
    "metrics:\n  a_total: {type: counter, help: A., labels: «{time: {values: [day, night]}}», services: [web]}\n",
    "alerts:\n  A: {when: errors > 5%, severity: warning, labels: «{time: late}»}\n",
    "prometheus: {external_labels: «{time: x}»}\n",
]


@pytest.mark.parametrize("text", LABELLED)
def test_a_label_that_influxdb_refuses(compile_text: Compile, text: str) -> None:
    spec, place = marked(HEAD + WEB + text + INFLUX)
    (found,) = [d for d in compile_text(spec).report if d.code == "influxdb/label"]
    assert found.severity is Severity.ERROR
    assert found.span is not None
    assert (found.span.line, found.span.column) == (place or ())[:2]
    assert not [
        d for d in compile_text(HEAD + WEB + text.replace("«", "").replace("»", "")).report if "influx" in d.code
    ]


@pytest.mark.parametrize("influx", ["", "storage: {influxdb: {enabled: false, url: 'http://i:1', database: m}}\n"])
def test_nothing_when_disabled(compile_text: Compile, influx: str) -> None:
    compilation = compile_text(HEAD + WEB + influx)
    assert lowered(compilation, lower_influxdb, model=False).files == {}
    assert "remote_write" not in lowered(compilation, lower_prometheus).tree("prometheus/prometheus.yml")


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("retention: {default: 30m}", "influxdb/retention"),
        ("shard_duration: 30d, retention: {short: 7d}", "influxdb/shard"),
        ("shard_duration: 30m", "influxdb/shard"),
        ("retention: {short: 365d, long: 1y}", "influxdb/retention"),
    ],
)
def test_settings_that_influxdb_refuses(compile_text: Compile, settings: str, code: str) -> None:
    text = HEAD + WEB + f"storage: {{influxdb: {{url: 'http://i:1', database: m, {settings}}}}}\n"
    files = lowered(compile_text(text), lower_influxdb, model=False)
    assert (code, "error") in files.found


@contextmanager
def influxdb(folder: Path) -> Iterator[Server]:
    program = shutil.which("influxd")
    if program is None or shutil.which("influx") is None:
        pytest.skip("influxd and influx are missing (Debian: influxdb, influxdb-client)")
    port, rpc = free_port(), free_port()
    config = folder / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{rpc}"\n'
        f'[meta]\ndir = "{folder}/meta"\n[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\n'
    )
    with running([program, "-config", str(config)], port, folder / "influxd.log", "/ping") as server:
        yield server


def execute(server: Server, text: str) -> int:
    """Run ``influx -execute``; the shell's ``$(cat …)`` drops the last newline."""
    command = ["influx", "-host", "127.0.0.1", "-port", str(server.port), "-execute", text.rstrip("\n")]
    return subprocess.run(command, capture_output=True, timeout=30).returncode


def apply_whole(server: Server, setup: Path) -> None:
    assert execute(server, setup.read_text()) == 0


def apply_by_line(server: Server, setup: Path) -> list[int]:
    return [execute(server, line) for line in setup.read_text().splitlines()]


@pytest.mark.e2e
def test_setup_is_right_and_can_be_applied_again(compile_text: Compile, tmp_path: Path) -> None:
    first = lowered(compile_text(HEAD + WEB + INFLUX), lower_influxdb, model=False).write(tmp_path / "first")
    longer = INFLUX.replace("30d", "60d")
    second = lowered(compile_text(HEAD + WEB + longer), lower_influxdb, model=False).write(tmp_path / "second")
    with influxdb(tmp_path) as server:
        apply_whole(server, first / "influxdb/setup.iql")
        policies = {row[0]: row[1:] for row in server.influx('SHOW RETENTION POLICIES ON "shop_metrics"')}
        assert policies["standard"] == ["720h0m0s", "24h0m0s", 1, True]
        assert policies["short"] == ["168h0m0s", "24h0m0s", 1, False]
        assert policies["long"] == ["8760h0m0s", "24h0m0s", 1, False]
        queries = server.influx("SHOW CONTINUOUS QUERIES")
        assert [row[0] for row in queries] == ["long_5m"]
        assert set(apply_by_line(server, first / "influxdb/setup.iql")) == {0}, "what is right already stays"
        apply_by_line(server, second / "influxdb/setup.iql")
        policies = {row[0]: row[1:] for row in server.influx('SHOW RETENTION POLICIES ON "shop_metrics"')}
        assert policies["standard"] == ["1440h0m0s", "24h0m0s", 1, True]
        assert len(server.influx("SHOW CONTINUOUS QUERIES")) == 1


def pair(influx_port: int, prometheus_port: int) -> str:
    target = f"127.0.0.1:{prometheus_port}"
    return HEAD + (
        "prometheus: {replicas: 2, scrape_interval: 1s, evaluation_interval: 1s}\n"
        "alerting: {alertmanagers: [], absent: 'off'}\n"
        "services:\n"
        f"  kept: {{kind: prometheus, scrape: {{targets: ['{target}']}}, labels: {{retention: 1y}}}}\n"
        f"  plain: {{kind: prometheus, scrape: {{targets: ['{target}']}}}}\n"
        + INFLUX.replace("http://influx:8086/", f"http://127.0.0.1:{influx_port}/")
    )


@pytest.mark.e2e
@pytest.mark.slow
def test_what_replica_a_wrote_replica_b_reads(compile_text: Compile, tmp_path: Path) -> None:
    with influxdb(tmp_path) as influx:
        port = free_port()
        compilation = compile_text(pair(influx.port, port))
        setup = lowered(compilation, lower_influxdb, model=False).write(tmp_path)
        apply_whole(influx, setup / "influxdb/setup.iql")
        lowered(compilation, lower_prometheus).write(tmp_path)
        # What the continuous query adds to ``long`` bears the beginning of its five minutes, which is earlier.
        since = f"WHERE time >= {time.time_ns()}"
        with prometheus(tmp_path, "prometheus.yml", port, "a"):
            until(lambda: influx.influx(f'SELECT count(*) FROM "shop_metrics"."long"."up" {since}'), "samples in long")
            time.sleep(8)
            now = time.time()
        raw = influx.influx('SELECT "service", "value" FROM "shop_metrics"."standard"."up"')
        assert {row[1] for row in raw} == {"kept", "plain"}
        long = influx.influx(f'SELECT "service", "value" FROM "shop_metrics"."long"."up" {since}')
        assert {row[1] for row in long} == {"kept"}
        assert influx.influx('SELECT * FROM "shop_metrics"."short"."up"') == []
        with prometheus(tmp_path, "prometheus-b.yml", port, "b") as b:
            # b's own storage is empty at that time: what it finds, it has read from InfluxDB.
            old = b.get("/api/v1/query", query='up{retention="1y"}', time=f"{now - 5}")["data"]["result"]
            assert [(r["metric"]["service"], r["metric"]["replica"], r["value"][1]) for r in old] == [
                ("kept", "a", "1")
            ]
            local = b.get("/api/v1/query", query='up{service="plain"}', time=f"{now - 5}")["data"]["result"]
            assert local == [], "selectors without the label must not leave the server"

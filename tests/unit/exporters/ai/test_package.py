"""What stands around the exporter: its README, image, command line and pack say what the code does."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from monitoring_kit.exporters.ai import health
from monitoring_kit.exporters.ai.catalog import model_specs
from monitoring_kit.exporters.ai.config import parse_config
from monitoring_kit.exporters.ai.facts_store import FactsStore
from monitoring_kit.exporters.ai.families import REASONS
from monitoring_kit.exporters.ai.http_events import BATCH_ID_SECONDS, MAX_BATCH_IDS
from monitoring_kit.exporters.ai.spec_config import HINTS, QUERY_KEYS, TOP_KEYS, TRUTH_KEYS
from monitoring_kit.exporters.runtime import ConfigError

from monitoring_kit.cli.exporter import command
from monitoring_kit.pipeline import Compilation
from tests.servers import free_port
from tests.unit.exporters.ai.rig import Rig

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "exporters/ai"
README = (FOLDER / "README.md").read_text()


def test_the_configurations_of_the_readme_are_accepted() -> None:
    found = set()
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL):
        data = yaml.safe_load(block)
        for key in {"quality", "drift"} & set(data):
            found.add(key)
            parse_config({**data, "metrics": {"ai_model_accuracy": {"type": "gauge", "help": "A."}}})
    assert found == {"quality", "drift"}


def test_the_readmes_spec_becomes_a_configuration(compile_text: Callable[..., Compilation]) -> None:
    (spec,) = re.findall(r"```yaml\n(version: .*?)```", README, flags=re.S)
    made = compile_text(spec)
    assert made.ok, list(made.report)
    generated = yaml.safe_load(made.outputs["exporters/ai.yaml"].data)
    config = parse_config(generated)
    assert config.quality is not None
    assert config.quality.truth is not None
    assert (config.quality.truth.source.kind, config.quality.truth.every) == ("mysql", 60)
    assert (config.quality.time, config.quality.publish) == ("window_start", {"accuracy": "ai_model_accuracy"})
    assert generated["metrics"]["visitors_total"]["labels"] == {"class": {"allow": ["adult", "child"]}}


def test_the_readme_knows_every_key_of_a_spec() -> None:
    for word in (*TOP_KEYS, *TRUTH_KEYS, *QUERY_KEYS, *HINTS, "publish", "every", "value", "path", "source", "sources"):
        assert re.search(rf"[`\[{{, ]{word}[`\]}},:.]", README), word


def test_the_readme_says_how_long_a_batch_is_known() -> None:
    assert f"the last {MAX_BATCH_IDS:,} batch ids" in README
    assert BATCH_ID_SECONDS == 3600


def test_the_readme_names_every_metric_and_reason() -> None:
    for name in model_specs(1):
        short = name.removeprefix("mkit_model_")
        assert short in README or (short.startswith("load_") and "`load_*`" in README), name
    for reason in REASONS:
        assert reason in README


def test_the_image_is_pinned_runs_as_nobody_and_is_checked_without_a_shell() -> None:
    docker = (FOLDER / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+$", docker, re.MULTILINE)
    assert re.search(r"^USER 10642:10642$", docker, re.MULTILINE)
    for word in ("HEALTHCHECK", "ENTRYPOINT"):
        line = docker.split(f"\n{word}", 1)[1].split("\n\n")[0]
        assert re.search(r'\["/opt/mkit/bin/python", "-m", "monitoring_kit\.exporters\.ai\.\w+"\]', line), word
    for line in (FOLDER / "requirements.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line)


def test_the_health_check_fails_where_nobody_listens() -> None:
    assert health.main([f"http://127.0.0.1:{free_port()}/-/healthy"]) == 1


def test_the_pack_reads_metrics_that_the_exporter_has(tmp_path: Path) -> None:
    pack = yaml.safe_load((ROOT / "rules/exporters/ai.yaml").read_text())
    config = {
        "quality": {"key": ["id"], "state_file": str(tmp_path / "q.db"),
                    "truth": {"source": {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'x.db'}"}, "query": "SELECT id, value FROM t"}},
        "drift": {"features": {"c": "mkit_model_confidence_ratio"}, "baseline": str(tmp_path / "none.json")},
        "ingest": {"unix": str(tmp_path / "s")}, "gpu": False,
    }  # fmt: skip
    with Rig(config) as rig:
        registry = rig.exporter.registry
        known = {family.name: family for family in registry.families}
        own = {
            "mkit_ai_collector_success": ("gauge", {"collector"}),
            "mkit_ai_config_last_reload_successful": ("gauge", set()),
            "mkit_ai_series": ("gauge", set()),
            "mkit_ai_series_limit": ("gauge", set()),
            "mkit_ai_series_dropped_total": ("counter", {"metric", "reason"}),
        }
        for name, body in pack["metrics"].items():
            kind, labels = own.get(name) or (known[name].kind, set(known[name].label_names))
            assert body["type"] == kind, name
            assert set(body.get("labels", {})) <= labels, name


def test_a_command_line_without_a_configuration_is_wrong_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "monitoring_kit", "exporter", "ai"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "--config FILE is needed" in done.stderr) == (2, True)


def checked(tmp_path: Path, config: dict[str, Any]) -> Result:
    file = tmp_path / "ai.yaml"
    file.write_text(yaml.safe_dump({"gpu": False, **config}))
    return CliRunner().invoke(command, ["ai", "--config", str(file), "--config.check"])


def truth(tmp_path: Path, query: str) -> dict[str, Any]:
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE IF NOT EXISTS counts (camera TEXT, start REAL, n INT)")
        now = time.time()
        db.executemany("INSERT INTO counts VALUES ('a', ?, 3)", [(now - 9_000 * age,) for age in range(600)])
        db.commit()
    source = {"kind": "sqlite", "url": f"sqlite:///{path}"}
    state = tmp_path / "state" / "q.db"
    return {
        "quality": {
            "key": ["camera", "start"],
            "time": "start",
            "state_file": str(state),
            "truth": {"source": source, "query": query},
        }
    }


def test_the_check_asks_truth_once_and_saves_nothing(tmp_path: Path) -> None:
    good = "SELECT camera, start, n FROM counts WHERE start >= :since"
    done = checked(tmp_path, truth(tmp_path, good))
    # Of 600 rows, more than `max_rows`, those of the last `max_delay`.
    assert (done.exit_code, done.stderr.splitlines()[0]) == (0, "ok     truth (sqlite): 10 rows")
    assert re.fullmatch(r"1 of 1 queries answered in \d+\.\d\d s", done.stderr.splitlines()[1])
    assert "mkit_model_info{" in done.stdout
    assert not (tmp_path / "state").exists()


def test_the_check_tells_senseless_rows_and_fails_when_there_are_no_others(tmp_path: Path) -> None:
    query = "SELECT camera, start, CASE WHEN start > {} THEN -1 ELSE n END AS value FROM counts WHERE start >= :since"
    done = checked(tmp_path, truth(tmp_path, query.format(time.time() - 60)))
    lines = done.stderr.splitlines()
    words = "ok     truth (sqlite): 10 rows; 1 of 10 rows make no sense as key and truth (reason `row`)"
    assert (done.exit_code, lines[0], lines[1].startswith("1 of 1 queries answered")) == (0, words, True)
    assert 'mkit_ai_truth_errors_total{reason="row"} 1\n' in done.stdout


def test_the_check_fails_where_serving_could_keep_no_facts(tmp_path: Path) -> None:
    config = truth(tmp_path, "SELECT camera, start, n FROM counts WHERE start >= :since")
    (tmp_path / "file").write_text("")
    config["quality"]["state_file"] = str(tmp_path / "file" / "below" / "q.db")
    done = checked(tmp_path, config)
    words = f"{tmp_path / 'file'} is a file and no folder: move it away, or set `state_file` (in a spec: exporters.ai.truth.state_file)"
    assert (done.exit_code, done.stderr.splitlines()[1]) == (
        1,
        f"FAILED state_file {tmp_path}/file/below/q.db: {words}",
    )
    assert done.stderr.splitlines()[2].startswith("1 of 1 queries answered")
    with pytest.raises(ConfigError, match="no folder: move it away, or set"):
        FactsStore(tmp_path / "file" / "q.db", "count")


@pytest.mark.parametrize(("query", "words"), [
    ("SELECT camera, start, n FROM countz WHERE start >= :since", "FAILED truth (sqlite): query: SQLITE_ERROR: no such table: countz"),
    ("SELECT camera, n FROM counts WHERE start >= :since", "FAILED truth (sqlite): columns: no column start in the answer (it has camera, n)"),
    ("SELECT camera, start, -n AS value FROM counts WHERE start >= :since", "FAILED truth (sqlite): row: 10 of 10 rows make no sense as key and truth"),
    ("SELECT camera, start, n FROM counts", "FAILED truth (sqlite): too_many_rows: more than 500 rows"),
])  # fmt: skip
def test_the_check_fails_with_the_truth_query(tmp_path: Path, query: str, words: str) -> None:
    done = checked(tmp_path, truth(tmp_path, query))
    lines = done.stderr.splitlines()
    assert (done.exit_code, len(lines)) == (1, 2), done.stderr
    assert lines[0].startswith(words)
    assert lines[1].startswith("0 of 1 queries answered in ")
    assert "mkit_model_info{" in done.stdout


def test_the_check_asks_the_scraped_endpoint_once(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == "/metrics" else 404)
            self.end_headers()
            self.wfile.write(
                b'# TYPE nv_inference_exec_count counter\nnv_inference_exec_count{model="m",version="1"} 3\n'
            )

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        done = checked(tmp_path, {"scrape": {"url": f"{base}/metrics", "mapping": "triton"}})
        wrong = checked(tmp_path, {"scrape": {"url": f"{base}/metric", "mapping": "triton"}})
        other = checked(tmp_path, {"scrape": {"url": f"{base}/metrics", "mapping": "vllm"}})
        server.shutdown()
    said = done.stderr.splitlines()[0]
    assert (done.exit_code, said.split(";")[0]) == (0, f"ok     scrape ({base}/metrics): 1 series")
    assert "; nothing matched: nv_inference_request_success, " in said
    assert "nv_inference_exec_count" not in said
    assert 'mkit_model_batches_total{model="m",version="1"} 3' in done.stdout
    assert other.exit_code == 1
    assert other.stderr.startswith(f"FAILED scrape ({base}/metrics): 0 series; nothing matched: vllm:")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith(
        f"FAILED scrape ({base}/metric): status: the endpoint answered 404\n0 of 1 queries answered"
    )
    assert asked == ["/metrics", "/metric", "/metrics"]


def test_the_check_names_each_family_without_its_buckets_and_the_fix(tmp_path: Path) -> None:
    body = "".join(
        f'# TYPE {name} histogram\n{name}_bucket{{le="0.3"}} 1\n{name}_bucket{{le="+Inf"}} 2\n{name}_sum 1\n{name}_count 2\n'
        for name in ("a_seconds", "b_seconds")
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            return

    names = {"a_seconds": "x_seconds", "b_seconds": "y_seconds"}
    metric = {"type": "histogram", "help": "H.", "unit": "seconds", "buckets": [0.3, 0.5]}
    mapping = {
        "metrics": dict.fromkeys(names.values(), metric),
        "rules": [{"metric": theirs, "to": ours} for theirs, ours in names.items()],
    }
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/metrics"
        done = checked(tmp_path, {"scrape": {"url": url, "mapping": mapping}})
        server.shutdown()
    faults = [
        f"{ours}: {theirs} has no bucket with the upper bound 0.5, only 0.3: declare {ours} under `metrics` with `buckets` among those"
        for theirs, ours in names.items()
    ]
    assert (done.exit_code, done.stderr.splitlines()[0]) == (1, f"FAILED scrape ({url}): buckets: {'; '.join(faults)}")


def test_the_check_without_anything_to_ask_says_nothing(tmp_path: Path) -> None:
    done = checked(tmp_path, {})
    assert (done.exit_code, done.stderr) == (0, "")
    assert "mkit_model_info{" in done.stdout


def test_the_command_line_has_both_verbs() -> None:
    for args, words in (
        (["ai", "--help"], "--config"),
        (["baseline", "--help"], "--values"),
        (["ai", "--version"], "mkit-exporter-ai"),
    ):
        line = [sys.executable, "-m", "monitoring_kit", "exporter", *args]
        done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, words in done.stdout) == (0, True), done.stderr


def test_the_account_that_reads_the_truth_is_printed(tmp_path: Path) -> None:
    dsn, config = tmp_path / "dsn", tmp_path / "ai.yaml"
    dsn.write_text("postgresql://reader:Very-Secret@127.0.0.1:1/shop")
    truth = {
        "source": {"kind": "postgresql", "dsn_file": str(dsn)},
        "query": "SELECT camera, at, n AS value FROM stats.counts WHERE at >= to_timestamp(:since)",
    }
    quality = {"key": ["camera", "at"], "truth": truth}
    runner = CliRunner()
    for text, said in (
        ({"quality": quality}, 'GRANT SELECT ON "stats"."counts" TO "reader";'),
        ({"quality": {"key": ["id"]}}, "-- no account is needed"),
    ):
        config.write_text(yaml.safe_dump(text))
        printed = runner.invoke(command, ["ai", "--config", str(config), "--print-grants"])
        assert printed.exit_code == 0, printed.output
        assert said in printed.output
        assert "Very-Secret" not in printed.output
    config.write_text("quality: {kye: [id]}\n")
    assert runner.invoke(command, ["ai", "--config", str(config), "--print-grants"]).exit_code == 1
    lacking = runner.invoke(command, ["ai", "--print-grants"])
    assert (lacking.exit_code, "--config FILE is needed" in lacking.output) == (2, True)
    assert "--print-grants" in runner.invoke(command, ["ai", "--help"]).output

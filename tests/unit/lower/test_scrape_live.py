"""A real Prometheus on the generated configuration: what it scrapes, under which labels, and what it refuses."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from monitoring_kit.lower.prometheus import lower_prometheus
from monitoring_kit.stack.tools import SUITES, tool_folders
from tests.unit.lower.live import free_port, prometheus, running, until
from tests.unit.lower.spec_text import HEAD, Compile, lowered

TEXT = '# TYPE a_total counter\na_total{x="1",service="stolen"} 1\n'
FLOOD = "".join(f'b_total{{x="{i}"}} 1\n' for i in range(5000))


@contextmanager
def site(pages: dict[str, tuple[str, str]]) -> Iterator[int]:
    """An HTTP server of fixed pages: path to (content type, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = pages.get(self.path.partition("?")[0], ("", ""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def extra(program: str) -> str:
    """A program of Debian that may lie in the tool folders."""
    found = shutil.which(program)
    for folder in tool_folders():
        for suite in SUITES:
            path = folder / f"{suite}-extra" / "root" / "usr" / "bin" / program
            found = found or (str(path) if path.is_file() else None)
    if found is None:
        pytest.skip(f"{program} is missing (Debian package of that name)")
    return found


SETTINGS = "prometheus: {scrape_interval: 1s, evaluation_interval: 1s}\nalerting: {alertmanagers: [], absent: 'off'}\n"


@pytest.mark.e2e
def test_every_way_to_a_target_ends_in_the_label_service(compile_text: Compile, tmp_path: Path) -> None:
    text = ("text/plain; version=0.0.4", TEXT)
    with site({"/metrics": text, "/other": text, "/sd": ("application/json", "")}) as port:
        target = f"127.0.0.1:{port}"
        (tmp_path / "prometheus" / "targets").mkdir(parents=True)
        found = [{"targets": [target], "labels": {"service": "wrong", "zone": "z1"}}]
        (tmp_path / "prometheus" / "targets" / "a.json").write_text(json.dumps(found))
        with site({"/sd": ("application/json", json.dumps(found))}) as discovery:
            spec = (
                HEAD
                + SETTINGS
                + (
                    "services:\n"
                    f"  static: {{kind: business, scrape: {{targets: ['{target}']}}, labels: {{tier: front}}}}\n"
                    f"  files: {{kind: business, scrape: {{file: {{files: [targets/*.json]}}, path: /other}}}}\n"
                    f"  asked: {{kind: business, scrape: {{http: {{url: 'http://127.0.0.1:{discovery}/sd'}}}}, labels: {{price: '$1'}}}}\n"
                )
            )
            lowered(compile_text(spec), lower_prometheus).write(tmp_path)
            listen = free_port()
            with prometheus(tmp_path, "prometheus.yml", listen, "live") as server:
                until(lambda: len(server.get("/api/v1/query", query="a_total")["data"]["result"]) == 3, "three targets")
                rows = server.get("/api/v1/query", query="a_total")["data"]["result"]
    by_service = {row["metric"]["service"]: row["metric"] for row in rows}
    assert set(by_service) == {"static", "files", "asked"}
    assert {m["job"] for m in by_service.values()} == {"static", "files", "asked"}
    # What the target itself calls service cannot take the label's place.
    assert {m["exported_service"] for m in by_service.values()} == {"stolen"}
    assert by_service["static"]["tier"] == "front"
    assert by_service["files"]["zone"] == "z1"
    assert by_service["asked"]["price"] == "$1"


@pytest.mark.e2e
def test_a_label_explosion_costs_its_own_target_only(compile_text: Compile, tmp_path: Path) -> None:
    flood, calm = ("text/plain; version=0.0.4", FLOOD), ("text/plain; version=0.0.4", "b_total 1\n")
    with site({"/flood": flood, "/calm": calm}) as port:
        spec = (
            HEAD
            + SETTINGS
            + (
                "services:\n"
                f"  flood: {{kind: business, scrape: {{targets: ['127.0.0.1:{port}'], path: /flood}}}}\n"
                f"  calm: {{kind: business, scrape: {{targets: ['127.0.0.1:{port}'], path: /calm}}}}\n"
                "metrics:\n  b_total: {type: counter, help: B., labels: {x: {max: 50}}, services: [flood, calm]}\n"
            )
        )
        files = lowered(compile_text(spec), lower_prometheus)
        assert files.tree("prometheus/prometheus.yml")["scrape_configs"][0]["sample_limit"] < 5000
        files.write(tmp_path)
        with prometheus(tmp_path, "prometheus.yml", free_port(), "live") as server:
            until(
                lambda: len(server.get("/api/v1/query", query='up{job=~"flood|calm"}')["data"]["result"]) == 2,
                "both scraped",
            )
            targets = server.get("/api/v1/targets", state="active")["data"]["activeTargets"]
            health = {t["labels"]["job"]: (t["health"], t["lastError"]) for t in targets}
    assert health["calm"] == ("up", "")
    assert health["flood"][0] == "down"
    assert "sample limit exceeded" in health["flood"][1]


@pytest.mark.e2e
def test_a_probe_says_whether_the_site_answers(compile_text: Compile, tmp_path: Path) -> None:
    program = extra("prometheus-blackbox-exporter")
    exporter = free_port()
    modules = tmp_path / "blackbox.yml"
    modules.write_text("modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}}\n")
    command = [program, f"--config.file={modules}", f"--web.listen-address=127.0.0.1:{exporter}"]
    with site({"/": ("text/html", "hello")}) as port, running(command, exporter, tmp_path / "bb.log", "/-/healthy"):
        good, bad = f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/missing"
        spec = (
            HEAD
            + SETTINGS
            + (
                f"services:\n  shop: {{kind: blackbox, scrape: {{targets: ['{good}', '{bad}'], probe: {{exporter: '127.0.0.1:{exporter}'}}}}}}\n"
            )
        )
        lowered(compile_text(spec), lower_prometheus).write(tmp_path)
        with prometheus(tmp_path, "prometheus.yml", free_port(), "live") as server:
            # The very first probe of a busy machine may take longer than its timeout.
            until(
                lambda: server.samples('probe_success{service="shop"}') == {good: "1", bad: "0"}, "the good one answers"
            )


@pytest.mark.e2e
def test_pushed_series_belong_to_the_service_and_keep_their_group(compile_text: Compile, tmp_path: Path) -> None:
    import urllib.request

    program = extra("prometheus-pushgateway")
    port = free_port()
    with running([program, f"--web.listen-address=127.0.0.1:{port}"], port, tmp_path / "push.log", "/-/ready"):
        push = urllib.request.Request(f"http://127.0.0.1:{port}/metrics/job/backup", b"rows 7\n", method="PUT")
        urllib.request.urlopen(push, timeout=5).close()
        # The name says what it is; the address is only known now.
        spec = (
            HEAD
            + SETTINGS
            + (
                f"services:\n  batch: {{kind: business, scrape: {{targets: ['127.0.0.1:{port}'], honor_labels: true}}}}\n"
            )
        )
        lowered(compile_text(spec), lower_prometheus).write(tmp_path)
        with prometheus(tmp_path, "prometheus.yml", free_port(), "live") as server:
            until(lambda: server.get("/api/v1/query", query="rows")["data"]["result"], "pushed series")
            (row,) = server.get("/api/v1/query", query="rows")["data"]["result"]
    # The rules know the series by the job that is the service; whose they are stays to be seen.
    assert row["metric"]["job"] == "batch"
    assert row["metric"]["exported_job"] == "backup"
    assert row["metric"]["service"] == "batch"

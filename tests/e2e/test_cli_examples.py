"""Every example of the command line's reference page is run as it stands there, against real servers where it names one.

Only addresses and folders of the examples are replaced, by those of a Prometheus that this test starts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_kit.docs import pages
from tests.unit.lower.live import free_port, prometheus, until

pytestmark = pytest.mark.e2e
DATA = Path(__file__).parents[1] / "data"
SPEC = """version: mkit/v1
system: shop
prometheus: {scrape_interval: 5s, evaluation_interval: 5s, retention: {time: 60d}}
environments: {production: {labels: {env: production}}}
services:
  web:
    kind: http
    scrape: {targets: ["web:8080"]}
    slos: {availability: {signal: errors, objective: 99.9%}}
  business: {kind: business, scrape: {targets: ["business-exporter:9641"]}}
  model: {kind: ai-model, scrape: {targets: ["ai-exporter:9642"]}}
alerts:
  HighErrorRate: {services: [web], when: errors > 5%, for: 2m, severity: critical}
channels:
  mail: {kind: email, to: [oncall@example.com], from: mkit@example.com, smarthost: "smtp.example.com:587"}
exporters:
  business:
    listen: ":9641"
    sources: {shop: {kind: mysql, dsn_file: /run/secrets/shop_dsn}}
    collect: {user_count: {source: shop, sql: "SELECT COUNT(*) AS value FROM sessions"}}
  ai: {listen: ":9642", ingest: {http: true}, model: {name: counter, cameras: 2}}
metrics:
  user_count: {type: gauge, help: Users., services: [business]}
"""
OPENSLO = """apiVersion: openslo/v1
kind: SLO
metadata: {name: web-availability}
spec:
  service: web
  indicatorRef: web-errors
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: web-errors}
spec:
  ratioMetric:
    counter: true
    bad: {metricSource: {type: prometheus, spec: {query: 'http_requests_total{job="web",status=~"5.."}'}}}
    total: {metricSource: {type: prometheus, spec: {query: 'http_requests_total{job="web"}'}}}
"""


def examples() -> list[str]:
    found = []
    for section in pages()["cli.md"].split("\n## mkit ")[1:]:
        if "Examples:" in section:
            found += [
                line.strip() for line in section.split("Examples:")[1].splitlines() if line.strip().startswith("mkit ")
            ]
    return list(dict.fromkeys(found))


def test_every_command_has_an_example_here() -> None:
    shown = {tuple(example.split()[1:3]) for example in examples()}
    for section in pages()["cli.md"].split("\n## mkit ")[1:]:
        words = section.split("\n")[0].split()
        if "Commands:" not in section:
            assert any(example[: len(words)] == tuple(words) for example in shown), words


INCIDENTS = "incidents: [{start: 2026-01-01T00:00:00Z, end: 2026-01-01T01:00:00Z}]\n"
# A server would run until it is stopped, and all scenarios take minutes.
MORE = {
    "mkit up mkit.yaml": "--for 3s",
    "mkit up mkit.yaml --for 120s": "--for 3s",
    "mkit simulate mkit.yaml": "--scenario deploy",
    "mkit test mkit.yaml": "--alert HighErrorRate",
    "mkit slo backfill mkit.yaml --prometheus http://localhost:9090 -o blocks": "--days 1",
    "mkit slo backfill mkit.yaml --tsdb /var/lib/prometheus/data": "--days 1",
}


def more(example: str) -> str:
    """What this example needs to end."""
    serves = example.startswith("mkit exporter") and example.split()[-2] == "--config"
    return "--config.check" if serves else MORE.get(example, "")


ELSEWHERE = {
    "mkit tools fetch --suite trixie --suite sid --refresh": "tests/e2e/test_tools.py",
    "mkit test mkit.yaml --mutate --tests 'tests/*.yml' --format json": "tests/unit/cli/test_cli_test.py",
    "mkit test mkit.yaml --coverage --fail-under 100": "tests/unit/cli/test_cli_test.py",
}
# Exit 1 is what they may have to say here: a suite that is not fetched, a history of a minute, a database that is not there,
# findings of a lint.
MAY_FIND = (
    "mkit doctor --suite",
    "mkit backtest",
    "mkit simulate mkit.yaml",
    "mkit exporter business --config",
    "mkit slo backfill",
    "mkit lint",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with everything that the examples name, and what stands for the addresses in them."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "mkit.yaml").write_text(SPEC)
    (folder / "specs").mkdir()
    shutil.copy(folder / "mkit.yaml", folder / "specs/shop.yaml")
    assert run("mkit generate mkit.yaml -o generated", folder).returncode == 0
    shutil.copytree(folder / "generated/prometheus/rules", folder / "rules")
    shutil.copytree(folder / "generated/grafana/dashboards", folder / "dashboards")
    shutil.copy(folder / "generated/alertmanager/alertmanager.yml", folder)
    shutil.copytree(folder / "generated/alertmanager/templates", folder / "templates")
    shutil.copytree(DATA / "sloth", folder / "slos")
    for name in ("ai", "business"):
        shutil.copy(folder / f"generated/exporters/{name}.yaml", folder)
    (folder / "slo.yaml").write_text(OPENSLO.split("---\n")[0])
    (folder / "sli.yaml").write_text(OPENSLO.split("---\n")[1])
    (folder / "incidents.yaml").write_text(INCIDENTS)
    for name in ("new.yaml", "old.yaml", "my-exporter.yaml"):
        shutil.copy(Path(__file__).parents[2] / "rules/catalogs/node_exporter.yaml", folder / name)
    for name in (".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"):
        (folder / name).mkdir(parents=True)
    port = free_port()
    shutil.copytree(folder / "generated/prometheus", folder / "prometheus")
    config = folder / "prometheus/prometheus.yml"
    config.write_text(config.read_text().replace("localhost:9090", f"127.0.0.1:{port}"))
    with prometheus(folder, "prometheus.yml", port, "live") as server:
        until(lambda: server.get("/api/v1/query", query="up == 1")["data"]["result"], "it scrapes itself")
        url = f"http://127.0.0.1:{port}"
        exposition = subprocess.run(["curl", "-s", f"{url}/metrics"], capture_output=True, check=True).stdout
        (folder / "exposition.txt").write_bytes(exposition)
        copy = folder / "copy"
        shutil.copytree(folder / "data-live", copy)
        (copy / "lock").unlink(missing_ok=True)
        yield folder, {
            "http://localhost:9090": url, "http://prometheus:9090": url, "http://localhost:9100": url,
            "/var/lib/prometheus/data": str(copy), "/var/lib/prometheus": str(copy), "/tmp/tests": str(folder / "kept"),
            "2026-01-01 ": "-1h ", "2026-01-31": "now",
        }  # fmt: skip


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "HOME": str(folder), "NO_COLOR": "1"}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environ, input="\n" * 12, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


@pytest.mark.parametrize("example", examples())
def test_the_example_works(place: tuple[Path, dict[str, str]], example: str, tmp_path: Path) -> None:
    if example in ELSEWHERE:
        return
    folder, instead = place
    line = f"{example.split('  #')[0].strip()} {more(example)}"
    for old, new in instead.items():
        line = line.replace(old, new)
    if example.startswith(("mkit init", "mkit import")):
        # They write new files.
        for name in ("slos", "slo.yaml", "sli.yaml") if "import" in example else ():
            (shutil.copytree if (folder / name).is_dir() else shutil.copy)(folder / name, tmp_path / name)
        folder = tmp_path
    elif "--env production" in line:
        line = line.replace("-o generated", f"-o {tmp_path}/generated")
    done = run(line, folder)
    allowed = (0, 1) if example.startswith(MAY_FIND) else (0,)
    assert done.returncode in allowed, (line, done.stdout[-2000:] + done.stderr[-2000:])
    assert "internal error" not in done.stderr
    # A tool that was called wrongly is no finding.
    assert "promtool: error" not in done.stderr

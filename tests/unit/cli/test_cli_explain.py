"""`mkit explain`: from a line of any generated file back to the spec, and the page of a code."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitoring_kit.cli.main import main
from tests.unit.cli.shop import SPEC

EXPORTERS = """\
version: mkit/v1
system: shop
services:
  figures: {kind: business, scrape: {targets: ["figures:9641"]}}
metrics:
  orders_total: {type: counter, help: Orders., labels: {state: {values: [open, paid]}}, services: [figures]}
prometheus:
  retention: 30d
  features: [native-histograms]
  flags: {query.max-samples: "1000000"}
alerting:
  cluster:
    listen: 0.0.0.0:9094
    peers: ["a:9094", "b:9094"]
exporters:
  business:
    sources:
      db: {kind: sqlite, url: "sqlite:////var/lib/shop.db"}
    collect:
      orders_total: {source: db, mode: cumulative, sql: "SELECT state, COUNT(*) AS value FROM o GROUP BY state"}
channels:
  mail: {kind: webhook, url: "http://hook:1/"}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mkit.yaml").write_text(SPEC)


def mkit(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def test_explain_leads_from_a_generated_line_to_the_spec() -> None:
    mkit("generate", "mkit.yaml", "-o", "out", "--no-verify")
    path = Path("out/prometheus/rules/service-web.yml")
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "alert: HighErrorRate" in line)
    done = mkit("explain", f"{path}:{number}")
    assert done.exit_code == 0, done.output
    assert "mkit.yaml:8:3" in done.stdout
    assert "HighErrorRate:" in done.stdout
    assert "no single place" in mkit("explain", f"{path}:1").stdout
    routes = Path("out/alertmanager/alertmanager.yml")
    defaults = next(n for n, line in enumerate(routes.read_text().splitlines(), 1) if "group_wait: " in line)
    assert "no single place" in mkit("explain", f"{routes}:{defaults}").stdout, "a default, which has no place"
    runbook = mkit("explain", "out/docs/runbooks/HighErrorRate.md:3")
    assert (runbook.exit_code, "mkit.yaml:8:3" in runbook.stdout) == (0, True)
    page = mkit("explain", "out/docs/services/web.md:5")
    assert "mkit.yaml:" in page.stdout
    assert "web:" in page.stdout
    assert "mkit's own" in mkit("explain", "out/manifest.json:3").stderr
    assert mkit("explain", f"{path}:99999").exit_code == 1
    assert mkit("explain", "mkit.yaml:1").exit_code == 1
    Path("mkit.yaml").rename("other.yaml")
    assert "--spec" in mkit("explain", f"{path}:{number}").stderr
    assert mkit("explain", f"{path}:{number}", "--spec", "other.yaml").exit_code == 0


def test_explain_shows_the_page_of_a_code() -> None:
    done = mkit("explain", "spec/unknown-key")
    assert (done.exit_code, done.stdout.startswith("# spec/unknown-key\n")) == (0, True)
    wrong = mkit("explain", "spec/unknown-keys")
    assert (wrong.exit_code, "did you mean `spec/unknown-key`?" in wrong.stderr) == (1, True)
    assert mkit("explain", "../secrets").exit_code == 1


def made_by(file: str, text: str) -> str:
    """The line of the spec that `explain` shows for the line of ``file`` that holds ``text``."""
    lines = Path(file).read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if text in line)
    done = mkit("explain", f"{file}:{number}")
    assert done.exit_code == 0, done.output
    shown = [line.partition("|")[2].strip() for line in done.stdout.splitlines() if line[:1].isdigit()]
    return shown[0] if shown else done.stdout


@pytest.mark.parametrize(
    ("file", "text", "spec"),
    [
        ("prometheus/flags", "retention.time", "retention: 30d"),
        ("prometheus/flags", "enable-feature", "features: ["),
        ("prometheus/flags", "query.max-samples", "flags: {"),
        ("prometheus/flags", "web.listen-address", "prometheus/flags:"),
        ("alertmanager/flags", "peer=b:9094", "peers: ["),
        ("alertmanager/flags", "storage.path", "alertmanager/flags:"),
        ("exporters/business.yaml", "kind: sqlite", "db: {kind: sqlite"),
        ("exporters/business.yaml", "mode: cumulative", "orders_total: {source: db"),
        ("exporters/business.yaml", "- paid", "orders_total: {type: counter"),
    ],
)
def test_explain_leads_from_flags_and_exporters_to_their_keys(file: str, text: str, spec: str) -> None:
    """A default comes from no key: there the file itself is named, not the nearest key."""
    Path("mkit.yaml").write_text(EXPORTERS)
    assert mkit("generate", "mkit.yaml", "-o", "out", "--no-verify").exit_code == 0
    found = made_by(f"out/{file}", text)
    assert found.startswith(spec), found


# What is written at a key that `explain` names, and the flag that it changes.
CHANGES = {
    "prometheus.retention.time": ("prometheus: {retention: {time: 40d}}", "--storage.tsdb.retention.time=40d"),
    "prometheus.listen": ("prometheus: {listen: ':1'}", "--web.listen-address=:1"),
    "alerting.listen": ("alerting: {listen: ':2'}", "--web.listen-address=:2"),
    "alerting.cluster": ('alerting: {cluster: {peers: ["a:1", "b:1"]}}', "--cluster.listen-address=0.0.0.0:9094"),
    "alerting.cluster.listen": (
        'alerting: {cluster: {listen: \':3\', peers: ["a:1", "b:1"]}}',
        "--cluster.listen-address=:3",
    ),
    "alerting.cluster.peer_timeout": (
        'alerting: {cluster: {peer_timeout: 20s, peers: ["a:1", "b:1"]}}',
        "--cluster.peer-timeout=20s",
    ),
}
FIXED = {"config.file", "storage.tsdb.path", "storage.path", "storage.remote.flush-deadline"}
FLAGS = {
    "defaults": "",
    "cluster": "alerting: {cluster: {peers: [\"a:9094\", \"b:9094\"]}}\n",
    "all": "prometheus:\n  retention: {time: 30d, size: 50GB}\n  listen: ':9090'\n  external_url: https://p.example.com\n"
    "  web: {cert_file: /c, key_file: /k}\n  features: [native-histograms]\n  flags: {query.max-samples: '1000000'}\n"
    "alerting:\n  repeat_interval: {info: 7d}\n  listen: ':9093'\n  external_url: https://a.example.com\n"
    "  cluster: {listen: ':9094', peers: [a:9094, b:9094], peer_timeout: 20s}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", FLAGS)
def test_explain_says_of_each_flag_which_key_sets_or_would_change_it(name: str) -> None:
    bare = EXPORTERS[: EXPORTERS.index("prometheus:\n")] + EXPORTERS[EXPORTERS.index("exporters:\n") :]
    Path("mkit.yaml").write_text(bare + FLAGS[name])
    assert mkit("generate", "mkit.yaml", "-o", "out", "--no-verify").exit_code == 0
    for server in ("prometheus", "alertmanager"):
        for number, line in enumerate(Path(f"out/{server}/flags").read_text().splitlines(), 1):
            done = mkit("explain", f"out/{server}/flags:{number}")
            assert done.exit_code == 0, done.output
            first, *rest = done.stdout.splitlines()
            assert first == f"{server}/flags:{number}  {line}"
            flag = line.removeprefix("--").partition("=")[0]
            if "-->" in done.stdout:
                assert name != "defaults"
                assert flag not in FIXED
            elif flag in FIXED:
                assert rest == ["always written; no key of the spec changes it"]
            else:
                assert name != "all", done.stdout
                key = rest[0].removeprefix("by default; `").removesuffix("` changes it")
                change, want = CHANGES[key]
                Path("other.yaml").write_text(bare + change + "\n")
                made = mkit("generate", "other.yaml", "-o", "changed", "--no-verify")
                assert made.exit_code == 0, made.output
                assert want.startswith(f"--{flag}=")
                assert want in Path(f"changed/{server}/flags").read_text().splitlines()

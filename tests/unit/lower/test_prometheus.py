"""prometheus.yml, flags and web.yml, judged by the real promtool and prometheus."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from monitoring_kit.lower.prometheus import lower_prometheus
from tests.unit.lower.spec_text import HEAD, WEB, Compile, lowered, promtool, tool

HASH = "$2y$10$3PYNcvBoiEGzyzTJRMeBm.U3jJmnYB1pEYvZXT2fnYxXcNlwzUXn2"
PAIR = "prometheus: {replicas: 2}\nalerting: {alertmanagers: ['am-0:9093', 'am-1:9093'], watchdog: {notify: [mail]}}\n"


def check(tmp_path: Path, files: object) -> None:
    for path in sorted(tmp_path.glob("out/prometheus/prometheus*.yml")):
        promtool("check", "config", "--syntax-only", path.name, cwd=path.parent)


def test_single_server(compile_text: Compile, tmp_path: Path) -> None:
    files = lowered(
        compile_text(HEAD + "prometheus: {scrape_interval: 30s, evaluation_interval: 1m}\n" + WEB), lower_prometheus
    )
    assert set(files.files) == {"prometheus/prometheus.yml", "prometheus/flags"}
    tree = files.tree("prometheus/prometheus.yml")
    assert tree["global"] == {
        "scrape_interval": "30s",
        "evaluation_interval": "1m",
        "external_labels": {"system": "shop"},
    }
    assert "alert_relabel_configs" not in tree["alerting"]
    assert tree["rule_files"] == ["rules/*.yml"]
    assert [job["job_name"] for job in tree["scrape_configs"]] == ["web", "prometheus", "alertmanager"]
    files.write(tmp_path / "out")
    check(tmp_path, files)
    assert files.files["prometheus/prometheus.yml"].mode == 0o644


def test_a_pair_differs_in_the_replica_label_alone(compile_text: Compile, tmp_path: Path) -> None:
    files = lowered(compile_text(HEAD + PAIR + WEB), lower_prometheus)
    a, b = files.text("prometheus/prometheus.yml"), files.text("prometheus/prometheus-b.yml")
    different = [(x, y) for x, y in zip(a.splitlines(), b.splitlines(), strict=True) if x != y]
    assert different == [("    replica: a", "    replica: b")]
    files.write(tmp_path / "out")
    check(tmp_path, files)


def test_a_pair_sends_every_alertmanager_one_alert_without_replica(compile_text: Compile) -> None:
    alerting = lowered(compile_text(HEAD + PAIR + WEB), lower_prometheus).tree("prometheus/prometheus.yml")["alerting"]
    assert alerting["alertmanagers"] == [
        {"api_version": "v2", "static_configs": [{"targets": ["am-0:9093", "am-1:9093"]}]}
    ]
    kept, dropped = alerting["alert_relabel_configs"]
    assert kept["source_labels"] == ["alertname", "replica"]
    assert kept["target_label"] == "prometheus_replica"
    assert dropped == {"regex": "replica", "action": "labeldrop"}


def test_environment_labels_reach_every_alert(compile_text: Compile) -> None:
    text = HEAD + "environments: {prod: {labels: {env: prod}}}\nprometheus: {external_labels: {region: eu}}\n" + WEB
    tree = lowered(compile_text(text, "prod"), lower_prometheus).tree("prometheus/prometheus.yml")
    assert tree["global"]["external_labels"] == {"system": "shop", "region": "eu", "env": "prod"}


def test_external_label_with_a_dollar_is_refused(compile_text: Compile) -> None:
    files = lowered(compile_text(HEAD + "prometheus: {external_labels: {region: '$HOME'}}\n" + WEB), lower_prometheus)
    assert files.found == [("prometheus/external-label", "error")]


def test_replica_label_of_a_pair_is_reserved(compile_text: Compile) -> None:
    files = lowered(
        compile_text(HEAD + "prometheus: {replicas: 2, external_labels: {replica: x}}\n" + WEB), lower_prometheus
    )
    assert files.found == [("prometheus/external-label", "error")]


def test_declared_servers_are_not_scraped_twice(compile_text: Compile) -> None:
    text = HEAD + (
        "services:\n  metrics: {kind: prometheus, scrape: {targets: ['prometheus:9090']}}\n"
        "  alertmanager: {kind: http, scrape: {targets: ['x:80']}}\n"
    )
    jobs = lowered(compile_text(text), lower_prometheus).tree("prometheus/prometheus.yml")["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["metrics", "alertmanager", "mkit-alertmanager"]


def test_statsd_exporter_keeps_the_service_of_the_mapping(compile_text: Compile) -> None:
    files = lowered(compile_text(HEAD + WEB + "statsd: {prefix: shop}\n"), lower_prometheus)
    job = files.tree("prometheus/prometheus.yml")["scrape_configs"][-1]
    assert job["job_name"] == "statsd-exporter"
    assert job["honor_labels"] is True
    assert job["static_configs"][0]["targets"] == ["statsd-exporter:9102"]


def test_what_statsd_clients_send_is_limited_by_what_is_declared(compile_text: Compile) -> None:
    def limits(budget: int) -> dict[str, Any]:
        metric = (
            f"http_requests_total: {{type: counter, help: R., labels: {{route: {{max: {budget}}}}}, services: [web]}}"
        )
        spec = HEAD + WEB + f"statsd: {{prefix: shop}}\nmetrics:\n  {metric}\n"
        job = lowered(compile_text(spec), lower_prometheus).tree("prometheus/prometheus.yml")["scrape_configs"][-1]
        assert job["job_name"] == "statsd-exporter"
        return job  # type: ignore[no-any-return]

    small, large = limits(10), limits(10_000)
    names = ("sample_limit", "label_limit", "label_name_length_limit", "label_value_length_limit", "body_size_limit")
    assert all(name in small for name in names)
    # Twice the budget more, and the rest is the exporter's own.
    assert large["sample_limit"] - small["sample_limit"] == 20_000
    assert 2_000 < small["sample_limit"] < 60_000


FLAGS = (
    "prometheus:\n  retention: {time: 30d, size: 50GB}\n  external_url: https://prom.example.com/\n"
    "  features: [exemplar-storage, memory-snapshot-on-shutdown]\n  flags: {query.timeout: 1m, no-such: 'true'}\n"
)


def test_flags_hold_one_flag_a_line(compile_text: Compile) -> None:
    files = lowered(compile_text(HEAD + FLAGS + WEB), lower_prometheus)
    assert files.text("prometheus/flags").splitlines() == [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        "--storage.tsdb.retention.time=30d",
        "--storage.tsdb.retention.size=50GB",
        "--storage.remote.flush-deadline=10s",
        "--web.listen-address=127.0.0.1:9090",
        "--web.external-url=https://prom.example.com/",
        "--enable-feature=exemplar-storage,memory-snapshot-on-shutdown",
        "--query.timeout=1m",
        "--no-such",
    ]


@pytest.mark.parametrize("suite", ["path", "bookworm", "trixie", "sid"])
def test_prometheus_reads_the_flags_file(compile_text: Compile, tmp_path: Path, suite: str) -> None:
    from monitoring_kit.stack.tools import find_tools

    server = find_tools(suite)["prometheus"]
    if not server.found:
        pytest.skip(f"no prometheus of {suite}: {server.missing_reason}")
    text = HEAD + FLAGS.replace(", no-such: 'true'", "") + WEB
    folder = lowered(compile_text(text), lower_prometheus).write(tmp_path / "out")
    # --version makes it parse every flag and leave; an unknown or malformed one is an error.
    done = subprocess.run(
        [str(server.path), f"@{folder}/prometheus/flags", "--version"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    (folder / "bad").write_text("--no.such.flag=1\n")
    done = subprocess.run([str(server.path), f"@{folder}/bad", "--version"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ("web.listen-address: ':9'", ("prometheus/flag", "error")),
        ("web.enable-admin-api: 'true'", ("prometheus/open-flag", "warning")),
        ("web.enable-lifecycle: ''", ("prometheus/open-flag", "warning")),
    ],
)
def test_flags_that_mkit_owns_or_that_open_the_server(
    compile_text: Compile, flags: str, found: tuple[str, str]
) -> None:
    files = lowered(compile_text(HEAD + f"prometheus: {{flags: {{{flags}}}}}\n" + WEB), lower_prometheus)
    assert files.found == [found]


def test_no_admin_api_by_default(compile_text: Compile) -> None:
    flags = lowered(compile_text(HEAD + WEB), lower_prometheus).text("prometheus/flags")
    assert "admin" not in flags
    assert "lifecycle" not in flags


def certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=prometheus", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip


def test_web_config_is_accepted_by_promtool(compile_text: Compile, tmp_path: Path) -> None:
    certificate(tmp_path)
    web = (
        f"prometheus:\n  web:\n    cert_file: {tmp_path}/cert.pem\n    key_file: {tmp_path}/key.pem\n"
        f"    client_ca_file: {tmp_path}/cert.pem\n    users: {{zoe: {HASH}, ann: {HASH}}}\n"
        "alerting: {basic_auth: {username: ann, password_file: /s/am}, tls: {ca_file: ca, cert_file: c, key_file: k}}\n"
    )
    files = lowered(compile_text(HEAD + web + WEB), lower_prometheus)
    tree = files.tree("prometheus/web.yml")
    assert tree["tls_server_config"]["client_auth_type"] == "RequireAndVerifyClientCert"
    assert tree["tls_server_config"]["min_version"] == "TLS12"
    assert list(tree["basic_auth_users"]) == ["ann", "zoe"]
    assert files.files["prometheus/web.yml"].mode == 0o600
    assert "--web.config.file=/etc/prometheus/web.yml" in files.text("prometheus/flags")
    folder = files.write(tmp_path / "out")
    promtool("check", "web-config", str(folder / "prometheus/web.yml"))
    # No login is known for scraping itself: said out loud, and no job that can only fail.
    assert files.found == [("prometheus/self-scrape", "info")]
    jobs = [job["job_name"] for job in files.tree("prometheus/prometheus.yml")["scrape_configs"]]
    assert jobs == ["web", "alertmanager"]
    # Alertmanager has the same web configuration: alerts and scrapes take the login that the spec gives for it.
    tree = files.tree("prometheus/prometheus.yml")
    for client in (tree["alerting"]["alertmanagers"][0], tree["scrape_configs"][1]):
        assert client["scheme"] == "https"
        assert client["basic_auth"] == {"username": "ann", "password_file": "/s/am"}
        assert client["tls_config"]["cert_file"] == "c"
    check(tmp_path, files)


@pytest.mark.parametrize("web", [f"users: {{ann: {HASH}}}", "cert_file: c, key_file: k, client_ca_file: ca"])
def test_alerts_that_could_not_arrive_are_an_error(compile_text: Compile, web: str) -> None:
    files = lowered(compile_text(HEAD + f"prometheus:\n  web: {{{web}}}\n" + WEB), lower_prometheus)
    assert files.found.count(("alerting/login", "error")) == 1


@pytest.mark.parametrize(
    ("web", "found"),
    [
        ("cert_file: c.pem", ("web/tls", "error")),
        ("key_file: k.pem", ("web/tls", "error")),
        ("client_ca_file: ca.pem", ("web/tls", "error")),
        (f"users: {{ann: {HASH}}}", ("web/plain-login", "warning")),
    ],
)
def test_web_mistakes(compile_text: Compile, web: str, found: tuple[str, str]) -> None:
    files = lowered(compile_text(HEAD + f"prometheus:\n  web: {{{web}}}\n" + WEB), lower_prometheus)
    assert found in files.found


REMOTE = """
prometheus:
  replicas: 2
  remote_write:
    vm: {url: http://vm:8428/api/v1/write, drop_replica: true, keep: "service:.+", basic_auth: {username: u, password_file: /run/secrets/vm}}
    cloud: {url: https://cloud/push, bearer_file: /run/secrets/cloud, tls: {ca_file: /run/secrets/ca}}
  remote_read:
    old: {url: http://old:9090/read, required_matchers: {retention: 1y}}
"""


def test_remote_stores(compile_text: Compile, tmp_path: Path) -> None:
    files = lowered(compile_text(HEAD + REMOTE + WEB), lower_prometheus)
    tree = files.tree("prometheus/prometheus.yml")
    vm, cloud = tree["remote_write"]
    assert vm["name"] == "vm"
    assert vm["write_relabel_configs"] == [
        {"source_labels": ["__name__"], "regex": "service:.+", "action": "keep"},
        {"regex": "replica", "action": "labeldrop"},
    ]
    queue = vm["queue_config"]
    assert 3 <= queue["capacity"] / queue["max_samples_per_send"] <= 10
    assert cloud["authorization"] == {"type": "Bearer", "credentials_file": "/run/secrets/cloud"}
    assert tree["remote_read"][0]["required_matchers"] == {"retention": "1y"}
    assert files.files["prometheus/prometheus.yml"].mode == 0o640, "names secret files"
    assert files.found == []
    files.write(tmp_path / "out")
    check(tmp_path, files)


def test_remote_read_of_everything_is_a_warning(compile_text: Compile) -> None:
    text = HEAD + "prometheus: {remote_read: {old: {url: 'http://old/read'}}}\n" + WEB
    assert lowered(compile_text(text), lower_prometheus).found == [("remote/read-everything", "warning")]


def test_drop_replica_without_a_pair_is_said(compile_text: Compile) -> None:
    text = HEAD + "prometheus: {remote_write: {vm: {url: 'http://vm/w', drop_replica: true}}}\n" + WEB
    files = lowered(compile_text(text), lower_prometheus)
    assert files.found == [("remote/drop-replica", "info")]
    assert "write_relabel_configs" not in files.tree("prometheus/prometheus.yml")["remote_write"][0]


def test_every_job_knows_its_line_in_the_spec(compile_text: Compile) -> None:
    files = lowered(compile_text(HEAD + WEB), lower_prometheus)
    tree = files.files["prometheus/prometheus.yml"].tree
    assert tree["scrape_configs"][0].origin.line == 6
    assert all(job.origin.file for job in tree["scrape_configs"])
    assert tool("promtool").found

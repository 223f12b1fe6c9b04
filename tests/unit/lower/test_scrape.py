"""Scrape jobs: what a service's ``scrape`` becomes, judged by the real promtool."""

from __future__ import annotations

import re
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from monitoring_kit.lower.limits import label_budget, scrape_limits, series_bound
from monitoring_kit.lower.prometheus import lower_prometheus
from monitoring_kit.lower.relabel import _TEMPLATE
from monitoring_kit.resolve.registry import LabelInfo, MetricInfo
from monitoring_kit.stack.tools import find_tools
from tests.unit.lower.spec_text import HEAD, Compile, Lowered, lowered, promtool, tool


def job_of(compile_text: Compile, scrape: str, more: str = "", kind: str = "http") -> tuple[dict[str, Any], Lowered]:
    text = HEAD + f"services:\n  web: {{kind: {kind}, scrape: {{{scrape}}}{more}}}\n"
    files = lowered(compile_text(text), lower_prometheus)
    return files.tree("prometheus/prometheus.yml")["scrape_configs"][0], files


def accepted(files: Lowered, tmp_path: Path) -> None:
    folder = files.write(tmp_path / "out") / "prometheus"
    promtool("check", "config", "--syntax-only", "prometheus.yml", cwd=folder)


def test_static_targets(compile_text: Compile, tmp_path: Path) -> None:
    job, files = job_of(
        compile_text,
        "targets: ['a:1', 'b:2'], path: /m, interval: 30s, timeout: 5s, params: {module: [x], q: y}, scheme: https",
        ", labels: {tier: front}",
    )
    assert job["job_name"] == "web"
    assert job["metrics_path"] == "/m"
    assert (job["scrape_interval"], job["scrape_timeout"], job["scheme"]) == ("30s", "5s", "https")
    assert job["params"] == {"module": ["x"], "q": ["y"]}
    assert job["static_configs"] == [{"targets": ["a:1", "b:2"], "labels": {"service": "web", "tier": "front"}}]
    assert "relabel_configs" not in job
    assert files.found == []
    accepted(files, tmp_path)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.42", {}),
        ("2.45", {"scrape_classic_histograms": True}),
        ("3.0", {"always_scrape_classic_histograms": True}),
        ("3.9", {"scrape_native_histograms": True, "always_scrape_classic_histograms": True}),
    ],
)
def test_native_histograms_are_stored_with_their_classic_buckets(
    compile_text: Compile, version: str, expected: dict[str, bool]
) -> None:
    text = f"compatibility: {{prometheus: '{version}'}}\n%sservices: {{web: {{kind: http, scrape: {{targets: ['a:1']}}}}}}\n"
    for features, wanted in (("", {}), ("prometheus: {features: [native-histograms]}\n", expected)):
        files = lowered(compile_text(HEAD + text % features), lower_prometheus)
        job = files.tree("prometheus/prometheus.yml")["scrape_configs"][0]
        assert {key: value for key, value in job.items() if "histograms" in key} == wanted


@pytest.mark.parametrize("target", ["2.45", "3.0"])
@pytest.mark.parametrize("suite", ["trixie", "sid"])
def test_the_targeted_version_decides_which_servers_take_the_files(
    compile_text: Compile, tmp_path: Path, target: str, suite: str
) -> None:
    """What docs/spec.md says of an upgrade: 3.x refuses the key of 2.x, and the other way round."""
    promtool = find_tools(suite)["promtool"]
    if promtool.release is None:
        pytest.skip(f"promtool is missing: {promtool.missing_reason}")
    text = f"compatibility: {{prometheus: '{target}'}}\nprometheus: {{features: [native-histograms]}}\n"
    services = "services: {web: {kind: http, scrape: {targets: ['a:1']}}}\n"
    lowered(compile_text(HEAD + text + services), lower_prometheus).write(tmp_path)
    command = [str(promtool.path), "check", "config", "--syntax-only", str(tmp_path / "prometheus/prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) is ((promtool.release >= (3, 0)) is (target == "3.0")), done.stdout + done.stderr
    assert done.returncode == 0 or "scrape_classic_histograms not found" in done.stdout + done.stderr


def test_login_and_certificates_by_file(compile_text: Compile, tmp_path: Path) -> None:
    job, files = job_of(
        compile_text,
        "targets: ['a:1'], basic_auth: {username: u, password_file: /s/p}, tls: {ca_file: ca.pem, cert_file: c, key_file: k, server_name: web}",
    )
    assert job["basic_auth"] == {"username": "u", "password_file": "/s/p"}
    assert job["tls_config"] == {"ca_file": "ca.pem", "cert_file": "c", "key_file": "k", "server_name": "web"}
    assert files.files["prometheus/prometheus.yml"].mode == 0o640
    accepted(files, tmp_path)


def test_bearer_token_by_file(compile_text: Compile, tmp_path: Path) -> None:
    job, files = job_of(compile_text, "targets: ['a:1'], bearer_file: /s/t")
    assert job["authorization"] == {"type": "Bearer", "credentials_file": "/s/t"}
    accepted(files, tmp_path)


# scrape, the discovery's key, what is expected in it, the relabeling expected before the labels
DISCOVERIES: list[tuple[str, str, dict[str, Any], list[dict[str, Any]]]] = [
    (
        "dns: {names: [_m._tcp.web], refresh_interval: 10s}",
        "dns", {"names": ["_m._tcp.web"], "type": "SRV", "refresh_interval": "10s"}, [],
    ),
    ("dns: {names: web, type: A, port: 80}", "dns", {"names": ["web"], "type": "A", "port": 80, "refresh_interval": "30s"}, []),
    ("file: {files: [targets/*.yml]}", "file", {"files": ["targets/*.yml"], "refresh_interval": "5m"}, []),
    ("http: {url: 'http://sd/'}", "http", {"url": "http://sd/", "refresh_interval": "1m"}, []),
    (
        "docker: {port: 8080, filters: {label: [app=x]}}", "docker",
        {"host": "unix:///var/run/docker.sock", "port": 8080, "filters": [{"name": "label", "values": ["app=x"]}]},
        [
            {"source_labels": ["__address__"], "regex": ".+:8080", "action": "keep"},
            {"source_labels": ["__meta_docker_container_name"], "regex": "/?(.+)", "target_label": "container"},
        ],
    ),
    (
        "consul: {server: 'c:8500', services: [web], tags: [prod], token_file: /s/c}", "consul",
        {"server": "c:8500", "services": ["web"], "tags": ["prod"], "authorization": {"type": "Bearer", "credentials_file": "/s/c"}},
        [{"source_labels": ["__meta_consul_node"], "regex": "(.+)", "target_label": "node"}],
    ),
    (
        "kubernetes: {role: pod, namespaces: [shop], selector: app=web, port: metrics}", "kubernetes",
        {"role": "pod", "namespaces": {"names": ["shop"]}, "selectors": [{"role": "pod", "label": "app=web"}]},
        [
            {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Succeeded|Failed", "action": "drop"},
            {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": "metrics", "action": "keep"},
            {"source_labels": ["__meta_kubernetes_namespace"], "regex": "(.+)", "target_label": "namespace"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "regex": "(.+)", "target_label": "pod"},
        ],
    ),
    (
        "kubernetes: {role: endpoints, port: '8080'}", "kubernetes", {"role": "endpoints"},
        [
            {"source_labels": ["__address__"], "regex": ".+:8080", "action": "keep"},
            {"source_labels": ["__meta_kubernetes_namespace"], "regex": "(.+)", "target_label": "namespace"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "regex": "(.+)", "target_label": "pod"},
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("scrape", "name", "config", "rules"), DISCOVERIES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_discovery(
    compile_text: Compile,
    tmp_path: Path,
    scrape: str,
    name: str,
    config: dict[str, Any],
    rules: list[dict[str, Any]],
) -> None:
    job, files = job_of(compile_text, scrape, ", labels: {price: 'a$1'}")
    assert job[f"{name}_sd_configs"] == [config]
    labels = [{"target_label": "service", "replacement": "web"}, {"target_label": "price", "replacement": "a$$1"}]
    assert job["relabel_configs"] == [*rules, *labels]
    assert files.found == []
    if not tool("promtool").supports_sd(name):
        pytest.skip(f"this promtool is built without {name}_sd_configs (Debian leaves some out)")
    accepted(files, tmp_path)


def test_static_and_discovered_targets_share_a_job(compile_text: Compile, tmp_path: Path) -> None:
    job, files = job_of(compile_text, "targets: ['a:1'], http: {url: 'http://sd/'}")
    assert job["static_configs"] == [{"targets": ["a:1"]}]
    assert job["relabel_configs"] == [{"target_label": "service", "replacement": "web"}]
    accepted(files, tmp_path)


def test_blackbox_probe(compile_text: Compile, tmp_path: Path) -> None:
    scrape = "targets: ['https://shop.example.com/login'], probe: {exporter: 'bb:9115', module: http_2xx}"
    job, files = job_of(compile_text, scrape, kind="blackbox")
    assert job["metrics_path"] == "/probe"
    assert job["params"] == {"module": ["http_2xx"]}
    assert job["relabel_configs"] == [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": "bb:9115"},
    ]
    assert job["static_configs"][0]["targets"] == ["https://shop.example.com/login"]
    assert files.found == []
    accepted(files, tmp_path)


@pytest.mark.parametrize(
    ("scrape", "honored"),
    [
        ("targets: ['pushgateway:9091']", True),
        ("targets: ['prod-push-gateway.shop:9091']", True),
        ("targets: ['pushgateway:9091'], honor_labels: false", None),
        ("targets: ['pushy:9091']", None),
        ("targets: ['a:1'], honor_labels: true", True),
    ],
)
def test_a_pushgateway_speaks_for_others(compile_text: Compile, scrape: str, honored: bool | None) -> None:
    assert job_of(compile_text, scrape)[0].get("honor_labels") is honored


@pytest.mark.parametrize(
    ("kind", "scrape", "severity"),
    [("blackbox", "targets: ['a:1']", "error"), ("http", "targets: ['http://a/'], probe: {}", "warning")],
)
def test_a_probe_and_its_kind_belong_together(compile_text: Compile, kind: str, scrape: str, severity: str) -> None:
    _, files = job_of(compile_text, scrape, kind=kind)
    assert files.found == [("scrape/probe", severity)]
    assert "blackbox" in next(iter(files.report)).help


def test_own_relabeling_runs_after_mkits_and_before_the_probe(compile_text: Compile, tmp_path: Path) -> None:
    job, files = job_of(
        compile_text,
        "targets: ['http://a/'], probe: {}, relabel: [{source_labels: [__address__], regex: '.*:(.+)', target_label: port}], "
        "metric_relabel: [{source_labels: [__name__], regex: 'go_.*', action: drop}, {action: labeldrop, regex: id}]",
    )
    assert job["relabel_configs"][0]["target_label"] == "port"
    assert job["metric_relabel_configs"] == [
        {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
        {"regex": "id", "action": "labeldrop"},
    ]
    accepted(files, tmp_path)


# scrape, more keys of the service, the finding
MISTAKES = [
    ("targets: ['http://a:1/m']", "", ("scrape/target", "error")),
    ("targets: ['a:65535', 'a:65536']", "", ("scrape/target", "error")),
    ("targets: ['[::1]:0']", "", ("scrape/target", "error")),
    ("path: /m", "", ("scrape/no-targets", "error")),
    ("targets: ['a:1'], basic_auth: {username: u, password_file: p}, bearer_file: t", "", ("scrape/auth", "error")),
    ("targets: ['a:1'], tls: {cert_file: c}", "", ("scrape/tls", "error")),
    ("targets: ['a:1'], tls: {insecure_skip_verify: true}", "", ("scrape/tls", "warning")),
    ("targets: ['a:1'], params: {api_key: x}", "", ("secrets/inline", "error")),
    ("targets: ['a:1']", ", labels: {job: x}", ("scrape/reserved-label", "error")),
    ("dns: {names: a, type: A}", "", ("scrape/dns-port", "error")),
    ("file: {files: [targets/*/x.yml]}", "", ("scrape/file-discovery", "error")),
    ("file: {files: [targets.txt]}", "", ("scrape/file-discovery", "error")),
    ("kubernetes: {role: ingress, port: web}", "", ("scrape/kubernetes-port", "error")),
    ("targets: ['a:1'], docker: {port: 80}", "", ("scrape/mixed-discovery", "error")),
    ("targets: ['a:1'], relabel: [drop]", "", ("scrape/relabel", "error")),
    ("targets: ['a:1'], relabel: [{action: dorp, source_labels: [a], regex: b}]", "", ("scrape/relabel", "error")),
    ("targets: ['a:1'], relabel: [{sources: [a]}]", "", ("scrape/relabel", "error")),
    (
        "targets: ['a:1'], relabel: [{action: hashmod, source_labels: [a], target_label: b}]",
        "",
        ("scrape/relabel", "error"),
    ),
    ("targets: ['a:1'], relabel: [{action: drop, source_labels: a, regex: b}]", "", ("scrape/relabel", "error")),
    ("targets: ['a:1'], relabel: [{action: drop, source_labels: [a], regex: '('}]", "", ("scrape/relabel", "error")),
    ("targets: ['a:1'], relabel: [{source_labels: [a-b], target_label: c}]", "", ("scrape/relabel", "error")),
    ("targets: ['a:1'], relabel: [{source_labels: [a], target_label: c-d}]", "", ("scrape/relabel", "error")),
    # Long, for what a backtracking expression would never finish.
    (
        f"targets: ['a:1'], relabel: [{{source_labels: [a], target_label: {'kubernetes_' * 9}name-x}}]",
        "",
        ("scrape/relabel", "error"),
    ),
    (
        "targets: ['a:1'], relabel: [{action: labelmap, regex: 'x_(.+)', replacement: 'a-$1'}]",
        "",
        ("scrape/relabel", "error"),
    ),
    (
        "targets: ['a:1'], relabel: [{action: lowercase, source_labels: [a], target_label: 'a$1'}]",
        "",
        ("scrape/relabel", "error"),
    ),
]


@pytest.mark.parametrize(("scrape", "more", "found"), MISTAKES, ids=lambda v: v if isinstance(v, str) else "")
def test_mistakes(compile_text: Compile, scrape: str, more: str, found: tuple[str, str]) -> None:
    _, files = job_of(compile_text, scrape, more)
    assert files.found == [found]
    assert all(d.span.line == 6 and d.span.file for d in files.report)


def test_a_relabeling_target_may_refer_to_groups(compile_text: Compile) -> None:
    _, files = job_of(
        compile_text, "targets: ['a:1'], relabel: [{source_labels: [__a], regex: '(x)(.*)', target_label: 'a_${1}$2'}]"
    )
    assert files.found == []


def test_what_replace_may_write_to_is_what_prometheus_says() -> None:
    go = re.compile(r"(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+", re.ASCII)  # model/relabel/relabel.go, relabelTarget
    for size in range(1, 6):
        for letters in product("a1${}-", repeat=size):
            text = "".join(letters)
            assert bool(_TEMPLATE.fullmatch(text)) == bool(go.fullmatch(text)), text


def test_the_name_offered_for_a_template_keeps_its_references(compile_text: Compile) -> None:
    _, files = job_of(
        compile_text, "targets: ['a:1'], metric_relabel: [{action: labelmap, regex: 'x_(.+)', replacement: 'a-$1'}]"
    )
    assert [d.help for d in files.report] == ["write `a_$1`"]


def test_names_of_other_characters_are_for_later_servers(compile_text: Compile) -> None:
    scrape = "targets: ['a:1'], metric_relabel: [{source_labels: [service.name], target_label: 'x-y'}]"
    _, files = job_of(compile_text, scrape)
    (finding,) = files.report
    assert (finding.message, finding.help) == ("`service.name` is not a valid label name", "write `service_name`")
    later = f"compatibility: {{prometheus: '3.2'}}\nservices:\n  web: {{kind: http, scrape: {{{scrape}}}}}\n"
    assert lowered(compile_text(HEAD + later), lower_prometheus).found == []


def test_a_url_as_target_is_taken_apart_in_the_help(compile_text: Compile) -> None:
    _, files = job_of(compile_text, "targets: ['https://a:1/m']")
    (finding,) = files.report
    assert 'targets: ["a:1"], scheme: https, path: /m' in finding.help


def test_a_secret_in_a_parameter_is_not_shown(compile_text: Compile) -> None:
    _, files = job_of(compile_text, "targets: ['a:1'], params: {token: hunter2}")
    (finding,) = files.report
    assert finding.secret
    assert "hunter2" not in finding.message + finding.help


def family(type_: str = "counter", buckets: tuple[float, ...] = (), **labels: LabelInfo) -> MetricInfo:
    return MetricInfo("m_total", type_, "", None, labels, buckets)


@pytest.mark.parametrize(
    ("metric", "series"),
    [
        (family(), 1),
        (family(a=LabelInfo(values=("x", "y"))), 2),
        (family(a=LabelInfo(max=7), b=LabelInfo(values=("x", "y"))), 14),
        (family("histogram", (1.0, 2.0), a=LabelInfo(max=10)), 50),
        (family("summary", a=LabelInfo(max=10)), 100),
        (family(a=LabelInfo()), 20),
        (family(a=LabelInfo(), b=LabelInfo(), c=LabelInfo()), 2_000),
        (family(a=LabelInfo(max=1_000_000)), 1_000_000),
    ],
)
def test_series_bound(metric: MetricInfo, series: int) -> None:
    assert series_bound(metric) == series


def test_label_budget_prefers_the_values() -> None:
    assert label_budget(LabelInfo(values=("a",), max=9)) == 1


BUDGETED = (
    "\nmetrics:\n  a_total: {type: counter, help: A., labels: {x: {max: 600}, y: {values: [p, q]}}, services: [web]}\n"
)


def test_limits_come_from_the_label_budgets(compile_text: Compile) -> None:
    service = "services:\n  web: {kind: business, scrape: {targets: ['a:1']}}"
    compilation = compile_text(HEAD + service + BUDGETED)
    assert compilation.system is not None
    view = compilation.system.services["web"]
    families = compilation.system.registry.by_service["web"].values()
    bound = sum(series_bound(f) for f in families)
    assert bound >= 1200
    limits = scrape_limits(compilation.system, view, {"job": "web", "service": "web"})
    assert limits["sample_limit"] == -(-(2 * bound + 2000) // 1000) * 1000
    assert limits["label_limit"] == 30
    assert limits["body_size_limit"] == "10MB"


def test_written_limits_win(compile_text: Compile, tmp_path: Path) -> None:
    job, files = job_of(
        compile_text,
        "targets: ['a:1'], limits: {samples: 50000, labels: 12, label_name_length: 40, label_value_length: 99, targets: 5}",
    )
    assert job["sample_limit"] == 50_000
    assert job["label_limit"] == 12
    assert job["label_name_length_limit"] == 40
    assert job["label_value_length_limit"] == 99
    assert job["target_limit"] == 5
    assert job["body_size_limit"] == "26MB", "follows the written sample limit"
    accepted(files, tmp_path)


def test_probed_urls_fit_into_a_label(compile_text: Compile) -> None:
    job, _ = job_of(compile_text, "targets: ['http://a/'], probe: {}")
    assert job["label_value_length_limit"] >= 2048

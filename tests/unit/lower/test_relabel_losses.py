"""Relabeling that takes from the rules what they need is told; whatever else relabeling does is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_kit.lower.prometheus import lower_prometheus
from tests.unit.lower.live import free_port, prometheus, until
from tests.unit.lower.spec_text import HEAD, Compile, lowered
from tests.unit.lower.test_scrape_live import site

ALERT = "alerts:\n  Errors: {services: [web], when: errors > 5%, for: 2m, severity: critical}\n"


def found(compile_text: Compile, key: str, rule: str, targets: str = "targets: ['a:1']") -> list[tuple[str, str, str]]:
    text = (
        HEAD
        + f"services:\n  web: {{kind: http, scrape: {{{targets}, {key}: [{rule}]}}, resources: {{cpu: 1, memory: 1GiB}}}}\n"
        + ALERT
    )
    report = lowered(compile_text(text), lower_prometheus).report
    for diagnostic in report:
        assert diagnostic.help
        assert text.splitlines()[diagnostic.span.line - 1][diagnostic.span.column - 1 :].startswith(rule)
    return [(d.code, d.severity.word, d.message) for d in report]


LOST = [
    ("metric_relabel", "{action: labeldrop, regex: service}", "error", "drops `service`, by which every rule"),
    ("metric_relabel", "{action: labeldrop, regex: 'service|job'}", "error", "drops `service`, `job`"),
    ("metric_relabel", "{action: LabelDrop, regex: 'jo.'}", "error", "drops `job`"),
    ("metric_relabel", "{action: labeldrop, regex: '__.*'}", "error", "drops `__name__`"),
    ("metric_relabel", "{action: labelkeep, regex: 'status|method'}", "error", "drops `__name__`"),
    ("metric_relabel", "{action: labelkeep, regex: '__name__|status|method'}", "error", "drops `service`, `job`"),
    ("metric_relabel", "{action: labeldrop, regex: status}", "warning", "drops `status`, which `service:errors:ratio_rate5m`"),
    ("metric_relabel", "{action: labeldrop, regex: le}", "warning", "drops `le`, which `service:latency:p95_5m`"),
    ("metric_relabel", "{action: labeldrop, regex: instance}", "warning", "drops `instance`, which `service:cpu:ratio5m`"),
    ("relabel", "{action: labeldrop, regex: service}", "error", "drops `service`"),
    ("relabel", "{action: labeldrop, regex: '__.+'}", "error", "no target of `web` would be left"),
    ("relabel", "{action: labelkeep, regex: '__.+'}", "error", "drops `service`, `job`"),
    ("relabel", "{target_label: service, replacement: shop}", "error", "gives `service` another value"),
    ("relabel", "{target_label: job, source_labels: [pod], regex: '(.*)'}", "error", "gives `job` another value"),
    ("relabel", "{target_label: service, source_labels: [pod], regex: 'canary-.*'}", "warning", "may give `service`"),
    ("metric_relabel", "{target_label: service, source_labels: [app]}", "error", 'knows `web` as service="web"'),
    ("metric_relabel", "{action: lowercase, target_label: service, source_labels: [app]}", "error", "gives `service`"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "rule", "severity", "says"), LOST, ids=[f"{k}-{r}" for k, r, _, _ in LOST])
def test_a_lost_label_is_told(compile_text: Compile, key: str, rule: str, severity: str, says: str) -> None:
    ((code, word, message),) = found(compile_text, key, rule)
    assert (code, word) == ("scrape/label-lost", severity)
    assert says in message


GONE = [
    ("{action: drop, source_labels: [__name__], regex: 'http_.*'}", "drops `http_requests_total`, `http_request_duration_seconds_bucket`"),
    ("{action: drop, source_labels: [__name__], regex: 'process_cpu_seconds_total'}", "`service:cpu:ratio5m` reads"),
    ("{action: keep, source_labels: [__name__], regex: 'http_.*|process_open_fds|process_max_fds'}", "drops `process_cpu_seconds_total`, `process_resident_memory_bytes`, which"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "says"), GONE)
def test_a_lost_metric_is_told(compile_text: Compile, rule: str, says: str) -> None:
    ((code, word, message),) = found(compile_text, "metric_relabel", rule)
    assert (code, word) == ("scrape/metric-lost", "warning")
    assert says in message


FINE = [
    ("metric_relabel", "{action: drop, source_labels: [__name__], regex: 'go_.*'}"),
    ("metric_relabel", "{action: drop, source_labels: [__name__], regex: 'up|scrape_.*'}"),  # never relabeled
    ("metric_relabel", "{action: drop, source_labels: [__name__, status], regex: 'http_requests_total;500'}"),
    ("metric_relabel", "{action: labeldrop, regex: 'id|pod_.*'}"),
    ("metric_relabel", "{action: labelkeep, regex: '__name__|job|service|instance|status|le|.*'}"),
    ("metric_relabel", "{target_label: tier, source_labels: [app]}"),
    ("relabel", "{action: labeldrop, regex: 'instance|status'}"),  # instance becomes the address again
    ("relabel", "{target_label: service, replacement: web}"),
    ("relabel", "{target_label: instance, source_labels: [node]}"),
    ("relabel", "{action: drop, source_labels: [phase], regex: Failed}"),
    ("relabel", "{action: labelmap, regex: '__meta_kubernetes_pod_label_(.+)'}"),
]


@pytest.mark.parametrize(("key", "rule"), FINE, ids=[f"{k}-{r}" for k, r in FINE])
def test_other_relabeling_is_the_authors_business(compile_text: Compile, key: str, rule: str) -> None:
    assert found(compile_text, key, rule) == []


def test_a_service_without_rules_on_a_metric_may_drop_it(compile_text: Compile) -> None:
    rule = "{action: drop, source_labels: [__name__], regex: 'http_.*'}"
    text = HEAD + f"services:\n  db: {{kind: mysql, scrape: {{targets: ['a:1'], metric_relabel: [{rule}]}}}}\n"
    text += "  web: {kind: http, scrape: {targets: ['b:1']}}\n" + ALERT
    assert lowered(compile_text(text), lower_prometheus).found == []


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("relabeling", "query", "seen"),
    [
        ("metric_relabel: [{action: labeldrop, regex: service}]", 'b_total{service="web"}', 0),
        ("metric_relabel: [{action: labelkeep, regex: 'status'}]", "{instance!='', __name__!~'up|scrape_.*'}", 0),
        ("metric_relabel: [{action: labelkeep, regex: 'instance'}]", 'up{job="web"} == 1', 0),
        ("relabel: [{action: labeldrop, regex: instance}]", 'b_total{service="web",instance!=""}', 1),
        ("metric_relabel: [{action: drop, source_labels: [__name__], regex: 'up|scrape_.*'}]", 'up{job="web"}', 1),
    ],
)
def test_prometheus_agrees(compile_text: Compile, tmp_path: Path, relabeling: str, query: str, seen: int) -> None:

    with site({"/metrics": ("text/plain; version=0.0.4", "b_total 1\n")}) as port:
        targets = f"targets: ['127.0.0.1:{port}'], {relabeling}"
        spec = HEAD + f"prometheus: {{scrape_interval: 1s}}\nservices:\n  web: {{kind: http, scrape: {{{targets}}}}}\n"
        lowered(compile_text(spec), lower_prometheus).write(tmp_path)
        with prometheus(tmp_path, "prometheus.yml", free_port(), "live") as server:
            until(lambda: server.get("/api/v1/query", query='up{job="web"}')["data"]["result"], "scraped")
            assert len(server.get("/api/v1/query", query=query)["data"]["result"]) == seen

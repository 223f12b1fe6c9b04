"""The closed system: defaults, references, environments, the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.resolve.system import System
from tests.conftest import CHANNEL, HEAD

CHAIN = (
    "services:\n"
    "  web: {kind: http, scrape: {targets: ['w:1']}, depends_on: [api]}\n"
    "  api: {kind: http, scrape: {targets: ['a:1']}, depends_on: [db]}\n"
    "  db: {kind: mysql, scrape: {targets: ['d:1'], interval: 60s}}\n"
)


def system(result: Compilation) -> System:
    assert result.ok, list(result.report)
    assert result.system is not None
    return result.system


def test_dependants_are_transitive(compile_text: Callable[..., Compilation]) -> None:
    found = system(compile_text(HEAD + CHANNEL + CHAIN)).services
    assert {n: v.dependants for n, v in found.items()} == {"web": (), "api": ("web",), "db": ("api", "web")}


def test_intervals_and_timeouts(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHANNEL + "prometheus: {scrape_interval: 12s}\n" + CHAIN
    found = system(compile_text(text)).services
    assert {n: (str(v.interval), str(v.timeout)) for n, v in found.items()} == {
        "web": ("12s", "8s"), "api": ("12s", "8s"), "db": ("1m", "10s")
    }  # fmt: skip


def test_an_environment_changes_values_and_adds_labels(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHANNEL + CHAIN + (
        "prometheus: {external_labels: {region: eu}}\n"
        "environments:\n  prod: {labels: {env: prod}}\n"
        "  staging: {labels: {env: staging}, prometheus: {scrape_interval: 30s}, services: {db: null, api: {depends_on: []}}}\n"
    )  # fmt: skip
    plain = system(compile_text(text))
    assert plain.external_labels == {"system": "shop", "region": "eu"}
    assert system(compile_text(text, env="prod")).external_labels == {"system": "shop", "region": "eu", "env": "prod"}
    staging = system(compile_text(text, env="staging"))
    assert list(staging.services) == ["web", "api"]
    assert str(staging.services["web"].interval) == "30s"


def test_placeholders(compile_text: Callable[..., Compilation]) -> None:
    text = (
        HEAD.replace("shop", "${NAME:-shop}")
        + CHANNEL
        + CHAIN
        + "description: costs $${5} ${WHAT}, see ${datasource}\n"
    )
    found = system(compile_text(text, environ={"WHAT": "a lot"}))
    assert (found.name, found.spec.description) == ("shop", "costs ${5} a lot, see ${datasource}")
    assert system(compile_text(text, environ={"WHAT": "x", "NAME": "mall"})).name == "mall"


def test_a_declaration_wins_over_the_pack_and_only_for_its_services(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHANNEL + CHAIN + (
        "metrics:\n  http_request_duration_seconds: {type: histogram, help: H., buckets: [1, 2], services: [web]}\n"
    )  # fmt: skip
    registry = system(compile_text(text)).registry
    assert registry.by_service["web"]["http_request_duration_seconds"].buckets == (1.0, 2.0)
    assert "http_requests_total" not in registry.by_service["web"]  # the spec speaks for web now
    assert "http_requests_total" in registry.by_service["api"]
    assert registry.by_series["http_request_duration_seconds_bucket"].source == "declared"
    assert registry.by_service["db"]["mysql_up"].source.startswith("mysqld_exporter")


def test_alerts_without_notify_go_to_the_default_or_the_first_channel(compile_text: Callable[..., Compilation]) -> None:
    two = "channels:\n  a: {kind: webhook, url: 'http://a/'}\n  b: {kind: webhook, url: 'http://b/'}\n"
    alerts = "alerts:\n  X: {services: [web], when: errors > 5%, severity: warning}\n"

    def notified(text: str) -> list[tuple[str, ...]]:
        result = compile_text(text)
        assert result.model is not None
        return [rule.notify for rule in result.model.alerts if rule.name == "X"]

    assert notified(HEAD + two + CHAIN + alerts) == [("a",)]
    assert notified(HEAD + two + CHAIN + alerts + "alerting: {default: [b, a]}\n") == [("a", "b")]


def test_down_alerts_are_told_no_more_quietly_than_others(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHAIN + (
        "channels:\n  a: {kind: webhook, url: 'http://a/'}\n  p: {kind: pagerduty, routing_key_file: /k}\n"
        "alerts:\n  X: {services: [web], when: errors > 5%, severity: critical, notify: [p]}\n"
    )  # fmt: skip
    result = compile_text(text)
    assert result.model is not None
    assert {r.notify for r in result.model.alerts if r.name == "ServiceDown"} == {("a", "p")}
    assert {r.notify for r in result.model.alerts if r.name == "TargetDown"} == {("a",)}


def test_two_runs_give_the_same_bytes(compile_text: Callable[..., Compilation]) -> None:
    first, second = (compile_text(HEAD + CHANNEL + CHAIN).outputs for _ in range(2))
    assert {p: o.data for p, o in first.items()} == {p: o.data for p, o in second.items()}


def test_the_catalog_of_an_earlier_compilation_is_forgotten(tmp_path: Path) -> None:
    """A look-up by the identity of catalogs that are gone found the metrics of another one."""
    spec = tmp_path / "mkit.yaml"
    spec.write_text(
        HEAD + CHANNEL + "catalogs: [own.yaml]\nservices: {web: {kind: node, scrape: {targets: ['a:1']}}}\n"
    )
    for number in range(12):
        metrics = f"metrics:\n  own_{number}: {{type: gauge, help: Own., labels: []}}\n"
        (tmp_path / "own.yaml").write_text(f"exporter: own\nversion: '1'\n{metrics}")
        made = compile_spec(spec)
        assert made.model is not None
        exposed = made.model.system.registry.by_service["web"]
        assert [name for name in exposed if name.startswith("own_")] == [f"own_{number}"]

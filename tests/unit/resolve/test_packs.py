"""Signal packs: the shipped ones hold together, and users' own work by path."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import print_expr
from monitoring_kit.promql.catalog import load_catalog
from monitoring_kit.resolve.packs import Packs, shipped_kinds
from monitoring_kit.resolve.signals import needed_series
from tests.conftest import CHANNEL, HEAD

KINDS = (
    "ai-model",
    "alertmanager",
    "blackbox",
    "business",
    "container",
    "http",
    "mysql",
    "node",
    "prometheus",
    "pushgateway",
    "redis",
)
PACK = """
kind: queue
title: Queue
description: A message queue.
metrics:
  queue_messages: {type: gauge, help: Messages that wait., labels: {queue: {}}}
  queue_published_total: {type: counter, help: Messages put in.}
signals:
  waiting: {title: Waiting, description: Messages that wait., unit: number, bad: high, expr: "sum by (service) (queue_messages)", operation: sum}
  traffic: {title: Published, description: Messages per second., unit: per_second, expr: "sum by (service) (rate(queue_published_total[$window]))", operation: rate}
alerts:
  QueueFull: {when: waiting > 1000, for: 5m, severity: warning}
"""
QUEUE = "packs: [queue.yaml]\nservices:\n  mq: {kind: queue, scrape: {targets: ['mq:9']}}\n"


def test_the_shipped_kinds() -> None:
    assert shipped_kinds() == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_shipped_pack_reads_only_what_its_exporter_exposes(kind: str) -> None:
    report = Report()
    loaded = Packs(report, "", ()).get(kind, Span(""))
    assert loaded is not None
    assert len(report) == 0
    known = {"up"} | set(loaded.metrics)
    for catalog in loaded.pack.catalogs:
        known |= {series for m in load_catalog(catalog).metrics.values() for series in (*m.series_names(), m.name)}
    for signal in loaded.pack.signals.values():
        assert set(needed_series(signal)) <= known, signal.name
        assert signal.bad in ("high", "low", "none")


@pytest.mark.parametrize("kind", KINDS)
def test_every_signal_of_a_kind_is_offered_and_compiles(kind: str, compile_text: Callable[..., Compilation]) -> None:
    scrape = "targets: ['http://x/'], probe: {}" if kind == "blackbox" else "targets: ['x:1']"
    result = compile_text(HEAD + CHANNEL + f"services:\n  x: {{kind: {kind}, scrape: {{{scrape}}}}}\n")
    assert result.ok, list(result.report)
    assert result.system is not None
    assert result.model is not None
    recorded = {rule.use.signal.name for rule in result.model.recordings if rule.use}
    assert set(result.system.services["x"].signals) <= recorded
    if kind != "business":  # every business figure is optional: it is there when the spec declares its metric
        assert len(recorded) > 2


def test_an_own_pack(compile_text: Callable[..., Compilation]) -> None:
    result = compile_text(HEAD + CHANNEL + QUEUE, queue__yaml=PACK)
    assert result.ok, list(result.report)
    assert result.model is not None
    exprs = {rule.record: print_expr(rule.expr) for rule in result.model.recordings}
    assert exprs["service:waiting:sum"] == 'sum by (service) (queue_messages{job="mq"})'
    assert exprs["service:traffic:rate5m"] == 'sum by (service) (rate(queue_published_total{job="mq"}[5m]))'
    assert [rule.name for rule in result.model.alerts if rule.kind == "threshold"] == ["QueueFull"]


def test_the_specs_alert_replaces_the_packs(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHANNEL + QUEUE + "alerts:\n  QueueFull: {when: waiting > 5, severity: critical}\n"
    result = compile_text(text, queue__yaml=PACK)
    assert result.model is not None
    assert [(r.name, r.severity) for r in result.model.alerts if r.kind == "threshold"] == [("QueueFull", "critical")]


def test_a_mistake_in_an_own_pack_points_into_it(compile_text: Callable[..., Compilation]) -> None:
    broken = PACK.replace("sum by (service) (queue_messages)", "sum by (service (queue_messages)")
    report = compile_text(HEAD + CHANNEL + QUEUE, queue__yaml=broken).report
    found = [d for d in report if d.code == "promql/syntax"]
    assert found
    assert found[0].span.file.endswith("queue.yaml")
    assert found[0].span.line == 9


def test_a_missing_pack_points_at_its_name(compile_text: Callable[..., Compilation]) -> None:
    (found,) = compile_text(HEAD + CHANNEL + QUEUE).report
    assert (found.code, found.span.line, found.span.column) == ("file/missing", 5, 9)


def test_a_signal_without_its_metric_says_what_it_needs(compile_text: Callable[..., Compilation]) -> None:
    text = HEAD + CHANNEL + (
        "services:\n  m: {kind: ai-model, scrape: {targets: ['m:1']}}\n"
        "metrics:\n  ai_predictions_total: {type: counter, help: Predictions., services: [m]}\n"
        "alerts:\n  A: {services: [m], when: errors > 1%, severity: warning}\n"
    )  # fmt: skip
    found = [d for d in compile_text(text).report if d.code == "signals/unavailable"]
    assert "`ai_prediction_errors_total`" in found[0].message


def test_a_kind_of_ones_own_may_be_one_that_is_probed(compile_text: Callable[..., Compilation]) -> None:
    report = compile_text(HEAD + CHANNEL + QUEUE, queue__yaml=PACK.replace("signals:", "probe: true\nsignals:")).report
    assert [d.message for d in report if d.code == "scrape/probe"] == [
        "nothing probes `mq`: its targets would be scraped themselves"
    ]
    assert [d for d in compile_text(HEAD + CHANNEL + QUEUE, queue__yaml=PACK).report if d.code == "scrape/probe"] == []


def test_the_targets_of_a_kind_of_ones_own_may_speak_for_others(compile_text: Callable[..., Compilation]) -> None:
    for more, honored in (("honor_labels: true\nsignals:", True), ("signals:", False)):
        done = compile_text(HEAD + CHANNEL + QUEUE, queue__yaml=PACK.replace("signals:", more))
        assert ("honor_labels: true" in done.outputs["prometheus/prometheus.yml"].data.decode()) is honored

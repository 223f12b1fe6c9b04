"""promql/infinite: a recorded value that InfluxDB would refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring_kit.pipeline import Compilation
from tests.conftest import CHANNEL, HEAD
from tests.unit.checks.world_text import fires, needs_promtool

CODE = "promql/infinite"
INFLUX = "storage: {influxdb: {url: 'http://influx:8086', database: d}}\n"
PACK = """kind: own
title: Own
description: A pack of one's own.
metrics:
  calls_total: {type: counter, help: Calls.}
  errors_total: {type: counter, help: Errors.}
  queue: {type: gauge, help: Jobs.}
  workers: {type: gauge, help: Workers.}
  lag: {type: histogram, unit: seconds, help: Lag., buckets: [1, 5]}
signals:
  load:
    title: Load
    description: Load.
    unit: number
    bad: high
    expr: EXPR
"""
SPEC = (
    HEAD
    + CHANNEL
    + "packs: [own.yaml]\nservices:\n  web: {kind: own, scrape: {targets: ['web:80']}}\nalerts:\n  A: {when: load > 5, severity: warning}\n"
)

INFINITE = [
    "sum by (service) (queue / workers)",
    "max by (service) (queue) / (max by (service) (workers) - 1)",
    "sum by (service) (rate(errors_total[$window])) / sum by (service) (rate(calls_total[$window]))",
    "ln(sum by (service) (queue))",
    "max by (service) (queue ^ -1)",
    "max by (service) (queue / workers > -Inf)",
    "max by (service) (queue / (workers >= 0))",
    "histogram_quantile(2, sum by (service, le) (rate(lag_bucket[$window])))",
    "sum by (service) (queue) * Inf",
    "clamp_min(sum by (service) (queue / workers), 0)",
]
FINITE = [
    "sum by (service) (queue / (workers > 0))",
    "max by (service) (queue) / clamp_min(max by (service) (workers), 1)",
    "max by (service) (queue / workers < +Inf > -Inf)",
    "sum by (service) (rate(errors_total[$window])) / (sum by (service) (rate(calls_total[$window])) > 0)",
    "sum by (service) (rate(errors_total[$window])) / sum by (service) (rate(calls_total[$window])) < +Inf",
    "sum by (service) (rate(calls_total{a='b'}[$window])) / sum by (service) (rate(calls_total[$window]))",
    "max by (service) (queue) / 4",
    "max by (service) (queue) / count by (service) (workers)",
    "max by (service) (queue / workers > bool 1)",
    "histogram_quantile(0.9, sum by (service, le) (rate(lag_bucket[$window])))",
    "clamp(max by (service) (queue / workers), 0, 1)",
    "ln(sum by (service) (queue) > 0)",
]


def compiled(compile_text: Callable[..., Compilation], expr: str, storage: str = INFLUX) -> Compilation:
    return compile_text(SPEC + storage, own__yaml=PACK.replace("EXPR", expr))


@pytest.mark.parametrize("expr", INFINITE)
def test_found(compile_text: Callable[..., Compilation], expr: str) -> None:
    found = [d for d in compiled(compile_text, expr).report if d.code == CODE]
    assert len(found) == 1, [str(d.message) for d in compiled(compile_text, expr).report]
    assert Path(found[0].span.file).name == "own.yaml"
    assert "< +Inf" in found[0].help


@pytest.mark.parametrize("expr", FINITE)
def test_silent(compile_text: Callable[..., Compilation], expr: str) -> None:
    report = compiled(compile_text, expr).report
    assert [d.message for d in report if d.code in (CODE, "promql/syntax")] == []


def test_silent_without_influxdb(compile_text: Callable[..., Compilation]) -> None:
    for storage in ("", INFLUX.replace("{url", "{enabled: false, url")):
        assert CODE not in [d.code for d in compiled(compile_text, INFINITE[0], storage).report]


def test_no_pack_of_ours_can_be_infinite(compile_text: Callable[..., Compilation]) -> None:
    kinds = ("http", "ai-model", "business", "mysql", "redis", "node", "container", "prometheus", "alertmanager")
    services = "".join(
        f"  s-{kind}: {{kind: {kind}, scrape: {{targets: ['{kind}:80']}}, resources: {{cpu: 1, memory: 1GiB}}}}\n"
        for kind in kinds
    )
    result = compile_text(HEAD + CHANNEL + "services:\n" + services + INFLUX)
    assert result.ok, [d.message for d in result.report]


@needs_promtool
def test_prometheus_agrees() -> None:
    series = {"queue": "1x120", "workers": "0x120"}
    assert fires("queue / workers == +Inf", series)
    assert not fires("queue / (workers > 0)", series)

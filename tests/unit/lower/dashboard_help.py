"""Dashboards of small specs and of the shipped example, as plain JSON, and what walks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.dashboards import lower_grafana
from monitoring_kit.lower.model import Model
from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.resolve.system import System

EXAMPLE = Path(__file__).parents[3] / "examples" / "ai-camera-counting" / "mkit.yaml"
ALL_KINDS = """version: mkit/v1
system: everything
docs_url: https://docs.example.com/ops
prometheus: {scrape_interval: 30s}
services:
  web:      {kind: http, scrape: {targets: ['web:80'], interval: 60s}, depends_on: [db, cache], runbook: 'https://runbooks/web'}
  shop.api: {kind: http, scrape: {targets: ['shop:80']}}
  model:    {kind: ai-model, scrape: {targets: ['model:80']}}
  money:    {kind: business, scrape: {targets: ['money:80']}}
  db:       {kind: mysql, scrape: {targets: ['db:9104']}}
  cache:    {kind: redis, scrape: {targets: ['cache:9121']}}
  host:     {kind: node, scrape: {targets: ['host:9100']}}
  pods:     {kind: container, scrape: {targets: ['pods:8080']}}
  site:     {kind: blackbox, scrape: {targets: ['https://example.com'], probe: {}}}
  batch:    {kind: pushgateway, scrape: {targets: ['push:9091']}}
  prom:     {kind: prometheus, scrape: {targets: ['prom:9090']}}
  am:       {kind: alertmanager, scrape: {targets: ['am:9093']}}
alerts:
  Slow:     {services: [web], when: "latency(p99, 10m) > 2s", for: 5m, severity: warning}
  Slower:   {services: [web], when: "latency(p99, 10m) > 4s", severity: critical}
  Failing:  {when: "errors > 5%", for: 2m, severity: critical, runbook: 'https://runbooks/failing'}
  Down:     {services: [web, shop.api], when: "availability(1h) < 99.5%", severity: critical}
channels:
  mail: {kind: webhook, url: 'http://hook:1/'}
dashboards:
  mine:
    title: Mine
    panels:
      - {title: Slowest, signal: "latency(p99)", services: [web, shop.api], type: stat}
      - {title: Rate, query: 'sum by (service) (rate(http_requests_total{service=~"$service"}[$__rate_interval]))', width: 7, height: 5}
      - {title: Rate, query: 'sum(rate(http_requests_total[$__rate_interval]))', width: 7}
      - {title: Heat, type: heatmap, query: 'sum by (le) (rate(http_request_duration_seconds_bucket[$__rate_interval]))', width: 11}
      - {title: Table, type: table, query: 'count by (job) (up{instance=~"$instance"})'}
      - {title: Pie, type: piechart, query: 'sum by (status) (rate(http_requests_total[$__rate_interval]))'}
      - {title: Gauge, type: gauge, signal: memory}
      - {title: Spread, type: heatmap, signal: latency}
      - {title: Rows, type: table, signal: "errors(1h)"}
      - {title: Bars, type: bargauge, signal: availability}
      - {title: States, type: state-timeline, signal: cpu}
"""


class Built:
    """A compiled spec and its dashboards; ``report`` holds the findings of the dashboards alone."""

    def __init__(self, compilation: Compilation) -> None:
        assert compilation.system is not None, [d.message for d in compilation.report]
        assert compilation.model is not None
        self.system: System = compilation.system
        self.model: Model = compilation.model
        self.report = Report()
        self.files = {file.path: file for file in lower_grafana(self.system, self.model, self.report)}
        self.boards: dict[str, Any] = {
            Path(path).stem: json.loads(json.dumps(file.tree))
            for path, file in self.files.items()
            if file.kind == "json"
        }

    def panel(self, board: str, title: str) -> dict[str, Any]:
        """The panel of a title that occurs once; rows' own panels count."""
        found = [panel for panel in panels(self.boards[board]) if panel["title"] == title and panel["type"] != "row"]
        assert len(found) >= 1, [panel["title"] for panel in panels(self.boards[board])]
        return found[-1]


def build(path: Path) -> Built:
    return Built(compile_spec(path, None, {}))


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels, the rows and what they hold included."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def data_panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels that have queries."""
    return (panel for panel in panels(board) if panel.get("targets"))

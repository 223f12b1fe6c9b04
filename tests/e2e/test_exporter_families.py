"""What running exporters expose, held against what the compiler knows of the spec that they were configured from."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path

import pytest
import requests
from monitoring_kit.exporters.ai.mkit_client import Client
from prometheus_client.parser import text_string_to_metric_families

from monitoring_kit.emit import Output
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.resolve.registry import MetricInfo
from monitoring_kit.stack.lab import Lab, free_port, wait_until

pytestmark = [pytest.mark.e2e]

SPEC = """
version: mkit/v1
system: shop
services:
  detector: {{kind: ai-model, scrape: {{targets: ["127.0.0.1:{ai}"]}}}}
  figures: {{kind: business, scrape: {{targets: ["127.0.0.1:{business}"]}}}}
metrics:
  ai_model_accuracy: {{type: gauge, help: Accuracy., unit: ratio, labels: {{model: {{}}, version: {{}}}}, services: [detector]}}
  visitors_total: {{type: counter, help: Visitors., labels: {{class: {{values: [adult, child]}}}}, services: [detector]}}
  counts: {{type: gauge, help: Manual counts., labels: {{camera: {{max: 9}}}}, services: [figures]}}
  objects_total: {{type: counter, help: Objects., services: [figures]}}
exporters:
  business:
    listen: "127.0.0.1:{business}"
    state_file: {folder}/business.db
    sources: {{shop: {{kind: sqlite, url: "sqlite:///{folder}/shop.db"}}}}
    collect:
      counts: {{source: shop, sql: "SELECT camera, COUNT(*) AS value FROM counted GROUP BY camera"}}
      objects_total: {{source: shop, sql: "SELECT SUM(n) AS value FROM counted"}}
  ai:
    listen: "127.0.0.1:{ai}"
    ingest: {{unix: {folder}/run/ai.sock, http: true}}
    model: {{name: people-counter, version: "3", cameras: 4, info: {{site: north}}}}
    truth:
      {{source: shop, sql: "SELECT camera, at, n AS value FROM counted WHERE at >= :since", key: [camera, at], by: camera, time: at,
       every: 1s, min_samples: 1, state_file: {folder}/ai.db}}
    drift: {{features: {{sure: mkit_model_confidence_ratio}}}}
channels:
  hook: {{kind: webhook, url: "http://hook:1/"}}
alerts:
  Inaccurate: {{expr: "mkit_model_eval_accuracy_ratio < 0.8", for: 1h, severity: warning}}
  Slow: {{expr: "histogram_quantile(0.95, sum by (le) (rate(mkit_model_inference_duration_seconds_bucket[5m]))) > 1", severity: warning}}
  Late: {{expr: "histogram_quantile(0.95, sum by (le) (rate(mkit_model_truth_delay_seconds_bucket[5m]))) > 3600", severity: warning}}
  Unread: {{expr: "increase(mkit_ai_truth_errors_total[1h]) > 3", severity: warning}}
  Unloaded: {{expr: mkit_business_config_last_reload_successful == 0, severity: warning}}
  Nulls: {{expr: "increase(mkit_business_null_values_total[1h]) > 3", severity: warning}}
"""


def start(lab: Lab, name: str, port: int, output: Output) -> str:
    file = lab.write(f"{name}.yaml", output.data.decode())
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "monitoring_kit", "exporter", name, "--config", str(file)]
    lab.start(name, command, f"{url}/-/ready")
    return url


def check(url: str, known: dict[str, MetricInfo]) -> set[str]:
    """The names of the families of an exposition, each of which must be known as what it is."""
    text = requests.get(f"{url}/metrics", timeout=10).text
    found = set()
    for family in text_string_to_metric_families(text):
        # The parser takes the suffix off; in the text format an info metric is a gauge.
        name = f"{family.name}_total" if family.type == "counter" else family.name
        info = known.get(name)
        assert info is not None, f"{name} is not known"
        assert ("gauge" if info.type == "info" else info.type) == family.type, name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(info.labels), name
            assert sample.name in info.series_names()
        if family.type == "histogram":
            bounds = {float(s.labels["le"]) for s in family.samples if "le" in s.labels} - {float("inf")}
            assert bounds == set(info.buckets), name
        found.add(name)
    return found


def test_every_family_of_running_exporters_is_known() -> None:
    with Lab() as lab:
        ai, business = free_port(), free_port()
        at = int(time.time()) - 30
        with sqlite3.connect(lab.folder / "shop.db") as base:
            base.execute("CREATE TABLE counted(camera TEXT, at REAL, n INTEGER)")
            base.execute("INSERT INTO counted VALUES ('gate', ?, 4)", (at,))
        (lab.folder / "run").mkdir()
        spec = Path(lab.write("mkit.yaml", SPEC.format(ai=ai, business=business, folder=lab.folder)))
        made = compile_spec(spec)
        assert made.ok, [f"{d.code} {d.message}" for d in made.report]
        assert made.system is not None
        urls = {name: start(lab, name, port, made.outputs[f"exporters/{name}.yaml"]) for name, port in (("ai", ai), ("business", business))}  # fmt: skip
        client = Client(str(lab.folder / "run/ai.sock"))
        client.counter("visitors_total", **{"class": "adult"}).inc()
        client.histogram("mkit_model_inference_duration_seconds", camera="gate", stage="infer").observe(0.1)
        client.histogram("mkit_model_confidence_ratio", **{"class": "adult"}).observe(0.5)
        client.prediction(5, key={"camera": "gate", "at": at}, time=at)
        wait_until(
            lambda: "\nmkit_model_eval_accuracy_ratio{" in requests.get(f"{urls['ai']}/metrics", timeout=10).text, 30
        )
        there = check(urls["ai"], made.system.registry.by_service["detector"])
        assert {
            "mkit_model_eval_samples", "mkit_model_truth_delay_seconds", "mkit_model_info", "mkit_ai_ingest_clients", "mkit_ai_build_info",
            "mkit_model_inference_duration_seconds", "mkit_model_confidence_ratio", "mkit_model_processes", "process_open_fds",
            "mkit_model_facts_corrected_total", "mkit_ai_config_last_reload_successful", "visitors_total",
        } <= there  # fmt: skip
        there = check(urls["business"], made.system.registry.by_service["figures"])
        assert {
            "counts",
            "objects_total",
            "mkit_business_result_rows",
            "mkit_business_build_info",
            "process_open_fds",
        } <= there

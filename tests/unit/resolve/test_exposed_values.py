"""Values that labels of the exporters' families never have are noticed; those that a running exporter writes are all known."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import monitoring_kit.exporters
import pytest
from monitoring_kit.exporters.business.build import make_exporter
from monitoring_kit.exporters.business.config import parse_config
from monitoring_kit.exporters.business.faults import REASONS
from monitoring_kit.exporters.business.state import State
from monitoring_kit.exporters.runtime import Deadline, Exporter

from monitoring_kit.pipeline import Compilation
from monitoring_kit.resolve.registry import MetricInfo
from tests.conftest import spelled
from tests.unit.exporters.ai.rig import Rig
from tests.unit.resolve.test_exposed import AI, BUSINESS, COLLECTED, SOURCE, SQL, written

Compile = Callable[..., Compilation]

BLOCK = (
    f"exporters:\n  ai: {{ingest: {{unix: SOCKET, http: true}}, model: {{name: net, version: '3', info: {{site: north}}}}, gpu: off, {SOURCE}, "
    f"truth: {{{SQL}, key: [camera, at], by: camera}}, drift: {{features: {{sure: mkit_model_confidence_ratio}}, baseline: BASELINE}}}}\n"
)
# Selectors: of what never is, and after it the same of what is.
NEVER = {
    'mkit_business_collector_success{collector="nope"}': "users",
    'mkit_business_up{source="x"}': "db",
    'mkit_business_source_connects_total{source="x"}': "db",
    'mkit_business_collector_errors_total{reason="authentication"}': "auth",
    'mkit_business_result_rows{metric="nope"}': "users",
    'mkit_business_source_regressions_total{metric="users"}': "orders_total",
    'mkit_business_series_dropped_total{metric="mkit_business_series"}': "users",
    'mkit_model_drift_score{feature="nope"}': "sure",
    'mkit_model_drift_score{method="wasserstein"}': "psi",
    'mkit_model_drift_score{version="4"}': "3",
    'mkit_model_predictions_total{model="x"}': "net",
    'mkit_model_eval_accuracy_ratio{model="x"}': "net",
    'mkit_model_info{site="south"}': "north",
    'mkit_ai_collector_success{collector="scrape"}': "quality",
}


def spec(selector: str) -> str:
    rule = f"alerts:\n  Mine: {{expr: '{selector} > 0', severity: warning, summary: Mine.}}\n"
    if "business" in selector:
        return BUSINESS + rule + COLLECTED
    return AI + rule + BLOCK.replace("SOCKET", "/run/s").replace("BASELINE", "/b.json")


def unknown(result: Compilation) -> list[str]:
    return [d.message for d in result.report if d.code == "promql/unknown-value" and "Mine" not in d.code]


@pytest.mark.parametrize("selector", NEVER)
def test_a_value_that_a_label_never_has(selector: str, compile_text: Compile) -> None:
    (said,) = unknown(compile_text(spec(selector)))
    name, _, rest = selector.partition("{")
    label, _, value = rest.strip("}").partition("=")
    assert said == f"`{label}` of `{name}` is never {value}: nothing is selected"
    right = re.sub('"[^"]*"', f'"{NEVER[selector]}"', selector)
    assert unknown(compile_text(spec(right))) == []


@pytest.mark.parametrize(
    "selector",
    [
        'mkit_model_predictions_total{version="2"}',
        'mkit_model_eval_accuracy_ratio{version="2"}',
        'mkit_model_drift_score{version="2"}',
    ],
)
def test_a_version_that_may_be_said_later(selector: str, compile_text: Compile) -> None:
    assert unknown(compile_text(spec(selector).replace(", version: '3'", ""))) == []


CLOSED = [
    ("ingest: {http: true}", 'mkit_ai_ingest_events_total{transport="unix"}', "http"),
    ("ingest: {statsd: {}}", 'mkit_ai_ingest_dropped_total{transport="http"}', "statsd"),
    ("ingest: {unix: /run/s}", 'mkit_ai_ingest_socket_bound{transport="statsd"}', "unix"),
    (
        "truth: {key: [id], kind: class, classes: [cat, dog]}",
        'mkit_model_eval_false_positives_total{class="cow"}',
        "other",
    ),
    ("scrape: {url: 'http://a/m', mapping: triton}", 'mkit_model_stage_seconds_total{stage="nope"}', "infer"),
    (f"{SOURCE}, truth: {{{SQL}, key: [camera, at]}}", 'mkit_ai_truth_errors_total{reason="nope"}', "row"),
    ("gpu: auto", 'mkit_model_gpu_throttled{reason="nope"}', "sw_thermal"),
]


@pytest.mark.parametrize(("block", "selector", "right"), CLOSED)
def test_a_value_that_the_block_rules_out(block: str, selector: str, right: str, compile_text: Compile) -> None:
    text = AI + f"alerts:\n  Mine: {{expr: '{selector} > 0', severity: warning}}\nexporters:\n  ai: {{{block}}}\n"
    (said,) = unknown(compile_text(text))
    assert "is never" in said
    there = compile_text(re.sub('="[^"]*"', f'="{right}"', text))
    assert there.ok, [spelled(d) for d in there.report]
    assert unknown(there) == []


def test_a_mistake_in_the_block_makes_no_unknown_values(compile_text: Compile) -> None:
    wrong = COLLECTED.replace("users: {source: db,", "users: {source: dbb,")
    result = compile_text(spec('mkit_business_collector_success{collector="users"}').replace(COLLECTED, wrong))
    assert not result.ok
    assert unknown(result) == []


def test_the_reasons_are_those_that_the_exporters_name(compile_text: Compile) -> None:
    """Every reason that the business exporter and the runtime write into a fault."""
    (root,) = monitoring_kit.exporters.__path__
    named = set(REASONS)
    for part in ("business", "runtime"):
        for file in Path(root, part).glob("*.py"):
            text = file.read_text()
            named.update(re.findall(r'(?:SourceFault|CollectError|FamilyError)\(\s*"(\w+)"', text))
            if file.name == "worker.py":
                named.update(re.findall(r'(?:run\.failed =|return|error\(|else) "(\w+)"', text))
    result = compile_text(BUSINESS + COLLECTED)
    assert result.system is not None
    errors = result.system.registry.by_service["figures"]["mkit_business_collector_errors_total"]
    assert set(errors.labels["reason"].values) == named


def listed(exporter: Exporter, known: dict[str, MetricInfo]) -> Iterable[tuple[str, str, str]]:
    """(family, label, value) of the running exporter's series; each value that is not among the known ones fails."""
    for family in (*exporter.registry.families, *exporter.registry.self_metrics.families()):
        for child in family.children():
            for label, value in zip(family.spec.label_names, child.values, strict=True):
                values = known[family.name].labels[label].values
                assert not values or value in (*values, ""), (family.name, label, value)
                yield family.name, label, value


def test_the_ai_exporter_writes_listed_values_only(compile_text: Compile, tmp_path: Path) -> None:
    paths = {"SOCKET": f"{tmp_path}/s", "BASELINE": f"{tmp_path}/b.json"}
    text = AI + BLOCK
    for key, path in paths.items():
        text = text.replace(key, path)
    result = compile_text(text)
    assert result.ok, [spelled(d) for d in result.report]
    assert result.system is not None
    config = written(result, "ai")
    config["quality"]["state_file"] = str(tmp_path / "ai.db")
    now = time.time()
    own = {"camera": "a", "at": str(int(now))}
    events: list[dict[str, Any]] = [
        {"metric": "mkit_model_predictions_total", "inc": 1, "labels": {"class": "x"}},
        {"metric": "mkit_model_predictions_total", "inc": 1, "labels": {"class": "x", "version": "2"}},
        {"prediction": 8, "key": own, "time": now}, {"truth": 9, "key": own, "time": now},
    ]  # fmt: skip
    with Rig(config) as rig:
        rig.post(json.dumps({"batch_id": "a", "events": events}).encode())
        rig.exporter.registry.gather(Deadline.after(5))
        found = set(listed(rig.exporter, result.system.registry.by_service["det"]))
    assert {"quality", "drift", "process"} == {v for name, _, v in found if name == "mkit_ai_collector_success"}
    assert ("mkit_model_drift_baseline_usable", "feature", "sure") in found
    assert ("mkit_model_predictions_total", "version", "2") in found
    assert ("mkit_model_eval_samples", "model", "net") in found


def test_the_business_exporter_writes_listed_values_only(compile_text: Compile, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as there:
        there.executescript(
            "CREATE TABLE users (plan, id); INSERT INTO users VALUES ('a', 1); CREATE TABLE orders (id);"
        )
    result = compile_text(BUSINESS + COLLECTED.replace("/nowhere.db", f"{tmp_path}/shop.db"))
    assert result.ok, [spelled(d) for d in result.report]
    assert result.system is not None
    state = State(tmp_path / "state.db")
    exporter = make_exporter(parse_config(written(result, "business")), state)
    try:
        for start in exporter.start:
            start()
        exporter.registry.gather(Deadline.after(5))
        found = set(listed(exporter, result.system.registry.by_service["figures"]))
    finally:
        for close in (*exporter.close, exporter.registry.close, state.close):
            close()
    assert ("mkit_business_up", "source", "db") in found
    # The table of the third metric is not there.
    assert {v for name, label, v in found if name == "mkit_business_collector_errors_total" and label == "reason"} >= {
        "query"
    }

"""The compiler knows the families of mkit's exporters: each that a running one has, and none that it cannot have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from monitoring_kit.exporters.ai.gpu import GpuCollector
from monitoring_kit.exporters.business.build import make_exporter
from monitoring_kit.exporters.business.config import parse_config
from monitoring_kit.exporters.business.state import State
from monitoring_kit.exporters.runtime import Exporter, Registry

from monitoring_kit.diagnostics import Severity
from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql.catalog import unit_of
from monitoring_kit.resolve.registry import MetricInfo
from tests.conftest import CHANNEL, HEAD, spelled
from tests.unit.exporters.ai.rig import Rig

Compile = Callable[..., Compilation]
Shape = tuple[str, tuple[str, ...], tuple[float, ...], str, bool]

AI = HEAD + CHANNEL + "services:\n  det: {kind: ai-model, scrape: {targets: ['ai-exporter:9642']}}\n"
SEEN = "metrics:\n  seen_total: {type: counter, help: Seen., labels: {class: {values: [a, b]}}, services: [det]}\n"
# Declarations of families that the mappings fill; the buckets stay the mapping's.
DECLARED_TOO = {
    "triton": "  mkit_model_queue_length: {type: gauge, help: Mine., labels: {version: {}, model: {}}, services: [det]}\n",
    "vllm": "  mkit_model_request_duration_seconds: {type: histogram, help: Mine., labels: {model: {}}, services: [det]}\n",
}
SOURCE = "sources: {db: {kind: sqlite, url: 'sqlite:////nowhere.db'}}"
SQL = "source: db, sql: 'SELECT camera, at, n AS value FROM t WHERE at >= :since'"
CONFIGURATIONS = {
    "plain": "{listen: ':9642'}",
    "http": "{ingest: {http: true}}",
    "truth": f"{{ingest: {{unix: SOCKET}}, {SOURCE}, truth: {{{SQL}, key: [camera, at], by: camera}}, model: {{cameras: 4}}}}",
    "pushed": "{ingest: {http: true}, truth: {key: [id], kind: class, classes: [a, b]}, model: {info: {site: north}}}",
    "drift": "{drift: {features: {sure: mkit_model_confidence_ratio}, baseline: SOCKET.json}, process: false, ingest: {unix: SOCKET}}",
    "capture": "{drift: {features: {sure: mkit_model_confidence_ratio}}, ingest: {statsd: {unix: SOCKET}}}",
    "triton": "{scrape: {url: 'http://127.0.0.1:9/metrics', mapping: triton}}",
    "vllm": "{scrape: {url: 'http://127.0.0.1:9/metrics', mapping: vllm}}",
    "namespace": f"{{namespace: shop_ai, {SOURCE}, truth: {{{SQL}, key: [camera, at]}}}}",
}  # fmt: skip
BUSINESS = HEAD + CHANNEL + (
    "services:\n  figures: {kind: business, scrape: {targets: ['business-exporter:9641']}}\n"
    "metrics:\n  users: {type: gauge, help: Users., labels: {plan: {max: 5}}, services: [figures]}\n"
    "  orders_total: {type: counter, help: Orders., services: [figures]}\n"
    "  wait_seconds: {type: histogram, unit: seconds, help: W., buckets: [1, 2], services: [figures]}\n"
)  # fmt: skip
COLLECTED = (
    f"exporters:\n  business:\n    {SOURCE}\n    collect:\n"
    "      users: {source: db, every: 1m, sql: 'SELECT plan, COUNT(*) AS value FROM users GROUP BY plan'}\n"
    "      orders_total: {source: db, sql: SELECT COUNT(*) AS value FROM orders}\n"
    "      wait_seconds: {source: db, sql: 'SELECT id AS watermark, w AS value FROM o WHERE id > :watermark ORDER BY id'}\n"
)  # fmt: skip


def exposed(exporter: Exporter) -> dict[str, Shape]:
    """The families that the running exporter has, whether or not it has series of them by now."""
    registry = exporter.registry
    return {family.name: shape(family.spec) for family in (*registry.families, *registry.self_metrics.families())}


def shape(spec: Any) -> Shape:
    return spec.kind, spec.label_names, spec.buckets, unit(spec.name, spec.unit), spec.native is not None


def unit(name: str, declared: str | None) -> str:
    """The unit, which a name may tell without a declaration."""
    return declared or unit_of(name)


def known(result: Compilation, service: str, name: str) -> dict[str, Shape]:
    assert result.system is not None
    assert result.ok, [spelled(d) for d in result.report]
    families = result.system.registry.by_service[service].values()
    return {f.name: known_shape(f) for f in families if f.source == f"mkit exporter {name}" or f.span is not None}


def known_shape(info: MetricInfo) -> Shape:
    return info.type, tuple(info.labels), info.buckets, unit(info.name, info.unit), info.native


def written(result: Compilation, name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(result.outputs[f"exporters/{name}.yaml"].data)
    return data


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_ai_exporter_has_what_is_known(name: str, compile_text: Compile, tmp_path: Path) -> None:
    block = CONFIGURATIONS[name].replace("SOCKET", f"{tmp_path}/s")
    result = compile_text(AI + SEEN + DECLARED_TOO.get(name, "") + f"exporters:\n  ai: {block}\n")
    config = written(result, "ai")
    if "quality" in config:
        config["quality"]["state_file"] = str(tmp_path / "ai.db")
    with Rig({**config, "gpu": "off"}) as rig:
        there = exposed(rig.exporter)
    # Declared and filled by events: told when none can come.
    unfilled = {"seen_total"} if "ingest" not in block else set()
    assert {d.message.split("`")[3] for d in result.report if d.code == "exporters/not-collected"} == unfilled
    gpus = GpuCollector(None, Registry()).families if name != "triton" else ()
    had = {family: its for family, its in known(result, "det", "ai").items() if family not in unfilled}
    assert had == there | {family.name: shape(family.spec) for family in gpus}


@pytest.mark.parametrize("namespace", ["", "    namespace: shop\n"])
def test_the_business_exporter_has_what_is_known(namespace: str, compile_text: Compile, tmp_path: Path) -> None:
    result = compile_text(BUSINESS + COLLECTED + namespace)
    state = State(tmp_path / "state.db")
    exporter = make_exporter(parse_config(written(result, "business")), state)
    try:
        there = exposed(exporter)
    finally:
        for close in (*exporter.close, exporter.registry.close, state.close):
            close()
    assert known(result, "figures", "business") == there
    assert ("shop_up" in there) is bool(namespace)


def test_a_namespace_holds_for_the_rules_that_mkit_brings(compile_text: Compile) -> None:
    result = compile_text(AI + "exporters:\n  ai: {namespace: shop_ai, ingest: {http: true}}\n")
    assert result.ok, [spelled(d) for d in result.report]
    rules = result.outputs["prometheus/rules/service-det.yml"].data.decode()
    assert "shop_ai_ingest_dropped_total" in rules
    assert not [path for path, output in result.outputs.items() if b"mkit_ai_" in output.data]


@pytest.mark.parametrize(
    "text",
    [
        AI
        + f"exporters:\n  ai: {{{SOURCE}, truth: {{{SQL}, key: [camera, at]}}, drift: {{features: {{f: mkit_model_batch_size}}, baseline: b.json}}, ingest: {{unix: /run/s}}}}\n",
        BUSINESS + COLLECTED,
    ],
)
def test_an_exporters_pack_says_of_its_metrics_what_the_exporter_says(text: str, compile_text: Compile) -> None:
    result = compile_text(text)
    assert result.ok, [spelled(d) for d in result.report]
    assert result.system is not None
    (exporter,) = result.system.exporters
    families = result.system.registry.by_service[exporter.service]
    assert exporter.loaded.metrics
    for name, metric in exporter.loaded.metrics.items():
        info = families[name]
        assert info.source == f"mkit exporter {exporter.name}"
        assert (metric.type, tuple(metric.labels)) == (info.type, tuple(info.labels)), name
        assert metric.unit is None or info.unit in (metric.unit, "timestamp"), name
        # The bounds that stand in the pack are used where the exporter has none.
        assert all(info.labels[label].values or info.labels[label].max or not (body.values or body.max) for label, body in metric.labels.items())  # fmt: skip


# A family -> the key that gives it.
SWITCHED = {
    "mkit_ai_ingest_socket_bound": "ingest.unix",
    "mkit_model_open_fds": "ingest.unix",
    "mkit_model_eval_coverage_ratio": "truth",
    "mkit_model_facts_late_total": "truth",
    "mkit_model_truth_delay_seconds_bucket": "truth",
    "mkit_model_eval_true_positives_total": "truth.kind: class",
    "mkit_ai_truth_success": "truth.source",
    "mkit_model_drift_score": "drift.baseline",
    "mkit_model_drift_baseline_usable": "drift.baseline",
}  # fmt: skip


@pytest.mark.parametrize("name", SWITCHED)
def test_a_family_that_another_key_would_give_is_unknown_and_the_key_is_named(name: str, compile_text: Compile) -> None:
    alert = f"alerts:\n  Mine: {{expr: '{name} > 0', severity: warning, summary: Mine.}}\n"
    result = compile_text(AI + alert + "exporters:\n  ai: {ingest: {http: true}}\n")
    ((code, fix),) = [(d.code, d.help) for d in result.report if d.severity is Severity.ERROR]
    assert (code, fix) == ("promql/unknown-metric", f"it is served once the spec has `exporters.ai.{SWITCHED[name]}`")
    every = f"ingest: {{unix: /run/s}}, {SOURCE}, truth: {{{SQL}, key: [camera, at], kind: KIND}}, drift: {{features: {{f: mkit_model_batch_size}}, baseline: b.json}}"
    kind = "class" if name.endswith("positives_total") else "count"
    with_all = compile_text(AI + alert + f"exporters:\n  ai: {{{every}}}\n".replace("KIND", kind))
    assert with_all.ok, [spelled(d) for d in with_all.report]


@pytest.mark.parametrize(
    ("block", "name", "keys"),
    [
        ("process: false", "mkit_model_threads", "`exporters.ai.ingest.unix` and `exporters.ai.process: true`"),
        ("process: false, ingest: {unix: /run/s}", "mkit_model_threads", "`exporters.ai.process: true`"),
        ("gpu: off", "mkit_model_gpu_temperature_celsius", "`exporters.ai.gpu: auto`"),
        # Triton tells of its GPUs itself, so the exporter looks for none whatever `gpu` says.
        ("gpu: off, scrape: {url: 'http://a/m', mapping: triton}", "mkit_model_gpu_temperature_celsius", None),
    ],
)
def test_the_keys_that_are_named_do_it(block: str, name: str, keys: str | None, compile_text: Compile) -> None:
    alert = f"alerts:\n  Mine: {{expr: '{name} > 0', severity: warning, summary: Mine.}}\n"
    ((code, fix),) = [
        (d.code, d.help or "")
        for d in compile_text(AI + alert + f"exporters:\n  ai: {{{block}}}\n").report
        if d.severity is Severity.ERROR
    ]
    assert code == "promql/unknown-metric"
    assert fix == f"it is served once the spec has {keys}" if keys else "exporters.ai" not in fix


VLLM = "scrape: {url: 'http://127.0.0.1:9/metrics', mapping: vllm}"
# Without a way in for events: what nothing fills.
UNREACHED = (
    "expr: mkit_model_frames_dropped_total > 0",
    "expr: mkit_model_inference_duration_seconds_bucket > 0",
    "expr: mkit_ai_ingest_dropped_total > 0",
    "expr: mkit_ai_ingest_clients < 1",
    "when: errors > 5%",
    "when: latency(p95) > 1s",
    "when: model_events < 1/s",
)


@pytest.mark.parametrize("condition", UNREACHED)
def test_what_only_events_fill_is_not_served_without_a_way_in(condition: str, compile_text: Compile) -> None:
    kind, _, text = condition.partition(": ")
    alert = f"alerts:\n  Mine: {{{kind}: '{text}', severity: warning, summary: Mine.}}\n"
    text = AI + alert + f"exporters:\n  ai: {{{VLLM}MORE}}\n"
    for closed in ("", ", ingest: {http: false}"):
        ((code, fix),) = [
            (d.code, d.help or "")
            for d in compile_text(text.replace("MORE", closed)).report
            if d.severity is Severity.ERROR
        ]
        assert code in ("promql/unknown-metric", "signals/unavailable")
        assert "`exporters.ai.ingest`" in fix
    for way in ("unix: /run/s", "http: true", "statsd: {}"):
        result = compile_text(text.replace("MORE", f", ingest: {{{way}}}"))
        assert result.ok, [spelled(d) for d in result.report]


def test_what_a_mapping_fills_is_served_without_a_way_in(compile_text: Compile) -> None:
    alert = "alerts:\n  Mine: {when: traffic < 1/s, severity: warning}\n"
    result = compile_text(AI + alert + f"exporters:\n  ai: {{{VLLM}}}\n")
    assert result.ok, [spelled(d) for d in result.report]
    assert codes(result) == []
    rules = result.outputs["prometheus/rules/service-det.yml"].data.decode()
    assert "mkit_model_predictions_total" in rules
    assert not [
        word
        for word in ("ModelEventsLost", "ModelEventsDropped", "mkit_ai_ingest", "prediction_errors")
        if word in rules
    ]


@pytest.mark.parametrize(
    ("block", "lost"),
    [
        ("listen: ':9642'", "it tells of itself alone and of GPUs, where it finds any"),
        ("gpu: off, ingest: {http: false}", "it tells of itself alone"),
        ("truth: {key: [id]}", "nothing of what `truth` would judge ever arrives"),
        (f"{VLLM}, truth: {{key: [id]}}", "nothing of what `truth` would judge ever arrives"),
        (VLLM, None),
        ("ingest: {statsd: {}}", None),
    ],
)
def test_an_exporter_that_no_event_reaches_is_told(block: str, lost: str | None, compile_text: Compile) -> None:
    result = compile_text(AI + f"exporters:\n  ai: {{{block}}}\n")
    assert result.ok, [spelled(d) for d in result.report]
    told = [
        (d.code, d.severity, d.message.partition(": ")[2]) for d in result.report if d.code.startswith("exporters/")
    ]
    assert told == ([("exporters/no-events", Severity.WARNING, lost)] if lost else [])


def test_drift_is_judged_only_against_a_named_baseline(compile_text: Compile) -> None:
    alert = "alerts:\n  Mine: {when: drift > 2, severity: warning}\n"
    block = "exporters:\n  ai: {drift: {features: {f: mkit_model_batch_size}}}\n"
    ((code, fix),) = [(d.code, d.help) for d in compile_text(AI + alert + block).report if d.severity is Severity.ERROR]
    assert (code, fix) == ("signals/unavailable", "it is served once the spec has `exporters.ai.drift.baseline`")


def test_rules_and_panels_of_what_an_exporter_does_not_serve_are_left_out(compile_text: Compile) -> None:
    result = compile_text(AI + "exporters:\n  ai: {ingest: {http: true}}\n")
    assert result.ok, [spelled(d) for d in result.report]
    for path in ("prometheus/rules/service-det.yml", "grafana/dashboards/board-exporter-ai.json"):
        text = result.outputs[path].data.decode()
        assert "ingest_dropped" in text or "model_events_dropped" in text
        assert not [
            word
            for word in ("mkit_model_drift", "mkit_ai_truth", "facts_late", "socket_bound", "service:drift")
            if word in text
        ]


def test_a_mistake_in_the_block_makes_no_others(compile_text: Compile) -> None:
    alert = "alerts:\n  Mine: {expr: mkit_model_eval_coverage_ratio < 0.5, severity: warning, summary: Mine.}\n"
    block = "exporters:\n  ai: {truth: {key: [id], kind: none_such}}\n"
    assert [d.code for d in compile_text(AI + alert + block).report if d.severity is Severity.ERROR] == [
        "exporters/config"
    ]


@pytest.mark.parametrize("namespace", ["'a b'", "7", "'x: {y'"])
def test_a_namespace_that_is_none_is_told(namespace: str, compile_text: Compile) -> None:
    result = compile_text(AI + f"exporters:\n  ai: {{namespace: {namespace}}}\n")
    assert not result.ok
    assert {code for code, _, _ in codes(result)} == {"exporters/config"}


def codes(result: Compilation) -> list[tuple[str, int, str]]:
    found = (d for d in result.report if d.code.startswith("exporters/"))
    return [(d.code, d.span.line, d.help or "") for d in found]


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("mkit_model_eval_accuracy_ratio", "gauge"),
        ("mkit_ai_ingest_clients", "gauge"),
        ("mkit_ai_ingest_events", "gauge"),
        ("process_threads", "gauge"),
        ("mkit_model_predictions", "gauge"),
        ("mkit_model_gpu_power_watts", "gauge"),
        ("seen", "gauge"),
    ],
)
def test_a_declaration_of_a_family_that_is_there(name: str, type_: str, compile_text: Compile) -> None:
    block = "exporters:\n  ai: {truth: {key: [id]}}\n"
    text = AI + SEEN + f"  {name}: {{type: {type_}, help: Mine., services: [det]}}\n"
    ((code, line, fix),) = codes(compile_text(text + block))
    assert (code, line) == ("exporters/declared-twice", text.count("\n"))
    assert "another name" in fix
    assert ("gpu: off" in fix) is ("gpu" in name)


def test_the_set_for_any_model_may_be_declared_anew(compile_text: Compile) -> None:
    """With the exporter's own buckets where the declaration gives none."""
    bare = "  mkit_model_inference_duration_seconds: {type: histogram, help: Mine., services: [det]}\n"
    own = "  mkit_model_frame_latency_seconds: {type: histogram, buckets: [1, 2], help: Mine., services: [det]}\n"
    other = "  other_seconds: {type: histogram, help: Mine., services: [det]}\n"
    result = compile_text(AI + "metrics:\n" + bare + own + other + "exporters:\n  ai: {ingest: {http: true}}\n")
    assert codes(result) == []
    with Rig({**written(result, "ai"), "gpu": "off"}) as rig:
        there = exposed(rig.exporter)
    found = known(result, "det", "ai")
    names = ("mkit_model_inference_duration_seconds", "mkit_model_frame_latency_seconds", "other_seconds")
    assert [there[name] for name in names] == [found[name] for name in names]
    assert [len(found[name][2]) for name in names] == [24, 2, 11]


def test_a_collected_metric_under_the_exporters_own_name(compile_text: Compile) -> None:
    text = BUSINESS + "  mkit_business_up: {type: gauge, help: Mine., services: [figures]}\n"
    more = "      mkit_business_up: {source: db, sql: SELECT 1 AS value}\n"
    ((code, line, _),) = codes(compile_text(text + COLLECTED + more))
    assert (code, line) == ("exporters/declared-twice", text.count("\n"))


UNREAD = BUSINESS + "  unread: {type: gauge, help: Mine., services: [figures]}\n"
TARGET = "targets: ['business-exporter:9641']"


def test_a_metric_that_nothing_collects(compile_text: Compile) -> None:
    result = compile_text(UNREAD + COLLECTED)
    ((code, line, fix),) = codes(result)
    assert result.ok
    assert (code, line) == ("exporters/not-collected", UNREAD.count("\n"))
    assert "collect: {unread: {source: db, sql: ...}}" in fix


ELSEWHERE = [
    (TARGET, "targets: ['business-exporter:9641', 'shop:8080']"),
    (TARGET, TARGET + ", file: {files: [/etc/mkit/targets.json]}"),
    (TARGET, TARGET + ", metric_relabel: [{source_labels: [__name__], target_label: x}]"),
    ("metrics:\n", "statsd: {prefix: shop}\nmetrics:\n"),
    ("  unread: {type: gauge,", "  mkit_business_up: {type: gauge, labels: {source: {max: 3}},"),
]


@pytest.mark.parametrize(("there", "instead"), ELSEWHERE)
def test_a_metric_that_may_come_from_elsewhere(there: str, instead: str, compile_text: Compile) -> None:
    assert codes(compile_text(UNREAD.replace(there, instead) + COLLECTED)) == []


@pytest.mark.parametrize("name", ["mkit_business_result_rows", "mkit_business_null_values_total"])
def test_an_own_metric_of_the_exporter_that_is_declared_otherwise(name: str, compile_text: Compile) -> None:
    text = UNREAD.replace("unread:", f"{name}:").replace(
        "gauge, help: Mine", "gauge, labels: {kind: {max: 2}}, help: Mine"
    )
    found = [d for d in compile_text(text + COLLECTED).report if d.code.startswith("exporters/")]
    assert [(d.code, d.span.line) for d in found] == [("exporters/declared-twice", UNREAD.count("\n"))]
    assert found[0].message.endswith("by `metric`, not a gauge by `kind`")


def test_a_summary_of_the_ai_exporters_service(compile_text: Compile) -> None:
    text = AI + "metrics:\n  s_seconds: {type: summary, help: S., services: [det]}\n"
    ((code, _, fix),) = codes(compile_text(text + "exporters:\n  ai: {ingest: {http: true}}\n"))
    assert code == "exporters/not-collected"
    assert "histogram" in fix


@pytest.mark.parametrize(
    "block",
    [
        f"{{{SOURCE}, truth: {{source: db, sql: 5, key: [id]}}}}",
        "{scrape: {url: 'http://a/metrics', mapping: {metrics: {x_total: 5}, rules: []}}}",
        "{model: {info: {'a b': x}}}",
        "{truth: {key: ['a b'], by: 'a b'}}",
        "{model: 5, truth: 5, drift: 5, scrape: 5, ingest: 5}",
    ],
)
def test_a_wrong_block_is_told_and_its_other_families_are_known(block: str, compile_text: Compile) -> None:
    """No alert on what the exporter has is blamed for a mistake elsewhere."""
    alert = "alerts:\n  Quiet: {expr: mkit_ai_ingest_clients == 0, severity: warning}\n"
    result = compile_text(AI + f"exporters:\n  ai: {block}\n" + alert)
    assert not result.ok
    assert {d.code for d in result.report if d.code.startswith(("exporters/", "promql/"))} == {"exporters/config"}

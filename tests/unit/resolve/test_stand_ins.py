"""A service that only the AI exporter serves: no metric of its kind is assumed, and the exporter's own families stand for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring_kit.diagnostics import Severity
from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import print_expr
from tests.conftest import CHANNEL, HEAD, spelled
from tests.unit.lower.test_exporters import firing

Compile = Callable[..., Compilation]

AI = HEAD + CHANNEL + "services:\n  det: {kind: ai-model, scrape: {targets: ['ai-exporter:9642']}MORE}\n"
TRUTH = "truth: {key: [camera, at], by: camera}, model: {cameras: 4}"
ALL = {
    "traffic": "sum by (service) (rate(mkit_model_predictions_total[5m]))",
    "latency": 'mkit_model_inference_duration_seconds{stage="infer"}',
    "accuracy": 'min by (service, model, version) (mkit_model_eval_accuracy_ratio{camera=""})',
}


def spec(block: str = "", service: str = "", more: str = "") -> str:
    way_in = "" if "ingest" in block else f"ingest: {{http: true}}{', ' if block else ''}"
    return AI.replace("MORE", service) + more + f"exporters:\n  ai: {{{way_in}{block}}}\n"


def alert(condition: str) -> str:
    return f"alerts:\n  Mine: {{{condition}, for: 1m, severity: warning, summary: Mine.}}\n"


def definition(result: Compilation, name: str) -> str:
    """What the service's signal is made of; "" where it has no such signal."""
    assert result.system is not None
    signal = result.system.services["det"].signals.get(name)
    if signal is None:
        return ""
    made = signal.expr or signal.histogram
    return print_expr(made) if made is not None else " / ".join(print_expr(part) for part in signal.ratio or ())


def errors(result: Compilation) -> list[tuple[str, str]]:
    return [(d.code, d.help or "") for d in result.report if d.severity is Severity.ERROR]


def test_the_signals_of_the_kind_are_of_the_exporters_families(compile_text: Compile) -> None:
    result = compile_text(spec(TRUTH))
    assert result.ok, [spelled(d) for d in result.report]
    assert {name: definition(result, name).replace("$window", "5m") for name in ALL} == ALL
    assert definition(result, "errors") == "mkit_model_prediction_errors_total / mkit_model_predictions_total"
    # Labels of the service's own metrics have other names; the exporter's do not.
    renamed = compile_text(spec(TRUTH, ", metric_labels: {model: net, version: tag}"))
    assert {name: definition(renamed, name).replace("$window", "5m") for name in ALL} == ALL


@pytest.mark.parametrize("condition", ["latency(p95) > 2s", "accuracy < 80%", "traffic < 1/s", "errors > 10%"])
def test_an_alert_on_a_signal_reads_what_the_exporter_serves(
    condition: str, tmp_path: Path, compile_text: Compile
) -> None:
    own = "model='m',version='1'"
    latency = "mkit_model_inference_duration_seconds"
    series = {
        f"mkit_model_predictions_total camera='a',class='x',{own}": "0+12x30",
        f"mkit_model_prediction_errors_total camera='a',error='x',{own}": "0+6x30",
        **{f"{latency}_bucket camera='a',stage='infer',le='{le}',{own}": v for le, v in (("2.5", "0x30"), ("5", "0+9x30"), ("+Inf", "0+9x30"))},
        **{f"{latency}_bucket camera='a',stage='postprocess',le='{le}',{own}": "0+900x30" for le in ("2.5", "5", "+Inf")},
        # One camera alone is worse than the model as a whole.
        f"mkit_model_eval_accuracy_ratio camera='',{own}": "0.7x30",
        f"mkit_model_eval_accuracy_ratio camera='a',{own}": "0.1x30",
    }  # fmt: skip
    text = spec(TRUTH, more=alert(f'when: "{condition}"'))
    firing(tmp_path, compile_text(text), "det", series, {"15 Mine": ['service="det"']})
    if condition.startswith("accuracy"):
        firing(tmp_path, compile_text(text.replace("80%", "50%")), "det", series, {"15 Mine": []})


@pytest.mark.parametrize("series", ["ai_predictions_total", "ai_inference_duration_seconds_count"])
def test_a_metric_of_the_kind_is_unknown_and_its_stand_in_is_named(series: str, compile_text: Compile) -> None:
    ((code, fix),) = errors(compile_text(spec(TRUTH, more=alert(f'expr: "rate({series}[5m]) > 1"'))))
    family = {"ai_predictions_total": "mkit_model_predictions_total"}.get(
        series, "mkit_model_inference_duration_seconds"
    )
    own = f"mkit_model_{series.removeprefix('ai_')}"
    assert code == "promql/unknown-metric"
    assert fix == f"its exporter serves `{family}` in its place: write `rate({own}[5m]) > 1`"


def test_accuracy_needs_truth(compile_text: Compile) -> None:
    for condition, code in (
        ("when: accuracy < 80%", "signals/unavailable"),
        ("expr: ai_model_accuracy < 0.8", "promql/unknown-metric"),
    ):
        ((found, fix),) = errors(compile_text(spec(more=alert(condition))))
        assert found == code
        assert "exporters.ai.truth" in fix
        assert compile_text(spec(TRUTH, more=alert(condition.replace("ai_model_accuracy", "up")))).ok


def test_what_the_spec_declares_or_maps_is_not_replaced(compile_text: Compile) -> None:
    declared = "metrics:\n  NAME: {type: counter, help: Mine., labels: {model: {}, version: {}}, services: [det]}\n"
    result = compile_text(spec(TRUTH, more=declared.replace("NAME", "ai_predictions_total")))
    assert result.ok, [spelled(d) for d in result.report]
    assert "(ai_predictions_total[" in definition(result, "traffic")
    assert definition(result, "latency") == ALL["latency"]
    # No ratio of one's errors to the other's predictions.
    assert definition(result, "errors") == ""
    mapped = ", metrics: {ai_predictions_total: seen_total}"
    result = compile_text(spec(TRUTH, mapped, declared.replace("NAME", "seen_total")))
    assert "(seen_total[" in definition(result, "traffic")
    # Mapped to what nobody serves: said, not replaced.
    ((code, _),) = errors(compile_text(spec(TRUTH, mapped, alert("when: traffic < 1/s"))))
    assert code == "signals/unavailable"


def test_a_family_that_is_declared_anew_has_the_labels_of_its_declaration(compile_text: Compile) -> None:
    anew = "metrics:\n  mkit_model_inference_duration_seconds: {type: histogram, help: Mine., labels: {model: {}, version: {}}, services: [det]}\n"
    assert definition(compile_text(spec(more=anew)), "latency") == "mkit_model_inference_duration_seconds"


def test_beside_another_target_the_kind_is_assumed_as_ever(compile_text: Compile) -> None:
    text = spec(TRUTH, more=alert('expr: "rate(ai_predictions_total[5m]) > 1"')).replace(
        "['ai-exporter:9642']", "['ai-exporter:9642', 'model:8000']"
    )
    result = compile_text(text)
    assert result.ok, [spelled(d) for d in result.report]
    assert definition(result, "latency") == "ai_inference_duration_seconds"


def test_a_catalog_of_the_kind_is_not_assumed_either(compile_text: Compile) -> None:
    condition = alert('expr: "rate(python_gc_collections_total[5m]) > 1"')
    assert [code for code, _ in errors(compile_text(spec(more=condition)))] == ["promql/unknown-metric"]
    assert compile_text(spec(more=alert("expr: process_threads > 100"))).ok


def test_the_exporters_own_process_is_not_the_models(compile_text: Compile) -> None:
    """A sidecar's CPU and memory as those of the model beside it would be a figure that lies."""
    resources = ", resources: {cpu: 2, memory: 1GiB}"
    result = compile_text(spec("ingest: {unix: /run/s}", resources))
    assert result.ok, [spelled(d) for d in result.report]
    assert "rate(mkit_model_cpu_seconds_total[$window])" in definition(result, "cpu")
    assert 'mkit_model_resident_memory_bytes{model!="", version!=""}' in definition(result, "memory")
    pushed = compile_text(spec("ingest: {http: true}", resources))
    assert [definition(pushed, name) for name in ("cpu", "memory")] == ["", ""]
    ((code, fix),) = errors(compile_text(spec("ingest: {http: true}", resources, alert('when: "cpu > 80%"'))))
    assert code == "signals/unavailable"
    assert fix == "have its exporter measure it with `exporters.ai.ingest.unix`"
    # Its own figures are still there for who asks for them.
    own = compile_text(spec("ingest: {http: true}", "", alert("expr: process_resident_memory_bytes > 1e9")))
    assert own.ok, [spelled(d) for d in own.report]

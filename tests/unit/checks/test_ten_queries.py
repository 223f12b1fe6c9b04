"""The ten queries of the original design: each gets the right word, and the corrected expression is itself clean."""

from __future__ import annotations

import re

import pytest

from monitoring_kit.diagnostics.diagnostic import Severity
from tests.unit.checks.world_text import SPEC, Checked, check_text, fires, needs_promtool

DESIGN = SPEC.replace("hit_ratio", "ai_model_accuracy").replace(
    "metrics:\n",
    "metrics:\n  ai_inference_duration_seconds: {type: histogram, unit: seconds, help: Inference., native: true, buckets: [0.1, 1], services: [shop]}\n",
)
LATENCY = "histogram_quantile(0.95, sum by (le, service) (rate(http_request_duration_seconds_bucket[5m]))) > 2"

CASES = [
    ("http_request_duration_seconds > 2", "promql/histogram-base", "http_request_duration_seconds", LATENCY),
    (
        'rate(http_requests_total{status=~"5.."}[5m]) > 0.1', "promql/rate-not-share",
        'rate(http_requests_total{status=~"5.."}[5m]) > 0.1',
        'sum by (service) (rate(http_requests_total{status=~"5.."}[5m])) / sum by (service) (rate(http_requests_total[5m])) > 0.1',
    ),
    (
        "avg(http_request_duration_seconds) > 1", "promql/histogram-base", "http_request_duration_seconds",
        "sum(rate(http_request_duration_seconds_sum[5m])) / sum(rate(http_request_duration_seconds_count[5m])) > 1",
    ),
    (
        "histogram_quantile(0.95, ai_inference_duration_seconds) > 0.5", "promql/histogram-base", "ai_inference_duration_seconds",
        "histogram_quantile(0.95, sum by (le, service) (rate(ai_inference_duration_seconds_bucket[5m]))) > 0.5",
    ),
    ("cpu_usage > 80", "promql/unknown-metric", "cpu_usage", "when: cpu > 80%"),
    ("memory_usage > 85", "promql/unknown-metric", "memory_usage", "when: memory > 85%"),
    ("up < 0.999", "promql/two-valued", "up < 0.999", "avg_over_time(up[1h]) < 0.999"),
    ("rate(transaction_total[30s]) > 5", "promql/short-window", "30s", "rate(transaction_total[1m]) > 5"),
    ("sum(revenue_per_hour) < 5", "promql/mixed-currency", "sum(revenue_per_hour)", "sum by (currency) (revenue_per_hour) < 5"),
    ("ai_model_accuracy < 90", "promql/percent-of-ratio", "ai_model_accuracy < 90", "ai_model_accuracy < 0.9"),
]  # fmt: skip


def alert(expr: str) -> Checked:
    return check_text(f"alerts:\n  Raw: {{expr: '{expr}', for: 5m, severity: warning, notify: [mail]}}\n", DESIGN)


@pytest.mark.parametrize(("expr", "code", "caret", "better"), CASES, ids=[c[0] for c in CASES])
def test_each_gets_the_right_word_and_the_corrected_expression(expr: str, code: str, caret: str, better: str) -> None:
    found = alert(expr)
    assert found.codes() == [code]
    assert found.marked(code) == caret
    assert better in found.one(code).help


@pytest.mark.parametrize("better", [c[3] for c in CASES if "when:" not in c[3]])
def test_the_corrected_expression_is_clean(better: str) -> None:
    assert alert(better).codes() == []


@pytest.mark.parametrize(
    ("expr", "better"),
    [
        ("cpu_usage < 0.9", "when: cpu < 90%"),
        ("max(memory_used) >= 70", "when: memory > 80%"),
        ("latency_ms > 500", "when: latency(p95) > 1s"),
    ],
)
def test_a_signal_is_offered_in_its_own_unit(expr: str, better: str) -> None:
    assert better in alert(expr).one("promql/unknown-metric").help


@pytest.mark.parametrize("expr", ["rate(transaction_total[1m]) > 5", "user_count > 5", "sum(user_count) > 5"])
def test_what_was_right_stays_right(expr: str) -> None:
    assert alert(expr).codes() == []


def test_a_panel_may_show_a_bare_gauge() -> None:
    panel = "dashboards:\n  main:\n    title: Main\n    panels:\n      - {title: One, query: user_count}\n"
    assert check_text(panel, DESIGN).codes() == []
    assert alert("user_count").codes() == ["alerts/no-condition"]


def test_what_is_proven_is_an_error_and_what_is_likely_a_warning() -> None:
    assert alert("http_request_duration_seconds > 2").found[0].severity is Severity.ERROR
    assert alert("ai_model_accuracy < 90").found[0].severity is Severity.ERROR
    assert alert("sum(revenue_per_hour) < 5").found[0].severity is Severity.WARNING
    assert alert('rate(http_requests_total{status=~"5.."}[5m]) > 0.1').found[0].severity is Severity.INFO


def test_no_help_leaves_a_placeholder() -> None:
    for expr, code, _, _ in CASES:
        assert not re.search(r"\{\w+\}", alert(expr).one(code).help.replace("{status", ""))


@needs_promtool
def test_prometheus_agrees() -> None:
    buckets = {
        f"http_request_duration_seconds_bucket{{job='shop',service='shop',le='{le}'}}": f"0+{n}x200"
        for le, n in (("0.5", 1), ("1", 2), ("5", 100), ("+Inf", 100))
    }
    # Slow requests: only the corrected expression sees them.
    assert not fires("http_request_duration_seconds > 2", buckets)
    assert fires(LATENCY, buckets)
    # A model with an accuracy of 99 %: the uncorrected alert fires although nothing is wrong.
    good = {"ai_model_accuracy{model='m'}": "0.99x200"}
    assert fires("ai_model_accuracy < 90", good)
    assert not fires("ai_model_accuracy < 0.9", good)
    # A target that was down for one minute in an hour.
    assert not fires("up < 0.999", {"up{job='shop'}": "1x50 0x4 1x200"})
    assert fires("avg_over_time(up[1h]) < 0.999", {"up{job='shop'}": "1x50 0x4 1x200"})

"""What signals mean, asked of the real promtool: every expectation is arithmetic on the input series."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from monitoring_kit.lower.rule_files import lower_rule_files
from monitoring_kit.pipeline import Compilation
from tests.conftest import CHANNEL, HEAD

pytestmark = pytest.mark.skipif(which("promtool") is None, reason="promtool is not on PATH")

WEB = "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, resources: {cpu: 2, memory: 1GiB}}\n"
MINUTES = 30


def promtool(tmp_path: Path, result: Compilation, series: dict[str, str], wanted: dict[str, dict[str, float]]) -> None:
    """Check that at minute 20 each expression has exactly the wanted samples ({labels: value})."""
    assert result.ok, list(result.report)
    assert result.model is not None
    for number, file in enumerate(lower_rule_files(result.model)):
        (tmp_path / f"rules{number}.yml").write_text(yaml.safe_dump(_plain(file.tree)))
    tests = [
        {
            "expr": expr,
            "eval_time": "20m",
            "exp_samples": [{"labels": labels, "value": v} for labels, v in samples.items()],
        }
        for expr, samples in wanted.items()
    ]
    case = {
        "rule_files": ["rules*.yml"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": k, "values": v} for k, v in series.items()],
                "promql_expr_test": tests,
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(case))
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _plain(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {k: _plain(v) for k, v in tree.items()}
    return [_plain(v) for v in tree] if isinstance(tree, list) else tree


def series(name: str, labels: str, per_second: float, start: float = 0) -> dict[str, str]:
    """A counter scraped every 15 s for half an hour."""
    return {f"{name}{{job='web',service='web',instance='a',{labels}}}": f"{start}+{per_second * 15}x{MINUTES * 4}"}


def test_the_error_ratio_is_a_ratio_of_sums(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    given = series("http_requests_total", "status='200',method='GET'", 9) | series(
        "http_requests_total", "status='503',method='GET'", 1
    )
    given |= series("http_requests_total", "status='200',method='PUT'", 0)
    promtool(
        tmp_path, compile_text(HEAD + CHANNEL + WEB), given,
        {"service:errors:ratio_rate5m": {'service:errors:ratio_rate5m{service="web"}': 0.1},
         "service:traffic:rate5m": {'service:traffic:rate5m{service="web"}': 10}},
    )  # fmt: skip


def test_no_error_ever_seen_is_zero_and_no_traffic_is_nothing(
    tmp_path: Path, compile_text: Callable[..., Compilation]
) -> None:
    promtool(
        tmp_path, compile_text(HEAD + CHANNEL + WEB), series("http_requests_total", "status='200'", 5),
        {"service:errors:ratio_rate5m": {'service:errors:ratio_rate5m{service="web"}': 0}},
    )  # fmt: skip
    promtool(
        tmp_path, compile_text(HEAD + CHANNEL + WEB), series("http_requests_total", "status='200'", 0, start=7),
        {"service:errors:ratio_rate5m": {}},
    )  # fmt: skip


def test_another_services_requests_do_not_count(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    other = {"http_requests_total{job='other',service='other',instance='b',status='500'}": "0+100x120"}
    promtool(
        tmp_path, compile_text(HEAD + CHANNEL + WEB), series("http_requests_total", "status='200'", 5) | other,
        {'service:errors:ratio_rate5m{service="web"}': {'service:errors:ratio_rate5m{service="web"}': 0},
         "service:traffic:rate5m": {'service:traffic:rate5m{service="web"}': 5}},
    )  # fmt: skip


def test_latency_is_the_quantile_of_all_instances(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    # 90 % below 0.1 s, 10 % between 0.25 s and 0.5 s: p95 lies in the middle of the last tenth, 0.375 s by interpolation.
    given: dict[str, str] = {}
    for le, rate in (("0.1", 9), ("0.25", 9), ("0.5", 10), ("+Inf", 10)):
        given |= series("http_request_duration_seconds_bucket", f"le='{le}'", rate)
    promtool(
        tmp_path, compile_text(HEAD + CHANNEL + WEB), given,
        {"service:latency:p95_5m": {'service:latency:p95_5m{service="web"}': 0.375}},
    )  # fmt: skip


def test_cpu_and_memory_are_shares_of_the_resources(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    given = series("process_cpu_seconds_total", "", 1.5)
    given["process_resident_memory_bytes{job='web',service='web',instance='a'}"] = f"{2**29}x120"
    promtool(
        tmp_path, compile_text(HEAD + CHANNEL + WEB), given,
        {"service:cpu:ratio5m": {'service:cpu:ratio5m{service="web",instance="a"}': 0.75},
         "service:memory:ratio": {'service:memory:ratio{service="web",instance="a"}': 0.5}},
    )  # fmt: skip


def test_own_names_are_read(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    web = WEB.replace(
        "kind: http,", "kind: http, metrics: {http_requests_total: app_total}, metric_labels: {status: code},"
    )
    given = series("app_total", "code='200'", 3) | series("app_total", "code='500'", 1)
    promtool(
        tmp_path, compile_text(HEAD + CHANNEL + web), given,
        {"service:errors:ratio_rate5m": {'service:errors:ratio_rate5m{service="web"}': 0.25}},
    )  # fmt: skip


def test_availability_counts_failed_scrapes(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    # Ten of the eighty scrapes of the last twenty minutes failed; all of them outside the last five.
    up = {"up{job='web',service='web',instance='a'}": "0x9 1x110"}
    text = HEAD + CHANNEL + WEB + "alerts:\n  A: {when: availability(20m) < 99%, severity: critical}\n"
    promtool(
        tmp_path, compile_text(text), up,
        {"service:availability:avg5m": {'service:availability:avg5m{service="web"}': 1},
         'ALERTS{alertname="A"}': {'ALERTS{alertname="A",alertstate="firing",notify="mail",service="web",severity="critical"}': 1}},
    )  # fmt: skip


def test_a_service_that_is_down_and_one_that_is_gone(tmp_path: Path, compile_text: Callable[..., Compilation]) -> None:
    def firing(name: str, severity: str, extra: str = "") -> dict[str, dict[str, float]]:
        labels = f'alertname="{name}",alertstate="firing",notify="mail",service="web",severity="{severity}"{extra}'
        return {f'ALERTS{{alertname="{name}",alertstate="firing"}}': {f"ALERTS{{{labels}}}": 1}}

    text = HEAD + CHANNEL + WEB
    down = {"up{job='web',service='web',instance='a'}": "1x76 0x40"}
    quiet: dict[str, dict[str, float]] = {'ALERTS{alertname=~"TargetDown|ServiceAbsent"}': {}}
    promtool(tmp_path, compile_text(text), down, firing("ServiceDown", "critical") | quiet)
    half = down | {"up{job='web',service='web',instance='b'}": "1x120"}
    half["up{job='web',service='web',instance='a'}"] = "1x60 0x60"
    quiet = {'ALERTS{alertname=~"ServiceDown|ServiceAbsent"}': {}}
    promtool(tmp_path, compile_text(text), half, firing("TargetDown", "warning", ',instance="a"') | quiet)
    gone = {"up{job='other',service='other',instance='b'}": "1x120"}
    promtool(tmp_path, compile_text(text), gone, firing("ServiceAbsent", "critical", ',job="web"'))

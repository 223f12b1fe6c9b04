"""What `prometheus.features` allows in expressions, judged by promtool as the server would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_kit.cli.main import main
from monitoring_kit.diagnostics import Report, Severity
from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import Tool, find_tools
from monitoring_kit.verify import verify
from monitoring_kit.verify.prometheus import feature_flags
from monitoring_kit.verify.rule_tests.runner import run_all

Compile = Callable[..., Compilation]
FEATURES = ("promql-experimental-functions", "exemplar-storage", "no-such-feature")
SPEC = """\
version: mkit/v1
system: shop
compatibility: {prometheus: "3.1"}
prometheus: {features: [exemplar-storage, promql-experimental-functions]}
channels: {mail: {kind: webhook, url: "http://mail:1/"}}
alerting: {default: [mail]}
services:
  web: {kind: http, scrape: {targets: ["web:8080"]}}
metrics:
  conns: {type: gauge, help: Open connections., services: [web]}
alerts:
  Swinging: {expr: "mad_over_time(conns[5m]) > 1", for: 3m, severity: warning}
"""
OWN = """\
tests:
  - interval: 1m
    input_series: [{series: 'conns{job="web"}', values: '0 4 8 12 16'}]
    promql_expr_test: [{expr: 'mad_over_time(conns[5m])', eval_time: 4m, exp_samples: [{labels: '{job="web"}', value: 4}]}]
"""


def tools_of(suite: str) -> dict[str, Tool]:
    tools = find_tools(suite)
    if not (tools["promtool"].found and tools["amtool"].found):
        pytest.skip(tools["promtool"].missing_reason)
    return tools


def errors(compilation: Compilation, tools: dict[str, Tool], target: str) -> list[tuple[str, str]]:
    assert compilation.model is not None
    assert compilation.system is not None
    report, meant = Report(), sum(len(group.rules) for group in compilation.model.groups)
    features = compilation.system.spec.prometheus.features
    verify(compilation.outputs, meant, report, "mkit.yaml", tools, {"prometheus": target}, features)
    return [(d.message, d.help or "") for d in report if d.severity is Severity.ERROR]


def test_promtool_judges_with_the_features_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools_of("sid")
    monkeypatch.setenv("MKIT_SUITE", "sid")
    (tmp_path / "mkit.yaml").write_text(SPEC)
    done = CliRunner().invoke(main, ["generate", str(tmp_path / "mkit.yaml"), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "mad_over_time" in "".join(file.read_text() for file in (tmp_path / "out/prometheus/rules").iterdir())


def test_a_promtool_without_the_feature_is_no_bug(compile_text: Compile) -> None:
    tools = tools_of("trixie")
    # As old as the target: it is its list of features that is shorter.
    ((message, help_),) = errors(compile_text(SPEC), tools, "2.53")
    assert 'function "mad_over_time" is not enabled' in message
    assert help_ == (
        f"this promtool is {tools['promtool'].version} and has no `promql-experimental-functions` to enable, as the spec's server "
        "does: get a newer one with `mkit tools fetch --suite sid` and run again with MKIT_SUITE=sid, or name yours in MKIT_PROMTOOL"
    )


def test_tests_run_with_the_features_of_the_server(compile_text: Compile, tmp_path: Path) -> None:
    tools = tools_of("sid")
    (tmp_path / "own.yml").write_text(OWN)
    outcome = run_all(compile_text(SPEC), tools, lambda text, done, total: None, users=[tmp_path / "own.yml"])
    assert [test.problem for test in outcome.results.users] == [""]
    assert not outcome.failed


@pytest.mark.parametrize(
    ("suite", "passed"), [("bookworm", []), ("trixie", []), ("sid", ["--enable-feature=promql-experimental-functions"])]
)
def test_only_what_this_promtool_knows_is_passed(suite: str, passed: list[str], tmp_path: Path) -> None:
    """A feature that it does not know is a warning in each of its answers, and all of them are in the one about the server."""
    path = tools_of(suite)["promtool"].path
    assert path is not None
    assert feature_flags(path, FEATURES, tmp_path) == passed
    assert feature_flags(path, (), tmp_path) == []

"""Tests that run side by side: who may, and that a wrong rule among many is still found and named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import parse
from monitoring_kit.stack.tools import find_tools
from monitoring_kit.verify.rule_tests.bundles import bundles, scope_of
from monitoring_kit.verify.rule_tests.plan import Planner, RuleTests
from monitoring_kit.verify.rule_tests.session import execute
from monitoring_kit.verify.rule_tests.testfile import TestFile

Compile = Callable[..., Compilation]
PROMTOOL = find_tools()["promtool"].path
SERVICES = "".join(
    f"  s{i}: {{kind: http, scrape: {{targets: ['s{i}:8080']}}, resources: {{cpu: 2, memory: 1GiB}}}}\n"
    for i in range(5)
)
SPEC = f"""\
version: mkit/v1
system: shop
channels: {{mail: {{kind: webhook, url: "http://mail:1/"}}}}
services:
{SERVICES}\
metrics:
  queue_length: {{type: gauge, help: Jobs that wait., services: [s0, s1]}}
alerts:
  Errors: {{when: "errors > 5%", for: 2m, severity: critical, notify: [mail]}}
  Jobs: {{expr: "max by (service) (queue_length) > 40", for: 2m, severity: warning, notify: [mail]}}
alerting: {{default: [mail]}}
"""
HERE = ("web", "web-job")


@pytest.mark.parametrize(
    ("expr", "inside"),
    [('sum(rate(x{job="web-job"}[5m]))', True), ('x{service="web"} > 1 and absent(y{job="web-job"})', True),
     ("max by (service) (x) > 1", False), ('x{service=~"web"} > 1', False), ('x{service="web"} > on () y', False), ('x{job="web"}', False),
     ('label_replace(x{service="web"}, "service", "y", "", "")', False), ('label_replace(x{service="web"}, "z", "y", "", "")', True)],
)  # fmt: skip
def test_only_what_sees_its_own_service_alone_is_in_scope(expr: str, inside: bool) -> None:
    series = [{"service": "web", "job": "web-job"}, {"service": "web"}]
    assert scope_of([parse(expr)], series, [], HERE) == (HERE if inside else None)


def test_series_and_records_of_others_are_out_of_scope() -> None:
    own = [parse('x{service="web"}')]
    assert scope_of(own, [{"service": "other"}], [], HERE) is None
    assert scope_of(own, [{"job": "web-job"}], [], HERE) is None
    assert scope_of(own, [], [{"service": "other"}], HERE) is None


@pytest.fixture
def planned(compile_text: Compile) -> list[RuleTests]:
    result = compile_text(SPEC)
    assert result.ok, [d.message for d in result.report.diagnostics]
    assert result.system is not None
    assert result.model is not None
    planner = Planner(result.system, result.model)
    return [planner.alert(i) for i in range(len(planner.alerts))]


def _demands(files: Iterable[TestFile]) -> tuple[list[str], list[str]]:
    """The input series and the expected alerts of test files."""
    tests = [test for file in files for test in file.tree["tests"]]
    checks = [c for test in tests for c in test["alert_rule_test"]]
    alerts = [f"{c['eval_time']} {c['alertname']} {alert}" for c in checks for alert in c.get("exp_alerts", ())]
    return sorted(str(s) for test in tests for s in test["input_series"]), sorted(alerts)


def test_a_bundle_holds_each_alert_once_and_all_that_it_demands(planned: list[RuleTests]) -> None:
    files = [f for rule in planned for f in rule.files]
    found = bundles(files)
    assert sorted(m.name for b in found for m in b.members) == sorted(f.name for f in files)
    assert len(found) < len(files) / 2
    for bundle in found:
        services = [m.scope[0] for m in bundle.members if m.scope]
        assert len(services) == len(set(services))
        assert _demands([bundle.file]) == _demands(bundle.members)
    alone = [b.file.alert for b in found if b.file.scope is None]
    assert set(alone) == {"Jobs"}


@pytest.mark.skipif(PROMTOOL is None, reason=find_tools()["promtool"].missing_reason)
def test_a_wrong_rule_among_many_is_found_and_alone_blamed(planned: list[RuleTests], tmp_path: Path) -> None:
    assert PROMTOOL is not None
    right = execute(planned, PROMTOOL, tmp_path, lambda text, done, total: None)
    assert not right.failed, right.failures
    assert set(right.failures) == {f.name for rule in planned for f in rule.files}
    wrong = next(r for r in planned if r.name == "Errors" and r.service == "s2")
    wrong.files = [replace(f, rules=(*f.rules[:-1], {**f.rules[-1], "for": "4m"})) for f in wrong.files]
    found = execute(planned, PROMTOOL, tmp_path, lambda text, done, total: None)
    assert [(r.name, r.service) for r in found.rules if found.problem(r)] == [("Errors", "s2")]
    assert "alertname: Errors" in found.problem(wrong)

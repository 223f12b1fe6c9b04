"""The user's own test files: what promtool passes and should not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import find_tools
from monitoring_kit.verify.rule_tests.user_tests import run_users

Compile = Callable[..., Compilation]
PROMTOOL = find_tools()["promtool"].path
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is needed")
SPEC = """\
version: mkit/v1
system: shop
channels: {mail: {kind: webhook, url: "http://mail:1/"}}
services:
  web: {kind: http, scrape: {targets: ["web:8080"]}}
alerts:
  HighErrors: {services: [web], when: "errors > 5%", for: 2m, severity: critical}
"""
OWN = "groups: [{name: own, rules: [{alert: Mine, expr: vector(1) > 2}]}]\n"


@pytest.fixture
def problem(compile_text: Compile, tmp_path: Path) -> Callable[[str], str]:
    outputs = compile_text(SPEC).outputs
    (tmp_path / "work").mkdir()
    (tmp_path / "own.rules.yml").write_text(OWN)

    def judged(text: str) -> str:
        file = tmp_path / "t.yml"
        file.write_text(text)
        assert PROMTOOL is not None
        (test,) = run_users([file], outputs, PROMTOOL, tmp_path / "work")
        return test.problem.replace(str(file), "t.yml")

    return judged


@pytest.mark.parametrize("expected", ["", ", exp_alerts: []"])
def test_an_alert_that_no_rule_has_fails_with_its_line(problem: Callable[[str], str], expected: str) -> None:
    text = f"""\
tests:
  - interval: 1m
    alert_rule_test:
      - {{eval_time: 5m, alertname: HighErrors}}
      - {{eval_time: 5m, alertname: HighEror{expected}}}
"""
    assert problem(text) == "t.yml:5:36: there is no alert `HighEror`; did you mean `HighErrors`?"
    assert problem(text.replace("HighEror", "ServiceDown")) == ""


def test_a_name_of_the_users_own_rules_is_known(problem: Callable[[str], str]) -> None:
    text = "rule_files: ['*.rules.yml']\ntests: [{interval: 1m, alert_rule_test: [{eval_time: 5m, alertname: Mine}]}]\n"
    assert problem(text) == ""
    assert "t.yml:1:69: there is no alert `Mine`" in problem(text.partition("\n")[2])


def test_merged_keys_are_looked_into(problem: Callable[[str], str]) -> None:
    text = "x: &x {alertname: Nope, eval_time: 1m}\ntests: [{interval: 1m, alert_rule_test: [{<<: *x}]}]\n"
    assert "t.yml:1:19: there is no alert `Nope`" in problem(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("evaluation_interval: 1m\ntests: []\n", 2),
        ("rule_files: []\n", 1),
        ("tests:\n  - {interval: 1m, input_series: [{series: up, values: 1x9}]}\n", 1),
        ("tests: [{interval: 1m, alert_rule_test: [], promql_expr_test: []}]\n", 1),
    ],
)
def test_a_file_without_a_test_has_not_passed(
    problem: Callable[[str], str], text: str, line: int, tmp_path: Path
) -> None:
    nothing = f"t.yml:{line}: it proves nothing: it has no `alert_rule_test` and no `promql_expr_test`"
    assert problem(text) == nothing
    # promtool itself says that all is well, which is why mkit has to look.
    assert subprocess.run([str(PROMTOOL), "test", "rules", str(tmp_path / "t.yml")], check=False).returncode == 0

"""Mutants side by side: judged as each alone would be, on every shipped pack; and an interruption that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from monitoring_kit.pipeline import compile_spec
from monitoring_kit.stack.tools import find_tools
from monitoring_kit.verify.rule_tests.mutants import mutants
from monitoring_kit.verify.rule_tests.mutation import score
from monitoring_kit.verify.rule_tests.plan import Planner, RuleTests
from monitoring_kit.verify.rule_tests.testfile import TestFile
from monitoring_kit.verify.rule_tests.variants import Variant, caught

PACKS = Path(__file__).parents[2] / "data/all-packs.mkit.yaml"
PROMTOOL = find_tools()["promtool"].path
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason=find_tools()["promtool"].missing_reason)
CHAIN = (
    {"record": "a:x", "expr": 'sum by (q) (x{job="j"})'},
    {"alert": "A", "expr": "a:x > 5", "for": "2m", "labels": {"severity": "info"}},
)


def _file() -> TestFile:
    series = [{"series": f'x{{job="j", q="{q}", i="{q}"}}', "values": "1x3 7x9"} for q in ("1", "2")]
    firing = [{"exp_labels": {"severity": "info", "q": q}} for q in ("1", "2")]
    checks = [{"eval_time": "300s", "alertname": "A"}, {"eval_time": "360s", "alertname": "A", "exp_alerts": firing}]
    test = {"name": "fires", "interval": "60s", "input_series": series, "alert_rule_test": checks}
    return TestFile(
        "chain", "A", CHAIN, {"rule_files": ["chain.rules.yml"], "evaluation_interval": "60s", "tests": [test]}, 1, 1
    )


def _variants(*changes: Mapping[str, Any]) -> list[Variant]:
    """Variant n has the change n: of the recording rule when it says ``record``, else of the alert."""
    file = _file()
    made = [
        tuple({**rule, **change} if ("record" in rule) == ("record" in change) else rule for rule in CHAIN)
        for change in changes
    ]
    return [Variant(n, file, rules) for n, rules in enumerate(made)]


def test_each_variant_is_judged_alone(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    variants = _variants(
        {"expr": "a:x > 6"},  # the same to these inputs
        {"expr": "a:x > 8"},
        {"for": "4m"},
        {"record": "a:x", "expr": 'sum by (q) (x{job="jx"})'},
        {"record": "a:x", "expr": 'max by (q) (x{job="j"})'},  # the same to these inputs
        {"labels": {"severity": "page"}},
        {"expr": 'x * on (job) x{job="j"} > 5'},  # fails to evaluate, and ends the test of all others
        {"expr": "histogram_avg(a:x) > 5", "labels": {"severity!": "x"}},  # does not even load
    )
    judged: list[int] = []
    assert caught(PROMTOOL, tmp_path, variants, judged.append) == {1, 2, 3, 5, 6, 7}
    assert sum(judged) == len(variants)
    assert not list(tmp_path.iterdir())


def _sample() -> list[RuleTests]:
    """The first alert of each name of the packs, apart from those on histories of weeks, and every eighth recording rule."""
    compiled = compile_spec(str(PACKS), None)
    assert compiled.ok, [d.message for d in compiled.report.diagnostics]
    assert compiled.system is not None
    assert compiled.model is not None
    planner = Planner(compiled.system, compiled.model)
    first: dict[str, int] = {}
    for number, rule in enumerate(planner.alerts):
        first.setdefault(rule.name, number)
    alerts = [planner.alert(n) for n in list(first.values())[::3]]
    assert not [r.name for r in alerts if not r.covered]
    return alerts


def test_the_tests_of_the_packs_notice_mutants(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    result = score(_sample(), PROMTOOL, tmp_path, lambda text, done, total: None)
    assert sum(result.made.values()) > 100
    assert result.share >= 0.95, result.survivors


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "monitoring_kit",
        "test",
        str(PACKS),
        "--mutate",
        "--progress",
        "--alert",
        "Errors",
    ]
    with subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as run:  # fmt: skip
        deadline = time.monotonic() + 120
        while not _children(run.pid, "promtool") and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "interrupted"
    assert not list(tmp_path.iterdir())


def _children(parent: int, name: str) -> list[str]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, tail = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        if name in head and int(tail.split()[1]) == parent:
            found.append(head)
    return found


def test_mutants_are_many() -> None:
    assert len(list(mutants(CHAIN[1]))) >= 6

"""alerts/long-interval: a group that is evaluated less often than Prometheus looks back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import needs_promtool

CODE = "alerts/long-interval"
MINUTE = 60_000


def test_found() -> None:
    found = check_expr("x > 1", interval_ms=6 * MINUTE).one(CODE)
    assert (
        "every 6m, but a sample counts for 5m only: between two evaluations queries of ALERTS have gaps"
        in found.message
    )
    found = check_expr("sum(x)", use="record", interval_ms=10 * MINUTE).one(CODE)
    assert "the recorded series has gaps" in found.message
    assert CODE in check_expr("x > 1", interval_ms=10 * MINUTE, keep_ms=9 * MINUTE).codes()


@pytest.mark.parametrize(
    ("use", "more"),
    [
        ("alert", {}),
        ("alert", {"interval_ms": 5 * MINUTE}),
        ("alert", {"interval_ms": 10 * MINUTE, "keep_ms": 10 * MINUTE}),
        ("record", {"interval_ms": 10 * MINUTE, "generated": True}),
        ("panel", {"interval_ms": 10 * MINUTE}),
    ],
)
def test_silent(use: str, more: dict[str, int]) -> None:
    assert CODE not in check_expr("sum(x) > 1", use=use, **more).codes()


@needs_promtool
@pytest.mark.parametrize(("interval", "gap"), [("10m", True), ("5m", False)])
def test_prometheus_agrees(interval: str, gap: bool, tmp_path: Path) -> None:
    """Seven minutes after an evaluation nothing is left of what it recorded."""
    rules = {"groups": [{"name": "g", "interval": interval, "rules": [{"record": "r", "expr": "sum(x)"}]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    case = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": interval,
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": "x", "values": "1x60"}],
                "promql_expr_test": [{"expr": "absent(r)", "eval_time": "27m", "exp_samples": [{"labels": "{}", "value": 1}] if gap else []}],
            }
        ],
    }  # fmt: skip
    (tmp_path / "test.yml").write_text(yaml.safe_dump(case))
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

"""promql/record-order: a recorded series is read before the same group records it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.checks.expr_text import check_rules
from tests.unit.checks.world_text import needs_promtool

CODE = "promql/record-order"
RECORD = ("record", "job:x:sum", "sum by (job) (x)")
ALERT = ("alert", "A", "job:x:sum > 1")


def found(*rules: tuple[str, str, str], **more: object) -> list[str]:
    return [name for name, finding in check_rules(*rules, **more) if finding.code == CODE]  # type: ignore[arg-type]


def test_found() -> None:
    ((name, finding),) = check_rules(ALERT, RECORD)
    assert (name, finding.code, finding.severity.word) == ("A", CODE, "warning")
    assert ALERT[2][slice(*finding.span)] == "job:x:sum"
    assert "`job:x:sum` is recorded later in the same group" in finding.message
    assert found(("record", "job:x:max", "max(job:x:sum)"), RECORD) == ["job:x:max"]
    assert found(("alert", "A", '{__name__="job:x:sum"} > 1'), RECORD) == ["A"]


@pytest.mark.parametrize(
    "rules",
    [
        (RECORD, ALERT),
        (("alert", "A", "x > 1"), RECORD),
        (("panel", "P", "job:x:sum"), RECORD),
        (("alert", "A", '{job="x"} > 1'), RECORD),
        # An alert of the name records nothing.
        (ALERT, ("alert", "job:x:sum", "x > 1")),
        # What reads itself has no better place.
        (("record", "job:x:sum", "job:x:sum offset 5m + 1"),),
        # The first recording of the name comes before.
        (RECORD, ALERT, ("record", "job:x:sum", "sum by (job) (y)")),
    ],
)
def test_silent(rules: tuple[tuple[str, str, str], ...]) -> None:
    assert found(*rules) == []


def test_silent_on_rules_that_mkit_wrote_and_across_groups() -> None:
    assert found(ALERT, RECORD, generated=True) == []
    assert found(ALERT, RECORD, group="g") == ["A"]


@needs_promtool
@pytest.mark.parametrize(("rules", "expected"), [((ALERT, RECORD), "1"), ((RECORD, ALERT), "7")])
def test_prometheus_agrees(rules: tuple[tuple[str, str, str], ...], expected: str, tmp_path: Path) -> None:
    """A series that jumps at 5m: read before it is recorded, the alert of 5m still has the old value."""
    as_rules = [{use: name, "expr": expr.replace("> 1", ">= 0")} for use, name, expr in rules]
    as_rules = [{**rule, **({"annotations": {"v": "{{ $value }}"}} if "alert" in rule else {})} for rule in as_rules]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": as_rules}]}))
    wanted = {"exp_labels": {"job": "a"}, "exp_annotations": {"v": expected}}
    case = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": "x{job='a'}", "values": "1x4 7x5"}],
                "alert_rule_test": [{"eval_time": "5m", "alertname": "A", "exp_alerts": [wanted]}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(case))
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

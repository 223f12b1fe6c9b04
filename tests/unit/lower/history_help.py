"""Weeks of history through promtool's real rule engine: series in, questions about what was recorded and what fired."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from monitoring_kit.lower.rule_files import group_tree
from monitoring_kit.lower.tree import Branch
from monitoring_kit.pipeline import Compilation

STEP_MIN = 5
PER_DAY = 288


@dataclass(frozen=True)
class Question:
    """PromQL at a day of the story and its value; None for no series at all."""

    expr: str
    day: float
    value: float | None


@dataclass(frozen=True)
class Story:
    """Series at 5-minute steps (None: no sample) and what must hold."""

    name: str
    series: dict[str, Sequence[float | None]]
    questions: tuple[Question, ...]


def history_groups(compilation: Compilation) -> list[dict[str, Any]]:
    """The groups that are evaluated every five minutes, as data."""
    assert compilation.model is not None
    groups = [g for g in compilation.model.groups if g.name.startswith("history-")]
    return [_plain(group_tree(g)) for g in groups]


def _plain(value: Any) -> Any:
    if isinstance(value, Branch | dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def fired(alert: str, days: float, labels: str = "") -> str:
    """PromQL: for how many evaluations the alert fired in the last ``days``, 0 for never."""
    return f'sum(count_over_time(ALERTS{{alertname="{alert}",alertstate="firing"{labels}}}[{int(days * 1440)}m])) or vector(0)'


def first_fired(alert: str, days: float) -> str:
    """PromQL: the day of the story on which the alert first fired in the last ``days``."""
    return f'min(min_over_time(timestamp(ALERTS{{alertname="{alert}",alertstate="firing"}})[{int(days * 1440)}m:5m])) / 86400'


def between(expr: str, low: float, high: float) -> str:
    """PromQL: 1 if the value of ``expr`` lies in the range."""
    return f"(({expr}) >= bool {low}) * (({expr}) <= bool {high})"


def tell(folder: Path, groups: list[dict[str, Any]], stories: list[Story], timeout: int = 120) -> str:
    """Run the stories with promtool: "" when every answer is right, else its words."""
    rules, tests = folder / "rules.yml", folder / "tests.yml"
    rules.write_text(yaml.safe_dump({"groups": groups}))
    cases = [
        {
            "name": story.name,
            "interval": f"{STEP_MIN}m",
            "input_series": [{"series": name, "values": _values(values)} for name, values in story.series.items()],
            "promql_expr_test": [
                {
                    "expr": q.expr,
                    "eval_time": f"{round(q.day * 1440)}m",
                    "exp_samples": [] if q.value is None else [{"labels": "{}", "value": q.value}],
                }
                for q in story.questions
            ],
        }
        for story in stories
    ]
    tests.write_text(
        yaml.dump({"rule_files": [rules.name], "evaluation_interval": f"{STEP_MIN}m", "tests": cases}, Dumper=_DUMPER)
    )
    done = subprocess.run(
        ["promtool", "test", "rules", str(tests)], capture_output=True, text=True, timeout=timeout, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _values(values: Sequence[float | None]) -> str:
    return " ".join("_" if v is None else f"{v:.6g}" for v in values)

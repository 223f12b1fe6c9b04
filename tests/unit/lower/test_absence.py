"""Alerts on what does not answer: the target, or what stands behind an exporter that does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from monitoring_kit.lower.rule_files import lower_rule_files
from tests.unit.lower.spec_text import HEAD, Compile, lowered, tool

SPEC = (
    HEAD
    + """services:
  db:    {kind: mysql, scrape: {targets: ['db:9104']}}
  cache: {kind: redis, scrape: {targets: ['cache:9121']}, metrics: {redis_up: own_redis_up}}
  web:   {kind: http, scrape: {targets: ['web:80']}, depends_on: [db, cache]}
metrics:
  own_redis_up: {type: gauge, help: Up., services: [cache]}
"""
)

# Series of one or two instances, 15 s apart, and the alerts on `service` that fire after five minutes.
CASES = [
    ("all is well", "db", {"up a": "1x40", "mysql_up a": "1x40"}, []),
    ("the database is dead, its exporter lives", "db", {"up a": "1x40", "mysql_up a": "0x40"}, ["ServiceDown"]),
    ("the exporter is dead", "db", {"up a": "1x8 0x30", "mysql_up a": "1x8 stale"}, ["ServiceDown"]),
    ("the exporter knows nothing", "db", {"up a": "1x40"}, []),
    ("one of two is dead", "db", {"up a": "1x40", "mysql_up a": "0x40", "up b": "1x40", "mysql_up b": "1x40"}, ["TargetDown"]),
    ("one dies, of the other its exporter", "db", {"up a": "1x40", "mysql_up a": "0x40", "up b": "0x40"}, ["ServiceDown"]),
    ("under a name of its own", "cache", {"up a": "1x40", "own_redis_up a": "0x40"}, ["ServiceDown"]),
    ("a service that speaks for itself", "web", {"up a": "0x40"}, ["ServiceDown"]),
    ("no target at all", "db", {}, ["ServiceAbsent"]),
]  # fmt: skip


@pytest.mark.parametrize(("service", "series", "alerts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_does_not_answer_is_told(
    compile_text: Compile, tmp_path: Path, service: str, series: dict[str, str], alerts: list[str]
) -> None:
    files = lowered(compile_text(SPEC), lambda system, model, report: lower_rule_files(model)).write(tmp_path)
    inputs = []
    for key, values in series.items():
        metric, instance = key.split()
        labels = f'{metric}{{job="{service}",service="{service}",instance="{instance}"}}'
        inputs.append({"series": labels, "values": values})
    wanted = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in alerts]
    query = f'max by (alertname) (ALERTS{{alertstate="firing", service="{service}"}})'
    test = {
        "rule_files": [str(p) for p in (files / "prometheus/rules").glob("*.yml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": inputs,
                "promql_expr_test": [{"expr": query, "eval_time": "5m", "exp_samples": wanted}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    command = [str(tool("promtool").path), "test", "rules", str(tmp_path / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

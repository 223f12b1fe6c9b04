"""Alerts on what does not answer: the target, or what stands behind an exporter that does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from monitoring_kit.conventions import service_dashboard, system_dashboard
from monitoring_kit.diagnostics import Severity
from monitoring_kit.lower.rule_files import lower_rule_files
from tests.unit.lower.dashboard_help import Built
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


def _series(service: str, series: dict[str, str]) -> list[dict[str, str]]:
    """promtool's input series of one service's targets."""
    found = []
    for key, values in series.items():
        metric, instance = key.split()
        labels = f'{metric}{{job="{service}",service="{service}",instance="{instance}"}}'
        found.append({"series": labels, "values": values})
    return found


@pytest.mark.parametrize(("service", "series", "alerts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_does_not_answer_is_told(
    compile_text: Compile, tmp_path: Path, service: str, series: dict[str, str], alerts: list[str]
) -> None:
    files = lowered(compile_text(SPEC), lambda system, model, report: lower_rule_files(model)).write(tmp_path)
    wanted = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in alerts]
    query = f'max by (alertname) (ALERTS{{alertstate="firing", service="{service}"}})'
    test = {
        "rule_files": [str(p) for p in (files / "prometheus/rules").glob("*.yml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": _series(service, series),
                "promql_expr_test": [{"expr": query, "eval_time": "5m", "exp_samples": wanted}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    command = [str(tool("promtool").path), "test", "rules", str(tmp_path / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# What the dashboards show after five minutes: the share of the service's targets that answer, and the state of each of them.
SHOWN: list[tuple[str, dict[str, str], str, dict[str, int]]] = [
    ("db", {"up a": "1x40", "mysql_up a": "1x40"}, "1", {"a": 1}),
    ("db", {"up a": "1x40", "mysql_up a": "0x40"}, "0", {"a": 0}),
    ("db", {"up a": "1x8 0x30", "mysql_up a": "1x8 stale"}, "0", {"a": 0}),
    ("db", {"up a": "1x40", "mysql_up a": "0x40", "up b": "1x40", "mysql_up b": "1x40"}, "0.5", {"a": 0, "b": 1}),
    ("cache", {"up a": "1x40", "own_redis_up a": "0x40"}, "0", {"a": 0}),
    ("site", {"up a": "1x40", "probe_success a": "0x40"}, "0", {"a": 0}),
    ("web", {"up a": "0x40"}, "0", {"a": 0}),
    # That gauge means nothing in a job that is not judged by it.
    ("web", {"up a": "1x40", "mysql_up a": "0x40"}, "1", {"a": 1}),
]
SITE = "  site: {kind: blackbox, scrape: {targets: ['https://shop.example'], probe: {exporter: 'bb:9115'}}}\n"


def test_dashboards_show_as_down_what_the_alerts_call_down(compile_text: Compile, tmp_path: Path) -> None:
    """A database that is dead behind a living exporter has ``up`` 1 and is no running service."""
    built = Built(compile_text(SPEC.replace("metrics:\n", SITE + "metrics:\n")))
    tests = []
    for service, series, share, instances in SHOWN:
        board = service_dashboard("shop", service)
        overview = system_dashboard("shop")
        lowest = min(instances.values())
        wanted: list[tuple[str, list[tuple[str, float]]]] = [
            (query(built, board, "Targets up"), [("{}", float(share))]),
            (query(built, board, "Targets"), [(f'{{instance="{name}"}}', value) for name, value in instances.items()]),
            (query(built, overview, "Targets up"), [("{}", float(share))]),
            (query(built, overview, "Services"), [(f'{{service="{service}"}}', lowest)]),
        ]
        tests.append(
            {
                "interval": "15s",
                "input_series": _series(service, series),
                "promql_expr_test": [
                    {"expr": e, "eval_time": "5m", "exp_samples": [{"labels": k, "value": v} for k, v in found]}
                    for e, found in wanted
                ],
            }
        )
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"evaluation_interval": "15s", "tests": tests}))
    command = [str(tool("promtool").path), "test", "rules", str(tmp_path / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def query(built: Built, uid: str, title: str) -> str:
    """The query of a panel for everything that its variables offer."""
    board = next(name for name, tree in built.boards.items() if tree["uid"] == uid)
    (target,) = built.panel(board, title)["targets"]
    return str(target["expr"]).replace("$instance", ".+").replace("$service", ".*")


@pytest.mark.parametrize(
    ("settings", "codes"), [("", ["alerts/duplicate"]), ("alerting: {absent: off}\n", [])], ids=["taken", "turned off"]
)
def test_the_name_of_a_generated_alert_is_free_once_those_are_off(
    compile_text: Compile, settings: str, codes: list[str]
) -> None:
    own = "alerts:\n  ServiceDown: {expr: 'sum(up) < 3', severity: warning}\n"
    report = compile_text(SPEC + settings + own).report
    assert [d.code for d in report if d.severity is Severity.ERROR] == codes

"""What the pages say happens in production, happens on the real Prometheus: checks whose own tests do not ask it already.

`promql/beyond-retention` is left out: promtool keeps everything, so it cannot show what an old block's removal does.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.checks.expr_text import declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

OWN = "job='shop',service='shop',instance='a:80'"
SERIES = {
    f"http_requests_total{{{OWN},method='GET',status='500'}}": "0+100x200",
    f"http_requests_total{{{OWN},method='GET',status='200'}}": "0+100x200",
    f"errors_total{{{OWN},method='GET'}}": "0+10x100 0+10x100",
    f"queue_depth{{{OWN},queue='mail'}}": "7x200",
    f"queue_depth{{{OWN},queue='print'}}": "7x200",
    f"queue_depth{{{OWN.replace('a:80', 'b:80')},queue='mail'}}": "7x200",
    f"build_info{{{OWN},version='1'}}": "1x200",
    f"build_info{{{OWN.replace('a:80', 'b:80')},version='1'}}": "1x200",
    f"up{{{OWN}}}": "1x200",
    f"up{{{OWN.replace('a:80', 'b:80')}}}": "0x200",
    f"disk_used_bytes{{{OWN}}}": "1000x200",
    f"hit_ratio{{{OWN}}}": "0.99x200",
    f"last_backup_timestamp_seconds{{{OWN}}}": "1700000000x200",
}
# Code, an expression that the check finds, and whether an alert on it fires on these data.
CLAIMS = [
    ("promql/missing-total", "rate(errors[5m]) > 0", False),
    ("promql/unknown-metric", "queue_dpth > 0", False),
    ("promql/unknown-label", 'queue_depth{team="x"} > 0', False),
    ("promql/unknown-label", 'queue_depth{team!="x"} > 0', True),
    ("promql/unknown-value", 'queue_depth{queue="mial"} > 0', False),
    ("promql/unknown-value", 'rate(http_requests_total{status="5xx"}[5m]) > 0', False),
    ("promql/unknown-alert", 'ALERTS{alertname="Nope"} == 1', False),
    ("promql/histogram-base", "http_request_duration_seconds > 0", False),
    ("promql/percent-of-ratio", "hit_ratio > 85", False),
    ("promql/percent-of-ratio", "hit_ratio < 90", True),
    ("promql/mixed-units", "last_backup_timestamp_seconds > 3600", True),
    ("promql/quantile-input", "quantile_over_time(50, queue_depth[5m]) > 1e300", True),
    ("promql/quantile-input", "quantile_over_time(-1, queue_depth[5m]) > -1e300", False),
    ("promql/impossible-grouping", "sum by (queue, team) (queue_depth) != on (queue) sum by (queue) (queue_depth)", False),
    ("promql/on-nothing", "up and on (team) (queue_depth > 6)", True),
    ("promql/on-nothing", 'up == 0 and on (team) label_replace(queue_depth > 6, "team", "x", "", "")', False),
    ("promql/regex", 'up{job!~".*"} == 0', False),
    ("promql/two-valued", "up > 0.99", True),
    ("promql/two-valued", "up < 0.01", True),
    ("promql/slope-of-counter", "delta(errors_total[10m]) < 0", True),
    ("promql/raw-counter", "errors_total > 100", True),
    ("alerts/no-condition", "queue_depth > bool 100", True),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expr", "firing"), CLAIMS)
def test_it_is_found(code: str, expr: str, firing: bool) -> None:
    assert code in check_alert(expr).codes()


@needs_promtool
@pytest.mark.parametrize(("code", "expr", "firing"), CLAIMS)
def test_it_happens(code: str, expr: str, firing: bool) -> None:
    assert fires(expr, SERIES) is firing


def evaluates(folder: Path, expr: str) -> bool:
    """Whether promtool can evaluate the expression on the series at all."""
    series = [{"series": k, "values": v} for k, v in SERIES.items()]
    test = {"interval": "15s", "input_series": series, "promql_expr_test": [{"expr": f"count({expr}) * 0", "eval_time": "20m", "exp_samples": [{"labels": "{}", "value": 0}]}]}  # fmt: skip
    (folder / "test.yml").write_text(yaml.safe_dump({"tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True)
    if "many-to-many" in done.stdout + done.stderr or "multiple matches" in done.stdout + done.stderr:
        return False
    assert done.returncode == 0, done.stdout + done.stderr
    return True


@needs_promtool
@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("rate(http_requests_total[5m]) / on (job) queue_depth", True),
        ("queue_depth * on (job) group_left build_info", True),
        ("sum by (job) (up) * on (job) group_right queue_depth", False),
        ("queue_depth * on (job, instance) group_left (version) build_info", False),
    ],
)
def test_joins_with_several_matches_fail(expr: str, found: bool, tmp_path: Path) -> None:
    assert ("promql/many-matches" in check_alert(f"{expr} > 1").codes()) is found
    assert evaluates(tmp_path, expr) is not found


@needs_promtool
def test_a_label_that_the_one_side_lacks_is_lost() -> None:
    expr = "queue_depth * on (instance) group_left (queue) build_info"
    assert "promql/lost-include" in check_alert(f"{expr} > 1").codes()
    assert declared().series("queue_depth") is not None
    one = {k: v for k, v in SERIES.items() if "print" not in k}
    assert not fires(f"count by (queue) ({expr}) and on (queue) count by (queue) (queue_depth)", one)
    assert fires(f"count({expr}) > 0", one)


@needs_promtool
@pytest.mark.parametrize(
    ("expr", "for_", "at", "firing"),
    [
        # `absent` is true at the very first evaluation without the series, and with a `for` not before it has passed.
        ('absent(queue_depth{queue="none"})', "0s", "1m", True),
        ('absent(queue_depth{queue="none"})', "2m", "1m", False),
        # Evaluated every minute, a `for` of 90 s is two minutes in truth.
        ("queue_depth > 6", "90s", "1m", False),
        ("queue_depth > 6", "90s", "2m", True),
        # And one of 10 s is a whole minute.
        ("queue_depth > 6", "10s", "0m", False),
        ("queue_depth > 6", "10s", "1m", True),
    ],
)
def test_how_long_an_alert_waits(expr: str, for_: str, at: str, firing: bool) -> None:
    assert fires(expr, SERIES, at=at, for_=for_) is firing


@needs_promtool
def test_an_alert_on_the_top_starts_over() -> None:
    """Two series that take turns at the top: each alert waits from the beginning again."""
    turns = {"queue_depth{queue='mail'}": "9x3 8x3 9x3 8x3 9x3 8x3 9x3 8x3", "queue_depth{queue='print'}": "8x3 9x3 8x3 9x3 8x3 9x3 8x3 9x3"}  # fmt: skip
    assert not fires("topk(1, queue_depth) > 1", turns, at="7m", for_="5m")
    assert fires("queue_depth > 1", turns, at="7m", for_="5m")


@needs_promtool
def test_of_twins_the_milder_one_never_comes_first(tmp_path: Path) -> None:
    """A warning above 9 beside a critical alert above 5: whatever the value, no warning without the critical alert."""
    rules = [
        {"alert": "Warning", "expr": "queue_depth > 9", "for": "2m", "labels": {"severity": "warning"}},
        {"alert": "Critical", "expr": "queue_depth > 5", "for": "2m", "labels": {"severity": "critical"}},
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    firing = "ALERTS{alertname='%s',alertstate='firing'}"
    alone = f"max_over_time(({firing % 'Warning'} unless on () {firing % 'Critical'})[25m:1m])"
    tests = [
        {"expr": alone, "eval_time": "25m", "exp_samples": []},
        {"expr": f"count(max_over_time({firing % 'Warning'}[25m]))", "eval_time": "25m", "exp_samples": [{"labels": "{}", "value": 1}]},
    ]  # fmt: skip
    case = {
        "interval": "1m",
        "input_series": [{"series": "queue_depth", "values": "0+1x25"}],
        "promql_expr_test": tests,
    }
    (tmp_path / "test.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [case]})
    )
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

"""Objectives on a real Prometheus: backfilled history, and how they stand."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitoring_kit.cli.slo import command
from monitoring_kit.live.slo_status import calendar_bounds, exhaustion, query
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.slos import Period, rolling
from monitoring_kit.stack.lab import Lab, free_port, wait_until
from monitoring_kit.stack.tools import find_tools
from tests.unit.lower.slo.rig import rules_of

SPEC = (
    "version: mkit/v1\nsystem: shop\nprometheus: {retention: {time: 40d}}\nchannels: {mail: {kind: webhook, url: 'http://hook:1/'}}\n"
    "services:\n  web: {kind: http, scrape: {targets: ['web:80']}, slos: {up: {signal: errors, objective: 99%, window: 7d}}}\n"
)
HOURS = 12
DAY = 86_400.0


def history(end: int) -> str:
    """Counters of the last 12 hours at a minute's step: 1 % of 1,000 events a minute are bad, in one hour 5 %."""
    lines = []
    for status in ("200", "500"):
        value = 0
        for moment in range(end - HOURS * 3600, end, 60):
            bad = 50 if end - 7200 <= moment < end - 3600 else 10
            value += bad if status == "500" else 1000 - bad
            lines.append(f'http_requests_total{{job="web",service="web",status="{status}"}} {value} {moment}')
    return "\n".join([*lines, "# EOF\n"])


@pytest.mark.e2e
def test_backfilled_history_and_status(tmp_path: Path) -> None:
    tools = find_tools()
    assert tools["promtool"].path is not None
    assert tools["prometheus"].path is not None
    data, spec = tmp_path / "data", tmp_path / "mkit.yaml"
    end = int(time.time()) // 60 * 60
    (tmp_path / "history.txt").write_text(history(end))
    subprocess.run(
        [tools["promtool"].path, "tsdb", "create-blocks-from", "openmetrics", tmp_path / "history.txt", data],
        check=True,
        capture_output=True,
    )
    rules = rules_of(SPEC, tmp_path)
    before = len(list(data.iterdir()))
    done = CliRunner().invoke(command, ["backfill", str(spec), "--tsdb", str(data), "--days", "1"])
    assert done.exit_code == 0, done.output
    assert len(list(data.iterdir())) > before
    assert not list(tmp_path.glob(".*-backfill"))
    for path in rules:  # a second instead of two minutes: the test need not wait for the group's turn
        path.write_text(path.read_text().replace("interval: 2m", "interval: 1s"))
    with Lab() as lab:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        config = lab.write("p.yml", "rule_files: [" + ", ".join(str(p) for p in rules) + "]\n")
        lab.start(
            "prometheus",
            [
                tools["prometheus"].path,
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            ready=f"{url}/-/ready",
        )
        deadline = time.monotonic() + 60
        wait_until(lambda: bool(query(url, "slo:period_error_budget_remaining:ratio", deadline, time.time())), 30)
        done = CliRunner().invoke(command, ["status", str(spec), "--prometheus", url, "--format", "json"])
        assert done.exit_code == 0, done.output
        found = json.loads(done.output)
        text = CliRunner().invoke(command, ["status", str(spec), "--prometheus", url]).output
    assert [(s["service"], s["slo"], s["objective"], s["period"]) for s in found] == [("web", "up", 0.99, "7d")]
    # 11 hours of 1 % and one of 5 %: 1.33 % of the events, of a budget of 1 %. Whole hours only, so within a tenth.
    assert found[0]["error_ratio"] == pytest.approx(0.0133, rel=0.1)
    assert found[0]["budget_left"] == pytest.approx(1 - found[0]["error_ratio"] / 0.01, abs=1e-9)
    assert found[0]["exhausted_at"] is not None
    assert "now: it is spent" in text


def test_an_unreachable_prometheus_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "mkit.yaml").write_text(SPEC)
    url = f"http://127.0.0.1:{free_port()}"
    done = CliRunner().invoke(command, ["status", str(tmp_path / "mkit.yaml"), "--prometheus", url])
    assert done.exit_code == 1
    assert "error:" in done.output
    assert "Traceback" not in done.output


def test_an_empty_history_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "mkit.yaml").write_text(SPEC)
    (tmp_path / "data").mkdir()
    done = CliRunner().invoke(
        command, ["backfill", str(tmp_path / "mkit.yaml"), "--tsdb", str(tmp_path / "data"), "--days", "1"]
    )
    assert done.exit_code == 1
    assert "no history" in done.output


@pytest.mark.parametrize(
    ("left", "burn", "days"),
    [(0.5, 2.0, 7 * 0.5 / 2), (1.0, 14.0, 0.5), (0.5, 1.0, None), (0.5, 0.2, None), (0.0, 3.0, 0.0), (-1.0, 0.0, 0.0), (None, None, None)],
)  # fmt: skip
def test_when_a_rolling_budget_is_gone(left: float | None, burn: float | None, days: float | None) -> None:
    found = exhaustion(rolling(7), left, burn, 1e9)
    assert found == (None if days is None else pytest.approx(1e9 + days * DAY))


def test_when_a_calendar_budget_is_gone() -> None:
    """On 11 November, a third of the month is over; half of what was allowed so far is spent."""
    now = 1_794_355_200.0
    assert calendar_bounds("month", now) == (1_793_491_200.0, 1_793_491_200.0 + 30 * DAY)
    assert calendar_bounds("quarter", now)[0] == 1_790_812_800.0
    month = Period("month", Duration(31 * 86_400_000))
    assert exhaustion(month, 0.5, 2.0, now) == pytest.approx(now + (30 - 5) * DAY / 2)
    assert exhaustion(month, 0.5, 1.0, now) is None

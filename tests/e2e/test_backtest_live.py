"""The backtest against a Prometheus that ran the same rules live on the same data: the same firings to the evaluation."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitoring_kit.live.backtest.client import Client
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.stack.running import Stack

pytestmark = pytest.mark.e2e

SPEC = """
version: mkit/v1
system: quick
prometheus: {scrape_interval: 1s, evaluation_interval: 1s}
services:
  web: {kind: http, scrape: {targets: ["web:80"]}}
  api: {kind: http, scrape: {targets: ["api:80"]}}
alerts:
  Errors: {services: [web, api], when: "errors(10s) > 5%", for: 3s, severity: critical, notify: [mail]}
  Kept: {services: [web, api], when: "errors(5s) > 10%", for: 1s, keep_firing_for: 6s, severity: warning, notify: [mail]}
  AtOnce: {services: [web, api], when: "errors(5s) > 20%", severity: warning, notify: [mail]}
  Slow: {services: [web, api], when: "latency(p95, 10s) > 2s", for: 2s, severity: warning, notify: [mail]}
  Never: {services: [web, api], when: "errors(5s) > 5%", for: 10m, severity: warning, notify: [mail]}
channels:
  mail: {kind: webhook, url: "http://127.0.0.1:1/"}
"""
STEP_MS = 1000
FIRING = 'ALERTS{alertstate="firing", alertname!="Watchdog"}'


def live_firings(
    client: Client, grid: dict[str, list[int]], upto: int, window: int
) -> set[tuple[str, str, int, int | None]]:
    """(alert, service, start, end) as Prometheus' own ALERTS series say; the end is the group's next evaluation."""
    found = set()
    for row in client.query(f"{FIRING}[{window}s]", upto):
        name, service = row["metric"]["alertname"], row["metric"]["service"]
        times = grid[service]
        there = {round(at * 1000) for at, _ in row["values"]}
        start = None
        for at in times:
            if at in there and start is None:
                start = at
            elif at not in there and start is not None:
                found.add((name, service, start, at))
                start = None
        if start is not None:
            found.add((name, service, start, None))
    return found


@pytest.mark.parametrize("way", ["prometheus", "inline", "tsdb"])
def test_same_firings_as_the_live_server(way: str, history: tuple[Path, Stack, int, int]) -> None:
    spec, stack, start, end = history
    client = Client(stack.prometheus)
    window = (end - start) // 1000
    grid = {
        row["metric"]["service"]: [round(at * 1000) for at, _ in row["values"]]
        for row in client.query(f"service:traffic:rate5m[{window}s]", end)
    }
    expected = live_firings(client, grid, end, window)
    assert {name for name, *_ in expected} >= {"Errors", "Kept", "AtOnce", "ServiceDown"}
    source = ["--prometheus", stack.prometheus]
    if way == "inline":
        source += ["--recordings", "inline"]
    if way == "tsdb":
        source = ["--tsdb", str(stack.lab.folder / "prometheus/data")]
    done = subprocess.run(
        [
            sys.executable, "-m", "monitoring_kit", "backtest", str(spec), *source, "--cold", "--format", "json",
            "--from", str(start / 1000), "--to", str(end / 1000),
        ],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    got = {
        (a["alert"], a["service"], ms(f["start"]), ms(f["end"]) if f["end"] else None)
        for a in json.loads(done.stdout)["alerts"]
        for f in a["firings"]
    }
    if way != "inline":
        assert got == expected
        return
    # Evaluated afterwards, a recording rule sees a sample that came just too late for the server's own evaluation: a step apart.
    pairs = list(zip(sorted(got, key=str), sorted(expected, key=str), strict=True))
    assert all(mine[:2] == theirs[:2] and near(mine[2:], theirs[2:]) for mine, theirs in pairs), pairs


def near(mine: tuple[int | None, ...], theirs: tuple[int | None, ...]) -> bool:
    """Whether start and end are at most one evaluation apart."""
    return all(
        a == b or (a is not None and b is not None and abs(a - b) <= STEP_MS) for a, b in zip(mine, theirs, strict=True)
    )


def ms(text: str) -> int:
    from monitoring_kit.live.backtest.times import parse_time

    return parse_time(text, 0)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("live") / "mkit.yaml"
    path.write_text(SPEC)
    compilation = compile_spec(path)
    assert compilation.ok, list(compilation.report)
    with Stack(compilation) as stack:
        stack.wait_for("count(service:errors:ratio_rate10s) == 2", 60)
        time.sleep(5)
        start = int(time.time() * 1000)
        for service, mode, broken, well in (
            ("web", "errors", 12, 3),
            ("web", "errors", 2, 12),
            ("api", "down", 36, 10),
        ):
            stack.fault(service, mode)
            time.sleep(broken)
            stack.heal(service)
            time.sleep(well)
        time.sleep(2)
        end = int(time.time() * 1000) - 1500
        yield path, stack, start, end

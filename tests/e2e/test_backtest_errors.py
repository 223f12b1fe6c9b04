"""Bad input of the backtest: a clear error, and nothing lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_kit.live.backtest.tsdb import PrivateServer, copy_tsdb, tool
from monitoring_kit.stack.lab import Lab, free_port

pytestmark = pytest.mark.e2e

START = 1_767_571_200
SPEC = """
version: mkit/v1
system: shop
services:
  web: {kind: http, scrape: {targets: ["web:80"]}}
metrics:
  depth: {type: gauge, help: Depth., labels: {q: {max: 5}}, services: [web]}
  other: {type: gauge, help: Other., labels: {q: {max: 5}}, services: [web]}
alerts:
  Deep: {expr: "depth > 5", for: 1m, severity: warning}
  Broken: {expr: "depth * on (job) other > 5", severity: warning}
channels: {hook: {kind: webhook, url: "http://127.0.0.1:1/"}}
alerting: {absent: "off"}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    """Two hours of `depth`, above 5 for ten minutes; for its last half hour `other` is there twice for each job."""
    lines = []
    for at in range(START, START + 7200, 15):
        deep = 9 if 1800 <= at - START < 2400 else 1
        lines.append(f'depth{{job="web",q="a"}} {deep} {at}')
        lines.append(f'other{{job="web",q="a"}} 1 {at}')
        if at - START >= 5400:
            lines.append(f'other{{job="web",q="b"}} 1 {at}')
    lines.sort(key=lambda line: (line.split(" ")[0], int(line.rsplit(" ", 1)[1])))
    with Lab() as lab:
        file = lab.write("samples.txt", "\n".join([*lines, "# EOF"]) + "\n")
        lab.run("promtool", [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", file, lab.folder / "data"])
        yield PrivateServer(lab, lab.folder / "data", 60.0)


def mkit(tmp_path: Path, *args: str, spec: str = SPEC) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "mkit.yaml"
    path.write_text(spec)
    command = [sys.executable, "-m", "monitoring_kit", "backtest", str(path), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def span(first: int = START, last: int = START + 7200) -> list[str]:
    return ["--from", str(first), "--to", str(last)]


def test_unreachable(tmp_path: Path) -> None:
    done = mkit(tmp_path, "--prometheus", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "error[backtest/unreachable]" in done.stderr
    assert "Connection refused" in done.stderr


def test_a_credential_in_the_url_is_refused_and_not_shown(tmp_path: Path) -> None:
    done = mkit(tmp_path, "--prometheus", "http://me:topsecret@127.0.0.1:1")
    assert done.returncode == 1
    assert "topsecret" not in done.stderr + done.stdout


def test_empty_history(tmp_path: Path, server: PrivateServer) -> None:
    done = mkit(tmp_path, "--prometheus", server.client.url, *span(START + 10**7, START + 10**7 + 60))
    assert done.returncode == 1
    assert "error[backtest/empty]" in done.stderr


# Absence is watched, of a target and of an objective's events: both are quiet within the history.
WATCHED = """
version: mkit/v1
system: shop
services:
  web: {kind: http, scrape: {targets: ["web:80"]}, slos: {up: {signal: errors, objective: 99.9%, window: 14d}}}
channels: {hook: {kind: webhook, url: "http://127.0.0.1:1/"}}
prometheus: {retention: {time: 15d}}
"""


@pytest.fixture(scope="module")
def healthy() -> Iterator[PrivateServer]:
    """Three hours of a service that answers."""
    labels = 'job="web",service="web",instance="web:80"'
    times = range(START, START + 10_800, 15)
    lines = [f'http_requests_total{{{labels},status="200"}} {(at - START) * 10} {at}' for at in times]
    lines += [f"up{{{labels}}} 1 {at}" for at in times]
    with Lab() as lab:
        file = lab.write("samples.txt", "\n".join([*lines, "# EOF"]) + "\n")
        lab.run("promtool", [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", file, lab.folder / "data"])
        yield PrivateServer(lab, lab.folder / "data", 60.0)


@pytest.mark.parametrize("way", ["prometheus", "tsdb"])
def test_the_time_before_the_history_is_left_out(tmp_path: Path, healthy: PrivateServer, way: str) -> None:
    source = ["--prometheus", healthy.client.url] if way == "prometheus" else ["--tsdb", str(healthy.data)]
    absent = ["--alert", "ServiceAbsent", "--alert", "SloAbsent"]
    early = [*source, *span(START - 86_400, START + 10_785), *absent]
    data = json.loads(mkit(tmp_path, *early, "--format", "json", spec=WATCHED).stdout)
    assert (data["from"], data["asked_from"]) == ("2026-01-05T00:00:00Z", "2026-01-04T00:00:00Z")
    assert [(alert["alert"], alert["firings"]) for alert in data["alerts"]] == [
        ("ServiceAbsent", []),
        ("SloAbsent", []),
    ]
    assert all(alert["evaluations"] > 300 for alert in data["alerts"])
    text = mkit(tmp_path, *early, spec=WATCHED).stdout
    note = "note: the history begins at 2026-01-05T00:00:00Z, after 2026-01-04T00:00:00Z; replayed from its first sample on"
    assert note in text.splitlines()
    # Nor does what comes before a start within the history reach back beyond it.
    for first in (START, START + 60):
        inside = mkit(tmp_path, *source, *span(first, START + 10_785), *absent, "--format", "json", spec=WATCHED)
        data = json.loads(inside.stdout)
        assert data["asked_from"] is None
        assert not any(alert["firings"] for alert in data["alerts"])


def test_an_absence_within_the_history_is_still_told(tmp_path: Path, server: PrivateServer) -> None:
    """`up` has no sample there at all."""
    done = mkit(
        tmp_path,
        "--prometheus",
        server.client.url,
        *span(START - 7200),
        "--alert",
        "ServiceAbsent",
        "--format",
        "json",
        spec=WATCHED,
    )
    (absent,) = json.loads(done.stdout)["alerts"]
    (firing,) = absent["firings"]
    assert "2026-01-05T00:00:00Z" < firing["start"] < "2026-01-05T00:10:00Z"


def test_no_tsdb(tmp_path: Path) -> None:
    done = mkit(tmp_path, "--tsdb", str(tmp_path), "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "backtest/tsdb"


def test_malformed_incidents(tmp_path: Path, server: PrivateServer) -> None:
    (tmp_path / "i.yaml").write_text("- {start: 2026-01-01}\n")
    done = mkit(tmp_path, "--prometheus", server.client.url, *span(), "--incidents", str(tmp_path / "i.yaml"))
    assert done.returncode == 1
    assert "incident 1: `end` is missing" in done.stderr


def test_a_rule_that_errors_is_told_and_the_others_are_replayed(tmp_path: Path, server: PrivateServer) -> None:
    done = mkit(
        tmp_path, "--prometheus", server.client.url, *span(), "--format", "json", "--alert", "Deep", "--alert", "Broken"
    )
    found = {alert["alert"]: alert for alert in json.loads(done.stdout)["alerts"]}
    assert done.returncode == 1
    assert found["Broken"]["code"] == "backtest/evaluation"
    # From 5400 s to the end, every 15 s, both ends included: 121 evaluations with the duplicate.
    assert found["Broken"]["failed_evaluations"] == 121
    (firing,) = found["Broken"]["firings"]
    assert firing["start"] == "2026-01-05T00:30:00Z"
    (deep,) = found["Deep"]["firings"]
    assert (deep["start"], deep["end"]) == ("2026-01-05T00:31:00Z", "2026-01-05T00:40:00Z")


def test_what_if_and_incidents(tmp_path: Path, server: PrivateServer) -> None:
    (tmp_path / "i.csv").write_text(f"name,start,end\nfull,{START + 1800},{START + 2400}\n")
    done = mkit(
        tmp_path, "--prometheus", server.client.url, *span(), "--format", "json", "--incidents", str(tmp_path / "i.csv"),
        "--set", "Deep.threshold=0,20",
    )  # fmt: skip
    data = json.loads(done.stdout)
    counts = {alert["variant"]: len(alert["firings"]) for alert in data["alerts"]}
    assert counts == {None: 1, "threshold=0": 1, "threshold=20": 0}
    by_variant = {row["variant"]: row for row in data["incidents"]}
    assert (by_variant[None]["recall"], by_variant[None]["median_time_to_detect_s"]) == (1.0, 60.0)
    assert by_variant["threshold=20"]["recall"] == 0.0


@pytest.mark.parametrize(
    "text", ["Deep.threshold", "Deeep.threshold=1", "Deep.thresh=1", "Deep.for=soon", "Broken.threshold=x"]
)
def test_bad_settings(tmp_path: Path, server: PrivateServer, text: str) -> None:
    done = mkit(tmp_path, "--prometheus", server.client.url, "--set", text)
    assert done.returncode == 2
    assert "--set" in done.stderr


def test_the_copy_leaves_the_original_alone(tmp_path: Path, server: PrivateServer) -> None:
    before = {p: p.stat().st_mtime_ns for p in server.data.rglob("*") if p.is_file() and "chunks" in p.parts}
    assert copy_tsdb(server.data, tmp_path / "copy") == (START * 1000, (START + 7185) * 1000)
    assert before == {p: p.stat().st_mtime_ns for p in server.data.rglob("*") if p.is_file() and "chunks" in p.parts}


def test_ctrl_c_prints_what_is_done(tmp_path: Path, server: PrivateServer) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(SPEC.replace("depth > 5", "max_over_time(depth[1h:2s]) > 5"))
    process = subprocess.Popen(
        [
            sys.executable, "-m", "monitoring_kit", "backtest", str(path), "--prometheus", server.client.url, *span(),
            "--interval", "1s", "--format", "json", "--jobs", "1", "--progress",
            "--set", "Deep.threshold=" + ",".join(map(str, range(150))),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for _ in range(3):
        assert "/151 Deep" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    data = json.loads(out)
    assert data["stopped"] == "interrupted"
    assert 3 <= sum(alert["done"] for alert in data["alerts"]) < 151

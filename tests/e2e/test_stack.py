"""A fault travels through the real servers to every channel of its alert, and so does its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitoring_kit.pipeline import compile_spec
from monitoring_kit.stack.running import Stack

pytestmark = pytest.mark.e2e

SPEC = """
version: mkit/v1
system: quick
prometheus: {scrape_interval: 1s, evaluation_interval: 1s}
services:
  web: {kind: http, scrape: {targets: ["web:80"]}, depends_on: [db]}
  api: {kind: http, scrape: {targets: ["api:80"]}}
  db: {kind: mysql, scrape: {targets: ["db:9104"]}}
alerts:
  Errors: {services: [web, api], when: "errors(10s) > 5%", for: 2s, severity: critical, notify: [mail, chat, page]}
  Slow: {services: [web, api], when: "latency(p95, 10s) > 2s", for: 2s, severity: warning, notify: [chat]}
alerting: {default: [mail], group_wait: 1s, group_interval: 5s}
channels:
  mail: {kind: email, to: [a@example.com], from: m@example.com, smarthost: "smtp.example.com:587"}
  chat: {kind: slack, channel: "#a", webhook_file: /run/secrets/slack}
  page: {kind: pagerduty, routing_key_file: /run/secrets/pagerduty}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "mkit.yaml"
    path.write_text(SPEC)
    return path


def about(alert: str, service: str, resolved: bool):  # type: ignore[no-untyped-def]
    return lambda m: (
        m.resolved is resolved and alert in f"{m.subject}{m.text}{m.data}" and service in f"{m.subject}{m.text}{m.data}"
    )


def test_a_fault_reaches_exactly_the_channels_of_its_alert(spec: Path) -> None:
    compilation = compile_spec(spec)
    assert compilation.ok, list(compilation.report)
    with Stack(compilation) as stack:
        stack.wait_for("count(service:errors:ratio_rate10s) == 2", 60)
        stack.fault("web", "errors")
        for channel in ("email", "slack", "pagerduty"):
            found = stack.capture.wait(lambda m, c=channel: m.channel == c and about("Errors", "web", False)(m), 60)
            assert found is not None, channel
        assert not [m for m in stack.capture.messages if "api" in m.subject]
        stack.heal("web")
        for channel in ("email", "slack", "pagerduty"):
            found = stack.capture.wait(lambda m, c=channel: m.channel == c and about("Errors", "web", True)(m), 90)
            assert found is not None, channel


def test_a_slow_service_is_told_to_its_channel_alone(spec: Path) -> None:
    with Stack(compile_spec(spec)) as stack:
        stack.wait_for("count(service:latency:p95_10s) == 2", 60)
        stack.fault("api", "slow")
        assert stack.capture.wait(lambda m: m.channel == "slack" and about("Slow", "api", False)(m), 60) is not None
        time.sleep(3)
        assert {m.channel for m in stack.capture.messages if "Slow" in f"{m.subject}{m.data}"} == {"slack"}


def test_a_dead_service_is_found_within_a_minute(spec: Path) -> None:
    with Stack(compile_spec(spec)) as stack:
        stack.wait_for("count(up == 1) >= 3", 60)
        broken = stack.fault("db", "down")
        found = stack.capture.wait(about("ServiceDown", "db", False), 90)
        assert found is not None
        assert found.at - broken < 60


def test_up_stops_cleanly_on_an_interrupt(spec: Path) -> None:
    # A shell starts its background jobs with SIGINT ignored, and a child of such a job would never hear of it.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from monitoring_kit.cli.main import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", heed, "up", str(spec)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert child.stdout is not None
    lines = []
    for line in child.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    assert child.returncode == 0, rest
    assert "stopped" in rest
    (prometheus,) = (line.split()[-1] for line in lines if line.startswith("Prometheus "))
    done = subprocess.run(
        [sys.executable, "-c", f"import urllib.request; urllib.request.urlopen('{prometheus}/-/ready', timeout=2)"],
        capture_output=True,
    )
    assert done.returncode != 0


def test_up_ends_by_itself_after_its_time(spec: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "monitoring_kit", "up", str(spec), "--for", "2s"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Prometheus" in done.stdout

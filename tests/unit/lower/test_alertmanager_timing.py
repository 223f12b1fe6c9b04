"""Waits, intervals, clusters, quiet hours and flags: what works by default, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.alertmanager_hours import _is_zone, active, time_intervals
from monitoring_kit.pipeline import Compilation
from monitoring_kit.spec.alerting import QuietHours
from tests.unit.lower.alertmanager_tools import CONFIG, FLAGS, alertmanager, check_config, spec

Compile = Callable[..., Compilation]
HOOK = "{m: {kind: webhook, url: 'http://a/'}}"
TWO = "alertmanagers: ['a:9093', 'b:9093'], cluster: {peers: ['a:9094', 'b:9094']}"


def peers(count: int, extra: str = "") -> str:
    return f"cluster: {{peers: [{', '.join(f'am-{i}:9094' for i in range(count))}]{extra}}}"


@pytest.mark.parametrize(
    ("alerting", "wanted"),
    [
        ("", "1m"),
        (TWO, "1m"),
        (peers(4), "1m"),
        (peers(5), "2m"),  # 4 x 15s is a minute, and the group interval must be above it
        (peers(2, ", peer_timeout: 90s"), "2m"),
        ("group_interval: 5m", "5m"),
    ],
)
def test_the_group_interval_is_above_the_peer_timeouts(
    compile_text: Compile, tmp_path: Path, alerting: str, wanted: str
) -> None:
    files = alertmanager(compile_text(spec(HOOK, alerting)))
    assert files.found == []
    check_config(files, tmp_path)
    assert files.tree(CONFIG)["route"]["group_interval"] == wanted


@pytest.mark.parametrize(
    ("alerting", "code", "severity", "word"),
    [
        (f"group_interval: 15s, {TWO}", "alertmanager/peer-timeout", "error", "1 x 15s = 15s"),
        (f"group_interval: 1m, {peers(5)}", "alertmanager/peer-timeout", "error", "4 x 15s = 1m"),
        ("alertmanagers: ['a:9093', 'b:9093']", "alertmanager/not-clustered", "warning", "several times"),
        ("cluster: {peers: [alertmanager-1]}", "alertmanager/peer", "error", "`alertmanager-1`"),
        ("cluster: {}", "alertmanager/peer", "error", "without peers"),
        ("group_interval: 0s", "alertmanager/interval", "error", "refuses"),
        ("repeat_interval: {info: 0s}", "alertmanager/interval", "error", "refuses"),
        ("watchdog: {notify: [m], interval: 10ms}", "alertmanager/interval", "error", "shorter than a second"),
        ("repeat_interval: {critical: 30s}", "alertmanager/repeat-interval", "error", "critical"),
        ("group_interval: 2h", "alertmanager/repeat-interval", "error", "every 1h"),
        ("group_wait: 5m", "alertmanager/group-wait", "warning", "5m"),
        ("group_by: [service, service]", "alertmanager/group-by", "error", "twice"),
        ("watchdog: {notify: []}", "alertmanager/watchdog-nowhere", "error", "goes nowhere"),
        (
            "quiet_hours: {timezone: Europe/Berlim, except: 'mon 08:00-09:00'}",
            "alertmanager/timezone",
            "error",
            "Berlim",
        ),
        ("quiet_hours: {except: 'mon 08:00-08:00'}", "alertmanager/quiet-hours", "error", "no time at all"),
        (
            "quiet_hours: {severities: [critical], except: 'mon-fri 08:00-20:00'}",
            "alertmanager/quiet-critical",
            "warning",
            "held back",
        ),
    ],
)
def test_settings_that_do_not_work_are_reported(
    compile_text: Compile, alerting: str, code: str, severity: str, word: str
) -> None:
    files = alertmanager(compile_text(spec(HOOK, alerting)))
    assert files.found == [(code, severity)]
    (found,) = list(files.report)
    assert word in found.message
    assert found.span.line == 4
    assert found.span.column > len("alerting: ")


def test_help_on_a_misspelled_zone_names_the_right_one(compile_text: Compile) -> None:
    files = alertmanager(compile_text(spec(HOOK, "quiet_hours: {timezone: Europe/Berlim, except: 'mon 08:00-09:00'}")))
    assert "Europe/Berlin" in next(iter(files.report)).help


@pytest.mark.parametrize(
    "hours", ["mon-fri 8:00-20:00", "monday 08:00-20:00", "mon-fri 08:00-25:00", "xyz 08:00-09:00", "08:00-20:00"]
)
def test_hours_of_the_wrong_form(compile_text: Compile, hours: str) -> None:
    report = compile_text(spec(HOOK, f"quiet_hours: {{except: '{hours}'}}")).report
    assert any(d.code == "spec/value" and "mon-fri 08:00-20:00" in d.message for d in report)


def test_hours_past_midnight_become_two_stretches(compile_text: Compile, tmp_path: Path) -> None:
    files = alertmanager(compile_text(spec(HOOK, "quiet_hours: {except: ['fri-sat 22:00-06:00', 'wed 00:00-24:00']}")))
    check_config(files, tmp_path)
    stretches = [(i["weekdays"], i["times"]) for i in files.tree(CONFIG)["time_intervals"][0]["time_intervals"]]
    assert stretches == [
        (["friday", "saturday"], [{"start_time": "22:00", "end_time": "24:00"}]),
        (["sunday", "saturday"], [{"start_time": "00:00", "end_time": "06:00"}]),
        (["wednesday"], [{"start_time": "00:00", "end_time": "24:00"}]),
    ]


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@given(
    first=st.integers(0, 6),
    last=st.integers(0, 6),
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    minute=st.integers(0, 10079),
)
def test_the_stretches_cover_exactly_the_hours(first: int, last: int, start: int, end: int, minute: int) -> None:
    text = f"{DAYS[first]}-{DAYS[last]} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    quiet = QuietHours(except_=(text,))
    intervals: list[Any] = time_intervals(quiet, Report())
    if start == end:
        assert intervals == []
        return
    days = {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    length = (end - start) % 1440
    wanted = any((minute - day * 1440 - start) % 10080 < length for day in days)
    moment = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minute)  # a Monday
    assert active(intervals[0]["time_intervals"], moment) == wanted


def test_flags_of_a_single_alertmanager(compile_text: Compile) -> None:
    lines = alertmanager(compile_text(spec(HOOK, "external_url: 'https://am.example.com'"))).text(FLAGS).splitlines()
    assert lines == [
        "--config.file=/etc/alertmanager/alertmanager.yml",
        "--storage.path=/alertmanager",
        "--web.listen-address=127.0.0.1:9093",
        "--web.external-url=https://am.example.com",
        "--cluster.listen-address=",
    ]


def test_flags_of_a_cluster(compile_text: Compile) -> None:
    lines = alertmanager(compile_text(spec(HOOK, TWO))).text(FLAGS).splitlines()
    assert lines[-4:] == [
        "--cluster.listen-address=0.0.0.0:9094",
        "--cluster.peer=a:9094",
        "--cluster.peer=b:9094",
        "--cluster.peer-timeout=15s",
    ]


def test_a_repeat_longer_than_the_log_lengthens_the_log(compile_text: Compile) -> None:
    lines = alertmanager(compile_text(spec(HOOK, "repeat_interval: {info: 7d}"))).text(FLAGS).splitlines()
    assert "--data.retention=336h" in lines


def test_the_watchdog_is_sent_at_every_flush(compile_text: Compile, tmp_path: Path) -> None:
    files = alertmanager(compile_text(spec(HOOK, "watchdog: {notify: [m], interval: 5m}")))
    check_config(files, tmp_path)
    route = files.tree(CONFIG)["route"]["routes"][0]
    assert (route["group_interval"], route["repeat_interval"]) == ("5m", "4m30s")


def test_a_chat_as_the_watchdogs_receiver_is_pointed_out(compile_text: Compile) -> None:
    channel = "{s: {kind: slack, channel: '#a', webhook_file: /s}}"
    files = alertmanager(compile_text(spec(channel, "watchdog: {notify: [s]}")))
    assert files.found == [("alertmanager/watchdog-receiver", "info")]


def test_web_configuration_is_that_of_prometheus(compile_text: Compile) -> None:
    web = "prometheus: {web: {cert_file: /c, key_file: /k}}\n"
    files = alertmanager(compile_text(spec(HOOK, more=web)))
    assert files.files["alertmanager/web.yml"].mode == 0o600
    assert files.tree("alertmanager/web.yml") == {
        "tls_server_config": {"cert_file": "/c", "key_file": "/k", "min_version": "TLS12"}
    }
    assert "--web.config.file=/etc/alertmanager/web.yml" in files.text(FLAGS)


def test_a_zone_is_known_exactly_when_the_database_lists_it() -> None:
    zones = available_timezones()
    others = {
        "",
        "Europe",
        "Europe/Berlim",
        "europe/berlin",
        "posix/UTC",
        "right/UTC",
        "posixrules",
        "../UTC",
        "/etc/x",
        "a\0b",
    }
    assert {zone for zone in zones | others if _is_zone(zone)} == zones

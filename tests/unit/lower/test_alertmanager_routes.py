"""Every alert reaches exactly the channels of its ``notify``: amtool and the simulation agree on it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring_kit.conventions import notify_value
from monitoring_kit.lower.alertmanager import Router, receivers_for
from monitoring_kit.lower.alertmanager_matchers import equals, listed, literal, matches, none_of, one_of, parsed
from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import Tool
from tests.unit.lower.alertmanager_tools import (
    ALERT,
    CONFIG,
    WEB,
    alertmanager,
    amtool,
    amtools,
    check_config,
    routed,
    spec,
)

Compile = Callable[..., Compilation]
# Names that contain each other, and characters that mean something in a regular expression.
NAMES = ("sms", "sms-night", "night", "a.b", "aXb")
CHANNELS = "{" + ", ".join(f"{name}: {{kind: webhook, url: 'http://hook/{name}'}}" for name in NAMES) + "}"
SPEC = spec(CHANNELS, "default: [night, a.b], watchdog: {notify: [aXb]}")
SEVERITIES = ("critical", "warning", "info", "")


def subsets() -> list[tuple[str, ...]]:
    return [s for n in range(1, len(NAMES) + 1) for s in itertools.combinations(NAMES, n)]


@pytest.fixture
def compiled(compile_text: Compile) -> Compilation:
    return compile_text(SPEC)


@pytest.fixture
def router(compiled: Compilation) -> Router:
    assert compiled.system is not None
    assert compiled.model is not None
    return Router(compiled.system, compiled.model)


def test_each_subset_of_channels_is_reached_and_no_other(compiled: Compilation, router: Router, tmp_path: Path) -> None:
    files = alertmanager(compiled)
    check_config(files, tmp_path)
    for index, chosen in enumerate(subsets()):
        severity = SEVERITIES[index % len(SEVERITIES)]
        labels = {"alertname": "Slow", "notify": notify_value(chosen), "severity": severity}
        verify = amtool(
            "config", "routes", "test", f"--config.file={tmp_path / CONFIG}", f"--verify.receivers={','.join(chosen)}",
            *(f'{k}="{v}"' for k, v in labels.items()),
        )  # fmt: skip
        assert verify.returncode == 0, verify.stdout + verify.stderr
        assert router.channels(labels) == set(chosen)


@pytest.mark.parametrize("notify", [None, "", "nobody", "smsx", "xsms", "sms-nigh", "aYb", "sms night", "SMS", " sms"])
def test_an_unknown_notify_falls_to_the_default_channels(
    compiled: Compilation, router: Router, tmp_path: Path, notify: str | None
) -> None:
    alertmanager(compiled).write(tmp_path)
    labels = {"alertname": "Foreign"} | ({"notify": notify} if notify is not None else {})
    assert routed(tmp_path / CONFIG, labels) == ["default"]
    assert router.channels(labels) == {"night", "a.b"}
    assert compiled.system is not None
    assert compiled.model is not None
    assert receivers_for(compiled.system, compiled.model, labels) == {"night", "a.b"}


@pytest.mark.parametrize("program", amtools())
def test_the_simulation_agrees_with_amtool_on_random_labels(
    compiled: Compilation, router: Router, tmp_path: Path, program: Tool
) -> None:
    alertmanager(compiled).write(tmp_path)
    chance = random.Random(7)
    pieces = (*NAMES, "", "x", "sms,", ",", "aXb", "night,night", "é", '"', "\\", "a b")
    for _ in range(60):
        labels = {
            "alertname": chance.choice(("Watchdog", "ServiceDown", "Slow")),
            "severity": chance.choice(SEVERITIES),
            "notify": ",".join(chance.choice(pieces) for _ in range(chance.randint(0, 3))),
        }
        assert routed(tmp_path / CONFIG, labels, program.path) == router.receivers(labels), labels


def test_the_watchdog_has_a_route_of_its_own(compiled: Compilation, router: Router, tmp_path: Path) -> None:
    alertmanager(compiled).write(tmp_path)
    ours = {"alertname": "Watchdog", "notify": "aXb", "severity": "info"}
    assert routed(tmp_path / CONFIG, ours) == router.receivers(ours) == ["watchdog"]
    assert router.channels(ours) == {"aXb"}
    # Another's watchdog must not keep this switch alive.
    assert routed(tmp_path / CONFIG, {"alertname": "Watchdog"}) == ["default"]


def test_the_watchdogs_route(compiled: Compilation) -> None:
    tree = alertmanager(compiled).tree(CONFIG)
    route = tree["route"]["routes"][0]
    assert route["group_wait"] == "0s"
    assert route["group_by"] == ["alertname", "prometheus_replica", "system"]
    assert "continue" not in route
    receiver = next(r for r in tree["receivers"] if r["name"] == "watchdog")
    assert receiver["webhook_configs"] == [{"send_resolved": False, "url": "http://hook/aXb"}]


def test_names_of_channels_cannot_collide_with_mkits_own_receivers(compile_text: Compile, tmp_path: Path) -> None:
    channels = "{default: {kind: webhook, url: 'http://a/'}, watchdog: {kind: webhook, url: 'http://b/'}}"
    compiled = compile_text(spec(channels, "default: [watchdog], watchdog: {notify: [watchdog]}"))
    check_config(alertmanager(compiled), tmp_path)
    assert compiled.system is not None
    assert compiled.model is not None
    router = Router(compiled.system, compiled.model)
    for labels, wanted in (
        ({"notify": "default"}, {"default"}),
        ({"notify": "watchdog"}, {"watchdog"}),
        ({"notify": "other"}, {"watchdog"}),
    ):
        assert router.channels(labels) == wanted
        assert routed(tmp_path / CONFIG, labels) == router.receivers(labels)


def test_routes_of_the_models_own_alerts(compiled: Compilation, router: Router) -> None:
    assert compiled.model is not None
    alerts = list(compiled.model.alerts)
    assert {"ServiceDown", "Watchdog"} <= {a.name for a in alerts}
    for alert in alerts:
        assert router.channels({"alertname": alert.name, **alert.labels}) == set(alert.notify)


def test_repeats_follow_the_severity(compile_text: Compile, tmp_path: Path) -> None:
    alerts = "alerts:\n" + "".join(
        f"  Is{s}: {{services: [web], expr: 'up == 0', severity: {s}}}\n" for s in SEVERITIES[:3]
    )
    text = spec("{m: {kind: webhook, url: 'http://a/'}}", "repeat_interval: {critical: 30m, warning: 6h}", more=alerts)
    files = alertmanager(compile_text(text))
    check_config(files, tmp_path)
    routes = files.tree(CONFIG)["route"]["routes"][0]["routes"]
    assert {r["matchers"][0]: r["repeat_interval"] for r in routes} == {
        'severity="critical"': "30m",
        'severity="warning"': "6h",
        'severity="info"': "1d",
    }


def test_a_route_for_each_severity_that_a_channel_is_told_of_and_no_other(compile_text: Compile) -> None:
    channels = "{a: {kind: webhook, url: 'http://a/'}, b: {kind: webhook, url: 'http://b/'}, c: {kind: webhook, url: 'http://c/'}}"
    alerts = (
        "alerts:\n  A: {services: [web], expr: 'up == 0', severity: warning, notify: [a, b]}\n"
        "  B: {services: [web], expr: 'up == 0', severity: info, notify: b}\n"
    )
    files = alertmanager(
        compile_text(spec(channels, "default: [a], absent: 'off', watchdog: {notify: [c]}", more=alerts))
    )
    routes = {r["receiver"]: r for r in files.tree(CONFIG)["route"]["routes"]}
    told = {name: [m for r in routes[name].get("routes", ()) for m in r["matchers"]] for name in "abc"}
    assert told == {"a": ['severity="warning"'], "b": ['severity="warning"', 'severity="info"'], "c": []}
    assert [routes[name].get("continue") for name in "abc"] == [True, True, None]


def test_quiet_hours_mute_their_severities_alone(compile_text: Compile) -> None:
    quiet = "quiet_hours: {severities: [warning], timezone: Asia/Ho_Chi_Minh, except: 'mon-fri 08:00-20:00'}"
    compiled = compile_text(spec("{m: {kind: webhook, url: 'http://a/'}}", quiet, more=ALERT))
    assert compiled.system is not None
    assert compiled.model is not None
    router = Router(compiled.system, compiled.model)
    warning, critical = ({"notify": "m", "severity": s} for s in ("warning", "critical"))
    # Monday 2026-11-23: 01:00 UTC is 08:00 in Ho Chi Minh City, 13:00 UTC is 20:00, where delivery has just ended.
    for hour, minute, told in ((0, 59, False), (1, 0, True), (12, 59, True), (13, 0, False)):
        moment = datetime(2026, 11, 23, hour, minute, tzinfo=UTC)
        assert router.channels(warning, moment) == ({"m"} if told else set())
        assert router.channels(critical, moment) == {"m"}
    assert router.channels(warning, datetime(2026, 11, 22, 5, tzinfo=UTC)) == set()
    assert router.channels(warning) == {"m"}


def test_no_channel_at_all_is_still_a_valid_configuration(compile_text: Compile, tmp_path: Path) -> None:
    files = alertmanager(compile_text(f"version: mkit/v1\nsystem: shop\n{WEB}"))
    check_config(files, tmp_path)
    assert files.tree(CONFIG)["receivers"] == [{"name": "default"}]


def test_matchers_read_back_what_they_write() -> None:
    hostile = 'a"b\\c\nd.*{}[x](y)|z^$+?'
    assert parsed(equals("l", hostile)) == ("l", "=", hostile)
    assert matches([equals("l", hostile)], {"l": hostile})
    assert matches([one_of("l", [hostile, "b"])], {"l": hostile})
    assert not matches([none_of("l", [hostile, "b"])], {"l": hostile})
    assert not matches([one_of("l", ["a.b", "b"])], {"l": "aXb"})
    assert matches([listed("l", "a")], {"l": "b,a,c"})
    assert not matches([listed("l", "a")], {"l": "b,aa"})
    assert literal("plain-name_1") == "plain-name_1"
    with pytest.raises(ValueError, match="no matcher"):
        parsed("l=unquoted")

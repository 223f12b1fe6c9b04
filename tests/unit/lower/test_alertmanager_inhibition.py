"""Inhibition, proven on a running Alertmanager: what it holds back is what the simulation says, and what was meant."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from monitoring_kit.lower.alertmanager import Router
from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import PATH_SUITE, find_tools
from tests.unit.lower.alertmanager_tools import CONFIG, alertmanager, check_config, spec

Compile = Callable[..., Compilation]
Labels = dict[str, str]
HOOK = "{m: {kind: webhook, url: 'http://127.0.0.1:9/'}}"
SERVICES = (
    "services:\n"
    "  web: {kind: http, scrape: {targets: ['web:80']}, depends_on: [api]}\n"
    "  api: {kind: http, scrape: {targets: ['api:80']}, depends_on: [db]}\n"
    "  db: {kind: mysql, scrape: {targets: ['db:80']}}\n"
    "  lone: {kind: http, scrape: {targets: ['lone:80']}}\n"
)
# In the second rule, as it is written, an alert can stand on both sides.
OWN = (
    "inhibit: [{source: {alertname: Maintenance}, target: {severity: info}, equal: [zone]},"
    " {source: {zone: eu}, target: {severity: warning}, equal: [service]}]"
)
TEXT = spec(HOOK, f"watchdog: {{notify: [m]}}, {OWN}", SERVICES)


@contextmanager
def running(config: Path, suite: str) -> Iterator[str]:
    """A real Alertmanager on a free loopback port; its address."""
    program = find_tools(suite)["alertmanager"]
    if not program.found:
        pytest.skip(f"alertmanager is missing: {program.missing_reason}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            str(program.path), f"--config.file={config}", f"--storage.path={config.parent / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                urlopen(f"{address}/-/ready", timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def told(address: str, alerts: list[Labels]) -> dict[frozenset[tuple[str, str]], tuple[bool, set[str]]]:
    """Whether each alert is held back, and its receivers, as the server answers once all are in."""
    body = json.dumps([{"labels": labels} for labels in alerts]).encode()
    request = Request(f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"})
    urlopen(request, timeout=5).close()
    for _ in range(100):
        if len(listed(address)) == len(alerts):
            break
        time.sleep(0.05)
    time.sleep(0.3)  # the inhibitor reads its own subscription to the alerts
    return {
        frozenset(alert["labels"].items()): (
            bool(alert["status"]["inhibitedBy"]),
            {r["name"] for r in alert["receivers"]},
        )
        for alert in listed(address)
    }


def listed(address: str) -> list[Any]:
    """The alerts that the server holds."""
    with urlopen(f"{address}/api/v2/alerts", timeout=5) as answer:
        found: list[Any] = json.load(answer)
    return found


def some_alerts(chance: random.Random) -> list[Labels]:
    alerts = {}
    for _ in range(40):
        labels = {
            "alertname": chance.choice(
                ("Watchdog", "ServiceDown", "ServiceAbsent", "TargetDown", "Slow", "Errors", "Maintenance")
            ),
            "severity": chance.choice(("critical", "warning", "info", "")),
            "service": chance.choice(("web", "api", "db", "lone", "")),
            "system": chance.choice(("shop", "shop", "other", "")),
            "zone": chance.choice(("", "", "eu", "us")),
            "notify": chance.choice(("m", "m", "other")),
        }
        kept = {k: v for k, v in labels.items() if v}
        alerts[frozenset(kept.items())] = kept
    return list(alerts.values())


@pytest.mark.parametrize("suite", [PATH_SUITE, "trixie", "sid"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_simulation_agrees_with_a_running_alertmanager(
    compile_text: Compile, tmp_path: Path, suite: str, seed: int
) -> None:
    compiled = compile_text(TEXT)
    assert compiled.system is not None
    assert compiled.model is not None
    check_config(alertmanager(compiled), tmp_path)
    router = Router(compiled.system, compiled.model)
    chance = random.Random(seed)
    # Few criticals among them, or nearly everything would be held back.
    alerts = [a for a in some_alerts(chance) if a.get("severity") != "critical" or chance.random() < 0.3]
    with running(tmp_path / CONFIG, suite) as address:
        answer = told(address, alerts)
    held = 0
    for labels in alerts:
        inhibited, receivers = answer[frozenset(labels.items())]
        assert router.inhibited(labels, alerts) == inhibited, labels
        assert set(router.receivers(labels)) == receivers, labels
        held += inhibited
        assert not (inhibited and labels["alertname"] == "Watchdog")
    assert 0 < held < len(alerts)


def an_alert(name: str, service: str = "", severity: str = "warning", **more: str) -> Labels:
    labels = {"alertname": name, "service": service, "severity": severity, "system": "shop", **more}
    return {k: v for k, v in labels.items() if v}


@pytest.mark.parametrize(
    ("alert", "firing", "held"),
    [
        (an_alert("Slow", "web"), an_alert("Errors", "web", "critical"), True),
        (an_alert("Slow", "web"), an_alert("Errors", "api", "critical"), False),
        (an_alert("Errors", "web", "critical"), an_alert("Slow", "web"), False),
        # Both without a service: Alertmanager alone would take that for the same service.
        (an_alert("Slow"), an_alert("Errors", severity="critical"), False),
        (an_alert("Slow", "web"), an_alert("Errors", "web", "critical") | {"system": "other"}, False),
        # A dead database silences what depends on it, through the API in between, but not word of their own death.
        (an_alert("Slow", "api"), an_alert("ServiceDown", "db", "warning"), True),
        (an_alert("Errors", "web", "critical"), an_alert("ServiceDown", "db", "critical"), True),
        (an_alert("Errors", "web", "critical"), an_alert("ServiceAbsent", "db", "critical"), True),
        (an_alert("ServiceDown", "web", "critical"), an_alert("ServiceDown", "db", "critical"), False),
        (an_alert("Errors", "lone", "critical"), an_alert("ServiceDown", "db", "critical"), False),
        (an_alert("Errors", "db", "critical"), an_alert("ServiceDown", "web", "critical"), False),
        (an_alert("Watchdog", "", "info"), an_alert("ServiceDown", "db", "critical"), False),
        (an_alert("Watchdog", "web", "info"), an_alert("Errors", "web", "critical"), False),
        (an_alert("Note", "", "info", zone="eu"), an_alert("Maintenance", zone="eu"), True),
        (an_alert("Note", "", "info"), an_alert("Maintenance"), False),
        # A source is never held back by its own rule.
        (an_alert("Slow", "web", zone="eu"), an_alert("Late", "web", zone="eu"), False),
        (an_alert("Slow", "web", zone="us"), an_alert("Late", "web", zone="eu"), True),
        (an_alert("Watchdog", "", "info", zone="eu"), an_alert("Maintenance", zone="eu"), False),
    ],
)
def test_who_holds_back_whom(compile_text: Compile, alert: Labels, firing: Labels, held: bool) -> None:
    compiled = compile_text(TEXT)
    assert compiled.system is not None
    assert compiled.model is not None
    assert Router(compiled.system, compiled.model).inhibited(alert, [firing, alert]) is held


def test_no_rule_for_a_death_that_no_alert_tells_of(compile_text: Compile, tmp_path: Path) -> None:
    files = alertmanager(compile_text(spec(HOOK, "absent: 'off'", SERVICES)))
    check_config(files, tmp_path)
    assert len(files.tree(CONFIG)["inhibit_rules"]) == 1


def test_a_rule_of_the_spec_keeps_hostile_values(compile_text: Compile, tmp_path: Path) -> None:
    rule = r"""inhibit: [{source: {a: "q\"u\\o\nte|x"}, target: {b: "{}"}}]"""
    files = alertmanager(compile_text(spec(HOOK, rule)))
    check_config(files, tmp_path)
    own = files.tree(CONFIG)["inhibit_rules"][-1]
    assert own["source_matchers"] == ['a="q\\"u\\\\o\\nte|x"']
    assert own["target_matchers"] == ['b="{}"', 'alertname!="Watchdog"', 'a!="q\\"u\\\\o\\nte|x"']


def test_two_labels_of_a_source_take_two_rules(compile_text: Compile, tmp_path: Path) -> None:
    compiled = compile_text(spec(HOOK, "inhibit: [{source: {a: x, b: y}, target: {c: z}}]"))
    files = alertmanager(compiled)
    check_config(files, tmp_path)
    assert len(files.tree(CONFIG)["inhibit_rules"]) == 3
    assert compiled.system is not None
    assert compiled.model is not None
    router = Router(compiled.system, compiled.model)
    source = {"a": "x", "b": "y"}
    for labels, held in (
        ({"c": "z"}, True),
        ({"c": "z", "a": "x"}, True),
        ({"c": "z", "b": "y"}, True),
        ({"c": "z", **source}, False),
    ):
        assert router.inhibited(labels, [source]) is held


@pytest.mark.parametrize(
    ("rules", "code", "word"),
    [
        ("[{source: {alertname: Watchdog}, target: {severity: info}}]", "inhibit-watchdog", "always fires"),
        ("[{source: {severity: critical}, target: {alertname: Watchdog}}]", "inhibit-watchdog", "never be held back"),
        ("[{source: {severity: info}, target: {severity: info}}]", "inhibit-self", "does not hold back itself"),
        ("[{source: {zone: eu}, target: {severity: info}, equal: [zone]}]", "inhibit-self", "every target"),
        ("[{source: {}, target: {severity: info}}]", "inhibit-all", "`source`"),
        ("[{source: {severity: info}, target: {}}]", "inhibit-all", "`target`"),
        ("[{source: {a: x}, target: {a: y}, equal: [a]}]", "inhibit-never", "`x` on one side and `y`"),
        ("[{source: {a: x}, target: {b: y}}, {source: {b: y}, target: {a: x}}]", "inhibit-cycle", "each other"),
    ],
)
def test_rules_that_hold_back_too_much_or_nothing(
    compile_text: Compile, tmp_path: Path, rules: str, code: str, word: str
) -> None:
    files = alertmanager(compile_text(spec(HOOK, f"inhibit: {rules}")))
    (found,) = list(files.report)
    assert found.code == f"alertmanager/{code}"
    assert found.severity.word == "error"
    assert word in found.message
    assert found.span.line == 4
    check_config(files, tmp_path)

"""A running Alertmanager sends what its receivers say, to every service whose address can be one on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import PATH_SUITE, find_tools
from tests.unit.lower.alertmanager_tools import CONFIG, WEB, alertmanager, check_config
from tests.unit.lower.test_alertmanager_inhibition import running
from tests.unit.lower.test_alertmanager_templates import alert

OLD = ("slack", "pagerduty", "opsgenie", "hook")
NEW = ("discord", "teams")


def text(base: str, folder: Path, version: str, names: tuple[str, ...]) -> str:
    """A spec whose channels all end at ``base``."""
    for name in ("slack", "discord", "teams"):
        (folder / name).write_text(f"{base}/{name}")
    (folder / "key").write_text("0123456789abcdef")
    channels = {
        "slack": f"{{kind: slack, channel: '#a', webhook_file: {folder}/slack}}",
        "pagerduty": f"{{kind: pagerduty, routing_key_file: {folder}/key, url: '{base}/pagerduty'}}",
        "opsgenie": f"{{kind: opsgenie, api_key_file: {folder}/key, api_url: '{base}/opsgenie/', team: core}}",
        "hook": f"{{kind: webhook, url: '{base}/hook', bearer_file: {folder}/key}}",
        "discord": f"{{kind: discord, webhook_file: {folder}/discord}}",
        "teams": f"{{kind: teams, webhook_file: {folder}/teams}}",
    }
    body = "".join(f"  {name}: {channels[name]}\n" for name in names)
    alerting = "alerting: {group_wait: 0s, group_interval: 1s}\n"
    return f"version: mkit/v1\nsystem: shop\ncompatibility: {{alertmanager: '{version}'}}\nchannels:\n{body}{alerting}{WEB}"


@pytest.mark.parametrize("suite", [PATH_SUITE, "trixie", "sid"])
def test_every_service_is_told_of_the_alert_and_of_its_end(
    compile_text: Callable[..., Compilation], tmp_path: Path, suite: str
) -> None:
    program = find_tools(suite)["alertmanager"]
    if program.release is None:
        pytest.skip(f"alertmanager is missing: {program.missing_reason}")
    names = OLD + (NEW if program.release >= (0, 28) else ())
    told: list[tuple[str, Any, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            told.append((self.path.split("/")[1].partition("?")[0], body, self.headers.get("Authorization", "")))
            answer = b'{"status":"success","ok":true}'
            self.send_response(202 if self.path.startswith(("/pagerduty", "/opsgenie")) else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    version = f"{program.release[0]}.{program.release[1]}"
    base = f"http://127.0.0.1:{server.server_port}"
    files = alertmanager(compile_text(text(base, tmp_path, version, names)))
    assert files.found == []
    check_config(files, tmp_path, find_tools(suite)["amtool"].path)
    one = alert(notify=",".join(names))
    sent = {"labels": one["labels"], "annotations": one["annotations"], "generatorURL": one["generatorURL"]}
    try:
        with running(tmp_path / CONFIG, suite) as address:
            for ends in ("2099-01-01T00:00:00Z", "2026-01-01T00:00:00Z"):
                body = json.dumps([{**sent, "startsAt": "2025-12-31T00:00:00Z", "endsAt": ends}]).encode()
                count = len(told)
                urlopen(
                    Request(f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"}), timeout=5
                ).close()
                wait_for_all(told, count, len(names))
    finally:
        server.shutdown()
        server.server_close()
    for name in names:
        ours = [(body, login) for service, body, login in told if service == name]
        assert len(ours) >= 2, f"{name} was told {len(ours)} times of an alert and its end"
    first = {name: next(body for service, body, _ in told if service == name) for name in names}
    assert first["slack"]["attachments"][0]["color"] == "danger"
    assert first["slack"]["attachments"][0]["title"].startswith("[CRITICAL] HighErrorRate: web: error rate is 7%")
    assert first["pagerduty"]["payload"]["severity"] == "critical"
    assert first["pagerduty"]["payload"]["custom_details"]["probable_causes"] == "database, redis"
    assert first["opsgenie"]["priority"] == "P1"
    assert first["hook"]["commonAnnotations"]["value"] == "7%"
    assert next(login for service, _, login in told if service == "hook") == "Bearer 0123456789abcdef"
    for name in set(names) & set(NEW):
        assert "Probable cause: look at database, redis first" in json.dumps(first[name])
    last = next(body for service, body, _ in reversed(told) if service == "slack")
    assert (
        last["attachments"][0]["title"] == "[RESOLVED] HighErrorRate, when last firing: web: error rate is 7%, above 5%"
    )
    # Alertmanager merges what ends with what fired: every service but the webhook, which gets the data as it is, is told of the past.
    for name in set(names) - {"hook", "opsgenie"}:
        end = json.dumps(next(body for service, body, _ in reversed(told) if service == name))
        assert "when last firing: web: error rate is 7%, above 5%" in end
        assert "It has been above 5% for 2m" not in end, name
        assert "database, redis" not in end, name


def wait_for_all(told: list[tuple[str, Any, str]], since: int, services: int, seconds: float = 15) -> None:
    """Until that many services have been told something since the call number ``since``."""
    end = time.monotonic() + seconds
    while len({name for name, _, _ in told[since:]}) < services and time.monotonic() < end:
        time.sleep(0.05)

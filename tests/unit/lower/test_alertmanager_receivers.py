"""Receivers of every kind of channel, for old and new Alertmanagers, on the real amtool."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitoring_kit.pipeline import Compilation
from monitoring_kit.stack.tools import Tool, find_tools
from tests.conftest import marked
from tests.unit.lower.alertmanager_tools import CONFIG, TEMPLATE, WEB, alertmanager, amtool, amtools, check_config

Compile = Callable[..., Compilation]

OLD_KINDS = {
    "email": "{kind: email, to: [a@x.y, b@x.y], from: m@x.y, smarthost: 'smtp:587', username: u, password_file: /s/smtp}",
    "slack": "{kind: slack, channel: '#a', webhook_file: /s/slack}",
    "pagerduty": "{kind: pagerduty, routing_key_file: /s/pd, url: 'http://pd:1/'}",
    "webhook": "{kind: webhook, url: 'http://h:1/', bearer_file: /s/token, max_alerts: 20, send_resolved: false}",
    "basic": "{kind: webhook, url: 'http://h:1/', username: u, password_file: /s/password}",
    "opsgenie": "{kind: opsgenie, api_key_file: /s/og, api_url: 'https://api.eu.opsgenie.com/', team: core}",
    "victorops": "{kind: victorops, api_key_file: /s/vo, routing_key: core}",
}
NEW_KINDS = {
    "hook": "{kind: webhook, url_file: /s/url}",
    "teams": "{kind: teams, webhook_file: /s/teams}",
    "telegram": "{kind: telegram, token_file: /s/tg, chat_id: -100123}",
    "discord": "{kind: discord, webhook_file: /s/discord}",
    "pushover": "{kind: pushover, user_key_file: /s/user, token_file: /s/app, priority: '2'}",
}


def text(channels: dict[str, str], version: str = "0.25") -> str:
    body = "".join(f"  {name}: {value}\n" for name, value in channels.items())
    return f"version: mkit/v1\nsystem: shop\ncompatibility: {{alertmanager: '{version}'}}\nchannels:\n{body}{WEB}"


def integration(files: Any, name: str) -> tuple[str, dict[str, Any]]:
    receiver = next(r for r in files.tree(CONFIG)["receivers"] if r["name"] == name)
    (key, settings) = next((k, v) for k, v in receiver.items() if k != "name")
    return key, settings[0]


@pytest.mark.parametrize("program", amtools())
def test_kinds_that_alertmanager_0_25_knows_load_in_every_version(
    compile_text: Compile, tmp_path: Path, program: Tool
) -> None:
    files = alertmanager(compile_text(text(OLD_KINDS)))
    assert files.found == []
    printed = check_config(files, tmp_path, program.path)
    assert f"{len(OLD_KINDS) + 1} receivers" in printed
    assert "1 templates" in printed


@pytest.mark.parametrize("suite", ["trixie", "sid"])
def test_kinds_of_newer_alertmanagers(compile_text: Compile, tmp_path: Path, suite: str) -> None:
    program = find_tools(suite)["amtool"]
    if not program.found:
        pytest.skip(f"amtool is missing: {program.missing_reason}")
    assert program.release is not None
    files = alertmanager(compile_text(text(OLD_KINDS | NEW_KINDS, f"{program.release[0]}.{program.release[1]}")))
    assert files.found == []
    check_config(files, tmp_path, program.path)
    assert integration(files, "teams")[0] == "msteamsv2_configs"
    assert integration(files, "telegram")[1]["parse_mode"] == "HTML"


@pytest.mark.parametrize("name", sorted(NEW_KINDS))
def test_an_older_target_is_refused_with_the_way_out(compile_text: Compile, name: str) -> None:
    report = alertmanager(compile_text(text({name: NEW_KINDS[name]}))).report
    (found,) = list(report)
    assert (found.code, found.severity.word) == ("version/unsupported", "error")
    assert f"`{name}`" in found.message
    assert "Alertmanager 0.25" in found.message
    assert "compatibility: {alertmanager:" in found.help
    assert found.span.line == 5
    assert found.notes[0].span.line == 3


def test_the_refusal_of_a_secret_url_names_the_token_instead(compile_text: Compile) -> None:
    (found,) = list(alertmanager(compile_text(text({"hook": NEW_KINDS["hook"]}))).report)
    assert "bearer_file" in found.help
    files = alertmanager(compile_text(text({"hook": OLD_KINDS["webhook"]})))
    assert integration(files, "hook")[1]["http_config"] == {
        "authorization": {"type": "Bearer", "credentials_file": "/s/token"}
    }


def test_connectors_of_teams_before_workflows(compile_text: Compile) -> None:
    files = alertmanager(compile_text(text({"teams": NEW_KINDS["teams"]}, "0.27")))
    assert files.found == []
    assert integration(files, "teams")[0] == "msteams_configs"


def test_no_secret_is_named_other_than_by_file(compile_text: Compile) -> None:
    config = alertmanager(compile_text(text(OLD_KINDS | NEW_KINDS, "0.33"))).tree(CONFIG)

    def leaves(tree: Any, key: str = "") -> list[tuple[str, Any]]:
        if isinstance(tree, dict):
            return [leaf for name, value in tree.items() for leaf in leaves(value, name)]
        return [leaf for value in tree for leaf in leaves(value, key)] if isinstance(tree, list) else [(key, tree)]

    named = {(key, value) for key, value in leaves(config) if isinstance(value, str) and value.startswith("/s/")}
    assert len({value for _, value in named}) == 13
    assert all(key.endswith("_file") for key, _ in named)
    inline = {"password", "auth_password", "credentials", "bot_token", "api_key", "webhook_url", "user_key", "token"}
    assert not inline & {key for key, _ in leaves(config)}


def test_files_and_modes(compile_text: Compile) -> None:
    files = alertmanager(compile_text(text(OLD_KINDS)))
    assert {path: file.mode for path, file in files.files.items()} == {
        CONFIG: 0o640,
        TEMPLATE: 0o644,
        "alertmanager/flags": 0o644,
    }


def test_resolved_is_sent_as_asked(compile_text: Compile) -> None:
    files = alertmanager(compile_text(text(OLD_KINDS)))
    assert integration(files, "webhook")[1]["send_resolved"] is False
    assert integration(files, "slack")[1]["send_resolved"] is True


def test_recipients_and_login(compile_text: Compile) -> None:
    key, settings = integration(alertmanager(compile_text(text(OLD_KINDS))), "email")
    assert key == "email_configs"
    assert settings["to"] == "a@x.y, b@x.y"
    assert settings["auth_password_file"] == "/s/smtp"
    assert settings["require_tls"] is True


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        ("{kind: email, to: a@x.y, from: m@x.y, smarthost: 'h:25', username: «u»}", "alertmanager/email-login"),
        ("{kind: email, to: a@x.y, from: m@x.y, smarthost: 'h:25', password_file: «/s»}", "alertmanager/email-login"),
        (
            "{kind: email, to: a@x.y, from: m@x.y, smarthost: 'h:25', username: u, password_file: /s, require_tls: «false»}",
            "alertmanager/cleartext-login",
        ),
        ("{kind: webhook, url: 'http://h/', username: «u»}", "alertmanager/webhook-login"),
        (
            "{kind: webhook, url: 'http://h/', username: «u», password_file: /p, bearer_file: /b}",
            "alertmanager/webhook-login",
        ),
    ],
)
def test_logins_that_cannot_work(compile_text: Compile, channel: str, code: str) -> None:
    clean, place = marked(text({"m": channel}))
    (found,) = list(alertmanager(compile_text(clean)).report)
    assert (found.code, found.severity.word) == (code, "error")
    assert place is not None
    assert (found.span.line, found.span.column) == place[:2]


def test_the_default_receiver_holds_all_default_channels(compile_text: Compile) -> None:
    channels = {"a": OLD_KINDS["slack"], "b": OLD_KINDS["webhook"], "c": OLD_KINDS["slack"]}
    files = alertmanager(compile_text(text(channels) + "alerting: {default: [a, b, c]}\n"))
    default = files.tree(CONFIG)["receivers"][0]
    assert default["name"] == "default"
    assert [len(default["slack_configs"]), len(default["webhook_configs"])] == [2, 1]


def test_every_object_knows_its_line_in_the_spec(compile_text: Compile) -> None:
    files = alertmanager(compile_text(text(OLD_KINDS)))
    lines = {r["name"]: r.origin.line for r in files.files[CONFIG].tree["receivers"] if r.origin is not None}
    assert lines["email"] == 5
    assert lines["victorops"] == 4 + len(OLD_KINDS)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T0/B0/XyZ",
        "https://discord.com/api/webhooks/1/XyZ",
        "https://acme.webhook.office.com/webhookb2/XyZ",
        "https://api.telegram.org/bot1:XyZ/sendMessage",
    ],
)
def test_an_address_that_is_a_secret_is_refused(compile_text: Compile, url: str) -> None:
    (found,) = list(alertmanager(compile_text(text({"m": f"{{kind: webhook, url: '{url}'}}"}))).report)
    assert (found.code, found.secret) == ("secrets/inline", True)
    assert "XyZ" not in found.message + found.help


def test_receivers_use_only_templates_that_exist(compile_text: Compile, tmp_path: Path) -> None:
    # amtool check-config does not look: a wrong name would fail at the first notification.
    files = alertmanager(compile_text(text(OLD_KINDS | NEW_KINDS, "0.33")))
    defined = set(re.findall(r'define "([^"]+)"', files.text(TEMPLATE)))
    used = set(re.findall(r'template "([^"]+)"', files.text(CONFIG)))
    inside = set(re.findall(r'template "([^"]+)"', files.text(TEMPLATE)))
    assert len(used) > 20
    assert used | inside <= defined
    assert defined <= used | inside


def test_pushover_spends_its_priority_on_firing_alerts_alone(compile_text: Compile, tmp_path: Path) -> None:
    files = alertmanager(compile_text(text({"p": NEW_KINDS["pushover"]}, "0.26")))
    expression = integration(files, "p")[1]["priority"]
    for status, wanted in (("firing", "2"), ("resolved", "0")):
        data = tmp_path / "data.json"
        data.write_text(json.dumps({"status": status}))
        done = amtool(
            "template",
            "render",
            f"--template.data={data}",
            f"--template.text={expression}",
            f"--template.glob={tmp_path}/*.tmpl",
        )
        assert done.stdout == wanted, done.stderr

"""routes/plaintext-secret: A secret that stands in the configuration."""

from __future__ import annotations

import pytest

from monitoring_kit.diagnostics.formats import as_github, as_json, as_sarif
from monitoring_kit.diagnostics.render import Style, render_report
from tests.unit.lint.lint_text import codes, lint_routes, marked

CODE = "routes/plaintext-secret"
R = "receivers: [{name: ops}, {name: team}]\n"
HEAD = "route: {receiver: a}\nreceivers:\n  - name: a\n"


def receiver(text: str) -> str:
    return f"{HEAD}    {text}\n"


FOUND = [
    ("global: {smtp_auth_password: swordfish}\n" + HEAD, "smtp_auth_password"),
    (receiver("pagerduty_configs: [{routing_key: swordfish}]"), "routing_key"),
    (receiver("slack_configs: [{api_url: 'https://hooks.slack.com/services/T0/B0/swordfish'}]"), "api_url"),
    (receiver("webhook_configs: [{url: 'https://me:swordfish@example.com/'}]"), "url"),
    (receiver("webhook_configs: [{url: 'https://example.com/?token=swordfish'}]"), "url"),
    (
        receiver(
            "webhook_configs: [{url: 'http://h/', http_config: {basic_auth: {username: a, password: swordfish}}}]"
        ),
        "password",
    ),
]
SILENT = [
    "global: {smtp_auth_password_file: /run/secrets/smtp}\n" + HEAD,
    "global: {smtp_auth_password: ''}\n" + HEAD,
    "global: {smtp_auth_password: $SMTP_PASSWORD}\n" + HEAD,
    "global: {opsgenie_api_key: <secret>}\n" + HEAD,
    receiver("opsgenie_configs: [{api_url: 'https://api.eu.opsgenie.com/', api_key_file: /run/k}]"),
    receiver("webhook_configs: [{url: 'http://hook:1/'}]"),
    "route: {receiver: a, routes: [{match: {token: x}}]}\nreceivers: [{name: a}]\n",
]


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_found(text: str, caret: str) -> None:
    assert marked(lint_routes(text), CODE) == caret


@pytest.mark.parametrize("text", SILENT)
def test_silent(text: str) -> None:
    assert CODE not in codes(lint_routes(text))


@pytest.mark.parametrize(("text", "caret"), FOUND)
def test_the_secret_is_never_shown(text: str, caret: str) -> None:
    report = lint_routes(text).report
    shown = render_report(report, Style()) + as_json(report) + as_sarif(report) + as_github(report)
    assert CODE in shown
    assert "swordfish" not in shown

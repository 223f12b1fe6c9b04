"""Integrations that wake or record: e-mail, PagerDuty, webhook, Opsgenie, Pushover, VictorOps.

Keys and their versions: ``config/notifiers.go`` of prometheus/alertmanager. Secrets are named by file only.
"""

from __future__ import annotations

import re
from typing import Any

from monitoring_kit.lower.alertmanager_gates import Gate
from monitoring_kit.lower.tree import without_empty
from monitoring_kit.spec.channels import Email, Opsgenie, PagerDuty, Pushover, VictorOps, Webhook
from monitoring_kit.targets import Feature

Integration = tuple[str, dict[str, Any]]
# Services whose webhook addresses are their whole secret; Alertmanager 0.25 shows such an address in its API and its log.
_SECRET_URL = re.compile(
    r"https?://(?:hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/|[^/]+\.webhook\.office\.com/|outlook\.office(?:365)?\.com/webhook/"
    r"|api\.telegram\.org/bot|events\.pagerduty\.com/integration/)"
)


def use(template: str) -> str:
    """The text that runs one of mkit's templates on the notification."""
    return f'{{{{ template "{template}" . }}}}'


def email(channel: Email, gate: Gate) -> Integration:
    if (channel.username is None) != (channel.password_file is None):
        lacking, given = (
            ("password_file", "username") if channel.password_file is None else ("username", "password_file")
        )
        gate.wrong(
            "alertmanager/email-login",
            f"a login needs `{lacking}` as well",
            channel.at(given),
            f"add `{lacking}:`, or remove `{given}`",
        )
    if channel.username is not None and not channel.require_tls:
        gate.wrong(
            "alertmanager/cleartext-login", "the SMTP password would travel unencrypted", channel.at("require_tls"),
            "remove `require_tls: false`; only a login-free relay may go without TLS",
        )  # fmt: skip
    return "email_configs", without_empty(
        {
            "to": ", ".join(channel.to),
            "from": channel.from_,
            "smarthost": channel.smarthost,
            "auth_username": channel.username,
            "auth_password_file": channel.password_file,
            "require_tls": channel.require_tls,
            "headers": {"Subject": use("mkit.title")},
            "html": use("mkit.email.html"),
            "text": use("mkit.text"),
        }.items()
    )


def pagerduty(channel: PagerDuty, gate: Gate) -> Integration:
    return "pagerduty_configs", without_empty(
        {
            "routing_key_file": channel.routing_key_file,
            "url": channel.url,
            "severity": use("mkit.pagerduty.severity"),
            "description": use("mkit.title"),
            "class": use("mkit.label.alertname"),
            "component": use("mkit.label.service"),
            "group": use("mkit.label.team"),
            "client": "Alertmanager",
            "client_url": use("mkit.url.alertmanager"),
            "details": {
                "summary": use("mkit.common.summary"),
                "description": use("mkit.common.description"),
                "value": use("mkit.common.value"),
                "probable_causes": use("mkit.common.probable_causes"),
                "dashboard": use("mkit.url.dashboard"),
                "runbook": use("mkit.url.runbook"),
                "firing": use("mkit.list.firing"),
                "resolved": use("mkit.list.resolved"),
                "num_firing": "{{ .Alerts.Firing | len }}",
                "num_resolved": "{{ .Alerts.Resolved | len }}",
            },
        }.items()
    )


def webhook(channel: Webhook, gate: Gate) -> Integration:
    if channel.url is not None and _SECRET_URL.match(channel.url):
        gate.report.error(
            "secrets/inline", "whoever knows this address can post to it: it is a secret", channel.at("url"), secret=True,
            help="use the service's own kind of channel with its `webhook_file`, or `url_file` from Alertmanager 0.26",
        )  # fmt: skip
    if channel.url_file is not None:
        gate.need(
            Feature.AM_WEBHOOK_URL_FILE,
            channel,
            "url_file",
            "write the address as `url:` and keep the secret in a token: `bearer_file: /run/secrets/...`",
        )
    if channel.bearer_file is not None and channel.username is not None:
        gate.wrong(
            "alertmanager/webhook-login",
            "a bearer token and a user name exclude each other",
            channel.at("username"),
            "keep one of them",
        )
    if (channel.username is None) != (channel.password_file is None):
        lacking, given = (
            ("password_file", "username") if channel.password_file is None else ("username", "password_file")
        )
        gate.wrong(
            "alertmanager/webhook-login",
            f"a login needs `{lacking}` as well",
            channel.at(given),
            f"add `{lacking}:`, or remove `{given}`",
        )
    http: dict[str, Any] = {}
    if channel.bearer_file is not None:
        http["authorization"] = {"type": "Bearer", "credentials_file": channel.bearer_file}
    elif channel.username is not None:
        http["basic_auth"] = without_empty(
            {"username": channel.username, "password_file": channel.password_file}.items()
        )
    return "webhook_configs", without_empty(
        {
            "url": channel.url,
            "url_file": channel.url_file,
            "max_alerts": channel.max_alerts or None,
            "http_config": http,
        }.items()
    )


def opsgenie(channel: Opsgenie, gate: Gate) -> Integration:
    return "opsgenie_configs", without_empty(
        {
            "api_key_file": channel.api_key_file,
            "api_url": channel.api_url,
            "message": use("mkit.title"),
            "description": use("mkit.text"),
            "source": use("mkit.url.alertmanager"),
            "entity": use("mkit.label.service"),
            "priority": use("mkit.opsgenie.priority"),
            "tags": use("mkit.tags"),
            "details": {
                "value": use("mkit.common.value"),
                "probable_causes": use("mkit.common.probable_causes"),
                "dashboard": use("mkit.url.dashboard"),
                "runbook": use("mkit.url.runbook"),
            },
            "responders": [{"name": channel.team, "type": "team"}] if channel.team else None,
        }.items()
    )


def pushover(channel: Pushover, gate: Gate) -> Integration:
    gate.need(Feature.AM_PUSHOVER_FILES, channel, "user_key_file", "send through a `webhook` channel to an adapter")
    return "pushover_configs", {
        "user_key_file": channel.user_key_file,
        "token_file": channel.token_file,
        "title": use("mkit.title"),
        "message": use("mkit.short"),
        "url": use("mkit.url.first"),
        "url_title": "Open",
        # The priority that asks for acknowledgement again and again must not be spent on good news.
        "priority": f'{{{{ if eq .Status "firing" }}}}{channel.priority}{{{{ else }}}}0{{{{ end }}}}',
    }


def victorops(channel: VictorOps, gate: Gate) -> Integration:
    return "victorops_configs", {
        "api_key_file": channel.api_key_file,
        "routing_key": channel.routing_key,
        "message_type": use("mkit.victorops.type"),
        "entity_display_name": use("mkit.title"),
        "state_message": use("mkit.text"),
    }

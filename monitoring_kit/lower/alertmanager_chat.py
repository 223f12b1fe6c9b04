"""Integrations that post into a chat: Slack, Microsoft Teams, Telegram, Discord.

Keys and their versions: ``config/notifiers.go`` of prometheus/alertmanager. Secrets are named by file only.
"""

from __future__ import annotations

from typing import Any

from monitoring_kit.lower.alertmanager_gates import Gate
from monitoring_kit.lower.alertmanager_oncall import use
from monitoring_kit.spec.channels import Discord, Slack, Teams, Telegram
from monitoring_kit.targets import Feature

Integration = tuple[str, dict[str, Any]]
_ADAPTER = "send through a `webhook` channel to an adapter, with `bearer_file` for its secret"


def slack(channel: Slack, gate: Gate) -> Integration:
    return "slack_configs", {
        "api_url_file": channel.webhook_file,
        "channel": channel.channel,
        "color": use("mkit.slack.color"),
        "title": use("mkit.slack.title"),
        "title_link": use("mkit.url.first"),
        "fallback": use("mkit.slack.title"),
        "text": use("mkit.slack.text"),
        "mrkdwn_in": ["text"],
        "short_fields": True,
        "fields": [
            {"title": "Severity", "value": use("mkit.slack.severity")},
            {"title": "Service", "value": use("mkit.slack.service")},
        ],
        "footer": use("mkit.slack.footer"),
    }


def teams(channel: Teams, gate: Gate) -> Integration:
    gate.need(Feature.AM_CHAT_WEBHOOK_URL_FILE, channel, "webhook_file", _ADAPTER)
    # Microsoft has retired the connectors of msteams_configs; workflows take what msteamsv2_configs sends.
    key = "msteamsv2_configs" if gate.has(Feature.AM_MSTEAMSV2) else "msteams_configs"
    return key, {
        "webhook_url_file": channel.webhook_file,
        "title": use("mkit.title"),
        "text": use("mkit.markdown"),
    }


def telegram(channel: Telegram, gate: Gate) -> Integration:
    gate.need(Feature.AM_TELEGRAM_TOKEN_FILE, channel, "token_file", _ADAPTER)
    return "telegram_configs", {
        "bot_token_file": channel.token_file,
        "chat_id": channel.chat_id,
        # In this mode Alertmanager runs the template as HTML and escapes what labels bring along.
        "parse_mode": "HTML",
        "message": use("mkit.telegram.html"),
    }


def discord(channel: Discord, gate: Gate) -> Integration:
    gate.need(Feature.AM_CHAT_WEBHOOK_URL_FILE, channel, "webhook_file", _ADAPTER)
    return "discord_configs", {
        "webhook_url_file": channel.webhook_file,
        "title": use("mkit.title"),
        "message": use("mkit.markdown"),
    }

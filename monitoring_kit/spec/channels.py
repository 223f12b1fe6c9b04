"""Records of the spec: notification channels, one record a kind. Secrets are named by file, never written here."""

from __future__ import annotations

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.shapes import (
    FILE,
    FLAG,
    NAME,
    TEXT,
    URL,
    ByKind,
    Choice,
    Item,
    ListOf,
    Number,
    Record,
    Text,
    key,
)

ADDRESS = Text(r"[^@\s]+@[^@\s]+", "an e-mail address", example="oncall@example.com")
SMARTHOST = Text(r"[^\s:]+:\d+", "a `host:port`", example="smtp.example.com:587")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Item):
    """Where notifications go."""

    kind: str = key(NAME, "Kind of the channel.", required=True)
    send_resolved: bool = key(FLAG, "Also tell when the alert ends.", True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Email(Channel):
    """E-mail over SMTP."""

    to: tuple[str, ...] = key(
        ListOf(ADDRESS, single=True, low=1),
        "Recipients.",
        required=True,
    )
    from_: str = key(ADDRESS, "Sender.", required=True)
    smarthost: str = key(SMARTHOST, "SMTP server.", required=True)
    username: str | None = key(TEXT, "SMTP user.")
    password_file: str | None = key(FILE, "File with the SMTP password.")
    require_tls: bool = key(FLAG, "Refuse to send without STARTTLS.", True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack(Channel):
    """Slack incoming webhook."""

    channel: str = key(TEXT, "Channel, e.g. `#alerts`.", required=True)
    webhook_file: str = key(FILE, "File with the webhook URL.", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty(Channel):
    """PagerDuty, Events API v2."""

    routing_key_file: str = key(FILE, "File with the integration key.", required=True)
    url: str | None = key(URL, "Events endpoint, when not PagerDuty's own.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Channel):
    """Any HTTP endpoint that takes Alertmanager's webhook payload."""

    url: str | None = key(URL, "URL without secrets.")
    url_file: str | None = key(FILE, "File with the URL (Alertmanager 0.26 and later).")
    bearer_file: str | None = key(FILE, "File with a bearer token.")
    username: str | None = key(TEXT, "Basic authentication: user.")
    password_file: str | None = key(FILE, "Basic authentication: file with the password.")
    max_alerts: int = key(Number(0, whole=True), "Most alerts in one call, 0 = all.", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opsgenie(Channel):
    """Opsgenie."""

    api_key_file: str = key(FILE, "File with the API key.", required=True)
    api_url: str | None = key(URL, "API endpoint, e.g. the EU one.")
    team: str | None = key(TEXT, "Responding team.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Teams(Channel):
    """Microsoft Teams (Alertmanager 0.28 and later with workflows, 0.26 with connectors)."""

    webhook_file: str = key(FILE, "File with the webhook URL.", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram(Channel):
    """Telegram bot."""

    token_file: str = key(FILE, "File with the bot token (Alertmanager 0.26 and later).", required=True)
    chat_id: int = key(Number(whole=True), "Chat to write to.", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discord(Channel):
    """Discord webhook."""

    webhook_file: str = key(FILE, "File with the webhook URL (Alertmanager 0.28 and later).", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushover(Channel):
    """Pushover."""

    user_key_file: str = key(FILE, "File with the user key (Alertmanager 0.26 and later).", required=True)
    token_file: str = key(FILE, "File with the application token.", required=True)
    priority: str = key(Choice(("-2", "-1", "0", "1", "2")), "Priority while firing.", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class VictorOps(Channel):
    """VictorOps, now Splunk On-Call."""

    api_key_file: str = key(FILE, "File with the API key.", required=True)
    routing_key: str = key(TEXT, "Team's routing key (a name, not a secret).", required=True)


CHANNEL = ByKind(
    {
        "email": Record(Email),
        "slack": Record(Slack),
        "pagerduty": Record(PagerDuty),
        "webhook": Record(Webhook, exactly_one=(("url", "url_file"),)),
        "opsgenie": Record(Opsgenie),
        "teams": Record(Teams),
        "telegram": Record(Telegram),
        "discord": Record(Discord),
        "pushover": Record(Pushover),
        "victorops": Record(VictorOps),
    }
)

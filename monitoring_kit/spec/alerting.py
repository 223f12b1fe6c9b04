"""Records of the spec: alerts, how they are delivered, and channels."""

from __future__ import annotations

from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.channels import CHANNEL
from monitoring_kit.spec.detection import Anomaly, Capacity, Degradation
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.services import BasicAuth, Tls
from monitoring_kit.spec.shapes import (
    DURATION,
    FLAG,
    LABEL_NAME,
    LABELS,
    NAME,
    NAMES,
    NOTIFY,
    TEXT,
    URL,
    Choice,
    Item,
    ListOf,
    MapOf,
    Number,
    Record,
    Text,
    key,
)

SEVERITY = Choice(("critical", "warning", "info"))
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_DAYS = f"{_DAY}(?:-{_DAY})?"
_HOUR = r"(?:[01]\d|2[0-3]):[0-5]\d"
LISTEN = Text(r"\S*:\d{1,5}", "an address such as :9093 or 127.0.0.1:9093")
TIME_RANGES = Text(
    rf"{_DAYS}(?:,{_DAYS})* {_HOUR}-(?:{_HOUR}|24:00)",
    "days and hours such as `mon-fri 08:00-20:00`",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Item):
    """An alerting rule: a threshold on signals (`when`), raw PromQL (`expr`), or a family that learns from history.

    ``signals`` is short for ``anomaly`` without a ``horizon`` and for ``capacity`` with one.
    """

    when: str | None = key(
        TEXT, "Condition on a signal, e.g. `errors > 5%` or `latency(p95) > 2s`.", example="errors > 5%"
    )
    expr: str | None = key(TEXT, "Raw PromQL, checked against the declared metrics.")
    anomaly: Anomaly | None = key(Record(Anomaly, short="signals"), "Signals that leave their weekly pattern.")
    capacity: Capacity | None = key(Record(Capacity, short="signals"), "Resources that will run out.")
    degradation: Degradation | None = key(
        Record(Degradation, short="signals"), "A new version that does worse than the one before."
    )
    signals: tuple[str, ...] = key(
        ListOf(TEXT, single=True, low=1), "Short for `anomaly:`, and with a `horizon` for `capacity:`.", ()
    )
    horizon: Duration | None = key(DURATION, "With `signals`: look that far ahead for what runs out.")
    services: tuple[str, ...] = key(NAMES, "Services it watches; all that have the signal when not set.", ())
    for_: Duration = key(DURATION, "How long the condition must hold.", Duration(0))
    keep_firing_for: Duration = key(DURATION, "How long it goes on firing after the condition has ended.", Duration(0))
    severity: str = key(SEVERITY, "critical, warning or info.", required=True)
    notify: tuple[str, ...] = key(NOTIFY, "Channels; `alerting.default` when not set.", ())
    summary: str | None = key(TEXT, "One line for the notification; Prometheus template.")
    description: str | None = key(TEXT, "More for the notification; Prometheus template.")
    runbook: str | None = key(URL, "Runbook; a generated page when not set.")
    labels: dict[str, str] = key(LABELS, "Extra labels.", dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours(Item):
    """When less urgent alerts are held back."""

    severities: tuple[str, ...] = key(ListOf(SEVERITY, single=True), "Severities that are held back.", ("warning",))
    timezone: str = key(TEXT, "IANA time zone, e.g. Europe/Berlin.", "UTC")
    except_: tuple[str, ...] = key(
        ListOf(TIME_RANGES, single=True, low=1),
        "When they are delivered: `mon-fri 08:00-20:00`, or a list of such hours; `22:00-06:00` ends on the next day.",
        required=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchdog(Item):
    """An always-firing alert whose absence an outside receiver notices."""

    notify: tuple[str, ...] = key(NAMES, "Channels of the outside receiver.", required=True)
    interval: Duration = key(
        DURATION, "How often it is delivered; below half the receiver's timeout.", Duration(60_000)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(Item):
    """Alertmanager's own high availability."""

    listen: str = key(LISTEN, "Address and port (TCP and UDP) of the gossip between the members.", "0.0.0.0:9094")
    peers: tuple[str, ...] = key(ListOf(TEXT, single=True), "host:port of every Alertmanager's cluster port.", ())
    peer_timeout: Duration = key(DURATION, "Wait between the members of the cluster.", Duration(15_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatInterval(Item):
    """How often a firing alert is repeated, by severity."""

    critical: Duration = key(DURATION, "critical", Duration(3_600_000))
    warning: Duration = key(DURATION, "warning", Duration(4 * 3_600_000))
    info: Duration = key(DURATION, "info", Duration(24 * 3_600_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition(Item):
    """An extra inhibition rule."""

    source: dict[str, str] = key(LABELS, "Labels of the alert that silences.", required=True)
    target: dict[str, str] = key(LABELS, "Labels of the alerts that are silenced.", required=True)
    equal: tuple[str, ...] = key(ListOf(LABEL_NAME), "Labels that both must share.", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting(Item):
    """How alerts are grouped, repeated, muted and delivered."""

    default: tuple[str, ...] = key(
        NAMES, "Channels for alerts without `notify`; the first of `channels` alone when not set.", ()
    )
    group_by: tuple[str, ...] = key(ListOf(LABEL_NAME), "Labels that make one notification.", ("alertname", "service"))
    group_wait: Duration = key(DURATION, "Wait before the first notification of a group.", Duration(10_000))
    group_interval: Duration | None = key(
        DURATION, "Wait before a group's next; 1m, or longer than the peer timeouts, when not set."
    )
    repeat_interval: RepeatInterval = key(Record(RepeatInterval), "By severity.", RepeatInterval)
    quiet_hours: QuietHours | None = key(Record(QuietHours), "Quiet hours.")
    watchdog: Watchdog | None = key(Record(Watchdog), "Dead man's switch.")
    inhibit: tuple[Inhibition, ...] = key(ListOf(Record(Inhibition)), "Extra inhibition rules.", ())
    cluster: Cluster | None = key(Record(Cluster), "Alertmanager cluster.")
    alertmanagers: tuple[str, ...] = key(
        ListOf(Text(r"[^\s/]+", "host:port, without scheme and path (`tls` stands beside it)"), single=True),
        "host:port of every Alertmanager that Prometheus sends to.",
        ("alertmanager:9093",),
    )
    tls: Tls | None = key(Record(Tls), "TLS from Prometheus to the Alertmanagers, when they have certificates.")
    basic_auth: BasicAuth | None = key(
        Record(BasicAuth), "Prometheus' login at the Alertmanagers, when they have users."
    )
    listen: str = key(LISTEN, "Alertmanager's listen address.", "127.0.0.1:9093")
    external_url: str | None = key(URL, "Where people reach Alertmanager; links in notifications.")
    absent: str = key(
        Choice(("critical", "warning", "off")),
        "Severity of the generated alerts on missing targets.",
        "critical",
    )


ALERTS = MapOf(Record(Alert, exactly_one=(("when", "expr", "signals", "anomaly", "capacity", "degradation"),)))
CHANNELS = MapOf(CHANNEL)

__all__ = [
    "ALERTS",
    "CHANNELS",
    "FLAG",
    "NAME",
    "Alert",
    "Alerting",
    "Any",
    "Cluster",
    "Inhibition",
    "Number",
    "QuietHours",
    "RepeatInterval",
    "Watchdog",
]

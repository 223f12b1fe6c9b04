"""The routing tree: every alert to exactly the channels of its ``notify`` label, foreign alerts to the default ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container

from monitoring_kit.conventions import (
    ALERTNAME,
    NOTIFY,
    PROMETHEUS_REPLICA,
    SEVERITY,
    WATCHDOG,
    notify_value,
    receiver_name,
)
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.alertmanager_hours import DELIVERY_HOURS
from monitoring_kit.lower.alertmanager_matchers import equals, listed
from monitoring_kit.lower.alertmanager_timing import SEVERITIES, group_interval, repeat_interval, watchdog_timing
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.tree import Branch
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.alerting import Alerting
from monitoring_kit.spec.channels import Channel

# Kinds whose receivers can raise an alarm when nothing comes any more; the others only pass on what does come.
_NOTICES_SILENCE = ("webhook", "opsgenie", "pagerduty")


def default_receiver(system: System) -> str:
    """The receiver of the root route: the default channels together."""
    return receiver_name("default", system.spec.channels)


def watchdog_receiver(system: System) -> str:
    """The receiver of the dead man's switch: its channels together, without word of "resolved"."""
    return receiver_name("watchdog", system.spec.channels)


def watchdog_channels(system: System) -> tuple[str, ...]:
    """The channels of the dead man's switch in the spec's order; () when there is none, or none of them is defined."""
    wanted = system.spec.alerting.watchdog
    return tuple(name for name in system.spec.channels if wanted is not None and name in wanted.notify)


def routing_tree(system: System, model: Model) -> Branch:
    """The root route. Its children are the watchdog's route, then one for each channel, all but the last with ``continue``.

    A channel's route has a child for each severity that it is told of, so that none is there which no alert can match. An alert whose ``notify`` names no channel of the spec matches none of them and stays with the root.
    """
    alerting = system.spec.alerting
    channels = list(system.spec.channels.values())
    told = _severities_told(model)
    children = [_channel_route(alerting, c, told[c.name], last=c is channels[-1]) for c in channels]
    if watchdog_channels(system):
        children.insert(0, _watchdog_route(system))
    return Branch(
        alerting.node.span,
        receiver=default_receiver(system),
        group_by=list(alerting.group_by) or None,
        group_wait=str(alerting.group_wait),
        group_interval=str(group_interval(alerting)),
        repeat_interval=str(repeat_interval(alerting, "warning")),
        routes=children or None,
    )


def _watchdog_route(system: System) -> Branch:
    watchdog = system.spec.alerting.watchdog
    assert watchdog is not None
    group, repeat = watchdog_timing(watchdog.interval)
    labels = [ALERTNAME, PROMETHEUS_REPLICA, *sorted(system.external_labels)]
    return Branch(
        watchdog.node.span,
        # The label tells this watchdog from one of another's making, which must not keep this switch alive.
        matchers=[equals(ALERTNAME, WATCHDOG), equals(NOTIFY, notify_value(watchdog_channels(system)))],
        receiver=watchdog_receiver(system),
        group_by=labels,
        group_wait="0s",
        group_interval=str(group),
        repeat_interval=str(repeat),
    )


def _severities_told(model: Model) -> dict[str, set[str]]:
    """Channel -> the severities of its alerts; the watchdog has a route of its own."""
    told: dict[str, set[str]] = defaultdict(set)
    for rule in model.alerts:
        for channel in rule.notify if rule.name != WATCHDOG else ():
            told[channel].add(rule.severity)
    return told


def _channel_route(alerting: Alerting, channel: Channel, told: Container[str], *, last: bool) -> Branch:
    return Branch(
        channel.name_span,
        {
            "matchers": [listed(NOTIFY, channel.name)],
            "receiver": channel.name,
            "continue": None if last else True,
            "routes": [_severity_route(alerting, channel, s) for s in SEVERITIES if s in told] or None,
        },
    )


def _severity_route(alerting: Alerting, channel: Channel, severity: str) -> Branch:
    quiet = alerting.quiet_hours
    held_back = quiet is not None and severity in quiet.severities
    return Branch(
        quiet.node.span if quiet is not None and held_back else channel.name_span,
        matchers=[equals(SEVERITY, severity)],
        repeat_interval=str(repeat_interval(alerting, severity)),
        active_time_intervals=[DELIVERY_HOURS] if held_back else None,
    )


def check_watchdog(system: System, report: Report) -> None:
    """Report a dead man's switch that nobody is at the other end of."""
    watchdog = system.spec.alerting.watchdog
    if watchdog is None:
        return
    if not watchdog.notify:
        report.error(
            "alertmanager/watchdog-nowhere", "the watchdog goes nowhere: nobody would notice that it stops", watchdog.at("notify"),
            help="name a channel of a receiver that raises the alarm when it hears nothing, such as a webhook of a heartbeat service",
        )  # fmt: skip
    for name in watchdog_channels(system):
        kind = system.spec.channels[name].kind
        if kind not in _NOTICES_SILENCE:
            report.info(
                "alertmanager/watchdog-receiver", f"`{name}` ({kind}) gets a message every {watchdog.interval}, but notices nothing when they stop",
                watchdog.at("notify"), help="a webhook of a heartbeat service raises the alarm by itself",
            )  # fmt: skip

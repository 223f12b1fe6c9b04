"""Receivers: one a channel, one for the default channels together, one for the dead man's switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower import alertmanager_chat as chat
from monitoring_kit.lower import alertmanager_oncall as oncall
from monitoring_kit.lower.alertmanager_gates import Gate
from monitoring_kit.lower.alertmanager_routes import (
    default_receiver,
    watchdog_channels,
    watchdog_receiver,
)
from monitoring_kit.lower.tree import Branch
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.channels import Channel

Integration = tuple[str, dict[str, Any]]

# Kind of a channel to what makes its integration: the key of the receiver's list, and the settings in it.
_KINDS: dict[str, Callable[[Any, Gate], Integration]] = {
    "email": oncall.email,
    "pagerduty": oncall.pagerduty,
    "webhook": oncall.webhook,
    "opsgenie": oncall.opsgenie,
    "pushover": oncall.pushover,
    "victorops": oncall.victorops,
    "slack": chat.slack,
    "teams": chat.teams,
    "telegram": chat.telegram,
    "discord": chat.discord,
}


def receivers(system: System, report: Report) -> list[Branch]:
    """Every receiver that the routing tree names. Whatever a targeted Alertmanager lacks is reported."""
    gate = Gate(system.spec.compatibility, report)
    made = {name: (channel, _KINDS[channel.kind](channel, gate)) for name, channel in system.spec.channels.items()}
    default = [made[name] for name in system.default_channels if name in made]
    found = [_receiver(default_receiver(system), default)]
    switch = [made[name] for name in watchdog_channels(system)]
    if switch:
        # "resolved" would read as one more sign of life.
        found.append(_receiver(watchdog_receiver(system), switch, send_resolved=False))
    return found + [_receiver(name, [one]) for name, one in made.items()]


def _receiver(name: str, channels: list[tuple[Channel, Integration]], send_resolved: bool | None = None) -> Branch:
    lists: dict[str, list[Branch]] = {}
    for channel, (key, settings) in channels:
        resolved = channel.send_resolved if send_resolved is None else send_resolved
        lists.setdefault(key, []).append(Branch(channel.name_span, {"send_resolved": resolved, **settings}))
    origin = channels[0][0].name_span if len(channels) == 1 else None
    return Branch(origin, {"name": name, **lists})

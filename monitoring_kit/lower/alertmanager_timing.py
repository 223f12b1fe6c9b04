"""Waits and intervals of the routes: the defaults that a cluster needs, and the settings that cannot work.

Sources: notify/notify.go of prometheus/alertmanager (``DedupStage.needsUpdate``, ``WaitStage``); the figures behind the
rule on the peer timeout were measured on a cluster of two: with a group interval below it, the second Alertmanager wakes
with a stale notification log and pages again after "resolved" has been sent.
"""

from __future__ import annotations

import re

from monitoring_kit.diagnostics import Report
from monitoring_kit.spec.alerting import Alerting, Cluster
from monitoring_kit.spec.quantity import Duration

MINUTE = 60_000
SEVERITIES = ("critical", "warning", "info")
_PEER = re.compile(r"(?:[^\s:\[\]/]+|\[[0-9a-fA-F:.%]+\]):\d{1,5}")


def cluster_size(alerting: Alerting) -> int:
    """The number of Alertmanagers that gossip; 1 without a cluster."""
    if alerting.cluster is None:
        return 1
    return max(1, len(set(alerting.cluster.peers)), len(set(alerting.alertmanagers)))


def longest_wait(alerting: Alerting) -> Duration:
    """How long the last member of the cluster waits for the others before it notifies."""
    cluster = alerting.cluster
    return Duration((cluster_size(alerting) - 1) * cluster.peer_timeout.ms) if cluster else Duration(0)


def group_interval(alerting: Alerting) -> Duration:
    """The group interval of the spec; else the shortest number of whole minutes above the cluster's wait."""
    if alerting.group_interval is not None:
        return alerting.group_interval
    return Duration((longest_wait(alerting).ms // MINUTE + 1) * MINUTE)


def repeat_interval(alerting: Alerting, severity: str) -> Duration:
    value = getattr(alerting.repeat_interval, severity)
    assert isinstance(value, Duration)
    return value


def watchdog_timing(interval: Duration) -> tuple[Duration, Duration]:
    """Group and repeat interval that deliver the watchdog once every ``interval``.

    A flush comes once a group interval, and repeats what is older than the repeat interval. Were both equal, every second
    flush would come a few milliseconds too early and the receiver would be told half as often as it expects.
    """
    return interval, Duration(max(1, interval.ms * 9 // 10))


def check_timing(alerting: Alerting, report: Report) -> None:
    """Report waits and intervals that Alertmanager refuses or that do not do what they say."""
    _check_positive(alerting, report)
    _check_repeats(alerting, report)
    _check_group_by(alerting, report)
    _check_cluster(alerting, report)


def _check_positive(alerting: Alerting, report: Report) -> None:
    if alerting.group_interval is not None and not alerting.group_interval.ms:
        report.error(
            "alertmanager/interval",
            "Alertmanager refuses a group interval of 0",
            alerting.at("group_interval"),
            help="write 1m",
        )
    for severity in SEVERITIES:
        if not repeat_interval(alerting, severity).ms:
            at = alerting.repeat_interval.at(severity)
            report.error("alertmanager/interval", "Alertmanager refuses a repeat interval of 0", at, help="write 4h")
    if alerting.watchdog is not None and alerting.watchdog.interval.ms < 1000:
        report.error("alertmanager/interval", "the watchdog's interval is shorter than a second", alerting.watchdog.at("interval"), help="write 1m")  # fmt: skip


def _check_repeats(alerting: Alerting, report: Report) -> None:
    group = group_interval(alerting)
    for severity in SEVERITIES:
        repeat = repeat_interval(alerting, severity)
        if 0 < repeat.ms < group.ms:
            own = alerting.repeat_interval.has(severity)
            report.error(
                "alertmanager/repeat-interval", f"{severity} alerts cannot be repeated every {repeat}: a group is looked at once a group interval of {group}",
                alerting.repeat_interval.at(severity) if own else alerting.at("group_interval"),
                help=f"use a repeat interval of at least {group}, or a shorter `group_interval`",
            )  # fmt: skip
    if alerting.group_wait > group > Duration(0):
        report.warning(
            "alertmanager/group-wait", f"the first notification waits {alerting.group_wait}, longer than later ones ({group})", alerting.at("group_wait"),
            help="10s to 30s gathers what fails together; more only delays the page",
        )  # fmt: skip


def _check_group_by(alerting: Alerting, report: Report) -> None:
    for index, label in enumerate(alerting.group_by):
        if label in alerting.group_by[:index]:
            report.error(
                "alertmanager/group-by", f"`{label}` stands twice in `group_by`", alerting.at("group_by", index=index)
            )


def _check_cluster(alerting: Alerting, report: Report) -> None:
    cluster = alerting.cluster
    if cluster is None:
        if len(set(alerting.alertmanagers)) > 1:
            report.warning(
                "alertmanager/not-clustered", "several Alertmanagers without a cluster: every notification comes several times", alerting.at("alertmanagers"),
                help="add `cluster: {peers: [host:9094, ...]}`",
            )  # fmt: skip
        return
    _check_peers(cluster, report)
    if alerting.group_interval is not None and alerting.group_interval <= longest_wait(alerting):
        size, wait = cluster_size(alerting), longest_wait(alerting)
        report.error(
            "alertmanager/peer-timeout",
            f"the group interval {alerting.group_interval} is not above (cluster size - 1) x peer timeout = {size - 1} x {cluster.peer_timeout} = {wait}",
            alerting.at("group_interval"),
            help=f"a member that wakes with a stale log sends \"firing\" again after \"resolved\"; write {_above(wait)}, or leave `group_interval` out",
        )  # fmt: skip


def _above(wait: Duration) -> Duration:
    return Duration((wait.ms // MINUTE + 1) * MINUTE)


def _check_peers(cluster: Cluster, report: Report) -> None:
    for index, peer in enumerate(cluster.peers):
        if not _PEER.fullmatch(peer):
            at = cluster.at("peers", index=index)
            report.error(
                "alertmanager/peer",
                f"`{peer}` is no host:port",
                at,
                help="name the cluster port, such as alertmanager-1:9094",
            )
    if not cluster.peers:
        report.error("alertmanager/peer", "a cluster without peers", cluster.node.span, help="add `peers: [alertmanager-1:9094, alertmanager-2:9094]`")  # fmt: skip

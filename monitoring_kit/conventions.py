"""Every metric, label, group, file and uid name that mkit emits, in one place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache

from monitoring_kit.resolve.signals import SignalUse, quantile_name

# Labels.
ALERTNAME = "alertname"
SERVICE = "service"
SEVERITY = "severity"
NOTIFY = "notify"
TEAM = "team"
SYSTEM = "system"
REPLICA = "replica"
PROMETHEUS_REPLICA = "prometheus_replica"

# Alerts that mkit itself generates.
SERVICE_DOWN = "ServiceDown"
TARGET_DOWN = "TargetDown"
SERVICE_ABSENT = "ServiceAbsent"
WATCHDOG = "Watchdog"

# Files under the output folder.
PROMETHEUS_YML = "prometheus/prometheus.yml"
RULES_FOLDER = "prometheus/rules"
PROMETHEUS_FLAGS = "prometheus/flags"
PROMETHEUS_WEB = "prometheus/web.yml"
INFLUXDB_SETUP = "influxdb/setup.iql"
STATSD_MAPPING = "statsd/mapping.yml"
COMPOSE = "compose.yaml"
DOCS_INDEX = "docs/index.md"
DOCS_METRICS = "docs/metrics.md"
DOCS_COMPOSE = "docs/compose.md"
ALERTMANAGER_YML = "alertmanager/alertmanager.yml"
ALERTMANAGER_TEMPLATE = "alertmanager/templates/mkit.tmpl"
ALERTMANAGER_FLAGS = "alertmanager/flags"
ALERTMANAGER_WEB = "alertmanager/web.yml"
GRAFANA_DASHBOARDS = "grafana/dashboards"
GRAFANA_PROVISIONING = "grafana/provisioning"
# Where the Grafana server finds the folder GRAFANA_DASHBOARDS.
GRAFANA_MOUNT = "/etc/grafana/dashboards"
MANIFEST = "manifest.json"
DATASOURCE_UID = "mkit-prometheus"
ALERTMANAGER_DATASOURCE_UID = "mkit-alertmanager"

_OPERATIONS = {"ratio": "ratio_rate", "histogram": ""}


@lru_cache(4096)
def slug(text: str) -> str:
    """``text`` as it may stand in a file name or uid: lower case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def recorded(use: SignalUse) -> str:
    """The name of the recorded series of a signal: level:metric:operations, as Prometheus' rule naming asks for."""
    signal, window = use.signal, use.window
    tail = str(window) if window is not None else ""
    if signal.form == "histogram":
        operation = f"{quantile_name(use.quantile)}_{tail}"
    else:
        operation = (signal.operation or _OPERATIONS.get(signal.form) or "value") + tail
    return f"service:{signal.name}:{operation}"


def replicas(count: int) -> tuple[str, ...]:
    """The values of the replica label: a, b, c …; at most nine."""
    return tuple("abcdefghi"[:count])


def prometheus_file(replica: str) -> str:
    """The configuration of one server: ``prometheus.yml`` is replica a's, and the only one of a single server."""
    return PROMETHEUS_YML if replica == "a" else f"prometheus/prometheus-{replica}.yml"


def service_rules_file(service: str) -> str:
    return f"{RULES_FOLDER}/service-{service}.yml"


def notify_value(channels: tuple[str, ...]) -> str:
    """The value of the label ``notify``: the channels in the spec's order, comma separated."""
    return ",".join(channels)


def receiver_name(wanted: str, channels: Iterable[str]) -> str:
    """The name of a receiver that belongs to no single channel: ``wanted``, apart from the channel of that name if any.

    A colon stands in no channel's name, so the two can never meet.
    """
    return f"{wanted}:mkit" if wanted in channels else wanted


def dashboard_uid(system: str, key: str) -> str:
    """A stable uid of at most 40 characters: readable, and unique when it had to be cut."""
    uid = f"{slug(system)}-{slug(key)}"
    if len(uid) <= 40:
        return uid
    return f"{uid[:31]}-{hashlib.sha256(uid.encode()).hexdigest()[:8]}"


def service_dashboard(system: str, service: str) -> str:
    """The uid of a service's generated dashboard; alerts on the service link to it."""
    return dashboard_uid(system, f"service-{service}")


def system_dashboard(system: str) -> str:
    """The uid of the system's generated dashboard."""
    return dashboard_uid(system, "system")


def spec_dashboard(system: str, key: str) -> str:
    """The uid of one of the spec's own dashboards, unless it names one."""
    return dashboard_uid(system, f"board-{key}")


def signal_panel(use: SignalUse) -> str:
    """The key of the panel that shows a signal on its service's dashboard; alerts on the signal link to it."""
    return f"signal/{use}"


def panel_id(dashboard: str, key: str) -> int:
    """A stable non-zero panel id from the panel's key, so that links survive reordering."""
    return int.from_bytes(hashlib.sha256(f"{dashboard}/{key}".encode()).digest()[:3]) + 1


def runbook_path(alert: str) -> str:
    return f"docs/runbooks/{alert}.md"


def service_page_path(service: str) -> str:
    return f"docs/services/{service}.md"


# Service level objectives. The names of ratios and budgets are those that sloth writes, so that what reads them goes on
# reading; `events` and `definition` are hashes of what is counted, so that history of another definition never mixes in.
SLO = "slo"
SLO_TIER = "slo_tier"
SLO_EVENTS = "events"
SLO_DEFINITION = "definition"
SLO_PERIOD = "period"
SLO_CALENDAR = "calendar"
SLO_LABELS = (SERVICE, SLO, SLO_EVENTS, SLO_DEFINITION)
SLO_RULES = f"{RULES_FOLDER}/slo.yml"
SLO_TOTAL = "slo:total:rate5m"
SLO_BAD = "slo:bad:rate5m"
SLO_OBJECTIVE = "slo:objective:ratio"
SLO_BUDGET = "slo:error_budget:ratio"
SLO_PERIOD_ERROR = "slo:period_error:ratio"
SLO_PERIOD_BURN = "slo:period_burn_rate:ratio"
SLO_BUDGET_LEFT = "slo:period_error_budget_remaining:ratio"
SLO_CURRENT_BURN = "slo:current_burn_rate:ratio"
SLO_ABSENT = "SloAbsent"
SLO_LOW_TRAFFIC = "SloLowTraffic"
SLO_ALERTS = {
    "page_fast": "SloPageFast",
    "page_slow": "SloPageSlow",
    "ticket_fast": "SloTicketFast",
    "ticket_slow": "SloTicketSlow",
}


def slo_ratio(window: str) -> str:
    """The recorded share of bad events over a window."""
    return f"slo:sli_error:ratio_rate{window}"


def slo_tile(kind: str, size: str) -> str:
    """The recorded average rate of events (``kind`` total or bad) over abutting stretches of ``size``."""
    return f"slo:{kind}:tile{size}"


def slo_group(service: str, part: str) -> str:
    """The rule group of a service's objectives; ``part`` is page, ticket or period."""
    return f"slo-{service}-{part}"


def slo_dashboard(system: str) -> str:
    """The uid of the dashboard of all objectives."""
    return dashboard_uid(system, "slo")

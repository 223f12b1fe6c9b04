"""The text of a first spec: one service, one channel, the alerts that its kind is usually watched by."""

from __future__ import annotations

import json
from dataclasses import dataclass

# Kind to the usual address of its metrics and to alerts worth having on the first day: (name, condition, for, severity).
STARTERS: dict[str, tuple[str, tuple[tuple[str, str, str, str], ...]]] = {
    "http": (
        "localhost:8080",
        (
            ("HighErrorRate", "errors > 5%", "5m", "critical"),
            ("HighLatency", "latency(p95) > 1s", "10m", "warning"),
            ("HighCpuUsage", "cpu > 80%", "15m", "warning"),
            ("HighMemoryUsage", "memory > 85%", "15m", "warning"),
        ),
    ),
    "ai-model": (
        "localhost:9642",
        (("SlowInference", "latency(p95) > 1s", "10m", "warning"), ("LowAccuracy", "accuracy < 90%", "30m", "warning")),
    ),
    "business": ("localhost:9641", (("NoUsers", "users < 1", "30m", "warning"),)),
    "mysql": ("localhost:9104", (("ConnectionsRunOut", "connections > 80%", "10m", "warning"),)),
    "redis": (
        "localhost:9121",
        (
            ("MemoryRunsOut", "memory > 90%", "10m", "critical"),
            ("ConnectionsRunOut", "connections > 80%", "10m", "warning"),
        ),
    ),
    "node": (
        "localhost:9100",
        (
            ("HighCpuUsage", "cpu > 90%", "15m", "warning"),
            ("HighMemoryUsage", "memory > 90%", "15m", "warning"),
            ("DiskRunsFull", "disk > 85%", "15m", "critical"),
        ),
    ),
    "container": (
        "localhost:8080",
        (("HighCpuUsage", "cpu > 90%", "15m", "warning"), ("HighMemoryUsage", "memory > 90%", "15m", "warning")),
    ),
    "blackbox": ("http://localhost:8080/", (("SlowSite", "latency > 2s", "10m", "warning"),)),
    "pushgateway": ("localhost:9091", (("PushesRefused", "refused > 0/s", "15m", "warning"),)),
    "prometheus": ("localhost:9090", ()),
    "alertmanager": ("localhost:9093", ()),
}
# What a target has instead of a metrics path.
PLACES = {"blackbox": "probe: {exporter: 'blackbox-exporter:9115', module: http_2xx}"}
# What a kind's cpu and memory are shares of; silent defaults would make an alert on them a surprise.
_LIMITS = "    resources: {cpu: 1, memory: 1GiB}  # what an instance may use: `cpu` and `memory` are shares of this"
RESOURCES = {"http": (_LIMITS,), "ai-model": (_LIMITS,)}
# Metrics that a kind cannot presume: they are this system's own.
METRICS: dict[str, dict[str, str]] = {"business": {"user_count": "type: gauge, help: Active users."}}
# Kind of channel to what its address is, and an example of it.
CHANNELS: dict[str, tuple[str, str]] = {
    "email": ("e-mail address", "oncall@example.com"),
    "slack": ("Slack channel", "#alerts"),
    "pagerduty": ("file with the integration key", "/run/secrets/pagerduty"),
    "webhook": ("URL", "http://localhost:8000/alerts"),
}


@dataclass(frozen=True, slots=True)
class Starter:
    """What is asked for; ``address`` belongs to ``channel`` as CHANNELS says."""

    system: str
    service: str
    kind: str
    target: str
    team: str
    channel: str
    address: str
    docs_url: str = ""
    grafana_url: str = ""


def spec_text(answers: Starter) -> str:
    """The spec as YAML with comments; it compiles as it is."""
    return (
        "\n".join(
            [
                *_head(answers),
                *_service(answers),
                *_metrics(answers),
                *_alerts(answers),
                *_channel(answers),
                *_links(answers),
            ]
        )
        + "\n"
    )


def _head(answers: Starter) -> list[str]:
    return [
        "# The monitoring of a system, compiled by mkit: `mkit check`, then `mkit generate … -o generated`.",
        "# For editors: mkit schema > mkit.schema.json",
        "# yaml-language-server: $schema=./mkit.schema.json",
        "version: mkit/v1",
        f"system: {_quoted(answers.system)}",
        f"owner: {{team: {_quoted(answers.team)}}}",
        "",
        "prometheus:",
        "  scrape_interval: 15s        # how often metrics are collected",
        "  retention: {time: 15d}      # how long they are kept",
        "",
    ]


def _service(answers: Starter) -> list[str]:
    return [
        "# What runs. The kind gives the signals that alerts, dashboards and objectives speak of.",
        "services:",
        f"  {_quoted(answers.service)}:",
        f"    kind: {_quoted(answers.kind)}",
        f"    scrape: {{targets: [{_quoted(answers.target)}], {PLACES.get(answers.kind, 'path: /metrics')}}}",
        *RESOURCES.get(answers.kind, ()),
        "    # depends_on: [database]  # a service that it needs: when that is down, only that is told",
        "    # slos: {availability: {signal: errors, objective: 99.9%}}",
        "",
    ]


def _metrics(answers: Starter) -> list[str]:
    metrics = METRICS.get(answers.kind, {})
    if not metrics:
        return []
    lines = ["# What it exposes: names, types and labels, so that every query can be checked.", "metrics:"]
    lines += [f"  {name}: {{{text}, services: [{_quoted(answers.service)}]}}" for name, text in metrics.items()]
    return [*lines, ""]


def _alerts(answers: Starter) -> list[str]:
    lines = ["# ServiceDown, TargetDown and ServiceAbsent come by themselves. These are about the signals of the kind."]
    alerts = STARTERS.get(answers.kind, ("", ()))[1]
    if not alerts:
        return [*lines, "# alerts:", "#   MyAlert: {when: errors > 5%, for: 5m, severity: warning}", ""]
    lines.append("alerts:")
    for name, when, lasting, severity in alerts:
        lines.append(
            f"  {name}: {{services: [{_quoted(answers.service)}], when: {_quoted(when)}, for: {lasting}, severity: {severity}}}"
        )
    return [*lines, ""]


def _channel(answers: Starter) -> list[str]:
    address = _quoted(answers.address)
    settings = {
        "email": (
            f'kind: email, to: [{address}], from: "mkit@example.com", smarthost: "localhost:25", require_tls: false',
            "# with a login: username: mkit, password_file: /run/secrets/smtp (secrets are always files)",
        ),
        "slack": (
            f"kind: slack, channel: {address}, webhook_file: /run/secrets/slack",
            "# put the webhook's URL into that file; mkit never sees it",
        ),
        "pagerduty": (f"kind: pagerduty, routing_key_file: {address}", "# put the integration key into that file"),
        "webhook": (f"kind: webhook, url: {address}", "# any endpoint that takes Alertmanager's JSON"),
    }
    text, comment = settings[answers.channel]
    return [
        "# Where notifications go. An alert without `notify` goes to `alerting.default`.",
        "channels:",
        f"  {answers.channel}: {{{text}}}  {comment}",
        "alerting:",
        f"  default: [{answers.channel}]",
    ]


def _links(answers: Starter) -> list[str]:
    """Where messages link to; what nobody knows yet stands there as a comment."""
    docs = _quoted(answers.docs_url) if answers.docs_url else "https://git.example.com/monitoring/generated/docs"
    grafana = _quoted(answers.grafana_url) if answers.grafana_url else "https://grafana.example.com"
    return [
        "",
        "# Where the generated docs/ folder is published and Grafana is reached: messages link to runbooks and dashboards there.",
        f"{'' if answers.docs_url else '# '}docs_url: {docs}",
        f"{'' if answers.grafana_url else '# '}grafana: {{url: {grafana}}}",
    ]


def _quoted(text: str) -> str:
    # A JSON string is a YAML string; plain `on`, `1.0` or `#x` would be something else.
    return json.dumps(text, ensure_ascii=False)

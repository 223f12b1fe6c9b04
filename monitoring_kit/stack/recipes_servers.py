"""Captures of Prometheus and Alertmanager themselves: a pair that scrapes, alerts and fails a little."""

from __future__ import annotations

from monitoring_kit.live.catalog import Catalog, capture
from monitoring_kit.stack.lab import Lab, free_port, read, wait_until
from monitoring_kit.stack.tools import Tool, ensure_tools

_PROMETHEUS = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]
rule_files: [rules.yml]
remote_write: [{{url: "http://127.0.0.1:{prometheus}/api/v1/write", name: self}}]
remote_read: [{{url: "http://127.0.0.1:{closed}/read", name: far, required_matchers: {{retention: long}}}}]
scrape_configs:
- job_name: self
  static_configs: [{{targets: ["127.0.0.1:{prometheus}"]}}]
- job_name: files
  file_sd_configs: [{{files: [targets.json]}}]
- job_name: names
  dns_sd_configs: [{{names: [localhost], type: A, port: {prometheus}}}]
- job_name: web
  http_sd_configs: [{{url: "http://127.0.0.1:{alertmanager}/metrics"}}]
"""
_RULES = """\
groups:
- name: lab
  rules:
  - {record: "job:up:sum", expr: "sum by (job) (up)"}
  - {alert: Always, expr: "vector(1)", labels: {severity: info}}
"""
_ALERTMANAGER = """\
route: {{receiver: hook, group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: hook
  webhook_configs: [{{url: "http://127.0.0.1:{closed}/"}}]
inhibit_rules:
- {{source_matchers: ['severity="critical"'], target_matchers: ['severity="info"'], equal: [alertname]}}
"""


def prometheus(lab: Lab, suite: str = "bookworm") -> Catalog:
    """Prometheus scraping itself, with rules, remote write to itself, a remote read, and four discoveries."""
    tools, port, _ = _pair(lab, suite)
    url = f"http://127.0.0.1:{port}"
    how = "scraping itself; rules, alerting, remote write and read, static, file, DNS and HTTP discovery"
    wait_until(lambda: _value(read(f"{url}/metrics"), "prometheus_notifications_sent_total") > 0, 30)
    wait_until(lambda: _value(read(f"{url}/metrics"), "prometheus_remote_storage_samples_total") > 0, 30)
    read(f"{url}/api/v1/query?query=up%5B5m%5D")
    closed = ("prometheus_engine_query_duration_seconds:slice",)
    return _finish("prometheus", tools["prometheus"], how, read(f"{url}/metrics"), closed)


def alertmanager(lab: Lab, suite: str = "bookworm") -> Catalog:
    """Alertmanager with a cluster peer, an alert, an inhibition rule and a webhook that refuses."""
    tools, _, port = _pair(lab, suite)
    url = f"http://127.0.0.1:{port}/metrics"
    wait_until(lambda: _value(read(url), "alertmanager_notifications_failed_total") > 0, 40)
    closed = ("alertmanager_silences:state", "alertmanager_alerts_received_total:status")
    how = "two peers, one firing alert, a webhook receiver that refuses connections"
    return _finish("alertmanager", tools["alertmanager"], how, read(url), closed)


def _pair(lab: Lab, suite: str) -> tuple[dict[str, Tool], int, int]:
    tools = ensure_tools(suite)
    prom, alert, peer, gossip, peer_gossip = (free_port() for _ in range(5))
    config = lab.write("alertmanager.yml", _ALERTMANAGER.format(closed=free_port()))
    base = [str(tools["alertmanager"].path), f"--config.file={config}"]
    for name, web, cluster, other in (("am", alert, gossip, peer_gossip), ("am-peer", peer, peer_gossip, gossip)):
        flags = [
            f"--web.listen-address=127.0.0.1:{web}",
            f"--cluster.listen-address=127.0.0.1:{cluster}",
            f"--cluster.peer=127.0.0.1:{other}",
            f"--storage.path={lab.folder / name}",
        ]
        lab.start(name, [*base, *flags], f"http://127.0.0.1:{web}/-/ready")
    lab.write("rules.yml", _RULES)
    lab.write("targets.json", f'[{{"targets": ["127.0.0.1:{alert}"]}}]')
    config = lab.write("prometheus.yml", _PROMETHEUS.format(prometheus=prom, alertmanager=alert, closed=free_port()))
    command = [
        str(tools["prometheus"].path),
        f"--config.file={config}",
        f"--storage.tsdb.path={lab.folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{prom}",
        "--web.enable-remote-write-receiver",
        # The first alerts are sent before Alertmanager is discovered; by default they come again in a minute.
        "--rules.alert.resend-delay=1s",
        "--storage.remote.flush-deadline=1s",
    ]
    lab.start("prometheus", command, f"http://127.0.0.1:{prom}/-/ready")
    return tools, prom, alert


def _finish(name: str, tool: Tool, how: str, text: str, closed: tuple[str, ...]) -> Catalog:
    return capture(text, name, tool.version or "", f"Debian's {name} {tool.version}; {how}", closed)


def _value(text: str, name: str) -> float:
    lines = (line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{")))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

"""Remote write and remote read of Prometheus.

Queue limits are written out, not left to the server's defaults, because those differ between the versions that must load
the file and because memory is their product: shards x (capacity + samples a send), here at most 20 x 12,000 samples. The
capacity is five times ``max_samples_per_send`` (prometheus/docs, practices/remote_write.md: three to ten times).
"""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.access import client_settings
from monitoring_kit.lower.influxdb import influx_read, influx_writes
from monitoring_kit.lower.relabel import drop_label, keep
from monitoring_kit.lower.tree import Branch
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.platform import RemoteRead, RemoteWrite

QUEUE = {
    "capacity": 10_000,
    "max_shards": 20,
    "max_samples_per_send": 2_000,
    "batch_send_deadline": "5s",
    "min_backoff": "30ms",
    "max_backoff": "5s",
    "retry_on_http_429": True,
}


def remote_writes(system: System, report: Report) -> list[Branch]:
    """One entry a store of ``prometheus.remote_write``, then those of InfluxDB."""
    writes = [_write(system, store, report) for store in system.spec.prometheus.remote_write.values()]
    writes += influx_writes(system, report)
    for entry in writes:
        entry["queue_config"] = Branch(entry.origin, dict(QUEUE))
    return writes


def remote_reads(system: System, report: Report) -> list[Branch]:
    """One entry a store of ``prometheus.remote_read``, then InfluxDB's."""
    return [_read(store, report) for store in system.spec.prometheus.remote_read.values()] + influx_read(system, report)


def _write(system: System, store: RemoteWrite, report: Report) -> Branch:
    rules = [keep("__name__", store.keep)] if store.keep is not None else []
    if store.drop_replica and system.replica is not None:
        rules.append(drop_label(system.replica))
    elif store.drop_replica:
        report.info("remote/drop-replica", "there is no replica label to drop: this is a single Prometheus", store.at("drop_replica"))  # fmt: skip
    settings = client_settings(
        report, store.node.span, tls=store.tls, basic_auth=store.basic_auth, bearer_file=store.bearer_file
    )
    return Branch(
        store.name_span,
        {"name": store.name, "url": store.url, **settings, "write_relabel_configs": rules or None},
    )


def _read(store: RemoteRead, report: Report) -> Branch:
    if not store.required_matchers:
        report.warning(
            "remote/read-everything",
            f"every query and every rule waits for `{store.name}`, and its series join in local results",
            store.name_span,
            help="add `required_matchers: {retention: 1y}` so that only selectors with that label leave this Prometheus",
        )
    return Branch(
        store.name_span,
        {
            "name": store.name,
            "url": store.url,
            "read_recent": True if store.required_matchers else None,
            "required_matchers": dict(store.required_matchers) or None,
            **client_settings(report, store.node.span, basic_auth=store.basic_auth),
        },
    )

"""What the exporter says about its own intake."""

from __future__ import annotations

from ..runtime import Registry

TRANSPORTS = ("unix", "http", "statsd")
REASONS = (
    "unknown_metric", "unknown_label", "missing_label", "invalid_label", "invalid_value", "wrong_type", "malformed",
    "unsupported", "duplicate_batch", "no_quality", "too_large",
)  # fmt: skip


class Meters:
    """Counters of the intake, all known series at zero. Write under the intake's lock."""

    def __init__(self, registry: Registry) -> None:
        ns = registry.namespace
        transports = {"transport": {"allow": TRANSPORTS}}
        self.events = registry.declare({
            "name": f"{ns}_ingest_events_total", "type": "counter", "labels": transports,
            "help": "Events accepted: calls in the model's process, lines, or HTTP events.",
        })  # fmt: skip
        self.batches = registry.declare({
            "name": f"{ns}_ingest_batches_total", "type": "counter", "labels": transports,
            "help": "Datagrams and HTTP batches received.",
        })  # fmt: skip
        self.dropped = registry.declare({
            "name": f"{ns}_ingest_dropped_total", "type": "counter",
            "labels": {**transports, "reason": {"allow": REASONS}},
            "help": "Events received and not counted, by reason.",
        })  # fmt: skip
        self.lost = registry.declare({
            "name": f"{ns}_ingest_lost_total", "type": "counter", "labels": {"where": {"allow": ["client", "transport"]}},
            "help": "Events that never arrived: given up by the client, or lost between it and the exporter.",
        })  # fmt: skip
        self.clients = registry.declare({
            "name": f"{ns}_ingest_clients", "type": "gauge",
            "help": "Client processes whose datagrams were seen (the 1024 latest).",
        })  # fmt: skip
        # Not handed on: each configuration has its own sockets.
        self.bound = registry.declare({
            "name": f"{ns}_ingest_socket_bound", "type": "gauge", "labels": {"transport": {"allow": ("unix", "statsd")}},
            "help": "1 while clients find the unix socket at its path, 0 when its file was removed or replaced; a reload binds it anew.",
        })  # fmt: skip
        self.families = (self.events, self.batches, self.dropped, self.lost, self.clients)
        for family in self.families:
            family.init_known()

    def drop(self, transport: str, reason: str, count: int = 1) -> None:
        """Count events that were received and not counted."""
        self.dropped.labels(transport, reason).inc(count)

"""What the exporter says about its own intake."""

from __future__ import annotations

from collections.abc import Collection

from ..runtime import Registry
from .families import TRANSPORTS, intake_specs


class Meters:
    """Counters of the intake, all known series at zero. Write under the intake's lock. ``sockets``: whether there are unix sockets;
    ``ways``: the transports that there are."""

    def __init__(self, registry: Registry, sockets: bool, ways: Collection[str] = TRANSPORTS) -> None:
        specs = intake_specs(registry.namespace, ways)
        self.events = registry.declare(specs["events"])
        self.batches = registry.declare(specs["batches"])
        self.dropped = registry.declare(specs["dropped"])
        self.lost = registry.declare(specs["lost"])
        self.clients = registry.declare(specs["clients"])
        # Not handed on: each configuration has its own sockets, or none.
        self.bound = registry.declare(specs["bound"]) if sockets else None
        self.families = (self.events, self.batches, self.dropped, self.lost, self.clients)
        for family in self.families:
            family.init_known()

    def drop(self, transport: str, reason: str, count: int = 1) -> None:
        """Count events that were received and not counted."""
        self.dropped.labels(transport, reason).inc(count)

"""The closed spec: every default filled in, every reference looked up. Later stages default nothing."""

from __future__ import annotations

import re
from dataclasses import field
from functools import cached_property

from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.resolve.exporters import ExporterView
from monitoring_kit.resolve.registry import Registry
from monitoring_kit.resolve.signals import Pack, Signal
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.model import Spec
from monitoring_kit.spec.owner import Owner
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.services import Service

# A target that is called like a pushgateway speaks for others whatever its service's kind is.
_PUSHGATEWAY = re.compile(r"(?i)(.*[-_.])?push-?gateway([-_.:].*)?")


@dataclass(frozen=True)
class ServiceView:
    """A service with its pack and its place in the system.

    ``job`` is the scrape job's name, equal to the service's name; every target of it also carries the label ``service``.
    ``signals`` have the service's own metric and label names substituted, but neither selector nor window. ``cpu`` (cores) and
    ``memory`` (bytes) are what an instance may use; ``unlimited`` are the signals that are shares of what the spec does not state, with
    these resources.
    """

    name: str
    spec: Service
    pack: Pack
    signals: dict[str, Signal]
    interval: Duration
    timeout: Duration
    owner: Owner | None
    cpu: float
    memory: float
    dependants: tuple[str, ...] = ()
    unlimited: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def job(self) -> str:
        return self.name

    @property
    def alive(self) -> str | None:
        """The pack's gauge of what answers behind an exporter, under the service's own name for it."""
        name = self.pack.alive
        return self.spec.metrics.get(name, name) if name is not None else None

    @property
    def honors_labels(self) -> bool:
        """Whether the targets' own ``instance`` stays: as written, else where the kind says that they speak for others."""
        scrape = self.spec.scrape
        if scrape is None or scrape.has("honor_labels"):
            return scrape is not None and scrape.honor_labels
        return self.pack.honor_labels or any(_PUSHGATEWAY.fullmatch(target) for target in scrape.targets)

    @property
    def origin(self) -> Span:
        return self.spec.name_span


@dataclass(frozen=True)
class System:
    """The system to compile. ``external_labels`` hold the environment's; ``replica`` is the label that tells the servers of
    a highly available pair apart, or None for a single server."""

    name: str
    spec: Spec
    path: str
    sha256: str
    environment: str | None
    services: dict[str, ServiceView]
    registry: Registry
    external_labels: dict[str, str]
    replica: str | None
    default_channels: tuple[str, ...]
    pack_alerts: dict[str, dict[str, Alert]] = field(default_factory=dict)
    exporters: tuple[ExporterView, ...] = ()

    @cached_property
    def slug(self) -> str:
        """The system's name as it may stand in file names and uids."""
        return "".join(c if c.isalnum() or c == "-" else "-" for c in self.name.lower())

    @cached_property
    def channels_by_severity(self) -> dict[str, tuple[str, ...]]:
        """Where alerts that mkit generates go, by severity: to the default channels and where the spec's own alerts of that
        severity go, so that a dead service is never told more quietly than a slow one."""
        found: dict[str, set[str]] = {s: set(self.default_channels) for s in ("critical", "warning", "info")}
        for alert in self.spec.alerts.values():
            found[alert.severity].update(alert.notify)
        return {s: tuple(c for c in self.spec.channels if c in names) for s, names in found.items()}

    def owner_of(self, service: str | None) -> Owner | None:
        """Who answers for a service; the system's owner for None."""
        return self.services[service].owner if service else self.spec.owner

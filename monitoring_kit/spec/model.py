"""The spec itself: the top-level record, and reading it."""

from __future__ import annotations

from typing import Any

from monitoring_kit.diagnostics import Report, Stop
from monitoring_kit.frozen import dataclass
from monitoring_kit.load import Document
from monitoring_kit.load.nodes import Entry, Mapping
from monitoring_kit.spec.alerting import ALERTS, CHANNELS, Alert, Alerting
from monitoring_kit.spec.budget import Budget
from monitoring_kit.spec.channels import Channel
from monitoring_kit.spec.checks import Checks
from monitoring_kit.spec.exporters import Exporters
from monitoring_kit.spec.platform import (
    Access,
    Compatibility,
    Dashboard,
    Environment,
    Grafana,
    Prometheus,
    Statsd,
    Storage,
)
from monitoring_kit.spec.services import Metric, Owner, Service
from monitoring_kit.spec.shapes import (
    FILE,
    INVALID,
    METRIC_NAME,
    NAME,
    TEXT,
    URL,
    Choice,
    Item,
    ListOf,
    MapOf,
    Record,
    key,
)

SPEC_VERSION = "mkit/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec(Item):
    """A whole system and how it is monitored."""

    version: str = key(Choice((SPEC_VERSION,), code="spec/version"), "Version of the spec language.", required=True)
    system: str = key(NAME, "Name of the system.", required=True, example="webshop")
    description: str = key(TEXT, "What the system does, in a sentence.", "")
    owner: Owner | None = key(Record(Owner, short="team"), "Who answers for it.")
    compatibility: Compatibility = key(
        Record(Compatibility), "Oldest server versions that must load the files.", Compatibility
    )
    environments: dict[str, Environment] = key(MapOf(Record(Environment)), "Overlays for `--env`.", dict)
    packs: tuple[str, ...] = key(ListOf(FILE, single=True), "Own signal packs: paths relative to the spec.", ())
    catalogs: tuple[str, ...] = key(ListOf(FILE, single=True), "Own metric catalogs: paths relative to the spec.", ())
    prometheus: Prometheus = key(Record(Prometheus), "The Prometheus servers.", Prometheus)
    services: dict[str, Service] = key(MapOf(Record(Service)), "What runs.", required=True)
    metrics: dict[str, Metric] = key(MapOf(Record(Metric), key=METRIC_NAME), "The metric registry.", dict)
    alerts: dict[str, Alert] = key(ALERTS, "Alerts.", dict)
    alerting: Alerting = key(Record(Alerting), "Delivery of alerts.", Alerting)
    channels: dict[str, Channel] = key(CHANNELS, "Where notifications go.", dict)
    docs_url: str | None = key(URL, "Where the generated docs/ folder is published; alerts link to its runbooks.")
    grafana: Grafana = key(Record(Grafana), "Where dashboards live.", Grafana)
    dashboards: dict[str, Dashboard] = key(MapOf(Record(Dashboard)), "Extra dashboards.", dict)
    exporters: Exporters | None = key(Record(Exporters), "Exporters shipped as sidecars.")
    storage: Storage | None = key(Record(Storage), "Further storage.")
    statsd: Statsd | None = key(Record(Statsd), "StatsD lines.")
    checks: Checks | None = key(Record(Checks), "Checks that are disabled.")
    budget: Budget | None = key(Record(Budget), "What the monitoring itself may cost.")
    access: Access | None = key(Record(Access), "Who may see and do what.")


SPEC = Record(Spec)


def read_spec(document: Document, report: Report) -> Spec:
    """The typed spec of a loaded document. Every mistake goes to ``report``; ``Stop`` when required parts are missing."""
    root = document.root
    environments = root.entries.get("environments")
    if environments is not None and isinstance(environments.value, Mapping):
        root = Mapping(
            {**root.entries, "environments": Entry(environments.key, _labels_only(environments.value))},
            root.span,
        )
    spec = SPEC.read(root, report)
    if spec is INVALID:
        raise Stop
    return spec  # type: ignore[no-any-return]


def _labels_only(environments: Mapping) -> Mapping:
    """Environments without their overlays: those were applied by the load stage and are validated in the place that
    they overlay, when their environment is compiled."""
    from monitoring_kit.diagnostics import Span

    slim: dict[str, Entry] = {}
    for name, entry in environments.entries.items():
        value = entry.value
        if isinstance(value, Mapping):
            value = Mapping({k: e for k, e in value.entries.items() if k not in _OVERLAID}, value.span or Span(""))
        slim[name] = Entry(entry.key, value)
    return Mapping(slim, environments.span)


_OVERLAID = frozenset(SPEC.keys)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the spec language, for editors."""
    defs: dict[str, Any] = {}
    root = SPEC.schema(defs)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://mkit.invalid/schema/mkit-v1.json",
        "title": "mkit spec",
        **root,
        "$defs": dict(sorted(defs.items())),
    }

"""InfluxDB 1.x as a second store: retention policies, down-sampling, and the remote write and read that use them.

Raw samples go to the policy ``standard`` (``retention.default``, the database's DEFAULT). Series that carry the label
``retention`` with the duration of another policy go there as well: recording rules choose so what lives long. A
continuous query keeps one sample in five minutes of everything in ``long``: ``last()`` keeps counters monotonic, and
``GROUP BY *`` keeps ``__name__``, which is a tag. Prometheus asks InfluxDB only for selectors that name ``retention``,
because each policy is a world of its own and remote series would otherwise join in local results.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Scalar
from monitoring_kit.lower.access import client_settings
from monitoring_kit.lower.relabel import keep
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.platform import InfluxDb
from monitoring_kit.spec.quantity import Duration

RETENTION_LABEL = "retention"
REFUSED_LABEL = "time"
DOWNSAMPLED_EVERY = Duration(300_000)
_HOW_TO = """\
-- InfluxDB 1.x: database, retention policies and down-sampling.
-- New database: influx -execute "$(cat setup.iql)"
-- After a change: while read -r line; do influx -execute "$line"; done < setup.iql
"""
_HOUR, _DAY = 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True)
class Policy:
    """A retention policy; ``label`` is the value of the label ``retention`` that sends a series there, None for all series."""

    name: str
    duration: Duration
    shard: Duration
    label: str | None

    @property
    def default(self) -> bool:
        return self.label is None


def enabled(system: System) -> InfluxDb | None:
    """The InfluxDB of the system, when there is one and it is enabled."""
    influxdb = system.spec.storage.influxdb if system.spec.storage is not None else None
    return influxdb if influxdb is not None and influxdb.enabled else None


def policies(influxdb: InfluxDb) -> tuple[Policy, ...]:
    """The retention policies: ``standard`` first, then ``short`` and ``long`` as far as they are wanted."""
    retention = influxdb.retention
    others = [(n, d) for n, d in (("short", retention.short), ("long", retention.long)) if d is not None]
    labelled = (Policy(name, age, _shard(influxdb, age), _spelled(influxdb, name, age)) for name, age in others)
    return (Policy("standard", retention.default, _shard(influxdb, retention.default), None), *labelled)


def lower_influxdb(system: System, report: Report) -> list[OutFile]:
    """``influxdb/setup.iql``, when InfluxDB is enabled.

    A new database takes it whole. ``influx`` stops at the first error, and a CREATE with changed settings is one, so a
    database that exists takes it line by line: the ALTER after it then sets it right. Statements are separated by
    semicolons; after the last one ``influx`` would ask for another.
    """
    influxdb = enabled(system)
    if influxdb is None:
        return []
    _check(influxdb, report)
    _check_labels(system, report)
    text = _HOW_TO + ";\n".join(_statements(influxdb)) + "\n"
    return [OutFile(conventions.INFLUXDB_SETUP, "text", text, origin=influxdb.node.span)]


def influx_writes(system: System, report: Report) -> list[Branch]:
    """The remote writes to InfluxDB: all samples to the default policy, labelled ones to the others."""
    influxdb = enabled(system)
    if influxdb is None:
        return []
    return [
        Branch(
            influxdb.node.span,
            {
                "name": f"influxdb-{policy.name}",
                "url": _endpoint(influxdb, "write", policy),
                **client_settings(report, influxdb.node.span, basic_auth=influxdb.basic_auth),
                "write_relabel_configs": None if policy.default else [keep(RETENTION_LABEL, str(policy.label))],
            },
        )
        for policy in policies(influxdb)
    ]


def influx_read(system: System, report: Report) -> list[Branch]:
    """The remote reads from InfluxDB: one a labelled policy; external labels are no matchers there, so that one server of
    a pair reads what the other wrote."""
    influxdb = enabled(system)
    if influxdb is None:
        return []
    return [
        Branch(
            influxdb.node.span,
            {
                "name": f"influxdb-{policy.name}",
                "url": _endpoint(influxdb, "read", policy),
                "read_recent": True,
                "required_matchers": {RETENTION_LABEL: policy.label},
                "filter_external_labels": False,
                **client_settings(report, influxdb.node.span, basic_auth=influxdb.basic_auth),
            },
        )
        for policy in policies(influxdb)
        if not policy.default
    ]


def influx_duration(duration: Duration) -> str:
    """A duration in InfluxQL, which knows weeks, days, hours, minutes and seconds but no years."""
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (60_000, "m")):
        if duration.ms % size == 0:
            return f"{duration.ms // size}{unit}"
    return f"{duration.ms // 1000}s"


def _spelled(influxdb: InfluxDb, name: str, age: Duration) -> str:
    """A duration as its author wrote it: ``7d`` must stay ``7d`` in a label, though it is printed as ``1w`` elsewhere. One that
    nobody wrote is spelled as the reference of the spec spells the default."""
    written = influxdb.retention.node.get(name)
    return written.text if isinstance(written, Scalar) else str(age)


def _shard(influxdb: InfluxDb, age: Duration) -> Duration:
    # InfluxDB's own choice where the spec is silent: a day, a week for policies above six months.
    if influxdb.has("shard_duration") or age.ms <= 180 * _DAY:
        return influxdb.shard_duration
    return Duration(7 * _DAY)


def _endpoint(influxdb: InfluxDb, verb: str, policy: Policy) -> str:
    return f"{influxdb.url.rstrip('/')}/api/v1/prom/{verb}?db={quote(influxdb.database)}&rp={policy.name}"


def _statements(influxdb: InfluxDb) -> list[str]:
    database = influxdb.database
    lines = [
        f'CREATE DATABASE "{database}"',
    ]
    for policy in policies(influxdb):
        settings = (
            f'RETENTION POLICY "{policy.name}" ON "{database}" DURATION {influx_duration(policy.duration)} '
            f"REPLICATION {influxdb.replication_factor} SHARD DURATION {influx_duration(policy.shard)}"
            + (" DEFAULT" if policy.default else "")
        )
        lines += [f"CREATE {settings}", f"ALTER {settings}"]
    if influxdb.retention.long is not None:
        every = influx_duration(DOWNSAMPLED_EVERY)
        # Names only, and those match [A-Za-z_][A-Za-z0-9_]*: nothing here can end a quoted identifier.
        sample = (
            f'SELECT last("value") AS "value" INTO "{database}"."long".:MEASUREMENT FROM "{database}"."standard"./.*/'  # noqa: S608
        )
        lines.append(
            f'CREATE CONTINUOUS QUERY "long_{every}" ON "{database}" BEGIN {sample} GROUP BY time({every}), * END'
        )
    return lines


def _check(influxdb: InfluxDb, report: Report) -> None:
    for name in ("default", "short", "long"):
        age: Duration | None = getattr(influxdb.retention, name)
        if age is not None and age.ms < _HOUR:
            report.error(
                "influxdb/retention", f"InfluxDB keeps samples for an hour at least, not {age}",
                influxdb.retention.at(name), help="write 1h or more",
            )  # fmt: skip
        elif age is not None and influxdb.shard_duration > age:
            report.error(
                "influxdb/shard", f"a shard of {influxdb.shard_duration} outlives its policy of {age}",
                influxdb.at("shard_duration"), help="make `shard_duration` a fraction of the shortest retention",
            )  # fmt: skip
    if influxdb.has("shard_duration") and influxdb.shard_duration.ms < _HOUR:
        report.error("influxdb/shard", "the shortest shard is 1h", influxdb.at("shard_duration"))
    labelled = [d for d in (influxdb.retention.short, influxdb.retention.long) if d is not None]
    if len(set(labelled)) < len(labelled):
        report.error("influxdb/retention", "two policies of one duration cannot be told apart", influxdb.retention.at("long"))  # fmt: skip


def _check_labels(system: System, report: Report) -> None:
    """InfluxDB 1.x refuses every point with a tag ``time`` (measured with 1.6.7: 400, `partial write: invalid tag key`)."""
    spec = system.spec
    found: list[tuple[Span, Iterable[str]]] = [(metric.at("labels"), metric.labels) for metric in spec.metrics.values()]
    found += [(service.at("labels"), service.labels) for service in spec.services.values()]
    # The series ALERTS carries the labels of alerts.
    found += [(alert.at("labels"), alert.labels) for alert in spec.alerts.values()]
    found += [(slo.at("labels"), slo.labels) for service in spec.services.values() for slo in service.slos.values()]
    found.append((spec.prometheus.at("external_labels"), system.external_labels))
    for span, labels in found:
        if REFUSED_LABEL in labels:
            report.error(
                "influxdb/label", f"InfluxDB refuses every sample with a label `{REFUSED_LABEL}`", span,
                help="use another name; where a target exposes it, rename it in `metric_relabel`",
            )  # fmt: skip

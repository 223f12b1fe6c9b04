"""``docs/metrics.md``: every metric that is known, where that is known from, and how many series it may have."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.lower.docs import facts as say
from monitoring_kit.lower.docs import markdown as md
from monitoring_kit.lower.docs.facts import Facts
from monitoring_kit.lower.limits import series_bound
from monitoring_kit.resolve.registry import LabelInfo, MetricInfo


def metric_reference(facts: Facts) -> str:
    """The page."""
    declared, others = _gather(facts)
    return md.page(
        "# Metrics",
        md.section("Declared in the spec", *(_declared(info, services) for info, services in declared.values())),
        *(
            md.section(f"From {source}", _catalog(source, families, services))
            for source, (families, services) in others.items()
        ),
        md.section("Recorded series", _recorded(facts)),
    )


Declared = dict[str, tuple[MetricInfo, list[str]]]
Others = dict[str, tuple[dict[str, MetricInfo], list[str]]]


def _gather(facts: Facts) -> tuple[Declared, Others]:
    declared: Declared = {}
    others: Others = {}
    for service, families in facts.system.registry.by_service.items():
        for name, info in families.items():
            if info.span is not None:
                declared.setdefault(name, (info, []))[1].append(service)
                continue
            known, services = others.setdefault(info.source, ({}, []))
            known.setdefault(name, info)
            if not services or services[-1] != service:
                services.append(service)
    return declared, others


def _declared(info: MetricInfo, services: list[str]) -> str:
    facts = [
        ("Type", f"{info.type}{', also as a native histogram' if info.native else ''}"),
        ("Unit", md.text(info.unit or "")),
        ("Buckets", ", ".join(f"{bound:g}" for bound in info.buckets)),
        ("Services", say.listed(services)),
        ("Series", f"at most {series_bound(info):,} a target"),
    ]
    labels = [(md.code(name), _label(label)) for name, label in info.labels.items()]
    return md.page(
        f"### {md.code(info.name)}",
        md.text(info.help),
        md.table(("", ""), [row for row in facts if row[1]]),
        md.table(("Label", "Values"), labels) if labels else "",
    ).rstrip()


def _label(label: LabelInfo) -> str:
    if label.values:
        return ", ".join(md.code(value) for value in label.values)
    parts = [f"matching {md.code(label.pattern)}"] if label.pattern else []
    parts += [f"at most {label.max:,}"] if label.max else []
    return ", ".join(parts) or "not bounded"


def _catalog(source: str, families: dict[str, MetricInfo], services: list[str]) -> str:
    rows = (
        (md.code(name), info.type, ", ".join(md.code(label) for label in info.labels), md.text(info.help))
        for name, info in sorted(families.items())
    )
    head = f"{len(families):,} families of {say.listed(services)}."
    return f"{head}\n\n{md.table(('Metric', 'Type', 'Labels', 'Meaning'), rows)}"


def _recorded(facts: Facts) -> str:
    rows: dict[str, tuple[str, ...]] = {}
    for rules in facts.recordings.values():
        for rule in rules:
            if rule.use is not None and rule.record not in rows:
                rows[rule.record] = (md.code(rule.record), md.code(str(rule.use)), _unit(rule.use.signal.unit))
    return md.table(("Series", "Signal", "Unit"), _sorted(rows)) if rows else ""


def _sorted(rows: dict[str, tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    return (rows[name] for name in sorted(rows))


def _unit(unit: str) -> str:
    return unit.replace("_", " ")

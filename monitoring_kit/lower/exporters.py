"""The configuration files of mkit's exporters, made from the spec's `exporters:` and the metric registry.

What a configuration may say is the exporters' own business: each has a module ``spec_config`` with a function that turns
(block, registry) into (configuration, mistakes) and needs none of the exporter's drivers. It is imported by name, and only
for a spec that has the exporter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.load.nodes import Mapping, Node, Sequence
from monitoring_kit.lower.exporter_metrics import report_declaration, report_uncollected
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.resolve.exporters import ExporterView
from monitoring_kit.resolve.exposed import plain, spec_config
from monitoring_kit.resolve.system import System

Path = tuple[Any, ...]
# What the configuration calls otherwise than the spec does.
_WRITTEN = {"metrics": "collect", "quality": "truth"}
# A query that bounds its rows by itself: by their number, or by the time now in any dialect.
_BOUNDED = re.compile(
    r"(?i)\blimit\s+\d|\b(now|sysdate|unix_timestamp|unixepoch|datetime|strftime|julianday)\s*\(|\bcurrent_(date|time|timestamp)\b"
)
FromSpec = Callable[[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], list[Any]]]

# How a query says "since the watermark", by the kind of source; other kinds are no SQL.
SINCE = {
    "mysql": "FROM_UNIXTIME(:since)",
    "mariadb": "FROM_UNIXTIME(:since)",
    "postgresql": "to_timestamp(:since)",
    "sqlite": ":since",
}


def lower_exporters(system: System, report: Report) -> list[OutFile]:
    """`exporters/<name>.yaml` for every exporter of the spec. 0640: the files name those that hold secrets."""
    files = []
    inline = {found.span for found in report if found.code == "secrets/inline"}
    for exporter in system.exporters:
        made = _made(system, exporter)
        if made is None:
            report.error(
                "exporters/not-installed", f"the {exporter.name} exporter is not installed, so its configuration cannot be made", exporter.node.span,
                help="reinstall mkit: its exporters are missing",
            )  # fmt: skip
            continue
        config, mistakes = made
        for mistake in mistakes:
            declared = _declaration(system, exporter, tuple(mistake.path))
            if declared is not None:
                report_declaration(exporter, mistake, declared, report)
                continue
            about_key = str(mistake.message).startswith(("unknown key", "is not in the metric registry"))
            key, value = (_place(exporter.node, tuple(mistake.path), about_key=about) for about in (True, False))
            # A secret is told once, with where it belongs.
            if not {key, value} & inline:
                report.error("exporters/config", str(mistake.message), key if about_key else value)
        if not mistakes:
            _unbounded(exporter, config, report)
            _idle(exporter, config, report)
            report_uncollected(system, exporter, config, report)
            tree = _traced(config, _origins(system, exporter))
            files.append(OutFile(f"exporters/{exporter.name}.yaml", "yaml", tree, 0o640))
    return files


def _unbounded(exporter: ExporterView, config: dict[str, Any], report: Report) -> None:
    """Truth that is read as a whole is over `max_rows` one day, and then never read again."""
    truth = (config.get("quality") or {}).get("truth")
    if truth is None:
        return
    compare = SINCE.get(truth["source"].get("kind"))
    query = str(truth["query"])
    if compare is None or ":since" in query or _BOUNDED.search(query):
        return
    span = _place(exporter.node, ("truth", "sql"), about_key=False)
    report.warning(
        "exporters/truth-unbounded", "the truth's query bounds its rows neither by `:since` nor by the time now: it fails for good once it gives more than `max_rows`", span,
        help=f"end it with `WHERE <time column> >= {compare}`, the time from which truth still counts",
    )  # fmt: skip


def _idle(exporter: ExporterView, config: dict[str, Any], report: Report) -> None:
    """An exporter of events to which none can come."""
    idle = getattr(spec_config(exporter), "idle", None)
    if idle is not None and (lost := idle(config)):
        report.warning(
            "exporters/no-events", f"the {exporter.name} exporter has no way in for events: {lost}", exporter.node.span,
            help="give it one: `ingest: {unix: /run/mkit/ai.sock}` for mkit's client, or `ingest: {http: true}`",
        )  # fmt: skip


def _declaration(system: System, exporter: ExporterView, path: Path) -> Span | None:
    """Where the metric is declared that a mistake is about; None for a mistake in the exporter's own block."""
    if path[:1] != ("metrics",) or len(path) < 2:
        return None
    info = system.registry.by_service.get(exporter.service, {}).get(path[1])
    return info.span if info is not None else None


def configuration(system: System, exporter: ExporterView) -> dict[str, Any] | None:
    """The configuration of one exporter; None when it has mistakes (``lower_exporters`` reports them)."""
    made = _made(system, exporter)
    return made[0] if made is not None and not made[1] else None


def _made(system: System, exporter: ExporterView) -> tuple[dict[str, Any], list[Any]] | None:
    module = spec_config(exporter)
    if module is None:
        return None
    make: FromSpec = module.from_spec
    return make(exporter.block, plain(system.registry.by_service.get(exporter.service, {})))


def _origins(system: System, exporter: ExporterView) -> Callable[[Path], Span]:
    """From a path of the configuration to the place of the spec that it comes from."""
    known = system.registry.by_service.get(exporter.service, {})
    collected = exporter.node.get("collect")

    def origin(path: Path) -> Span:
        if path[:1] == ("metrics",) and len(path) > 1:
            # What is read stands in the exporter's block, what the metric is in the registry.
            registered = known[path[1]].span if path[1] in known else None
            if registered is not None and (collected is None or len(path) > 2):
                return registered
        return _place(exporter.node, (_WRITTEN.get(path[0], path[0]), *path[1:]) if path else (), about_key=False)

    return origin


def _traced(value: Any, origin: Callable[[Path], Span], path: Path = ()) -> Any:
    """``value`` with the mappings in it as branches."""
    if isinstance(value, dict):
        return Branch(origin(path), {key: _traced(inner, origin, (*path, key)) for key, inner in value.items()})
    if isinstance(value, list):
        return [_traced(inner, origin, (*path, place)) for place, inner in enumerate(value)]
    return value


def _place(node: Node, path: tuple[Any, ...], *, about_key: bool) -> Span:
    """Where ``path`` stands below ``node``: the key at its end, or that key's value; as deep as it was written."""
    span = node.span
    for part in path:
        if isinstance(node, Mapping) and str(part) in node.entries:
            entry = node.entries[str(part)]
            node = entry.value
            span = entry.key.span if about_key or isinstance(node, (Mapping, Sequence)) else node.span
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            span = node.span
        else:
            break
    return span

"""From the spec's ``exporters.business`` to the configuration file: a pure function that needs no driver.

In the spec a metric's type, help, unit and labels stand once, in the registry; ``collect`` adds where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitoring_kit.diagnostics.suggest import did_you_mean

from ..runtime import MetricSpec
from .config import draft, read_config
from .families import bounded, families
from .fields import Fields, Mistake

DEFAULT_STATE_FILE = "/var/lib/mkit/business.db"
# Kind of source -> the key under which `collect` holds its query; `query` does for all.
QUERY_KEYS = {
    "mysql": "sql", "mariadb": "sql", "postgresql": "sql", "sqlite": "sql", "redis": "command", "http": "jmespath",
}  # fmt: skip
COLLECT_KEYS = (
    "source", "mode", "every", "on_null", "on_empty", "on_error", "on_regression", "max_rows", "timeout", "watermark",
    "value", "numeric_text", "path", "field", "max_series", "valid", "collapse",
)  # fmt: skip
# What the configuration file says of a metric and the spec's registry says here.
_REGISTERED = ("type", "help", "unit", "labels", "buckets", "native")
TOP_KEYS = ("listen", "namespace", "max_series", "strict", "state_file", "sources")


def from_spec(block: Any, metrics: Mapping[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """(configuration, mistakes) of a spec's ``exporters.business`` block.

    ``block`` is plain data: ``listen``, ``namespace``, ``max_series``, ``strict``, ``state_file``, ``sources`` as in the
    configuration file, and ``collect``: metric name -> source, query (``sql``, ``command`` or ``jmespath``) and how it
    is read. ``metrics`` is the registry as plain data: name -> ``type, help, unit, labels: {name: {values, pattern,
    max}}, buckets, native``. A mistake's ``path`` leads to its place within the block. The configuration is complete
    and accepted by ``parse_config`` when there is no mistake.
    """
    config, mistakes, queries = _config(block, metrics)
    if config["metrics"]:
        mistakes += [_moved(mistake, queries) for mistake in read_config(config)[1]]
    return config, list(dict.fromkeys(mistakes))


def exposed(
    block: Any, metrics: Mapping[str, Any]
) -> tuple[list[MetricSpec], dict[str, MetricSpec], list[tuple[tuple[str, ...], MetricSpec]]]:
    """(all families that the exporter may expose, those of them that ``metrics`` may declare anew, those that it would have if other
    keys of the block were written, with the keys): of the latter two it has none.

    Arguments as for ``from_spec``; what is wrong with them is not told here, its families are left out, and until it is right
    labels are open.
    """
    made, mistakes, _ = _config(block, metrics)
    config, more = draft(made)
    return families(config) if mistakes or more else bounded(config), {}, []


def _config(block: Any, metrics: Mapping[str, Any]) -> tuple[dict[str, Any], list[Mistake], dict[str, str]]:
    """(configuration, the spec's own mistakes, the key of each metric's query)."""
    mistakes: list[Mistake] = []
    top = Fields(block, (), mistakes)
    config: dict[str, Any] = {key: top.raw(key) for key in TOP_KEYS if top.raw(key) is not None}
    collect = Fields(top.raw("collect"), ("collect",), mistakes)
    # Taken away, not asked for: no typing mistake shall be answered with it.
    # Written without a value it is as wrong.
    if top.data.pop("metrics", top) is not top:
        top.error("metrics", "unknown key `metrics`; a spec has `collect` here: name -> source and query")
    top.done()
    kinds = _kinds(config.get("sources"))
    queries: dict[str, str] = {}
    made: dict[str, Any] = {}
    for name, body in collect.data.items():
        declared = metrics.get(name)
        if declared is None:
            collect.error(name, f"is not in the metric registry; {did_you_mean(name, metrics, 'registered')}")
            continue
        entry, queries[name] = _entry(name, Fields(body, ("collect", name), mistakes), declared, kinds)
        made[name] = entry
    config["metrics"] = made
    if "state_file" not in config and any(_keeps_state(entry) for entry in made.values()):
        config["state_file"] = DEFAULT_STATE_FILE
    if not collect.data and not mistakes:
        collect.error("", "expected a mapping with at least one metric")
    return config, mistakes, queries


def _kinds(sources: Any) -> dict[str, str]:
    if not isinstance(sources, Mapping):
        return {}
    return {str(name): str(body.get("kind")) for name, body in sources.items() if isinstance(body, Mapping)}


def _entry(
    name: str, here: Fields, declared: Mapping[str, Any], kinds: Mapping[str, str]
) -> tuple[dict[str, Any], str]:
    """(the metric's entry, the key under which its query stands)."""
    entry: dict[str, Any] = {"type": declared.get("type"), "help": declared.get("help")}
    if declared.get("unit"):
        entry["unit"] = declared["unit"]
    labels = {label: _label(body or {}, declared) for label, body in (declared.get("labels") or {}).items()}
    if labels:
        entry["labels"] = labels
    if declared.get("buckets"):
        entry["buckets"] = list(declared["buckets"])
    if declared.get("native"):
        entry["native"] = True
    entry.update({key: here.raw(key) for key in COLLECT_KEYS if here.raw(key) is not None})
    if declared.get("type") == "summary":
        here.error("", "a summary cannot be collected; declare a histogram")
    query_key = _query(here, entry, QUERY_KEYS.get(kinds.get(str(entry.get("source")), ""), "sql"))
    for key in _REGISTERED:
        here.raw(key)
        if key in here.data:
            here.error(key, f"unknown key `{key}`; it stands at `{name}` in the spec's own `metrics:`")
    here.done((query_key,))
    return entry, query_key


def _query(here: Fields, entry: dict[str, Any], wanted: str) -> str:
    found = [key for key in (*dict.fromkeys(QUERY_KEYS.values()), "query") if here.raw(key) is not None]
    if len(found) > 1:
        here.error(found[1], f"stands beside {found[0]}; one query is expected")
    elif found and found[0] not in (wanted, "query"):
        here.error(found[0], f"does not fit the source's kind; write {wanted}")
    if found:
        entry["query"] = here.raw(found[0])
    return found[0] if found else wanted


def _label(body: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if body.get("values"):
        out["allow"] = [str(value) for value in body["values"]]
    for key in ("pattern", "max"):
        if body.get(key) is not None:
            out[key] = body[key]
    if "max" in out and declared.get("type") in ("counter", "histogram"):
        # Counts add up under `other`; a gauge (a price, a temperature) need not, so there the sample is dropped.
        out["else"] = "other"
    return out


def _keeps_state(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") in ("counter", "histogram")


def _moved(mistake: Mistake, queries: Mapping[str, str]) -> Mistake:
    """A mistake of the configuration at its place in the spec."""
    path = mistake.path
    if path[:1] != ("metrics",) or mistake.clash:
        return mistake
    path = ("collect", *path[1:])
    if path[2:] == ("query",):
        path = (*path[:2], queries.get(path[1], "query"))
    return Mistake.at(path, mistake.message)

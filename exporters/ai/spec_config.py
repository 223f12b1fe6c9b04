"""From the spec's ``exporters.ai`` to the configuration file: a pure function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitoring_kit.diagnostics.suggest import did_you_mean

from ..business.fields import Fields, Mistake
from ..runtime import MetricSpec
from .catalog import model_specs, read_yaml
from .config import Config, draft
from .config_scrape import unlike
from .families import bounded, dormant, families, has_gpus, ways_in

TOP_KEYS = ("listen", "namespace", "max_series", "ingest", "model", "drift", "scrape", "gpu", "process")
TRUTH_KEYS = (
    "key",
    "time",
    "by",
    "by_max",
    "classes",
    "window",
    "max_delay",
    "min_samples",
    "max_rows",
    "state_file",
    "kind",
)
# What the configuration file calls so stands elsewhere in a spec.
HINTS = {
    "quality": "a spec has `truth` here: the same keys, and beside them the `source` and `sql` of truth that is read from a table",
    "metrics": "metrics stand in the spec's own `metrics:`, with this exporter's service in their `services`",
}
# What the spec calls a query, by the kind of source.
QUERY_KEYS = ("sql", "jmespath", "query")
# A quality gauge goes by this name where the registry declares it and `publish` says nothing: the pack's own metrics.
PUBLISHED = {"accuracy": "ai_model_accuracy"}


def from_spec(block: Any, metrics: Mapping[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """(configuration, mistakes) of a spec's ``exporters.ai`` block.

    ``metrics`` is the registry's metrics of the services that this exporter stands for, as plain data (``type, help,
    unit, labels: {name: {values, pattern, max}}, buckets, native``). ``truth.source`` names one of the block's ``sources``,
    to which the compiler has added those of the business exporter. A mistake's ``path`` leads to its place within the block. The configuration is complete
    and accepted by ``parse_config`` when there is no mistake.
    """
    config, mistakes = _config(block, metrics)
    if not mistakes:
        made, found = draft(config)
        mistakes = [_moved(mistake) for mistake in [*found, *_summaries(made, metrics)]]
    return config, list(dict.fromkeys(mistakes))


def exposed(
    block: Any, metrics: Mapping[str, Any]
) -> tuple[list[MetricSpec], dict[str, MetricSpec], list[tuple[tuple[str, ...], MetricSpec]]]:
    """(all families that the exporter may expose, those of them that ``metrics`` may declare anew, those that it would have if other
    keys of the block were written, with the keys).

    Arguments as for ``from_spec``; what is wrong with them is not told here, and until it is right the families of every key
    count as served, and labels are open.
    """
    made, mistakes = _config(block, metrics)
    config, more = draft(made)
    scraped = config.scrape.mapped if config.scrape is not None else {}
    anew = {**model_specs(config.model.cameras), **scraped}
    if mistakes or more:
        return [*families(config), *(spec for _, spec in dormant(config))], anew, []
    return bounded(config), anew, dormant(config)


def idle(config: Mapping[str, Any]) -> str:
    """What of a complete configuration never has a figure, because no event can come; "" where that is not so or nothing lost."""
    made, _ = draft(config)
    if ways_in(made):
        return ""
    if made.quality is not None or made.drift is not None:
        both = [name for name, part in (("truth", made.quality), ("drift", made.drift)) if part is not None]
        return f"nothing of what `{'` and `'.join(both)}` would judge ever arrives"
    gpus = " and of GPUs, where it finds any" if has_gpus(made) else ""
    return f"it tells of itself alone{gpus}" if made.scrape is None else ""


def _summaries(config: Config, metrics: Mapping[str, Any]) -> Iterator[Mistake]:
    """What is wrong with declared summaries: the exporter has none, so the configuration file does not name them."""
    filled = config.scrape.mapped if config.scrape is not None else {}
    for name, body in metrics.items():
        if name in filled and body.get("type") == "summary":
            yield Mistake.at(("metrics", name), unlike("summary", list(body.get("labels") or ()), filled[name]))


def _config(block: Any, metrics: Mapping[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """(configuration, the spec's own mistakes)."""
    mistakes: list[Mistake] = []
    top = Fields(block, (), mistakes)
    config: dict[str, Any] = {key: top.raw(key) for key in TOP_KEYS if top.raw(key) is not None}
    config["metrics"] = {name: declaration(body) for name, body in metrics.items() if body.get("type") != "summary"}
    truth, sources = top.raw("truth"), top.raw("sources")
    if not isinstance(sources, Mapping):
        sources = {}
    if truth is not None:
        config["quality"] = _quality(Fields(truth, ("truth",), mistakes), config["metrics"], sources)
    for key, hint in HINTS.items():
        # Taken away, not asked for: no typing mistake shall be answered with it.
        # Written without a value it is as wrong.
        if top.data.pop(key, top) is not top:
            top.error(key, f"unknown key `{key}`; {hint}")
    top.done()
    return config, mistakes


def declaration(body: Mapping[str, Any]) -> dict[str, Any]:
    """One registry entry as a declaration of the exporter."""
    out: dict[str, Any] = {key: body[key] for key in ("type", "help", "unit") if body.get(key)}
    labels = {name: _label(label or {}, body) for name, label in (body.get("labels") or {}).items()}
    if labels:
        out["labels"] = labels
    if body.get("type") == "histogram":
        # Classic buckets beside the native ones: most rules and panels read those.
        default = read_yaml("model_metrics.yaml")["layouts"]["latency"]
        out["buckets"] = list(body.get("buckets") or default)
        out["native"] = bool(body.get("native"))
    return out


def _label(body: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if body.get("values"):
        out["allow"] = [str(value) for value in body["values"]]
    for key in ("pattern", "max"):
        if body.get(key) is not None:
            out[key] = body[key]
    if "max" in out and declared.get("type") in ("counter", "histogram"):
        out["else"] = "other"
    return out


def _quality(here: Fields, metrics: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {key: here.raw(key) for key in TRUTH_KEYS if here.raw(key) is not None}
    if "time" not in out and isinstance(out.get("key"), list) and "window_start" in out["key"]:
        out["time"] = "window_start"
    publish = here.raw("publish")
    out["publish"] = publish if publish is not None else {k: name for k, name in PUBLISHED.items() if name in metrics}
    wanted = here.raw("source")
    pull = {"every": here.raw("every"), "value": here.raw("value"), "path": here.raw("path")}
    queries = [here.raw(key) for key in QUERY_KEYS if here.raw(key) is not None]
    here.done()
    if wanted is None:
        # Truth is pushed, by the client or over HTTP.
        return out
    source = sources.get(wanted) if isinstance(wanted, str) else wanted
    if source is None:
        here.error("source", f"there is no source `{wanted}`; {did_you_mean(str(wanted), map(str, sources))}")
    if len(queries) != 1:
        here.error("sql", "one query is needed")
    else:
        out["truth"] = {"source": source, "query": queries[0], **{k: v for k, v in pull.items() if v is not None}}
    return out


def _moved(mistake: Mistake) -> Mistake:
    """A mistake of the configuration at its place in the spec."""
    path = mistake.path
    if mistake.clash:
        return mistake
    if path[:2] == ("quality", "truth"):
        path = ("truth", *({"query": "sql"}.get(key, key) for key in path[2:]))
    elif path[:1] == ("quality",):
        path = ("truth", *path[1:])
    return Mistake.at(path, mistake.message)

"""The ``metrics`` of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ..runtime import MetricSpec, Policy
from ..runtime.records import dataclass, field, replace
from . import fields as read
from .config_sources import SourceConfig
from .fields import Fields, Mistake
from .guard import RULES
from .rows import NULL_RULES, RowRules
from .spec import MAX_KNOWN_SETS, metric_spec
from .sqltext import lint

# Mode -> metric types that it can fill.
MODES = {
    "gauge": ("gauge", "info"),
    "cumulative": ("counter",),
    "increment": ("counter",),
    "events": ("histogram",),
}
EMPTY_RULES = ("omit", "zero", "error")
_SPEC_KEYS = ("type", "help", "unit", "labels", "buckets", "native", "max_series", "collapse", "valid", "created")


@dataclass(frozen=True)
class MarkConfig:
    """The watermark of ``increment`` and ``events``.

    ``column`` of the answer holds it, ``:watermark`` in the query stands for it, ``start`` is its first value.
    ``overlap``: how many whole numbers below the mark are read again, for rows whose transaction ended late (events).
    """

    column: str = "watermark"
    start: Any = 0
    overlap: int = 0


@dataclass(frozen=True)
class MetricConfig:
    """One metric: what it is (``spec``), what fills it, and what happens when that fails. Times in seconds."""

    spec: MetricSpec
    source: str
    query: Any
    mode: str
    rules: RowRules
    every: float = 0.0
    on_empty: str = "omit"
    on_error: Policy = field(default_factory=Policy.drop)
    on_regression: str = "hold"
    max_rows: int = 500
    timeout: float = 2.0
    mark: MarkConfig = MarkConfig()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def needs_state(self) -> bool:
        """Whether a restart without a state file would count rows twice."""
        return self.mode in ("increment", "events")


def read_metric(name: str, body: Any, source: SourceConfig | None, errors: list[Mistake]) -> MetricConfig | None:
    """One entry of ``metrics``; None after recording that it cannot be used. SpecError from the declaration itself."""
    before = len(errors)
    here = Fields(body, ("metrics", name), errors)
    here.need("source", read.text)
    spec = metric_spec({"name": name, **{key: here.raw(key) for key in _SPEC_KEYS if here.raw(key) is not None}})
    default = {"histogram": "events", "counter": "cumulative"}.get(spec.kind, "gauge")
    mode = here.get("mode", default, read.choice(*MODES))
    if spec.kind not in MODES[mode]:
        here.error("mode", f"{mode} fills a {' or '.join(MODES[mode])}, but {name} is a {spec.kind}")
    mark = _mark(here, mode)
    every = here.get("every", 0.0, read.span(0, 86_400))
    if every:
        spec = replace(spec, help=f"{spec.help.rstrip()} (Read every {every:g} s.)")
    metric = MetricConfig(
        spec,
        source.name if source else "",
        here.need("query", lambda value: value),
        mode,
        _rules(here, spec, mode, mark, source),
        every=every,
        on_empty=here.get("on_empty", _empty(spec), read.choice(*EMPTY_RULES)),
        on_error=here.get("on_error", Policy.drop(), _policy),
        on_regression=here.get("on_regression", "hold", read.choice(*RULES)),
        max_rows=here.get("max_rows", source.max_rows if source else 500, read.whole(1, 1_000_000)),
        timeout=here.get("timeout", source.timeout if source else 2.0, read.span(0.01, 600)),
        mark=mark,
        extra={key: value for key in ("path", "field") if (value := here.get(key, None, read.text)) is not None},
    )
    here.done()
    if metric.on_empty == "zero" and _known_sets(spec) > MAX_KNOWN_SETS:
        here.error(
            "labels",
            f"the allow-lists make more than {MAX_KNOWN_SETS} label sets; write on_empty: omit, or fewer values",
        )
    if source is not None and metric.query is not None:
        _check_query(here, metric, source)
    return metric if len(errors) == before and source is not None else None


def _known_sets(spec: MetricSpec) -> int:
    return prod(len(label.allow or ()) for label in spec.labels)


def _empty(spec: MetricSpec) -> str:
    """Counters whose label sets are known start at zero, so that the first event is seen as an increase."""
    known = all(label.allow is not None for label in spec.labels)
    return "zero" if spec.kind in ("counter", "histogram") and known else "omit"


def _rules(here: Fields, spec: MetricSpec, mode: str, mark: MarkConfig, source: SourceConfig | None) -> RowRules:
    return RowRules(
        spec.label_names,
        value=None if spec.kind == "info" else here.get("value", "value", read.text),
        watermark=mark.column if mode in ("increment", "events") else None,
        on_null=here.get("on_null", "omit", read.choice(*NULL_RULES)),
        # SQL knows its columns; a document gives null for a key that it does not have, renamed ones too.
        all_null=source is None or source.kind != "http" or here.raw("on_null") is not None,
        otherwise={label.name: label.otherwise for label in spec.labels if label.otherwise is not None},
        zone=source.zone if source else None,
        # Redis knows numbers as text only.
        numeric_text=here.get("numeric_text", source is not None and source.kind == "redis", read.flag),
    )


def _mark(here: Fields, mode: str) -> MarkConfig:
    body = here.raw("watermark")
    if mode not in ("increment", "events"):
        if body is not None:
            here.error("watermark", f"belongs to the modes increment and events, not to {mode}")
        return MarkConfig()
    inner = Fields({"column": body} if isinstance(body, str) else body, (*here.path, "watermark"), here.errors)
    overlap = inner.get("overlap", 0, read.whole(0, 1_000_000))
    mark = MarkConfig(inner.get("column", "watermark", read.text), inner.get("start", 0, _start), overlap)
    if overlap and (mode != "events" or not isinstance(mark.start, int)):
        inner.error("overlap", "needs mode events and a watermark of whole numbers")
    inner.done()
    return mark


def _start(value: Any) -> Any:
    from datetime import date

    if isinstance(value, bool) or not isinstance(value, (int, float, str, date)):
        raise ValueError("expected a number, a date or text")
    return value


def _policy(value: Any) -> Policy:
    if isinstance(value, Mapping) and set(value) == {"hold"}:
        return Policy.hold(read.span(1, 7 * 86_400)(value["hold"]))
    if value in ("drop", "fail"):
        return Policy(str(value))
    raise ValueError("expected drop, fail, or {hold: 5m} (how old the held values may get)")


def _check_query(here: Fields, metric: MetricConfig, source: SourceConfig) -> None:
    params = ("watermark",) if metric.needs_state else ()
    if source.dialect is None and metric.needs_state:
        here.error("mode", f"{metric.mode} needs a SQL source")
        return
    if source.kind == "http":
        faults = _jmespath_faults(metric.query)
    elif source.kind == "redis":
        from .redistext import redis_faults

        faults = redis_faults(metric.query, metric.spec.label_names, metric.extra.get("field"))
    elif not isinstance(metric.query, str):
        faults = ["expected SQL text"]
    else:
        faults = lint(metric.query, source.dialect or "", params)
    for fault in faults:
        here.error("query", fault)
    for key, kind in (("path", "http"), ("field", "redis")):
        if key in metric.extra and source.kind != kind:
            here.error(key, f"belongs to {kind} sources")


def _jmespath_faults(query: Any) -> list[str]:
    if not isinstance(query, str) or not query.strip():
        return ["expected a JMESPath expression"]
    if len(query) > 10_000:
        return ["is longer than 10000 characters"]
    return []

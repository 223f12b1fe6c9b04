"""The ``scrape`` block: an existing endpoint whose metrics are renamed and repaired."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..business import fields as read
from ..business.fields import Fields, Mistake
from ..runtime import MetricSpec, SpecError
from ..runtime.records import dataclass, field, replace
from .catalog import read_yaml

MAPPINGS = ("triton", "vllm")


@dataclass(frozen=True)
class Rule:
    """One foreign metric: what it becomes, the factor to base units, label renames (foreign -> ours) and constants."""

    metric: str
    to: str
    scale: float
    labels: Mapping[str, str]
    const: Mapping[str, str]


@dataclass(frozen=True)
class ScrapeConfig:
    """An endpoint and its mapping. ``specs`` are the families that the mapping fills, ``mapped`` those as the mapping has them."""

    url: str
    rules: tuple[Rule, ...]
    specs: Mapping[str, MetricSpec]
    timeout: float = 2.0
    max_bytes: int = 16 << 20
    mapped: Mapping[str, MetricSpec] = field(default_factory=dict)


@dataclass(frozen=True)
class Declared:
    """A metric that stands under ``metrics``; ``buckets`` says whether its buckets do."""

    spec: MetricSpec
    buckets: bool


def read_scrape(top: Fields, declared: Mapping[str, Declared]) -> ScrapeConfig | None:
    """The ``scrape`` block, None without one. A family of the mapping that is ``declared`` too is as declared."""
    body = top.raw("scrape")
    if body is None:
        return None
    here = Fields(body, ("scrape",), top.errors)
    url = here.need("url", _url)
    mapping = here.raw("mapping")
    if isinstance(mapping, str):
        named = here.get("mapping", None, read.choice(*MAPPINGS))
        mapping = read_yaml(f"mapping_{named}.yaml") if named else {}
    elif not isinstance(mapping, Mapping):
        here.error("mapping", f"expected one of {', '.join(MAPPINGS)}, or a mapping")
        mapping = {}
    rules, specs = read_mapping(mapping, top.errors)
    timeout = here.get("timeout", 2.0, read.span(0.05, 60))
    max_bytes = here.get("max_bytes", 16 << 20, read.size)
    here.done()
    return ScrapeConfig(url or "", rules, _as_declared(specs, declared, top.errors), timeout, max_bytes, specs)


def _as_declared(
    mapped: Mapping[str, MetricSpec], declared: Mapping[str, Declared], errors: list[Mistake]
) -> dict[str, MetricSpec]:
    """The families as declared; unit and buckets of the mapping stand in where a declaration has none. One that is declared as something else is a
    mistake at the declaration, where the registry says what a metric is."""
    out = dict(mapped)
    for name, own in mapped.items():
        found = declared.get(name)
        if found is None:
            continue
        spec = found.spec
        if fault := unlike(spec.kind, spec.label_names, own):
            errors.append(Mistake.at(("metrics", name), fault))
        elif spec.native is not None:
            errors.append(Mistake.at(("metrics", name), "`scrape` fills classic buckets alone: remove `native`"))
        else:
            buckets = spec.buckets if found.buckets else own.buckets
            out[name] = replace(spec, unit=spec.unit or own.unit, buckets=buckets)
    return out


def unlike(kind: str, labels: Collection[str], own: MetricSpec) -> str:
    """How a declaration of that type and those label names differs from the family that a mapping fills, and what to do;
    "" where it does not."""
    if kind == own.kind and set(labels) == set(own.label_names):
        return ""
    filled = f"`scrape` fills `{own.name}` as a {own.kind} with {_named(own.label_names)}"
    fix = "declare it so, have the mapping fill another name, or remove the declaration"
    return f"{filled}, and it is declared as a {kind} with {_named(labels)}: {fix}"


def _named(labels: Collection[str]) -> str:
    if not labels:
        return "no labels"
    return f"the label{'s' if len(labels) > 1 else ''} {', '.join(f'`{name}`' for name in labels)}"


def read_mapping(data: Mapping[str, Any], errors: list[Mistake]) -> tuple[tuple[Rule, ...], dict[str, MetricSpec]]:
    """The rules and families of a mapping: ``metrics`` declares, ``rules`` lists."""
    place = ("scrape", "mapping")
    here = Fields(data, place, errors)
    specs: dict[str, MetricSpec] = {}
    metrics = Fields(here.raw("metrics"), (*place, "metrics"), errors)
    for name, body in metrics.data.items():
        if body is not None and not isinstance(body, Mapping):
            metrics.error(name, "expected a mapping with type and help")
            continue
        try:
            specs[name] = MetricSpec.parse({**(body or {}), "name": name})
        except SpecError as error:
            metrics.error(name, str(error))
    listed = here.raw("rules")
    if not isinstance(listed, list) or not listed:
        here.error("rules", "expected a list")
        listed = []
    rules = [_rule(Fields(body, (*place, "rules", str(number)), errors), specs) for number, body in enumerate(listed)]
    here.done()
    return tuple(rule for rule in rules if rule is not None), specs


def _rule(here: Fields, specs: Mapping[str, MetricSpec]) -> Rule | None:
    metric = here.need("metric", read.text)
    target = here.need("to", lambda value: read.choice(*specs)(value) if specs else read.text(value))
    scale = here.get("scale", 1.0, lambda value: float(value))
    labels = Fields(here.raw("labels"), (*here.path, "labels"), here.errors)
    const = Fields(here.raw("const"), (*here.path, "const"), here.errors)
    renames = {name: labels.get(name, "", read.text) for name in labels.data}
    constants = {name: const.get(name, "", read.text) for name in const.data}
    here.done()
    if metric is None or target is None:
        return None
    if target in specs and set(renames.values()) | set(constants) != set(specs[target].label_names):
        here.error("labels", f"must give exactly the labels of {target}: {', '.join(specs[target].label_names)}")
    return Rule(metric, target, scale, renames, constants)


def _url(value: Any) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(read.text(value))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("expected http://host:port/path without a user")
    return str(value)

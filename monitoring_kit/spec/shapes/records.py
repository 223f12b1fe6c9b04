"""Shapes of mappings with known keys: records, records by kind, records that refer to each other."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Map
from dataclasses import MISSING, fields
from typing import Any

from monitoring_kit.diagnostics import Report, Source
from monitoring_kit.diagnostics.suggest import closest, did_you_mean, is_typo
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Entry, Mapping, Node, Scalar
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.shapes.base import INVALID, JsonSchema, Shape
from monitoring_kit.spec.shapes.collections import MapOf
from monitoring_kit.spec.shapes.items import Item, spec_name
from monitoring_kit.spec.shapes.scalars import Anything
from monitoring_kit.spec.shapes.secrets import secret_file


@dataclass(frozen=True)
class Record(Shape):
    """A mapping with known keys, read into the dataclass ``cls``. ``short`` names the key that a bare scalar or list
    stands for."""

    cls: type[Item]
    short: str | None = None
    exactly_one: tuple[tuple[str, ...], ...] = ()

    what = "a mapping"

    @property
    def keys(self) -> dict[str, Any]:
        return _record_keys(self.cls)

    def read(self, node: Node, report: Report) -> Any:
        if self.short and not isinstance(node, Mapping):
            node = _lift(self.short, node)
        if not isinstance(node, Mapping):
            return self._wrong(node, report)
        known = self.keys
        values: dict[str, Any] = {}
        for name, entry in node.entries.items():
            spec = known.get(name)
            if spec is None:
                self._unknown(entry.key, known, report)
                continue
            if (
                isinstance(entry.value, Scalar)
                and entry.value.is_null
                and not isinstance(spec.metadata["shape"], (MapOf, Anything))
            ):
                report.error(
                    "spec/type",
                    f"`{name}` has no value",
                    entry.key.span,
                    help="give it one or remove the key",
                )
                continue
            value = spec.metadata["shape"].read(entry.value, report)
            if value is not INVALID:
                values[spec.name] = value
        complete = self._complete(node, known, values, report)
        return self.cls(node=node, **values) if complete else INVALID

    def _unknown(self, name: Scalar, known: Map[str, Any], report: Report) -> None:
        as_file = secret_file(name.text, known)
        if as_file is not None:
            report.error(
                "secrets/inline", f"`{name.text}` would put a secret into the spec and its output", name.span, secret=True,
                help=f"keep the secret in a file and name that: `{as_file}: /run/secrets/{as_file.removesuffix('_file').replace('_', '-')}`",
            )  # fmt: skip
            return
        report.error(
            "spec/unknown-key",
            f"unknown key `{name.text}`",
            name.span,
            help=_deeper(name.text, known) or did_you_mean(name.text, known, "known here"),
        )

    def _complete(self, node: Mapping, known: Map[str, Any], values: Map[str, Any], report: Report) -> bool:
        ok = True
        for name, spec in known.items():
            if spec.metadata["required"] and spec.name not in values:
                ok = False
                if name not in node.entries:
                    report.error(
                        "spec/missing-key",
                        f"the key `{name}` is missing",
                        node.span,
                        help=spec.metadata["doc"],
                    )
        for group in self.exactly_one:
            given = [name for name in group if name in node.entries]
            if len(given) != 1:
                ok = ok and bool(given)
                names = ", ".join(f"`{n}`" for n in group)
                where = node.key_span(given[1]) if given else node.span
                report.error("spec/one-of", f"exactly one of {names} is needed, found {len(given)}", where)
        return ok

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        name = self.cls.__name__
        if name not in defs:
            defs[name] = {}
            properties = {}
            for key_name, spec in self.keys.items():
                properties[key_name] = _documented(spec, defs)
            required = [n for n, s in self.keys.items() if s.metadata["required"]]
            defs[name] = {
                "type": "object", "description": (self.cls.__doc__ or "").strip(), "properties": properties,
                "additionalProperties": False, **({"required": required} if required else {}),
            }  # fmt: skip
        ref: JsonSchema = {"$ref": f"#/$defs/{name}"}
        if self.short:
            return {"anyOf": [ref, self.keys[self.short].metadata["shape"].schema(defs)]}
        return ref


def _deeper(name: str, known: Map[str, Any]) -> str:
    """The hint at a key that belongs one level deeper (`scrape_interval` into `prometheus:`), mistyped or not; "" where a key of
    this level is meant, or none."""
    if closest(name, known) is not None:
        return ""
    for outer, spec in known.items():
        shape = spec.metadata["shape"]
        if isinstance(shape, Record) and (inner := closest(name, shape.keys)) is not None and is_typo(name, inner):
            return f"did you mean `{inner}` of `{outer}:`?"
    return ""


def _lift(name: str, node: Node) -> Mapping:
    span = node.span
    source = node.source if isinstance(node, Scalar) else None
    key_node = Scalar(
        name,
        True,
        "",
        source or Source(span.file, ""),
        0,
        0,
        span.line,
        span.column,
        span.end_line,
        span.end_column,
        True,
    )
    return Mapping({name: Entry(key_node, node)}, span)


def _documented(spec: Any, defs: dict[str, JsonSchema]) -> JsonSchema:
    schema = spec.metadata["shape"].schema(defs)
    extra: JsonSchema = {"description": spec.metadata["doc"]}
    if spec.default is not MISSING and isinstance(spec.default, (str, int, float, bool)):
        extra["default"] = spec.default
    elif isinstance(spec.default, Duration):
        extra["default"] = str(spec.default)
    if spec.metadata["example"] is not None:
        extra["examples"] = [spec.metadata["example"]]
    return {**schema, **extra}


_KEYS: dict[type[Item], dict[str, Any]] = {}


def _record_keys(cls: type[Item]) -> dict[str, Any]:
    found = _KEYS.get(cls)
    if found is None:
        found = {spec_name(f.name): f for f in fields(cls) if "shape" in f.metadata}
        _KEYS[cls] = found
    return found


@dataclass(frozen=True)
class ByKind(Shape):
    """A mapping whose key ``kind`` chooses the record."""

    kinds: Map[str, Record]
    what = "a mapping with a `kind`"

    def read(self, node: Node, report: Report) -> Any:
        if not isinstance(node, Mapping):
            return self._wrong(node, report)
        kind = node.get("kind")
        if not isinstance(kind, Scalar):
            report.error(
                "spec/missing-key",
                "the key `kind` is missing",
                node.span,
                help=did_you_mean("", self.kinds, "possible"),
            )
            return INVALID
        record = self.kinds.get(kind.text)
        if record is None:
            report.error(
                "spec/unknown-kind",
                f"unknown kind `{kind.text}`",
                kind.span,
                help=did_you_mean(kind.text, self.kinds, "possible"),
            )
            return INVALID
        return record.read(node, report)

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        branches = []
        for name, record in self.kinds.items():
            branches.append({"if": {"properties": {"kind": {"const": name}}}, "then": record.schema(defs)})
        return {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"enum": list(self.kinds)}},
            "allOf": branches,
        }


@dataclass(frozen=True)
class Lazy(Shape):
    """A shape that is made when first needed: for records that refer to each other."""

    make: Callable[[], Shape]

    def read(self, node: Node, report: Report) -> Any:
        return self.make().read(node, report)

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return self.make().schema(defs)

"""Shapes: what a value of the spec may look like.

A shape reads a positioned node into a typed value and reports every mistake it meets; the same shape writes the JSON
Schema that editors use. So the schema, the reader and the documentation cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence, plain, resolve_scalar
from monitoring_kit.spec.quantity import Duration, Quantity, parse_quantity

JsonSchema = dict[str, Any]


class _Invalid:
    """Stands for a value that could not be read; its mistake is already reported."""

    def __repr__(self) -> str:
        return "INVALID"

    def __bool__(self) -> bool:
        return False


INVALID: Any = _Invalid()


class Shape:
    """Base of all shapes."""

    what = "a value"

    def read(self, node: Node, report: Report) -> Any:
        """The typed value of ``node``, or INVALID after reporting why not."""
        raise NotImplementedError  # pragma: no cover - abstract

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        """The JSON Schema (2020-12) of this shape; records put themselves into ``defs``."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _wrong(self, node: Node, report: Report, detail: str = "", help_: str = "") -> Any:
        report.error("spec/type", detail or f"expected {self.what}, found {describe(node)}", node.span, help=help_)
        return INVALID

    def _scalar(self, node: Node, report: Report) -> str | None:
        if isinstance(node, Scalar) and not node.is_null:
            return node.text
        self._wrong(node, report)
        return None


def describe(node: Node) -> str:
    """What a node is, in a user's words."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "nothing" if node.is_null else f"`{node.text[:60]}`"


@dataclass(frozen=True)
class Text(Shape):
    """A string; ``pattern`` must match it whole and ``hint`` says what the pattern means."""

    pattern: str | None = None
    hint: str = ""
    code: str = "spec/value"
    max_length: int = 10_000

    what = "text"

    def read(self, node: Node, report: Report) -> Any:
        text = self._scalar(node, report)
        if text is None:
            return INVALID
        if len(text) > self.max_length:
            report.error("spec/value", f"longer than {self.max_length} characters", node.span)
            return INVALID
        if self.pattern and not re.fullmatch(self.pattern, text):
            report.error(
                self.code,
                f"`{text[:80]}` is not {self.hint or 'of the right form'}",
                node.span,
                help=self._help(text),
            )
            return INVALID
        return text

    def _help(self, text: str) -> str:
        if self.code == "spec/label-name":
            return f"write `{re.sub('[^a-zA-Z0-9_]', '_', text).lstrip('0123456789') or 'label'}`"
        return f"it must match {self.pattern}"

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {
            "type": ["string", "number", "boolean"],
            **({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {}),
        }


@dataclass(frozen=True)
class Choice(Shape):
    """One of a few words."""

    words: tuple[str, ...]
    code: str = "spec/value"

    @property
    def what(self) -> str:  # type: ignore[override]
        return "one of " + ", ".join(f"`{w}`" for w in self.words)

    def read(self, node: Node, report: Report) -> Any:
        text = self._scalar(node, report)
        if text is None:
            return INVALID
        if text not in self.words:
            report.error(
                self.code,
                f"`{text}` is not {self.what}",
                node.span,
                help=did_you_mean(text, self.words, "possible"),
            )
            return INVALID
        return text

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class Flag(Shape):
    """true or false."""

    what = "true or false"

    def read(self, node: Node, report: Report) -> Any:
        value = resolve_scalar(node) if isinstance(node, Scalar) else None
        if isinstance(value, bool):
            return value
        hint = (
            "YAML 1.2 has only true and false"
            if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off")
            else ""
        )
        return self._wrong(node, report, help_=hint)

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Number(Shape):
    """A number within bounds; ``whole`` allows integers only."""

    low: float | None = None
    high: float | None = None
    whole: bool = False

    @property
    def what(self) -> str:  # type: ignore[override]
        kind = "a whole number" if self.whole else "a number"
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low:g} to {self.high:g}"
        return kind + (f" of at least {self.low:g}" if self.low is not None else "")

    def read(self, node: Node, report: Report) -> Any:
        value = resolve_scalar(node) if isinstance(node, Scalar) else None
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or (self.whole and not isinstance(value, int))
        ):
            return self._wrong(node, report)
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            report.error("spec/value", f"{value} is not {self.what}", node.span)
            return INVALID
        return value

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        bounds = {"minimum": self.low, "maximum": self.high}
        return {
            "type": "integer" if self.whole else "number",
            **{k: v for k, v in bounds.items() if v is not None},
        }


@dataclass(frozen=True)
class TimeSpan(Shape):
    """A duration: 30s, 5m, 1h30m, 14d."""

    low: str | None = None
    high: str | None = None

    what = "a duration such as 30s, 5m or 14d"

    def read(self, node: Node, report: Report) -> Any:
        text = self._scalar(node, report)
        if text is None:
            return INVALID
        try:
            value = Duration.of(text)
        except ValueError as error:
            report.error("spec/duration", str(error), node.span)
            return INVALID
        if (self.low and value < Duration.of(self.low)) or (self.high and value > Duration.of(self.high)):
            report.error(
                "spec/duration",
                f"`{text}` is not between {self.low or '0s'} and {self.high or '100y'}",
                node.span,
            )
            return INVALID
        return value

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": "string", "pattern": r"^(0|(\d+(y|w|d|h|ms|m|s))+)$"}


@dataclass(frozen=True)
class Amount(Shape):
    """A quantity of one of the given dimensions; of any when none is given."""

    dimensions: tuple[str, ...] = ()

    @property
    def what(self) -> str:  # type: ignore[override]
        return "a quantity such as 5%, 2s, 512MB or 100/s"

    def read(self, node: Node, report: Report) -> Any:
        text = self._scalar(node, report)
        if text is None:
            return INVALID
        try:
            value = parse_quantity(text)
        except ValueError as error:
            report.error("units/unknown", str(error), node.span)
            return INVALID
        if self.dimensions and value.dimension not in self.dimensions:
            from monitoring_kit.spec.quantity import DIMENSIONS

            wanted = " or ".join(DIMENSIONS[d] for d in self.dimensions)
            report.error(
                "units/mismatch",
                f"`{text}` is not {wanted}",
                node.span,
                help=f"write {wanted.split('written ')[-1]}",
            )
            return INVALID
        return value

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": ["string", "number"]}


@dataclass(frozen=True)
class Anything(Shape):
    """Any YAML, passed through as plain data (raw relabeling rules and the like)."""

    def read(self, node: Node, report: Report) -> Any:
        return plain(node)

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {}


@dataclass(frozen=True)
class ListOf(Shape):
    """A list; with ``single`` one value may stand for a list of one."""

    item: Shape
    single: bool = False
    low: int = 0

    what = "a list"

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Sequence):
            values = [self.item.read(item, report) for item in node.items]
            if len(values) < self.low:
                report.error("spec/value", f"at least {self.low} expected", node.span)
            return tuple(v for v in values if v is not INVALID)
        if self.single and not (isinstance(node, Scalar) and node.is_null):
            value = self.item.read(node, report)
            return INVALID if value is INVALID else (value,)
        return self._wrong(node, report, help_="write it as a list: [a, b]")

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        item = self.item.schema(defs)
        array: JsonSchema = {"type": "array", "items": item, **({"minItems": self.low} if self.low else {})}
        return {"anyOf": [array, item]} if self.single else array


NAME = Text(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}", "a name (letters, digits, `_`, `-`, `.`; 63 at most)")


@dataclass(frozen=True)
class MapOf(Shape):
    """A mapping from names to values of one shape; each value that is an ``Item`` learns its name."""

    value: Shape
    key: Text = NAME
    nullable: bool = False

    what = "a mapping"

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Scalar) and node.is_null:
            return {}
        if not isinstance(node, Mapping):
            return self._wrong(node, report)
        found = {}
        for name, entry in node.entries.items():
            if self.key.read(entry.key, report) is INVALID:
                continue
            if self.nullable and isinstance(entry.value, Scalar) and entry.value.is_null:
                value = self.value.read(Mapping({}, entry.value.span), report)
            else:
                value = self.value.read(entry.value, report)
            if isinstance(value, Item):
                object.__setattr__(value, "name", name)
                object.__setattr__(value, "name_span", entry.key.span)
            if value is not INVALID:
                found[name] = value
        return found

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        names = {"pattern": f"^(?:{self.key.pattern})$"} if self.key.pattern else {}
        return {"type": "object", "propertyNames": names, "additionalProperties": self.value.schema(defs)}


_NO_NODE = Mapping({}, Span(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Base of the spec's records: remembers the mapping it was read from."""

    node: Mapping = field(default=_NO_NODE, repr=False, compare=False)
    name: str = field(default="", compare=False)
    name_span: Span = field(default=Span(""), repr=False, compare=False)

    def at(
        self,
        key: str | None = None,
        start: int | None = None,
        end: int | None = None,
        index: int | None = None,
    ) -> Span:
        """Where ``key``'s value was written (with ``start``/``end``: that stretch of its text; with ``index``: that
        item of its list); the key itself for a collection's head; the record's name when ``key`` was not written."""
        value = self.node.get(key) if key else None
        if value is None:
            return self.name_span if self.name_span.file else self.node.span
        if isinstance(value, Sequence) and index is not None and index < len(value.items):
            value = value.items[index]
        if isinstance(value, Scalar) and start is not None:
            return value.at(start, end if end is not None else start + 1)
        return value.span

    def has(self, key: str) -> bool:
        """True when the author wrote ``key``."""
        return key in self.node.entries


def key(shape: Shape, doc: str, default: Any = None, *, required: bool = False, example: Any = None) -> Any:
    """A field of a record: its shape, its documentation (one sentence), its default (a callable makes a fresh one)."""
    metadata = {"shape": shape, "doc": doc, "required": required, "example": example}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def spec_name(attribute: str) -> str:
    """The spec's key for a dataclass attribute: ``for_`` is written ``for``."""
    return attribute.rstrip("_")


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
        as_file = f"{name.text}_file"
        if as_file in known:
            report.error(
                "secrets/inline", f"`{name.text}` would put a secret into the spec and its output", name.span, secret=True,
                help=f"keep the secret in a file and name that: `{as_file}: /run/secrets/{name.text.replace('_', '-')}`",
            )  # fmt: skip
            return
        report.error(
            "spec/unknown-key",
            f"unknown key `{name.text}`",
            name.span,
            help=did_you_mean(name.text, known, "known here"),
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


def _lift(name: str, node: Node) -> Mapping:
    from monitoring_kit.load.nodes import Entry

    span = node.span
    source = node.source if isinstance(node, Scalar) else None
    from monitoring_kit.diagnostics import Source

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


LABEL_NAME = Text(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", "a valid label name", code="spec/label-name")
METRIC_NAME = Text(r"[a-zA-Z_][a-zA-Z0-9_]*", "a valid metric name", code="spec/metric-name")
TEXT = Text()
FILE = Text(r"[^\0\n]+", "a file path")
FLAG = Flag()
DURATION = TimeSpan()
LABELS = MapOf(TEXT, key=LABEL_NAME)
NAMES = ListOf(NAME, single=True)


class Url(Text):
    """An http(s) URL without credentials in it."""

    def __init__(self) -> None:
        super().__init__(r"https?://\S+", "an http:// or https:// URL")

    def read(self, node: Node, report: Report) -> Any:
        text = super().read(node, report)
        if text is INVALID:
            return INVALID
        if re.match(r"https?://[^/?#]*@", text) or re.search(r"[?&](p|pass|password|token|key|secret)=", text):
            report.error(
                "secrets/inline", "the URL carries a credential", node.span, secret=True,
                help="servers print such URLs in logs, /metrics and /api/v1/status/config; use `username` and `password_file`",
            )  # fmt: skip
            return INVALID
        return text


URL = Url()

__all__ = [
    "DURATION",
    "FILE",
    "FLAG",
    "INVALID",
    "LABELS",
    "LABEL_NAME",
    "METRIC_NAME",
    "NAME",
    "NAMES",
    "TEXT",
    "URL",
    "Amount",
    "Anything",
    "ByKind",
    "Choice",
    "Duration",
    "Flag",
    "Item",
    "Lazy",
    "ListOf",
    "MapOf",
    "Number",
    "Quantity",
    "Record",
    "Shape",
    "Text",
    "TimeSpan",
    "Url",
    "key",
    "spec_name",
]  # fmt: skip

"""Declarations of metric families: what the spec's metric registry says about one metric."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from .errors import SpecError
from .names import label_name_fault, metric_name_fault
from .records import dataclass

KINDS = ("counter", "gauge", "histogram", "info")
COLLAPSES = ("sum", "max", "min")
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """One label: its name and which values may become series.

    ``allow`` is a closed list, ``pattern`` a full-match regular expression, ``max`` the number of distinct values, and
    ``max_length`` the length in characters. A value that fails is replaced by ``otherwise``, or its sample is dropped
    and counted when ``otherwise`` is None.
    """

    name: str
    allow: tuple[str, ...] | None = None
    pattern: str | None = None
    max: int | None = None
    otherwise: str | None = None
    max_length: int = 256


@dataclass(frozen=True, slots=True)
class NativeSpec:
    """A native histogram's layout: base 2^(2^-schema), at most ``max_buckets`` buckets before the schema is lowered."""

    schema: int = 3
    max_buckets: int = 160
    zero_threshold: float = 2.0**-128


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric family as declared. ``buckets`` are classic upper bounds without +Inf; empty means native only."""

    name: str
    kind: str
    help: str
    unit: str = ""
    labels: tuple[LabelSpec, ...] = ()
    buckets: tuple[float, ...] = ()
    native: NativeSpec | None = None
    max_series: int | None = None
    collapse: str = "sum"
    valid: tuple[float, float] | None = None
    created: bool = False

    def __post_init__(self) -> None:
        for fault in (_fault(self), _label_fault(self), _histogram_fault(self)):
            if fault:
                raise SpecError(f"metric {self.name!r}: {fault}")

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @property
    def series_per_set(self) -> int:
        """Prometheus series that one label set makes: 1, or buckets + Inf + sum + count for a classic histogram."""
        return len(self.buckets) + 3 if self.kind == "histogram" and self.buckets else 1

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> MetricSpec:
        """A declaration from plain data (see README). Unknown keys and wrong types raise SpecError."""
        name = str(data.get("name", "?"))
        unknown = sorted(set(data) - _KEYS)
        if unknown:
            raise SpecError(f"metric {name!r}: unknown key {unknown[0]!r} (known: {', '.join(sorted(_KEYS))})")
        missing = [key for key in ("name", "type", "help") if not data.get(key)]
        if missing:
            raise SpecError(f"metric {name!r}: {missing[0]} is missing")
        kind = str(data["type"])
        try:
            native = _native(data.get("native"))
            buckets = data.get("buckets")
            if buckets is None:
                buckets = () if native or kind != "histogram" else DEFAULT_BUCKETS
            valid = data.get("valid")
            return cls(
                name=name,
                kind=kind,
                help=str(data["help"]),
                unit=str(data.get("unit") or ""),
                labels=_labels(data.get("labels")),
                buckets=tuple(float(b) for b in buckets if not math.isinf(float(b))),
                native=native,
                max_series=None if data.get("max_series") is None else int(data["max_series"]),
                collapse=str(data.get("collapse", "sum")),
                valid=None if valid is None else (float(valid[0]), float(valid[1])),
                created=bool(data.get("created", False)),
            )
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            raise SpecError(f"metric {name!r}: {error}") from error


def base_name(spec: MetricSpec) -> str:
    """The family's name in OpenMetrics: without the counter's ``_total`` and the info metric's ``_info``."""
    return spec.name.removesuffix({"counter": "_total", "info": "_info"}.get(spec.kind, ""))


_KEYS = {
    "name", "type", "help", "unit", "labels", "buckets", "native", "max_series", "collapse", "valid", "created",
}  # fmt: skip
_LABEL_KEYS = {"allow", "pattern", "max", "else", "max_length"}


def _labels(data: Any) -> tuple[LabelSpec, ...]:
    if data is None:
        return ()
    if isinstance(data, Mapping):
        return tuple(_label(str(name), body or {}) for name, body in data.items())
    if isinstance(data, str):
        raise ValueError("labels: expected a list or a mapping")
    return tuple(item if isinstance(item, LabelSpec) else LabelSpec(str(item)) for item in data)


def _label(name: str, body: Any) -> LabelSpec:
    if isinstance(body, Sequence) and not isinstance(body, str):
        body = {"allow": body}
    if not isinstance(body, Mapping):
        raise ValueError(f"label {name!r}: expected a mapping or a list of allowed values")
    unknown = sorted(set(body) - _LABEL_KEYS)
    if unknown:
        raise ValueError(f"label {name!r}: unknown key {unknown[0]!r} (known: {', '.join(sorted(_LABEL_KEYS))})")
    allow = body.get("allow")
    return LabelSpec(
        name,
        allow=None if allow is None else tuple(str(value) for value in allow),
        pattern=None if body.get("pattern") is None else str(body["pattern"]),
        max=None if body.get("max") is None else int(body["max"]),
        otherwise=None if body.get("else") is None else str(body["else"]),
        max_length=int(body.get("max_length", 256)),
    )


def _native(data: Any) -> NativeSpec | None:
    if data is None or data is False:
        return None
    if data is True:
        return NativeSpec()
    if isinstance(data, NativeSpec):
        return data
    unknown = sorted(set(data) - {"schema", "max_buckets", "zero_threshold"})
    if unknown:
        raise ValueError(f"native: unknown key {unknown[0]!r}")
    default = NativeSpec()
    return NativeSpec(
        int(data.get("schema", default.schema)),
        int(data.get("max_buckets", default.max_buckets)),
        float(data.get("zero_threshold", default.zero_threshold)),
    )


def _fault(spec: MetricSpec) -> str | None:
    if spec.kind not in KINDS:
        return f"type {spec.kind!r} is unknown (known: {', '.join(KINDS)})"
    name = metric_name_fault(spec.name, spec.kind)
    if name:
        return f"the name {name}"
    if not spec.help.strip():
        return "help is empty"
    base = spec.name.removesuffix("_total")
    if spec.unit and (spec.kind == "info" or not base.endswith("_" + spec.unit)):
        return f"unit {spec.unit!r} must end the name ({base}_{spec.unit}); info metrics have none"
    if spec.collapse not in COLLAPSES:
        return f"collapse {spec.collapse!r} is unknown (known: {', '.join(COLLAPSES)})"
    if spec.max_series is not None and spec.max_series < 1:
        return "max_series must be at least 1"
    if spec.valid is not None and not spec.valid[0] <= spec.valid[1]:
        return "valid must be [low, high] with low <= high"
    return None


def _label_fault(spec: MetricSpec) -> str | None:
    names = spec.label_names
    if len(set(names)) != len(names):
        return "a label is declared twice"
    for label in spec.labels:
        fault = label_name_fault(label.name)
        if fault:
            return f"label {label.name!r} {fault}"
        if label.max is not None and label.max < 1:
            return f"label {label.name!r}: max must be at least 1"
        if label.max_length < 1:
            return f"label {label.name!r}: max_length must be at least 1"
        if label.pattern is not None:
            try:
                re.compile(label.pattern)
            except re.error as error:
                return f"label {label.name!r}: pattern: {error}"
    return None


def _histogram_fault(spec: MetricSpec) -> str | None:
    if spec.kind != "histogram":
        return "buckets and native belong to histograms" if spec.buckets or spec.native else None
    if not spec.buckets and spec.native is None:
        return "a histogram needs buckets, native, or both"
    if any(not math.isfinite(bound) for bound in spec.buckets):
        return "buckets must be finite (+Inf is added)"
    if any(low >= high for low, high in pairwise(spec.buckets)):
        return "buckets must rise strictly"
    if spec.native and not (-4 <= spec.native.schema <= 8 and spec.native.max_buckets >= 4):
        return "native: schema must be -4..8 and max_buckets at least 4"
    return None

"""Shapes of single values: text, choices, numbers, durations, quantities."""

from __future__ import annotations

import re
from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Node, Scalar, plain, resolve_scalar
from monitoring_kit.spec.quantity import DIMENSIONS, Duration, Quantity, parse_quantity
from monitoring_kit.spec.shapes.base import INVALID, JsonSchema, Shape


@dataclass(frozen=True)
class Text(Shape):
    """A string; ``pattern`` must match it whole, ``hint`` says in words what the pattern means, and ``example`` is such a text.

    What does not match is not shown where ``secret`` is set: it may be what only its hash should stand for.
    """

    pattern: str | None = None
    hint: str = ""
    code: str = "spec/value"
    max_length: int = 10_000
    example: str = ""
    secret: bool = False

    what = "text"

    def read(self, node: Node, report: Report) -> Any:
        if self.secret:
            return self._read_secret(node, report)
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

    def _read_secret(self, node: Node, report: Report) -> Any:
        """Whatever is wrong with it, its text is not shown."""
        text = node.text if isinstance(node, Scalar) and not node.is_null else None
        if text is not None and len(text) <= self.max_length and re.fullmatch(self.pattern or ".*", text):
            return text
        message = f"the value is not {self.hint}; a password has no place in the spec"
        report.error("secrets/inline", message, node.span, secret=True, help=f"write {self.hint}")
        return INVALID

    def _help(self, text: str) -> str:
        if self.code in ("spec/label-name", "spec/metric-name"):
            # Labels that begin with two underscores are Prometheus' own.
            start = "_0123456789" if self.code == "spec/label-name" else "0123456789"
            return f"write `{re.sub('[^a-zA-Z0-9_]', '_', text).lstrip(start) or 'name'}`"
        return f"write {self.hint}" + (f", such as `{self.example}`" if self.example else "")

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
            what, found, write = str(error).rpartition("; ")
            report.error("spec/duration", what if found else str(error), node.span, help=write if found else "")
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
    above_zero: bool = False

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
        if self.above_zero and value.value <= 0:
            report.error("spec/value", f"`{text}` is not more than nothing", node.span, help="write a quantity above 0")
            return INVALID
        if self.dimensions and value.dimension not in self.dimensions:
            wanted = " or ".join(DIMENSIONS[d] for d in self.dimensions)
            report.error(
                "units/mismatch",
                f"`{text}` is not {wanted}",
                node.span,
                help=self._instead(text, value) or f"write {wanted.split('written ')[-1]}",
            )
            return INVALID
        return value

    def _instead(self, text: str, value: Quantity) -> str:
        """What a bare number may have been meant as, where a ratio is wanted; "" where nothing is near."""
        if "ratio" not in self.dimensions or value.text != text or not re.fullmatch(r"[\d.]+", text):
            return ""
        percent = text if value.value > 1 else f"{value.value * 100:.10g}"
        return f"write `{percent}%`"

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": ["string", "number"]}


@dataclass(frozen=True)
class Anything(Shape):
    """Any YAML, passed through as plain data (raw relabeling rules and the like)."""

    def read(self, node: Node, report: Report) -> Any:
        return plain(node)

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        return {}

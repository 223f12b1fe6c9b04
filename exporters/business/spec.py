"""Metric declarations of the business exporter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..runtime import MetricSpec, SpecError
from ..runtime.records import dataclass

# As many label sets as a family may begin with at zero.
MAX_KNOWN_SETS = 10_000
_RESERVED = ("_count", "_sum", "_bucket")


@dataclass(frozen=True, slots=True)
class PlainSpec(MetricSpec):
    """A gauge that may be called ``user_count``.

    OpenMetrics forbids only a real clash with the samples of a histogram or summary (``user``), and the configuration
    refuses that. Everything else about the declaration is checked as usual.
    """

    def __post_init__(self) -> None:
        fields = {name: getattr(self, name) for name in self.__match_args__}
        unit = f"_{self.unit}" if self.unit else ""
        try:
            MetricSpec(**{**fields, "name": f"{self.name}_value{unit}"})
        except SpecError as error:
            raise SpecError(str(error).replace(f"{self.name}_value{unit}", self.name)) from None


def metric_spec(data: Mapping[str, Any]) -> MetricSpec:
    """The declaration in ``data`` (see the runtime's README). SpecError when it is wrong.

    A unit that does not end the name (``revenue_per_hour`` in ``currency``) goes into the help text: OpenMetrics has
    no other place for it.
    """
    unit = str(data.get("unit") or "")
    name = str(data.get("name", ""))
    if unit and not name.removesuffix("_total").endswith(f"_{unit}"):
        data = {**data, "unit": "", "help": f"{str(data.get('help', '')).rstrip('. ')} (unit: {unit})."}
    if data.get("type") == "gauge" and name.endswith(_RESERVED):
        return PlainSpec.parse(data)
    return MetricSpec.parse(data)


def clashes(specs: list[MetricSpec]) -> list[tuple[str, str]]:
    """(name, what is wrong) for names that a histogram of the same configuration also writes."""
    written = {f"{spec.name}{suffix}": spec.name for spec in specs if spec.kind == "histogram" for suffix in _RESERVED}
    return [
        (spec.name, f"histogram {written[spec.name]} writes samples of that name")
        for spec in specs
        if spec.name in written
    ]

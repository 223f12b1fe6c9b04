"""Metric declarations of the business exporter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..runtime import MetricSpec, SpecError
from ..runtime.records import dataclass
from ..runtime.spec import base_name

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


def declared_twice(
    built_in: Iterable[MetricSpec], declared: Iterable[tuple[tuple[str, ...], MetricSpec]]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """(place, what is wrong) for each of ``declared`` whose family the exporter has already: of itself (``built_in``), or
    by an earlier declaration. A family is known by its base name: ``x`` and ``x_total`` are one."""
    own = {base_name(spec): spec.name for spec in built_in}
    seen: dict[str, str] = {}
    for place, spec in declared:
        base = base_name(spec)
        if base in own:
            like = "" if own[base] == spec.name else f" (its `{own[base]}`)"
            yield place, f"`{spec.name}` is a family that the exporter makes itself{like}, so it would refuse to start"
        elif base in seen:
            like = "" if seen[base] == spec.name else f" (`{seen[base]}` is the same one in OpenMetrics)"
            yield place, f"the family of `{spec.name}` is declared twice{like}, so the exporter would refuse to start"
        seen.setdefault(base, spec.name)


def clashes(specs: list[MetricSpec]) -> list[tuple[str, str]]:
    """(name, what is wrong) for names that a histogram of the same configuration also writes."""
    written = {f"{spec.name}{suffix}": spec.name for spec in specs if spec.kind == "histogram" for suffix in _RESERVED}
    return [
        (spec.name, f"histogram {written[spec.name]} writes samples of that name")
        for spec in specs
        if spec.name in written
    ]

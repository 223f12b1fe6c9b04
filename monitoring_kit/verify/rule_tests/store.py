"""The input series of a test: samples on a regular grid, as ``promtool test rules`` loads them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import lru_cache

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql.ast import Matcher
from monitoring_kit.verify.rule_tests.engine import OLDEST, Engine

Labels = Mapping[str, str]
LOOKBACK_MS = 300_000
STALE = "stale"


@dataclass(frozen=True, slots=True)
class InputSeries:
    """A series: sample ``i`` is at ``i * step``. None is no sample, ``STALE`` a staleness marker."""

    name: str
    labels: Labels
    values: Sequence[float | str | None]


@dataclass(slots=True)
class Store:
    """Series that share one step, in milliseconds; ``engine`` says how ranges of them are read."""

    step: int
    series: list[InputSeries]
    engine: Engine = OLDEST
    _by_name: dict[str, list[InputSeries]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.series:
            self._by_name.setdefault(one.name, []).append(one)

    def select(self, name: str | None, matchers: Sequence[Matcher]) -> list[InputSeries]:
        """The series that a selector selects."""
        found = self.series if name is None else self._by_name.get(name, ())
        return [
            s
            for s in found
            if all(holds(m, s.name if m.name == "__name__" else s.labels.get(m.name, "")) for m in matchers)
        ]

    def instant(self, series: InputSeries, t: int) -> float | None:
        """The newest sample in ``(t - 5m, t]``; None when there is none or it is a staleness marker."""
        index = min(t // self.step, len(series.values) - 1)
        oldest = t - LOOKBACK_MS
        while index >= 0 and index * self.step > oldest:
            value = series.values[index]
            if value is not None:
                return None if isinstance(value, str) else value
            index -= 1
        return None

    def range(self, series: InputSeries, t: int, length: int) -> list[tuple[int, float]]:
        """The samples of a range that ends at ``t``, staleness markers left out."""
        start = t - length
        first = max(0, start // self.step + 1 if self.engine.left_open else -(-start // self.step))
        last = min(t // self.step, len(series.values) - 1)
        found = series.values[first : last + 1] if last >= first else ()
        return [((first + i) * self.step, v) for i, v in enumerate(found) if v is not None and not isinstance(v, str)]


def holds(matcher: Matcher, value: str) -> bool:
    """Whether a label's value satisfies a matcher; patterns are anchored, as everywhere in PromQL."""
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    return (_pattern(matcher.value).fullmatch(value) is not None) == (matcher.op == "=~")


@lru_cache(4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


def is_nan(value: float) -> bool:
    return math.isnan(value)

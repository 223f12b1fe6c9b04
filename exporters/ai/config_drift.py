"""The ``drift`` block: which observations are compared with which baseline, and how often a false alarm may come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..business import fields as read
from ..business.fields import Fields
from ..runtime import MetricSpec
from ..runtime.records import dataclass, field


@dataclass(frozen=True)
class DriftConfig:
    """``features`` maps a name to the histogram whose observations are watched. Durations are seconds."""

    features: Mapping[str, str] = field(default_factory=dict)
    baseline: Path | None = None
    window: float = 3600.0
    sub_windows: int = 12
    min_samples: int = 200
    false_alarms: tuple[float, float] = (1.0, 30 * 86_400.0)

    @property
    def alpha(self) -> float:
        """The chance of a false alarm that one evaluation may have: one is made a sub-window."""
        count, period = self.false_alarms
        return min(max(count * self.window / self.sub_windows / period, 1e-7), 0.2)


def read_drift(top: Fields, specs: Mapping[str, MetricSpec]) -> DriftConfig | None:
    """The ``drift`` block, None without one."""
    body = top.raw("drift")
    if body is None:
        return None
    here = Fields(body, ("drift",), top.errors)
    features = Fields(here.raw("features"), ("drift", "features"), top.errors)
    found = {}
    for name in features.data:
        metric = features.get(name, "", read.text)
        spec = specs.get(metric)
        if spec is None or spec.kind != "histogram":
            features.error(name, f"`{metric}` is not a histogram that the exporter has")
        found[name] = metric
    if not found:
        here.error("features", "needs at least one feature: name: histogram")
    config = DriftConfig(
        found,
        here.get("baseline", None, lambda value: Path(read.text(value))),
        here.get("window", 3600.0, read.span(1, 7 * 86_400)),
        here.get("sub_windows", 12, read.whole(1, 1000)),
        here.get("min_samples", 200, read.whole(100, 10_000_000)),
        here.get("false_alarms", (1.0, 30 * 86_400.0), _budget),
    )
    here.done()
    return config


def _budget(value: Any) -> tuple[float, float]:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) per (\S+)", str(value).strip())
    if match is None or float(match.group(1)) <= 0:
        raise ValueError("expected for example: 1 per 30d")
    return float(match.group(1)), read.span(60, 3660 * 86_400)(match.group(2))

"""Record of the spec: what the monitoring itself may cost."""

from __future__ import annotations

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.shapes import Item, Number, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget(Item):
    """What the monitoring may cost by its label budgets; `mkit cost` shows where it goes."""

    series: int | None = key(
        Number(1, whole=True), "Most series that scrapes and recording rules together may store.", example=200000
    )
    samples_per_second: float | None = key(
        Number(0.001), "Most samples a second that are scraped, and read by rules, together.", example=50000
    )

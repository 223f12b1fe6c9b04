"""Everything that decides an SLO's rules but its names: SLOs of one shape share their printed expressions."""

from __future__ import annotations

from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.slo.maintenance import active
from monitoring_kit.lower.slo.sli import Sli
from monitoring_kit.lower.slo.windows import TierPlan
from monitoring_kit.promql import Expr, print_expr
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.slos import Maintenance, Period

BASE = Duration(300_000)
HOUR = Duration(3_600_000)
_SIX_HOURS = Duration(6 * 3_600_000)


@dataclass(frozen=True, slots=True)
class Floor:
    """Fewest events in the long window of a page, and the bad ones below it that raise the companion."""

    total: int
    bad: int


@dataclass(frozen=True, slots=True)
class Shape:
    """``step`` is the interval of the fast group; ``events`` and ``definition`` say what is counted, with the job left open."""

    sli: Sli
    objective: float
    period: Period
    tiers: tuple[TierPlan, ...]
    profile: str
    floor: Floor | None
    maintenance: tuple[Maintenance, ...]
    absent: bool
    step: Duration
    events: str
    definition: str

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return float(f"{1 - self.objective:.12g}")

    def limit(self, tier: TierPlan) -> float:
        """The share of bad events above which a tier fires."""
        return float(f"{tier.factor * self.budget:.12g}")

    @property
    def at_work(self) -> Expr | None:
        """Has a value while planned maintenance lasts; None when none is planned."""
        return active(self.maintenance)

    @property
    def raw_up_to(self) -> Duration:
        """The longest window that is computed from raw samples."""
        return _SIX_HOURS if self.profile == "exact" else HOUR

    def windows(self, *, page: bool) -> tuple[Duration, ...]:
        """The windows that the pages (or, beyond them, the tickets) read, short ones first; dashboards need 5m and 1h."""
        pages = {BASE, HOUR} | {w for t in self.tiers if t.page for w in (t.long, t.short)}
        if page:
            return tuple(sorted(pages))
        return tuple(sorted({w for t in self.tiers if not t.page for w in (t.long, t.short)} - pages))


def maintenance_text(windows: tuple[Maintenance, ...]) -> str:
    """The maintenance as part of a definition's hash: events left out make another history."""
    found = active(windows)
    return "" if found is None else print_expr(found)

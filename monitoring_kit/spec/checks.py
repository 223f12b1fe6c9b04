"""Records of the spec: which checks are disabled, and why."""

from __future__ import annotations

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.shapes import TEXT, Item, ListOf, Record, Text, key

CODE = Text(r"[a-z0-9-]+/[a-z0-9-]+", "a check's id such as promql/short-window")
DATE = Text(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", "a date such as 2027-01-31")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disable(Item):
    """One check that is not reported, and why."""

    id: str = key(CODE, "The check's id.", required=True, example="promql/short-window")
    reason: str = key(TEXT, "Why it is wrong here; shown to whoever reads the spec next.", required=True)
    until: str | None = key(DATE, "Last day on which it is disabled.")
    where: str | None = key(TEXT, "Only in this alert or panel (its name or title); everywhere when not set.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks(Item):
    """The checks of expressions and alerts."""

    disable: tuple[Disable, ...] = key(ListOf(Record(Disable)), "Findings that are not reported.", ())

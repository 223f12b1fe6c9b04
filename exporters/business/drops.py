"""What allow-lists and caps did to rows: passed on from an inner family to the one shown, and told by the check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..runtime import MetricSpec
from ..runtime.budget import Budget

# (reason, whether the rows were folded into another label set instead of dropped) -> rows.
Drops = Mapping[tuple[str, bool], int]


def drops(budget: Budget, metric: str) -> Drops:
    """The rows of the metric that were dropped and folded since the start."""
    folded = budget.folded()
    found: dict[tuple[str, bool], int] = {}
    for key, count in budget.dropped().items():
        if key[0] == metric:
            into = folded.get(key, 0)
            found |= {(key[1], one): rows for one, rows in ((False, count - into), (True, into)) if rows}
    return found


def pass_on(family: Any, before: Drops, after: Drops) -> None:
    """Count at ``family`` what came to an inner family's drops."""
    for (reason, folded), count in after.items():
        new = count - before.get((reason, folded), 0)
        if new > 0:
            family.drop(reason, new, folded)


def summary(found: Drops) -> str:
    """``, 3 rows dropped (not_allowed), 1 row folded (label_cap)``; empty when every row is a series of its own."""
    return "".join(
        f", {_rows(sum(reasons.values()))} {word} ({_reasons(reasons)})"
        for word, into in (("dropped", False), ("folded", True))
        if (reasons := {reason: count for (reason, folded), count in found.items() if folded is into})
    )


def nothing_left(spec: MetricSpec, found: Drops, offered: int, series: int) -> str:
    """What to do when all rows that were ``offered`` are gone; empty when one of them is shown.

    Zeros for known label sets make ``series`` although no row is left.
    """
    lost = {reason: count for (reason, folded), count in found.items() if not folded}
    # These two count label sets, and leave those that came first; all else counts rows.
    rows = sum(count for reason, count in lost.items() if reason not in ("family_cap", "exporter_cap"))
    if not lost or not offered or (rows != offered and series):
        return ""
    fixes = dict.fromkeys(_FIXES[reason](spec) for reason in sorted(lost))
    which = "the only row was" if offered == 1 else f"all {offered} rows were"
    return f"{which} dropped ({_reasons(lost)}): {'; '.join(fixes)}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _reasons(counts: Mapping[str, int]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))


def _of(spec: MetricSpec, key: str) -> str:
    # A label with an `else` folds and drops nothing.
    names = [label.name for label in spec.labels if getattr(label, key) is not None and label.otherwise is None]
    return " and ".join(f"`{name}`" for name in names)


_FIXES: Mapping[str, Callable[[MetricSpec], str]] = {
    "not_allowed": lambda spec: (
        f"write the values under `allow` (in a spec: `values`) of {_of(spec, 'allow')} as the source has them, case included"
    ),
    "pattern": lambda spec: (
        f"write a `pattern` of {_of(spec, 'pattern')} that fits the whole value as the source has it"
    ),
    "too_long": lambda spec: f"shorten the values in the query, or raise `max_length` of {_of(spec, 'max_length')}",
    "label_cap": lambda spec: f"raise `max` of {_of(spec, 'max')}",
    "out_of_range": lambda spec: f"the values are outside `valid: {list(spec.valid or ())}`; is the unit the source's?",
    "not_finite": lambda spec: "the values are infinite",
    "family_cap": lambda spec: f"raise `max_series` of the metric (one label set takes {spec.series_per_set})",
    "exporter_cap": lambda spec: "raise the exporter's own `max_series`",
}

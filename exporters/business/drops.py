"""What allow-lists and caps did to rows: passed on from an inner family to the one shown, and told by the check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..runtime import MetricSpec
from ..runtime.budget import Budget

# (reason, whether the rows were folded into another label set instead of dropped) -> rows.
Drops = Mapping[tuple[str, bool], int]
# (reason, folded) -> the label values behind it, in words.
Named = Callable[[str, bool], str]


# Told of a reason, and how much of a value.
MOST_VALUES = 3
MOST_CHARACTERS = 40


class Refused:
    """The label values behind the drops, the first of each metric and reason: a budget's witness in the check, and only there."""

    def __init__(self) -> None:
        # One more than is told, to know that there are more.
        self._found: dict[tuple[str, str, bool], dict[tuple[str, str], None]] = {}

    def __call__(self, metric: str, reason: str, folded: bool, label: str, value: str) -> None:
        seen = self._found.setdefault((metric, reason, folded), {})
        if len(seen) <= MOST_VALUES:
            seen[label, value] = None

    def of(self, metric: str) -> Named:
        """For a reason, and whether rows were folded: ``currency "eur", "usd"``; empty when no label's value was the cause."""
        return lambda reason, folded: self._told(list(self._found.get((metric, reason, folded), ())))

    @staticmethod
    def _told(seen: list[tuple[str, str]]) -> str:
        labels: dict[str, list[str]] = {}
        for label, value in seen[:MOST_VALUES]:
            labels.setdefault(label, []).append(quoted(value))
        text = ", ".join(f"{label} {', '.join(values)}" for label, values in labels.items())
        return text + ", ..." * (len(seen) > MOST_VALUES)


def quoted(value: str) -> str:
    """A value from outside in double quotes, on one line, shortened, with all that a terminal would obey escaped."""
    import json

    text = value if len(value) <= MOST_CHARACTERS else value[:MOST_CHARACTERS] + "..."
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in json.dumps(text, ensure_ascii=False))


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


def summary(found: Drops, named: Named) -> str:
    """``, 3 rows dropped (not_allowed: currency "eur", "usd"), 1 row folded (label_cap: shop "x")``; empty when every row is a series of its own."""
    return "".join(
        f", {_rows(sum(reasons.values()))} {word} ({_reasons(reasons, into, named)})"
        for word, into in (("dropped", False), ("folded", True))
        if (reasons := {reason: count for (reason, folded), count in found.items() if folded is into})
    )


def nothing_left(spec: MetricSpec, found: Drops, offered: int, series: int, named: Named) -> str:
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
    return f"{which} dropped ({_reasons(lost, False, named)}): {'; '.join(fixes)}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _reasons(counts: Mapping[str, int], folded: bool, named: Named) -> str:
    told = {reason: f"{reason}: {values}" if (values := named(reason, folded)) else reason for reason in sorted(counts)}
    if len(told) == 1:
        return next(iter(told.values()))
    return "; ".join(f"{counts[reason]} {words}" for reason, words in told.items())


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

"""What a selector returns: the labels of the series, narrowed by its matchers."""

from __future__ import annotations

from functools import lru_cache

from monitoring_kit.promql import ast
from monitoring_kit.promql.infer.source import Fact, Source, Why
from monitoring_kit.promql.re2 import RE2Error, analyse
from monitoring_kit.promql.walk import metric_name
from monitoring_kit.promql.world import World

OWNERS = ("service", "job")


def selector(node: ast.VectorSelector, world: World) -> Source:
    """One branch: its labels are those of the series, or unknown; an equality matcher fixes a label."""
    name = metric_name(node)
    owner = None
    for matcher in node.matchers:
        if matcher.op == "=" and matcher.name in OWNERS and "$" not in matcher.value:
            owner = matcher.value
    series = world.series(name, owner) if name else None
    if series is None and owner is not None and name:
        series = world.series(name)
    found = Source(node)
    if series is not None:
        found.series, found.kind, found.unit = series, series.kind, series.unit
        found.low, found.high, found.steps = series.low, series.high, series.steps
        sure = series.sure
        found.have = {label: Fact(label in sure, _constant(allowed.values)) for label, allowed in series.labels.items()}
        if not series.open:
            found.rest = Why(node.span, f"`{name}` has no such label")
    if node.matchers:
        found.have, found.gone = dict(found.have), {}
        for matcher in node.matchers:
            _match(found, matcher)
    return found


def _constant(values: tuple[str, ...]) -> str | None:
    return values[0] if len(values) == 1 else None


def _match(found: Source, matcher: ast.Matcher) -> None:
    label = matcher.name
    if label == ast.METRIC_NAME or "$" in matcher.value:
        return
    if matcher.op == "=":
        if matcher.value:
            found.have[label] = Fact(True, matcher.value)
        else:
            found.have.pop(label, None)
            found.gone[label] = Why(matcher.span, f'`{label}=""` selects only series without it')
    elif label in found.have or found.rest is None:
        present = found.have.get(label)
        if matcher.op == "!=":
            needs = not matcher.value
        else:
            matches_empty = empty_matches(matcher.value)
            needs = matches_empty is (matcher.op == "!~")
        if needs:
            found.have[label] = Fact(True, present.value if present else None)


@lru_cache(4096)
def empty_matches(pattern: str) -> bool | None:
    """Whether an anchored RE2 pattern matches the empty string; None when it cannot be read."""
    import re
    import warnings

    try:
        analyse(pattern)
        with warnings.catch_warnings():
            # Python warns of `[[`, which RE2 reads as it stands.
            warnings.simplefilter("ignore")
            return re.fullmatch(pattern, "") is not None
    except (RE2Error, re.error, RecursionError, OverflowError):
        return None

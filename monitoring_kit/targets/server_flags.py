"""Which command-line flags and features (``--enable-feature``) Prometheus has, by version: ``prometheus_flags.yaml``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, NamedTuple

from monitoring_kit.shipped import yaml_of
from monitoring_kit.targets.versions import parse_version

Kind = Literal["flags", "features"]


class Known(NamedTuple):
    """What is known of a name at a version: ``has`` is None where nobody asked such a server. ``since`` is the first version that is
    known to have it, "" while there is none."""

    has: bool | None
    since: str = ""


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return yaml_of("monitoring_kit.targets", "prometheus_flags.yaml")  # type: ignore[no-any-return]


def captured() -> list[str]:
    """The versions whose servers were asked, oldest first."""
    return sorted(_table()["captured"], key=parse_version)


def names(kind: Kind) -> set[str]:
    """Every flag or feature that a captured version has."""
    return set().union(*(_at(kind, version) for version in captured()))


def _at(kind: Kind, version: str) -> set[str]:
    table = _table()
    return {*table["captured"][version][kind], *table["upstream"].get(version, {}).get(kind, ())}


def known(kind: Kind, name: str, version: str) -> Known:
    """What is known of ``name`` at ``version``: what the nearest captured version at or below says, unless the next one says otherwise."""
    versions, wanted = captured(), parse_version(version)
    having = [v for v in versions if name in _at(kind, v)]
    if not having:
        # What came and went between two captures is in none of them, and a newer server may have something new.
        return Known(False if wanted in map(parse_version, versions) else None)
    table = _table()
    since = table["since"].get(name, having[0])
    below = [v for v in versions if parse_version(v) <= wanted]
    before, after = (below or versions)[-1], versions[len(below) : len(below) + 1]
    has = name in _at(kind, before)
    unsure = wanted != parse_version(before) and any((name in _at(kind, v)) != has for v in after)
    if not unsure:
        return Known(has, since)
    edge = (table["until"] if has else table["since"]).get(name)
    return Known(None if edge is None else has == (wanted < parse_version(edge)), since)

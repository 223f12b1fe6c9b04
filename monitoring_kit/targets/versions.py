"""Answers about `Feature` for concrete versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from monitoring_kit.targets.features import Feature

Versions = Mapping[str, str | Iterable[str]]
"""Product to its version, or to several of which all must have a feature."""

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?(?:[-+~.].*)?")


def parse_version(text: str) -> tuple[int, int]:
    """Major and minor of ``2.42``, ``v2.42.0`` or ``2.42.0+ds``; ValueError for anything else."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no version such as 2.42")
    return int(match[1]), int(match[2])


def since(feature: Feature) -> str:
    """The first version that has it, "" when mkit's oldest target has it already."""
    return feature.value.since


def until(feature: Feature) -> str:
    """The first version that lacks it again, "" while there is none."""
    return feature.value.until


def supported(feature: Feature, versions: Versions, flags: Iterable[str] = ()) -> bool:
    """Whether every version given for the feature's product has it; products that are no target do not count.

    ``flags`` are the names given to ``--enable-feature``; without its flag an experimental feature is not supported.
    """
    given = versions.get(feature.value.product, ())
    enabled = frozenset(flags)
    return all(_has(feature, version, enabled) for version in ((given,) if isinstance(given, str) else given))


def unsupported(features: Iterable[Feature], versions: Versions, flags: Iterable[str] = ()) -> list[Feature]:
    """Those of ``features`` that a target lacks, in their order, without duplicates."""
    flags = frozenset(flags)
    return [feature for feature in dict.fromkeys(features) if not supported(feature, versions, flags)]


def _has(feature: Feature, text: str, flags: frozenset[str]) -> bool:
    row, version = feature.value, parse_version(text)
    needs_flag = row.flag and not (row.stable and version >= parse_version(row.stable))
    if needs_flag and row.flag not in flags:
        return False
    if row.since and version < parse_version(row.since):
        return False
    return not (row.until and version >= parse_version(row.until))


def describe(feature: Feature) -> str:
    """One line for a diagnostic: what it is, the versions that have it and the flag it needs."""
    row = feature.value
    product = row.product.capitalize()
    when = f"{product} {row.since} or newer" if row.since else product
    if row.until:
        when = f"{when}, removed in {row.until}" if row.since else f"{product} before {row.until}"
    flag = ""
    if row.flag:
        flag = f" with --enable-feature={row.flag}" + (f" before {row.stable}" if row.stable else "")
    return f"{row.what} needs {when}{flag}"

"""The dashboard library: how panels look, as data shipped with mkit."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from monitoring_kit.shipped import text_of, yaml_of


@cache
def library() -> dict[str, Any]:
    """The content of ``library.yaml``. Shared: what it returns must not be changed."""
    return yaml_of("monitoring_kit.dashboards", "library.yaml")  # type: ignore[no-any-return]


@cache
def unit_ids() -> frozenset[str]:
    """Grafana's own unit ids (npm @grafana/data ``getValueFormats()``, version as in ``units.json``)."""
    return frozenset(unit for category in _table()["categories"].values() for unit in category)


@cache
def unit_prefixes() -> tuple[str, ...]:
    """Beginnings of units that carry their own text: ``suffix:cameras``, ``currency:€``."""
    return tuple(_table()["prefixes"])


def is_unit(unit: str) -> bool:
    """Whether Grafana formats ``unit``; it prints an unknown one as a suffix without a word."""
    return unit in unit_ids() or unit.startswith(unit_prefixes())


@cache
def _table() -> dict[str, Any]:
    text = text_of("monitoring_kit.dashboards", "units.json")
    return json.loads(text)  # type: ignore[no-any-return]

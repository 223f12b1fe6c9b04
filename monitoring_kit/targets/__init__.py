"""Which version of which product has what: the only place that compares versions."""

from monitoring_kit.targets.features import Feature, Product
from monitoring_kit.targets.versions import (
    Versions,
    describe,
    parse_version,
    since,
    supported,
    unsupported,
    until,
)

__all__ = [
    "Feature",
    "Product",
    "Versions",
    "describe",
    "parse_version",
    "since",
    "supported",
    "unsupported",
    "until",
]

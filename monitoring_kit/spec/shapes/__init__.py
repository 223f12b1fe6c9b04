"""Shapes: what a value of the spec may look like.

A shape reads a positioned node into a typed value and reports every mistake it meets; the same shape writes the JSON
Schema that editors use. So the schema, the reader and the documentation cannot drift apart.
"""

from monitoring_kit.spec.quantity import Duration, Quantity
from monitoring_kit.spec.shapes.base import INVALID, JsonSchema, Shape, describe
from monitoring_kit.spec.shapes.collections import NAME, ListOf, MapOf
from monitoring_kit.spec.shapes.common import (
    DURATION,
    FILE,
    FLAG,
    LABEL_NAME,
    LABELS,
    METRIC_NAME,
    NAMES,
    NOTIFY,
    TEXT,
    URL,
    Url,
)
from monitoring_kit.spec.shapes.items import Item, key, spec_name
from monitoring_kit.spec.shapes.records import ByKind, Lazy, Record
from monitoring_kit.spec.shapes.scalars import Amount, Anything, Choice, Flag, Number, Text, TimeSpan

__all__ = [
    "DURATION",
    "FILE",
    "FLAG",
    "INVALID",
    "LABELS",
    "LABEL_NAME",
    "METRIC_NAME",
    "NAME",
    "NAMES",
    "NOTIFY",
    "TEXT",
    "URL",
    "Amount",
    "Anything",
    "ByKind",
    "Choice",
    "Duration",
    "Flag",
    "Item",
    "JsonSchema",
    "Lazy",
    "ListOf",
    "MapOf",
    "Number",
    "Quantity",
    "Record",
    "Shape",
    "Text",
    "TimeSpan",
    "Url",
    "describe",
    "key",
    "spec_name",
]

"""The shapes that many records share."""

from __future__ import annotations

from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.load.nodes import Node
from monitoring_kit.spec.shapes.base import INVALID
from monitoring_kit.spec.shapes.collections import NAME, ListOf, MapOf
from monitoring_kit.spec.shapes.scalars import Flag, Text, TimeSpan
from monitoring_kit.spec.shapes.secrets import carries_credential

LABEL_NAME = Text(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", "a valid label name", code="spec/label-name")
METRIC_NAME = Text(r"[a-zA-Z_][a-zA-Z0-9_]*", "a valid metric name", code="spec/metric-name")
TEXT = Text()
FILE = Text(r"[^\0\n]+", "a file path", example="/run/secrets/token")
FLAG = Flag()
DURATION = TimeSpan()
LABELS = MapOf(TEXT, key=LABEL_NAME)
NAMES = ListOf(NAME, single=True)
# An empty list would be read as one that is not there: the default channels, the opposite of what it says.
NOTIFY = ListOf(
    NAME,
    single=True,
    low=1,
    few="name a channel, or leave `notify` out for the default ones; who shall not be told needs no alert",
)


class Url(Text):
    """An http(s) URL without credentials in it."""

    def __init__(self) -> None:
        super().__init__(r"https?://\S+", "an http:// or https:// URL")

    def read(self, node: Node, report: Report) -> Any:
        text = super().read(node, report)
        if text is INVALID:
            return INVALID
        if carries_credential(text):
            report.error(
                "secrets/inline", "the URL carries a credential", node.span, secret=True,
                help="servers print such URLs in logs, /metrics and /api/v1/status/config; use `username` and `password_file`",
            )  # fmt: skip
            return INVALID
        return text


URL = Url()

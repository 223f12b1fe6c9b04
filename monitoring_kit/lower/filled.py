"""Rules made from printed templates: their trees are only parsed when someone asks, since a thousand services have the same."""

from __future__ import annotations

from typing import Any

from monitoring_kit.lower.model import AlertingRule, RecordingRule
from monitoring_kit.promql import Expr, parse


class _Lazy:
    """``expr`` is the parse of ``text``, made at the first look: the slot stays empty until then."""

    __slots__ = ()
    text: str

    def __getattr__(self, name: str) -> Expr:
        if name != "expr":
            raise AttributeError(name)
        tree = parse(self.text)
        object.__setattr__(self, "expr", tree)
        return tree


class FilledRecording(_Lazy, RecordingRule):
    """A recording rule known by its text."""

    __slots__ = ()


class FilledAlert(_Lazy, AlertingRule):
    """An alerting rule known by its text."""

    __slots__ = ()


def recording(text: str, **values: Any) -> RecordingRule:
    """A recording rule whose expression is ``text``."""
    rule = FilledRecording(expr=None, text=text, **values)  # type: ignore[arg-type]
    object.__delattr__(rule, "expr")
    return rule


def alerting(text: str, **values: Any) -> AlertingRule:
    """An alerting rule whose expression is ``text``."""
    rule = FilledAlert(expr=None, text=text, **values)  # type: ignore[arg-type]
    object.__delattr__(rule, "expr")
    return rule

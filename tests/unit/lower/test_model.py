"""Rules of the model: what is derived from them must never outlive what it is derived from."""

from __future__ import annotations

from dataclasses import replace

from monitoring_kit.diagnostics import Span
from monitoring_kit.lower.filled import recording
from monitoring_kit.lower.model import RecordingRule
from monitoring_kit.promql import parse

PLACE = Span("mkit.yaml")


def test_a_changed_copy_of_a_printed_rule_prints_its_own_expression() -> None:
    rule = RecordingRule("a:b", parse("sum(x)"), {}, PLACE)
    assert rule.printed == "sum(x)"
    assert replace(rule, expr=parse("sum(y)")).printed == "sum(y)"
    assert rule == RecordingRule("a:b", parse("sum(x)"), {}, PLACE)


def test_a_rule_filled_from_a_template_has_its_text_as_it_is() -> None:
    rule = recording("sum(x)", record="a:b", labels={}, origin=PLACE)
    assert (rule.printed, rule.expr) == ("sum(x)", parse("sum(x)"))

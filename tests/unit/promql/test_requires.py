from __future__ import annotations

import pytest

from monitoring_kit.promql import parse, print_expr, requires
from monitoring_kit.promql.functions import AGGREGATIONS, FUNCTIONS
from monitoring_kit.targets import Feature


@pytest.mark.parametrize(
    ("text", "features", "pointed"),
    [
        ("rate(x[5m]) > 1", [], []),
        ("limitk(1, x)", ["AGG_LIMITK"], ["limitk"]),
        ("holt_winters(x[5m], 1, 1)", ["FUNC_HOLT_WINTERS"], ["holt_winters"]),
        ("x[300]", ["NUMBER_AS_DURATION"], ["300"]),
        ("x > 10m", ["DURATION_AS_NUMBER"], ["10m"]),
        ("x @ 5m", ["DURATION_AS_NUMBER"], ["@ 5m"]),
        ("x > 1_000", ["NUMBER_UNDERSCORES"], ["1_000"]),
        ('{"up"}', ["QUOTED_NAMES"], ['{"up"}']),
        ('{"a.b"}', ["QUOTED_NAMES", "UTF8_NAMES"], ['{"a.b"}', '{"a.b"}']),
        ('sum by ("a") (x)', ["QUOTED_GROUPING"], ['"a"']),
        ("sum by (a:b) (x)", ["UTF8_GROUPING"], ["a:b"]),
        ("x[+5m]", ["DURATION_SIGN"], ["+5m"]),
        ("x offset -5m", [], []),
        ("x offset +5m", ["DURATION_SIGN"], ["+5m"]),
        ("x offset 0s", ["OFFSET_ZERO"], ["0s"]),
        ("x[5m * 2]", ["DURATION_ARITHMETIC"], ["5m * 2"]),
        ("x offset (5m)", ["DURATION_ARITHMETIC"], ["(5m)"]),
        ('{a=~"(?<n>x)"}', ["REGEX_ANGLE_GROUPS"], ['"(?<n>x)"']),
        ("{a=~`\\Qx`}", ["REGEX_OPEN_QUOTE"], ["`\\Qx`"]),
        ("0x1e", ["HEX_DIGIT_E"], ["0x1e"]),
    ],
)
def test_gated_constructs_and_where(text: str, features: list[str], pointed: list[str]) -> None:
    found = requires(parse(text))
    assert [feature.name for feature, _ in found] == features
    assert [text[slice(*span)] for _, span in found] == pointed


def test_canonical_text_needs_less() -> None:
    assert requires(parse(print_expr(parse('{"up"}[300] offset 0x10')))) == []


def test_every_gated_function_exists() -> None:
    gated = {f.name[5:].lower() for f in Feature if f.name.startswith("FUNC_")}
    assert gated <= set(FUNCTIONS)
    assert {f.name[4:].lower() for f in Feature if f.name.startswith("AGG_")} <= set(AGGREGATIONS)

"""Which constructs of an expression only some versions of Prometheus have."""

from __future__ import annotations

import re

from monitoring_kit.promql import ast
from monitoring_kit.promql.errors import Span
from monitoring_kit.promql.re2 import RE2Error, analyse
from monitoring_kit.promql.walk import walk
from monitoring_kit.targets import Feature

Requirement = tuple[Feature, Span]

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_HEX_E = re.compile(r"0[xX]_?[0-9a-fA-F][0-9a-fA-F_]*[eE]", re.ASCII)
_FUNCTIONS = {name[5:].lower(): Feature[name] for name in Feature.__members__ if name.startswith("FUNC_")}
_AGGREGATIONS = {name[4:].lower(): Feature[name] for name in Feature.__members__ if name.startswith("AGG_")}


def requires(expr: ast.Expr) -> list[Requirement]:
    """Every version-gated construct with the span that uses it, left to right.

    For a parsed tree this is about the text as it was written; canonical printing may need less
    (``x[300]`` is printed as ``x[5m]``).
    """
    found: list[Requirement] = []
    for node in walk(expr):
        if isinstance(node, ast.VectorSelector):
            _selector(node, found)
        elif isinstance(node, ast.MatrixSelector):
            _duration(node.range, found)
        elif isinstance(node, ast.Subquery):
            _duration(node.range, found)
            _duration(node.step, found)
            _offset(node.offset, found)
            _at(node.at, found)
        elif isinstance(node, ast.Call):
            if node.func in _FUNCTIONS:
                found.append((_FUNCTIONS[node.func], node.func_span))
        elif isinstance(node, ast.Aggregate):
            if node.op in _AGGREGATIONS:
                found.append((_AGGREGATIONS[node.op], node.op_span))
            _labels(node.grouping, node.label_spans, found)
        elif isinstance(node, ast.Binary) and node.matching:
            _labels(node.matching.labels, node.matching.label_spans, found)
            _labels(node.matching.include, node.matching.include_spans, found)
        elif isinstance(node, ast.Number):
            _number(node, found)
    found.sort(key=lambda item: item[1])
    return found


def _selector(node: ast.VectorSelector, found: list[Requirement]) -> None:
    if node.name is not None and "$" not in node.name:
        plain = _METRIC.fullmatch(node.name) is not None
        if node.quoted or not plain:
            found.append((Feature.QUOTED_NAMES, node.span))
        if not plain:
            found.append((Feature.UTF8_NAMES, node.span))
    for matcher in node.matchers:
        plain = _LABEL.fullmatch(matcher.name) is not None or "$" in matcher.name
        if matcher.quoted or not plain:
            found.append((Feature.QUOTED_NAMES, matcher.span))
        if not plain:
            found.append((Feature.UTF8_NAMES, matcher.span))
        if matcher.op in ("=~", "!~") and ("(?<" in matcher.value or "\\Q" in matcher.value):
            _pattern(matcher, found)
    _offset(node.offset, found)
    _at(node.at, found)


def _pattern(matcher: ast.Matcher, found: list[Requirement]) -> None:
    try:
        pattern = analyse(matcher.value)
    except RE2Error:  # an unresolved variable in it
        return
    if pattern.angle_groups:
        found.append((Feature.REGEX_ANGLE_GROUPS, matcher.value_span))
    if pattern.open_quote:
        found.append((Feature.REGEX_OPEN_QUOTE, matcher.value_span))


def _labels(names: tuple[str, ...], spans: tuple[Span, ...], found: list[Requirement]) -> None:
    for index, name in enumerate(names):
        if name.startswith("$"):
            continue
        span = spans[index] if index < len(spans) else ast.NO_SPAN
        plain = _LABEL.fullmatch(name) is not None
        quoted = span[1] - span[0] > len(name) if index < len(spans) else _METRIC.fullmatch(name) is None
        if quoted:
            found.append((Feature.QUOTED_GROUPING, span))
        if not plain:
            found.append((Feature.UTF8_GROUPING, span))


def _number(node: ast.Number, found: list[Requirement]) -> None:
    if node.duration:
        found.append((Feature.DURATION_AS_NUMBER, node.span))
    _written_number(node.text, node.span, found)


def _written_number(text: str, span: Span, found: list[Requirement]) -> None:
    if "_" in text:
        found.append((Feature.NUMBER_UNDERSCORES, span))
    if _HEX_E.search(text):
        found.append((Feature.HEX_DIGIT_E, span))


def _at(at: ast.At | None, found: list[Requirement]) -> None:
    if at is not None and at.text and at.text[-1] in "ywdhms":
        found.append((Feature.DURATION_AS_NUMBER, at.span))
    if at is not None:
        _written_number(at.text, at.span, found)


def _offset(offset: ast.DurationExpr | None, found: list[Requirement]) -> None:
    if offset is None:
        return
    if isinstance(offset, ast.Duration):
        if offset.ms == 0:
            found.append((Feature.OFFSET_ZERO, offset.span))
        _written(offset, offset.text.removeprefix("-"), found)
    else:
        _duration(offset, found)


def _duration(duration: ast.DurationExpr | None, found: list[Requirement]) -> None:
    if isinstance(duration, ast.Duration):
        _written(duration, duration.text, found)
    elif isinstance(duration, ast.DurationOp | ast.DurationParen):
        found.append((Feature.DURATION_ARITHMETIC, duration.span))


def _written(duration: ast.Duration, text: str, found: list[Requirement]) -> None:
    if text.startswith(("+", "-")):
        found.append((Feature.DURATION_SIGN, duration.span))
        text = text.lstrip("+-")
    _written_number(text, duration.span, found)
    if (text and text[-1] not in "ywdhms") or duration.ms != int(duration.ms):
        found.append((Feature.NUMBER_AS_DURATION, duration.span))

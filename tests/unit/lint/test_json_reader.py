"""The positioned JSON reader against Python's own, and its positions."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_kit.diagnostics import Report, Source, Stop
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.load.json_reader import read_json
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def read(text: str) -> tuple[Node | None, Report]:
    report = Report()
    try:
        return read_json(Source("f.json", text), report), report
    except Stop:
        return None, report


def data(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {key: data(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [data(item) for item in node.items]
    return node.text if not node.plain else json.loads(node.text)


@settings(max_examples=200, deadline=None)
@given(_JSON, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_it_reads_what_json_writes(value: Any, indent: Any, ascii_: bool) -> None:
    node, report = read(json.dumps(value, indent=indent, ensure_ascii=ascii_))
    assert node is not None
    assert not len(report)
    assert data(node) == value


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}[]:,"\\ab1-.eutrlsfn \n', max_size=12))
def test_it_refuses_what_json_refuses(text: str) -> None:
    try:
        json.loads(text)
        good = True
    except ValueError:
        good = False
    node, report = read(text)
    assert (node is not None) is good
    assert (report.count(Severity.ERROR) == 0) is good


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=12), st.booleans())
def test_every_character_has_its_place(text: str, ascii_: bool) -> None:
    raw = '{"k":\n\t' + json.dumps(text, ensure_ascii=ascii_) + "}"
    node, _ = read(raw)
    assert isinstance(node, Mapping)
    value = node.get("k")
    assert isinstance(value, Scalar)
    line = raw.split("\n", 1)[1]
    for index, char in enumerate(text):
        span = value.at(index, index + 1)
        assert span.line == 2
        assert line[span.column - 1] in (char, "\\")
    places = [value.at(i, i + 1).column for i in range(len(text))] + [len(line) - 1]
    assert "".join(json.loads(f'"{line[a - 1 : b - 1]}"') for a, b in pairwise(places)) == text


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ('{"a": 1,}', 1, 9, "a key in quotes"),
        ('{"a" 1}', 1, 6, "`:`"),
        ("[1\n 2]", 2, 2, "`,`"),
        ("", 1, 1, "ends inside"),
        ('{"a": 01}', 1, 7, "no JSON"),
        ("{'a': 1}", 1, 2, "no JSON"),
        ("{} {}", 1, 4, "follows"),
        ("[1}", 1, 3, "`,`"),
    ],
)
def test_mistakes_have_their_place(text: str, line: int, column: int, words: str) -> None:
    node, report = read(text)
    found = next(iter(report))
    assert node is None
    assert found.code == "json/syntax"
    assert (found.span.line, found.span.column) == (line, column)
    assert words in found.message


def test_limits_and_repeated_keys() -> None:
    node, report = read("[" * 100_000)
    assert node is None
    assert [d.code for d in report] == ["yaml/limit"]
    node, report = read('{"a": 1, "a": 2}')
    assert node is not None
    assert data(node) == {"a": 2}
    assert [(d.code, d.span.column) for d in report] == [("yaml/duplicate-key", 10)]

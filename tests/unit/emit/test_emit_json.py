from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_kit.diagnostics import Span
from monitoring_kit.emit.json_text import Shared, json_text
from monitoring_kit.emit.yaml_scalars import UnwritableError
from monitoring_kit.lower.tree import Branch

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
trees = st.recursive(
    st.one_of(texts, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=20,
)


@given(trees)
@settings(max_examples=300, deadline=None)
def test_it_writes_what_the_standard_library_writes(tree: object) -> None:
    text, _ = json_text(tree)
    assert json.loads(text) == tree
    assert repr(json.loads(text)) == repr(tree)


def test_small_parts_stand_on_one_line_and_large_ones_are_spread() -> None:
    tree = {"b": [1, {"c": "é"}, [], {}], "a": {"x": None, "y": True, "text": "t" * 80}}
    assert json_text(tree)[0] == (
        '{\n  "b": [1, {"c": "é"}, [], {}],\n  "a": {\n    "x": null,\n    "y": true,\n    "text": "'
        + "t" * 80
        + '"\n  }\n}\n'
    )


def test_no_line_of_small_parts_is_long() -> None:
    tree = {"rows": [{f"key{i}": i for i in range(n)} for n in range(30)]}
    assert max(len(line) for line in json_text(tree)[0].splitlines()) <= 100


@pytest.mark.parametrize("value", ["a\0b", float("inf"), float("nan"), object(), {1: 2}])
def test_what_no_file_can_hold_is_refused(value: object) -> None:
    with pytest.raises(UnwritableError):
        json_text({"a": [value]})


def test_the_source_map_finds_the_innermost_branch() -> None:
    tree = Branch(Span("s", 1), panels=[Branch(Span("s", 2), id=1), Branch(Span("s", 3), id=2)], uid="x")
    text, source_map = json_text(tree)
    origins = [mark.origin.line if (mark := source_map.at(n)) else None for n in range(1, text.count("\n") + 1)]
    assert origins == [1, 1, 2, 2, 2, 3, 3, 3, 1, 1, 1]


def test_a_part_that_several_files_share_is_written_the_same_in_each() -> None:
    big = {"text": "t" * 80, "rows": [{"n": 1, "text": "u" * 80}], "small": {"x": 1}}
    listed = ["v" * 60, {"x": ["w" * 60]}]
    branch = Branch(Span("spec.yaml", 7), {"big": big, "listed": listed})
    trees: list[dict[str, object]] = [
        {"deep": {"deeper": {"big": big, "listed": listed}}, "big": big, "list": [big, big, branch], "listed": listed},
        {"big": big, "branch": branch, "deep": {"deeper": {"big": big, "end": listed}}},
    ]
    shared = Shared()
    for tree in [*trees, *trees, *trees]:
        text, marks = json_text(tree, shared)
        alone, marks_alone = json_text(tree)
        assert text == alone
        assert marks == marks_alone
        assert json.loads(text) == tree

"""The language of matchers against Python's own matching, on random patterns and texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_kit.checks.routing.language import automaton, satisfiable
from monitoring_kit.checks.routing.matchers import Matcher, MatcherError, contradiction, implies, parse, split
from monitoring_kit.diagnostics import Span

_TEXT = st.text(alphabet="abc1.", max_size=6)
_ATOM = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\d", "[a-c1]", r"\.", "(?:ab|c)", "(a)"])
_PIECE = st.tuples(_ATOM, st.sampled_from(["", "*", "+", "?", "{2}", "{1,2}", "{0,}"])).map("".join)
_PATTERN = st.lists(st.lists(_PIECE, max_size=4).map("".join), min_size=1, max_size=3).map("|".join)


def m(label: str, op: str, value: str) -> Matcher:
    return Matcher(label, op, value, Span("x"))


@settings(max_examples=300, deadline=None)
@given(_PATTERN, _TEXT)
def test_an_automaton_accepts_what_the_pattern_matches(pattern: str, text: str) -> None:
    machine, word = automaton(pattern), automaton(None, text)
    assert machine is not None
    assert word is not None
    assert satisfiable([(machine, True), (word, True)]) is (re.fullmatch(pattern, text) is not None)
    assert satisfiable([(machine, False), (word, True)]) is (re.fullmatch(pattern, text) is None)


@settings(max_examples=300, deadline=None)
@given(_PATTERN, _PATTERN, st.lists(_TEXT, min_size=30, max_size=30))
def test_no_text_contradicts_a_proven_implication(narrow: str, wide: str, texts: list[str]) -> None:
    proven = implies([m("x", "=~", narrow)], [m("x", "=~", wide)])
    found = [t for t in texts if re.fullmatch(narrow, t) and not re.fullmatch(wide, t)]
    assert not (proven and found)


@pytest.mark.parametrize(
    ("narrow", "wide", "proven"),
    [
        ([m("a", "=", "x")], [m("a", "=~", "x|y")], True),
        ([m("a", "=~", "x1|x2")], [m("a", "=~", "x[0-9]")], True),
        ([m("a", "=~", "x[0-9]")], [m("a", "=~", "x1|x2")], False),
        ([m("a", "=~", "x.+")], [m("a", "!=", "")], True),
        ([m("a", "=~", "x.*"), m("a", "!=", "x")], [m("a", "=~", "x.+")], True),
        ([m("a", "=", "x"), m("b", "=", "y")], [m("a", "=", "x")], True),
        ([m("a", "=", "x")], [m("a", "=", "x"), m("b", "=", "y")], False),
        ([m("a", "=", "x")], [m("b", "=~", ".*")], True),
        ([m("a", "=", "x")], [m("b", "=", "")], False),
        ([m("a", "!~", "x|y")], [m("a", "!=", "x")], True),
        ([m("a", "=~", "^x$")], [m("a", "=", "x")], True),
        ([m("a", "=~", "(?i)x")], [m("a", "=~", "x|X")], False),
        ([m("a", "=", "x")], [m("a", "=~", r"\Qx\E")], False),
        ([m("a", "=~", "[[:alpha:]]")], [m("a", "=~", "[a-zA-Z]")], False),
        ([], [], True),
        ([m("a", "=", "x")], [], True),
    ],
)
def test_implication(narrow: list[Matcher], wide: list[Matcher], proven: bool) -> None:
    assert implies(narrow, wide) is proven


def test_contradictions() -> None:
    assert contradiction([m("a", "=", "x"), m("a", "=", "y")]) is not None
    assert contradiction([m("a", "=", "x"), m("a", "=~", "y.*")]) is not None
    assert contradiction([m("a", "=", "x"), m("a", "!=", "x")]) is not None
    assert contradiction([m("a", "!~", ".*")]) is not None
    assert contradiction([m("a", "=", "x\n"), m("a", "=", "y")]) is None
    assert contradiction([m("a", "=", "x"), m("a", "=~", "x|y")]) is None
    assert contradiction([m("a", "=", "x"), m("b", "=", "y")]) is None
    assert contradiction([m("a", "!=", "x"), m("a", "!=", "y")]) is None
    assert contradiction([m("a", "=~", "(?i)x"), m("a", "=", "y")]) is None


def test_a_pattern_too_large_to_decide_is_not_decided() -> None:
    machine = automaton("(a|b)*a(a|b){14}")
    assert machine is not None
    assert satisfiable([(machine, False), (automaton("(a|b){30,40}"), True), (automaton("b*a{40}"), False)]) in (
        None,
        True,
    )  # type: ignore[list-item]
    assert automaton("(?:a{900}){4}") is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('a="b"', ['a="b"']),
        ('{a="b", c=~"d,e"}', ['a="b"', ' c=~"d,e"']),
        ('a="x\\",y",b=c', ['a="x\\",y"', "b=c"]),
        ("code=~[0-9]{3}", ["code=~[0-9]{3"]),
        ('a="b",', ['a="b"']),
    ],
)
def test_split(text: str, parts: list[str]) -> None:
    assert [text[a:b] for a, b in split(text)] == parts


def test_parse() -> None:
    assert parse(' a = "b" ') == ("a", "=", "b")
    assert parse("a=~b|c") == ("a", "=~", "b|c")
    assert parse(r'a!="x\"\\\n"') == ("a", "!=", 'x"\\\n')
    assert parse('a=""') == ("a", "=", "")
    assert parse("a=") == ("a", "=", "")


@pytest.mark.parametrize("text", ["", "a", '="b"', 'a="b', 'a=b"c', 'a="b"c"', "a=~[", 'a=~"(?<x>"'])
def test_what_is_no_matcher(text: str) -> None:
    with pytest.raises(MatcherError):
        parse(text)

"""The parser against the real promtool and against promql-parser, on random expressions."""

from __future__ import annotations

import os
import re
from pathlib import Path

import promql_parser
import pytest

from monitoring_kit.promql import PromQLError, parse, print_expr, requires
from monitoring_kit.targets import Feature, supported
from tests.properties.promql_generator import expressions
from tests.properties.promtool_oracle import promtools, verdicts, version

SEED = int(os.environ.get("MKIT_PROMQL_SEED", "20261123"))
COUNT = int(os.environ.get("MKIT_PROMQL_COUNT", "6000"))

# The grammar has taken any quoted name since 2.51; that such names can be stored is what 3.0 brought.
NOT_GRAMMAR = {Feature.UTF8_NAMES}


def rejection(text: str, prometheus: str) -> str:
    """Why mkit would not give ``text`` to that version, "" if it would."""
    try:
        expr = parse(text)
    except PromQLError as error:
        return str(error)
    lacking = [
        feature.name
        for feature, _ in requires(expr)
        if feature not in NOT_GRAMMAR and not supported(feature, {"prometheus": prometheus})
    ]
    return ", ".join(lacking)


# Every known difference: who is right, and why mkit does not follow.
EXPLAINED = {
    # Inside brackets Prometheus' lexer reads any letter behind the first duration as a colon: x[5m s 1m] is
    # taken for x[5m:1m]. mkit rejects what can only be a typing mistake.
    "letter for a colon": re.compile(r"\[[^\]]*[0-9a-z)]\s*(#[^\n]*\n\s*)*[\s+*/%^-]*[A-Za-z_]"),
    # NaN as an offset passes a range check made of comparisons and becomes the smallest integer.
    "NaN offset": re.compile(r"[oO][fF]{2}[sS][eE][tT]\s*[-+]?\s*[nN][aA][nN]"),
    # From 2.54 on the lexer reads the hexadecimal digit e as an exponent, and fails on some of what follows.
    "hexadecimal e": re.compile(r"0[xX][0-9a-fA-F_]*[eE]"),
    # go-yaml refuses the character before PromQL sees it, or mkit refuses it everywhere.
    "NUL": re.compile("\0"),
}


def explained(text: str) -> bool:
    return any(pattern.search(text) for pattern in EXPLAINED.values())


@pytest.fixture(params=promtools() or ["promtool"], ids=lambda path: Path(path).name)
def promtool(request: pytest.FixtureRequest) -> str:
    if not promtools():
        pytest.skip("no promtool on PATH and none in MKIT_PROMTOOL")
    return str(request.param)


def disagreements(promtool: str, texts: list[str], folder: Path) -> list[tuple[str, str, str]]:
    release = version(promtool)
    return [
        (text, ours, theirs)
        for text, theirs in zip(texts, verdicts(promtool, texts, folder), strict=True)
        if bool(ours := rejection(text, release)) != bool(theirs) and not explained(text)
    ]


def test_accepts_and_rejects_what_promtool_does(promtool: str, tmp_path: Path) -> None:
    texts = expressions(SEED, COUNT)
    accepted = verdicts(promtool, texts, tmp_path).count("")
    assert 0.2 * COUNT < accepted < 0.8 * COUNT, "the generator must make both kinds"
    assert disagreements(promtool, texts, tmp_path) == []


def test_the_oracle_notices_a_difference(promtool: str, tmp_path: Path) -> None:
    assert [bool(v) for v in verdicts(promtool, ["up", "up{", "rate(up)", "é"], tmp_path)] == [False, True, True, True]


def test_printed_expressions_load_too(promtool: str, tmp_path: Path) -> None:
    release = version(promtool)
    texts = [text for text in expressions(SEED + 1, COUNT // 2) if not rejection(text, release)]
    printed = [print_expr(parse(text)) for text in texts]
    wrong = [(t, p, v) for t, p, v in zip(texts, printed, verdicts(promtool, printed, tmp_path), strict=True) if v]
    assert wrong == []


def test_listed_differences_are_real(promtool: str, tmp_path: Path) -> None:
    texts = ["x[5m s 1m]", "x[5m s1m]"]
    assert verdicts(promtool, texts, tmp_path) == ["", ""]
    assert all(rejection(text, version(promtool)) for text in texts)


# promql-parser 0.12 is a Rust program with Rust's regular expressions; what it is known to read differently:
PROMQL_PARSER_EXPLAINED = [
    r"`[^`]*\\[^`]*`",  # backslashes in raw strings
    r"[=!]~",  # Rust's regular expressions are not RE2
    r"holt_winters|limitk|limit_ratio|info|mad_over_time",  # its function table has one version
    r"\b([sS][tT][aA][rR][tT]|[eE][nN][dD])\b",  # keywords that are names in Prometheus
    r"[0-9]_|0x_",  # underscores in numbers
    r"1e30|1e400|300y|[0-9]{12}|0xF{5}|[oO][fF]{2}[sS][eE][tT]\s*[-+]*\s*[iI]",  # out of range; some make it panic
    r"[oO][fF]{2}[sS][eE][tT]\s*\+|[-+]\+|\+-",  # signs of durations
    r"\b0+s?\b",  # durations of zero
    r"\[\s*\.|[0-9][eE][0-9]{3}|\b[nN][aA][nN]\b",  # numbers: x[.5], 0e7555, ln(NaN)
    r"\([^()]*:[^()]*\)",  # a colon in a list of labels
    r"[-+]\s*[a-zA-Z_:{(][^()]*\[",  # a sign before a range vector
    r"\([^()]*(?:foo:bar|''|\"a.b\")[^()]*\)",  # UTF-8 labels in a list
    "\ufffd",  # the replacement character in a string
]


def test_agrees_with_promql_parser() -> None:
    known = re.compile("|".join([*PROMQL_PARSER_EXPLAINED, *(p.pattern for p in EXPLAINED.values())]))
    texts = [text for text in expressions(SEED + 2, COUNT // 2) if not known.search(text)]
    assert len(texts) > COUNT // 8
    wrong = []
    for text in texts:
        try:
            promql_parser.parse(text)
            theirs = ""
        except ValueError as error:
            theirs = str(error)
        if bool(rejection(text, "3.5")) != bool(theirs):
            wrong.append((text, rejection(text, "3.5"), theirs))
    assert wrong == []

"""Text to tokens. Selectors in braces and ranges in brackets become one token each.

A token is a plain tuple ``(kind, value, start, end)``. Kinds: the operators and punctuation themselves,
keywords in lower case (value: the word as written), ``id``, ``metric`` (a name with a colon), ``num``, ``dur``,
``str``, ``var``, ``{`` (value: `Braces`), ``[`` (value: `Brackets`) and ``eof``.
"""

from __future__ import annotations

import re
from typing import Any

from monitoring_kit.promql.brackets import read_brackets
from monitoring_kit.promql.errors import PromQLError
from monitoring_kit.promql.literals import parse_number, string_value
from monitoring_kit.promql.selector import read_braces
from monitoring_kit.promql.tokens import NUMBER_OR_DURATION, SKIP, STRING, VARIABLE, number_token

Token = tuple[str, Any, int, int]

MAX_LENGTH = 4_000_000
"""Characters of one expression."""

KEYWORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "atan2",
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "count_values",
        "quantile",
        "limitk",
        "limit_ratio",
        "offset",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "start",
        "end",
        "inf",
        "nan",
    ]
)

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_FORMAT = rf"(?:{SKIP})(?:({_NAME})|(==|!=|<=|>=|<(?!>)|[-+*/%^>(),@])|({STRING})|({NUMBER_OR_DURATION})|(\{{)|(\[))"
_TOKEN = re.compile(_FORMAT)
_TEMPLATE_NAME = re.compile(rf"(?:[a-zA-Z0-9_:]|{VARIABLE})+")
_BAD_CHARACTER = re.compile("[\0\ud800-\udfff]")
_SKIP = re.compile(SKIP)


def tokenise(text: str, variables: bool = False) -> list[Token]:
    """All tokens of ``text``, ending in one ``eof``; PromQLError at the first character that fits nowhere."""
    if len(text) > MAX_LENGTH:
        raise PromQLError(f"expression is longer than {MAX_LENGTH} characters", (MAX_LENGTH, len(text)))
    bad = _BAD_CHARACTER.search(text)
    if bad:
        what = "a NUL character" if bad[0] == "\0" else "invalid UTF-8"
        raise PromQLError(f"{what} in the expression", bad.span(), "valid UTF-8 text without NUL")
    tokens: list[Token] = []
    append, match_token = tokens.append, _TOKEN.match
    pos = 0
    while True:
        match = match_token(text, pos)
        if match is None:
            pos = _other(text, pos, variables, tokens)
            if pos < 0:
                return tokens
            continue
        group = match.lastindex
        start, pos = match.span(group)  # type: ignore[arg-type]
        value = match[group]  # type: ignore[index]
        if group == 1:
            if variables and text.startswith("$", pos):
                pos = _template_name(text, start, tokens)
                continue
            word = value.lower()
            if word in KEYWORDS:
                if word in ("inf", "nan"):
                    append(("num", (parse_number(word), value), start, pos))
                else:
                    append((word, value, start, pos))
            else:
                append(("metric" if ":" in value else "id", value, start, pos))
        elif group == 2:
            append((value, value, start, pos))
        elif group == 3:
            append(("str", string_value(value, start), start, pos))
        elif group == 4:
            append(number_token(value, start, pos))
        elif group == 5:
            braces, pos = read_braces(text, start, variables)
            append(("{", braces, start, pos))
        else:
            brackets, pos = read_brackets(text, start, variables)
            append(("[", brackets, start, pos))


def _other(text: str, pos: int, variables: bool, tokens: list[Token]) -> int:
    """Whatever the fast pattern does not know; returns the next position, -1 at the end of the text."""
    skipped = _SKIP.match(text, pos)
    start = skipped.end() if skipped else pos
    if start >= len(text):
        tokens.append(("eof", "", len(text), len(text)))
        return -1
    if variables and text[start] == "$":
        return _template_name(text, start, tokens)
    char = text[start]
    if char in "\"'`":
        raise PromQLError("unterminated string", (start, len(text)), f"a closing {char}")
    pair = {"=>": ">=", "=<": "<=", "&&": "`and`", "||": "`or`", "<>": "!="}.get(text[start : start + 2])
    expected = pair or {"=": "== to compare", "!": "!= to compare", "~": "=~ inside braces"}.get(char, "")
    raise PromQLError(f"unexpected character {char!r}", (start, start + 1), expected)


def _template_name(text: str, start: int, tokens: list[Token]) -> int:
    """A variable, or a metric name that contains one (``${prefix}_requests_total``)."""
    match = _TEMPLATE_NAME.match(text, start)
    if match is None:
        raise PromQLError("unexpected character '$'", (start, start + 1), "a variable such as $name or ${name}")
    alone = re.fullmatch(VARIABLE, match[0])
    if alone:
        tokens.append(("var", alone, start, match.end()))
    else:
        tokens.append(("metric", match[0], start, match.end()))
    return match.end()

"""Matchers of routes and inhibition rules: writing them, and judging labels by them as Alertmanager does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

# Quoted values mean the same to the classic parser and to the one for UTF-8 (0.27): \\ \" \n are the escapes of both.
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_UNESCAPE = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_MATCHER = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)(=~|!~|!=|=)"((?:[^"\\\n]|\\.)*)"')
# RE2's special characters; where it can, each is put into a class of its own, which needs no backslash.
_SPECIAL = re.compile(r"([.+*?()|\[\]{}^$\\])")


def equals(label: str, value: str) -> str:
    return _written(label, "=", value)


def differs(label: str, value: str) -> str:
    return _written(label, "!=", value)


def one_of(label: str, values: Iterable[str]) -> str:
    """The label is one of some values; written as an equality when there is only one."""
    given = list(values)
    return equals(label, given[0]) if len(given) == 1 else _written(label, "=~", "|".join(map(literal, given)))


def none_of(label: str, values: Iterable[str]) -> str:
    """The label is none of some values."""
    given = list(values)
    return differs(label, given[0]) if len(given) == 1 else _written(label, "!~", "|".join(map(literal, given)))


def present(label: str) -> str:
    """The label is there: Alertmanager takes a missing label for an empty one, and two empty ones for equal."""
    return _written(label, "!=", "")


def listed(label: str, value: str) -> str:
    """The label's comma separated list holds ``value`` as a whole: `sms` is no part of `sms-night,email`."""
    return _written(label, "=~", f"(?:.*,)?{literal(value)}(?:,.*)?")


def literal(text: str) -> str:
    """``text`` as a regular expression that matches it alone."""
    return _SPECIAL.sub(lambda m: f"\\{m[1]}" if m[1] in "[]^\\" else f"[{m[1]}]", text)


def _written(label: str, operator: str, value: str) -> str:
    quoted = "".join(_ESCAPES.get(c, c) for c in value)
    return f'{label}{operator}"{quoted}"'


def matches(matchers: Iterable[str], labels: Mapping[str, str]) -> bool:
    """Whether ``labels`` satisfy all of the matchers, as written above; a label that is not there counts as empty."""
    return all(_holds(matcher, labels) for matcher in matchers)


def _holds(matcher: str, labels: Mapping[str, str]) -> bool:
    label, operator, value = parsed(matcher)
    found = labels.get(label, "")
    if operator in ("=", "!="):
        return (found == value) == (operator == "=")
    return (_pattern(value).fullmatch(found) is not None) == (operator == "=~")


@lru_cache(maxsize=4096)
def parsed(matcher: str) -> tuple[str, str, str]:
    """Label, operator and value of a matcher; ValueError for one that is not written as above."""
    match = _MATCHER.fullmatch(matcher)
    if match is None:
        raise ValueError(f"{matcher!r} is no matcher")
    return match[1], match[2], re.sub(r'\\[\\"n]', lambda m: _UNESCAPE[m[0]], match[3])


@lru_cache(maxsize=4096)
def _pattern(value: str) -> re.Pattern[str]:
    return re.compile(value)

"""Strings that a regular expression matches, for label values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

# The parser of the standard library; `sre_parse` was its public name until 3.11.
_parse = __import__("re._parser", fromlist=["parse"]).parse


def matching(pattern: str, limit: int = 8) -> list[str]:
    """Up to ``limit`` short strings that ``pattern`` matches as a whole, in the order of its alternatives; [] when it uses
    something that is not understood here."""
    try:
        found = islice(_sequence(list(_parse(pattern))), limit)
        return [text for text in found if re.fullmatch(pattern, text, re.DOTALL)]
    except (re.error, ValueError, RecursionError):
        return []


def _sequence(items: list[Any]) -> Iterator[str]:
    parts = [list(islice(_item(str(op), argument), 4)) for op, argument in items]
    for choice in product(*parts):
        yield "".join(choice)


def _item(op: str, argument: Any) -> Iterator[str]:
    if op == "LITERAL":
        yield chr(argument)
    elif op == "ANY":
        yield "0"
    elif op == "NOT_LITERAL":
        yield "a" if chr(argument) != "a" else "b"
    elif op == "IN":
        if all(str(kind) == "LITERAL" for kind, _ in argument):
            yield from (chr(code) for _, code in argument)
        else:
            yield _from_class(argument)
    elif op in ("MAX_REPEAT", "MIN_REPEAT"):
        low, high, inner = argument
        times = max(low, min(1, high))
        for text in _sequence(list(inner)):
            yield text * times
    elif op == "SUBPATTERN":
        yield from _sequence(list(argument[-1]))
    elif op == "BRANCH":
        for branch in argument[1]:
            yield from islice(_sequence(list(branch)), 2)
    elif op == "AT":
        yield ""
    else:
        raise ValueError(op)


def _from_class(items: list[Any]) -> str:
    if str(items[0][0]) == "NEGATE":
        excluded = items[1:]
        return next(c for c in "a1-_ bZ" if not any(_in_class(c, str(op), arg) for op, arg in excluded))
    op, argument = str(items[0][0]), items[0][1]
    if op == "RANGE":
        return chr(argument[0])
    if op == "CATEGORY":
        return {"CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " "}.get(str(argument), "a")
    return chr(argument)


def _in_class(char: str, op: str, argument: Any) -> bool:
    if op == "LITERAL":
        return chr(argument) == char
    if op == "RANGE":
        return bool(argument[0] <= ord(char) <= argument[1])
    return str(argument) == "CATEGORY_DIGIT" and char.isdigit()

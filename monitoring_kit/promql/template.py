"""Expressions that are printed once and filled in many times: for the same query about a thousand services."""

from __future__ import annotations

import re

from monitoring_kit.promql import ast
from monitoring_kit.promql.literals import quote
from monitoring_kit.promql.printer import print_expr

# A private-use character: no label value of a real system holds it, and the printer writes it as it is.
_MARK = "\ue000"
_HOLE = re.compile(f'"{_MARK}(\\w+){_MARK}"')


def hole(name: str) -> str:
    """A label value to be filled in later; it must be the whole value of a matcher."""
    return f"{_MARK}{name}{_MARK}"


class Template:
    """The text of ``expr`` with its holes open. ``fill`` prints what `print_expr` would print with the values in place."""

    def __init__(self, expr: ast.Expr) -> None:
        parts = _HOLE.split(print_expr(expr))
        self._texts, self._names = parts[0::2], parts[1::2]

    def fill(self, **values: str) -> str:
        """The expression with each hole's value. KeyError for a hole without one."""
        found = [self._texts[0]]
        for name, text in zip(self._names, self._texts[1:], strict=True):
            found.append(quote(values[name]))
            found.append(text)
        return "".join(found)

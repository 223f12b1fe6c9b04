"""RE2 syntax as Prometheus reads it in matchers: what Go's regexp/syntax accepts with Perl flags.

What the regexp packages of Prometheus 2.42 to 3.5 do not agree on is reported in `Pattern`.
Source of the rules: https://github.com/google/re2/wiki/Syntax and Go's regexp/syntax/parse.go.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from monitoring_kit.promql.re2_names import POSIX_CLASSES, UNICODE_CLASSES

MAX_REPEAT = 1000
MAX_SIZE = (128 << 20) // 40
MAX_HEIGHT = 1000


class RE2Error(ValueError):
    """``message`` and the offset range of the offending part inside the pattern."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


class Pattern(NamedTuple):
    """What a check needs to know of a valid pattern."""

    matches_empty: bool
    angle_groups: bool
    """uses ``(?<name>...)``, unknown to the regexp package of Prometheus before 2.53"""
    open_quote: bool
    """ends inside of ``\\Q...``, which Prometheus before 2.52 rejects"""


_PLAIN = re.compile(r"(?:[\w/:@ ,;<>=&%#~!'\"-]|\.[*+?]?|\\[.\-/]|\|)*", re.ASCII)
_FLAGS = re.compile(r"\(\?([imsU]*)(-[imsU]+)?([:)])", re.ASCII)
_GROUP_NAME = re.compile(r"\(\?P?<([^>]*)>", re.S)
_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(?:(,)(0|[1-9][0-9]*)?)?\}", re.ASCII)
_ESCAPE = re.compile(
    r"\\(?:[1-7](?=[0-7])[0-7]{1,2}|0[0-7]{0,2}|x\{(?P<hex>[0-9a-fA-F]+)\}|x[0-9a-fA-F]{2}|[afnrtv]|"
    r"(?P<punct>[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]))",
    re.ASCII,
)
_UNICODE = re.compile(r"\\[pP](?:\{\^?([^}]*)\}|([^{]))", re.S)


Repeats = tuple[tuple[int, "Repeats"], ...]


class _Node(NamedTuple):
    """Size of the compiled program, height of the tree, nullability and the nested repeat counts."""

    empty: bool
    size: int = 1
    height: int = 1
    repeats: Repeats = ()


_LITERAL = _Node(False)
_EMPTY = _Node(True)


def analyse(pattern: str) -> Pattern:
    """Check ``pattern``; RE2Error where Prometheus would reject it."""
    return _analyse(pattern) if len(pattern) > 512 else _analyse_cached(pattern)


@lru_cache(maxsize=4096)
def _analyse_cached(pattern: str) -> Pattern:
    return _analyse(pattern)


def _analyse(pattern: str) -> Pattern:
    if _PLAIN.fullmatch(pattern):
        return Pattern(any(_plain_empty(part) for part in pattern.split("|")), False, False)
    return _Parser(pattern).parse()


def _plain_empty(branch: str) -> bool:
    return not branch or re.fullmatch(r"(?:\.[*?])+", branch) is not None


class _Parser:
    """A stack machine like Go's, so that no pattern can exhaust the Python stack."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.pos = 0
        self.items: list[_Node] = []  # the concatenation being read
        self.branches: list[_Node] = []  # finished alternatives of the current group
        self.groups: list[tuple[list[_Node], list[_Node], bool, int]] = []
        self.angle = self.open_quote = False

    def parse(self) -> Pattern:
        pattern, length = self.pattern, len(self.pattern)
        repeated = -1  # where the repetition just read began, -1 if the last item is none
        while self.pos < length:
            start = self.pos
            char = pattern[start]
            if char in "*+?{":
                repeated = self._repeat(char, repeated)
                continue
            repeated = -1
            self._item(char)
        if self.groups:
            raise RE2Error("missing closing )", self.groups[-1][3], length)
        self._close_branch()
        whole = self._alternation()
        return Pattern(whole.empty, self.angle, self.open_quote)

    def _item(self, char: str) -> None:
        if char == "(":
            self._open()
        elif char == ")":
            self._close()
        elif char == "|":
            self._close_branch()
            self.pos += 1
        elif char == "[":
            self._class()
        elif char == "\\":
            self._backslash()
        else:
            self.items.append(_EMPTY if char in "^$" else _LITERAL)
            self.pos += 1

    def _fail(self, message: str, start: int, end: int | None = None) -> RE2Error:
        return RE2Error(message, start, self.pos if end is None else end)

    def _push(self, node: _Node) -> None:
        if node.size > MAX_SIZE:
            raise self._fail("expression too large", 0, len(self.pattern))
        if node.height > MAX_HEIGHT:
            raise self._fail("expression nests too deeply", 0, len(self.pattern))
        self.items.append(node)

    def _close_branch(self) -> None:
        items, self.items = self.items, []
        if len(items) == 1:
            self.branches.append(items[0])
            return
        repeats = tuple(r for item in items for r in item.repeats)
        size = max(1, sum(item.size for item in items))
        height = 1 + max((item.height for item in items), default=0)
        self.branches.append(_Node(all(item.empty for item in items), size, height, repeats))

    def _alternation(self) -> _Node:
        branches, self.branches = self.branches, []
        if len(branches) == 1:
            return branches[0]
        repeats = tuple(r for branch in branches for r in branch.repeats)
        size = sum(branch.size for branch in branches) + len(branches) - 1
        height = 1 + max(branch.height for branch in branches)
        return _Node(any(branch.empty for branch in branches), size, height, repeats)

    def _open(self) -> None:
        start, captures = self.pos, True
        if self.pattern.startswith("(?", start):
            named = _GROUP_NAME.match(self.pattern, start)
            if named:
                if not re.fullmatch(r"[A-Za-z0-9_]+", named[1]):
                    raise self._fail("invalid named capture", start, named.end())
                self.angle = self.angle or self.pattern[start + 2] == "<"
                self.pos = named.end()
            else:
                flags = _FLAGS.match(self.pattern, start)
                if not flags:
                    end = min(len(self.pattern), start + 3)
                    raise self._fail("invalid or unsupported Perl syntax", start, end)
                self.pos = flags.end()
                if flags[3] == ")":
                    return
                captures = False
        else:
            self.pos += 1
        self.groups.append((self.items, self.branches, captures, start))
        self.items, self.branches = [], []

    def _close(self) -> None:
        if not self.groups:
            raise self._fail("unexpected )", self.pos, self.pos + 1)
        self._close_branch()
        node = self._alternation()
        self.items, self.branches, captures, _ = self.groups.pop()
        self.pos += 1
        if captures:
            node = _Node(node.empty, node.size + 2, node.height + 1, node.repeats)
        self._push(node)

    def _repeat(self, char: str, repeated: int) -> int:
        """Apply one repetition operator; returns where it began, or -1 for a literal ``{``."""
        start = self.pos
        low, high = {"*": (0, -1), "+": (1, -1), "?": (0, 1)}.get(char, (0, 0))
        self.pos += 1
        if char == "{":
            counted = _REPEAT.match(self.pattern, start)
            if not counted:
                self.items.append(_LITERAL)
                return -1
            self.pos = counted.end()
            low = int(counted[1][:9])
            high = low if not counted[2] else int(counted[3][:9]) if counted[3] else -1
            if low > MAX_REPEAT or high > MAX_REPEAT or 0 <= high < low:
                raise self._fail(f"invalid repeat count, at most {MAX_REPEAT}", start)
        if self.pattern.startswith("?", self.pos):
            self.pos += 1
        if repeated >= 0:
            raise self._fail("invalid nested repetition operator", repeated)
        if not self.items:
            raise self._fail("missing argument to repetition operator", start)
        self._push(self._repeated(self.items.pop(), char, low, high, start))
        return start

    def _repeated(self, node: _Node, char: str, low: int, high: int, start: int) -> _Node:
        empty = low == 0 or node.empty
        if char != "{":
            return _Node(empty, node.size + (2 if char == "*" else 1), node.height + 1, node.repeats)
        count = low if high < 0 else high
        repeats: Repeats = () if high == 0 else ((count, node.repeats),)
        if max(low, high) >= 2 and not _repeats_valid(repeats, MAX_REPEAT):
            raise self._fail(f"invalid repeat count, nested repeats exceed {MAX_REPEAT}", start)
        size = high * node.size + high - low if high >= 0 else 1 + max(1, low) * node.size
        return _Node(empty, max(1, size), node.height + 1, repeats)

    def _backslash(self) -> None:
        start = self.pos
        following = self.pattern[start + 1 : start + 2]
        if following and following in "AzbB":
            self.items.append(_Node(following != "b"))
            self.pos += 2
        elif following == "Q":
            end = self.pattern.find("\\E", start + 2)
            self.open_quote = end < 0
            literal = self.pattern[start + 2 : end if end >= 0 else len(self.pattern)]
            self.items.extend([_LITERAL] * len(literal))
            self.pos = end + 2 if end >= 0 else len(self.pattern)
        else:
            if not self._class_escape():
                self._escape()
            self.items.append(_LITERAL)

    def _class_escape(self) -> bool:
        """``\\d``, ``\\pN`` and friends, allowed inside and outside of ``[...]``."""
        start = self.pos
        following = self.pattern[start + 1 : start + 2]
        if self.pattern[start : start + 1] != "\\":
            return False
        if following and following in "dDsSwW":
            self.pos += 2
            return True
        if not following or following not in "pP":
            return False
        unicode = _UNICODE.match(self.pattern, start)
        if unicode is None:
            # Go reads the lone \p at the very end as a bad escape, an open brace as a bad range.
            raise self._fail("invalid character class range", start, len(self.pattern))
        name = unicode[1] if unicode[1] is not None else unicode[2]
        if name not in UNICODE_CLASSES:
            raise self._fail(f"unknown Unicode class {name!r}", start, unicode.end())
        self.pos = unicode.end()
        return True

    def _escape(self) -> int:
        start = self.pos
        if start + 1 >= len(self.pattern):
            raise self._fail("trailing backslash", start, start + 1)
        escape = _ESCAPE.match(self.pattern, start)
        if escape is None or (escape["hex"] and int(escape["hex"], 16) > 0x10FFFF):
            raise self._fail("invalid escape sequence", start, start + 2)
        self.pos = escape.end()
        return _escaped_char(escape)

    def _class(self) -> None:
        start = self.pos
        self.pos += 1
        if self.pattern.startswith("^", self.pos):
            self.pos += 1
        first = True
        while first or not self.pattern.startswith("]", self.pos):
            if self.pos >= len(self.pattern):
                raise self._fail("missing closing ]", start, len(self.pattern))
            first = False
            if not self._posix_class() and not self._class_escape():
                self._class_range(start)
        self.pos += 1
        self.items.append(_LITERAL)

    def _posix_class(self) -> bool:
        if not self.pattern.startswith("[:", self.pos):
            return False
        end = self.pattern.find(":]", self.pos + 2)
        if end < 0:
            return False
        if self.pattern[self.pos + 2 : end].removeprefix("^") not in POSIX_CLASSES:
            raise self._fail("invalid character class range", self.pos, end + 2)
        self.pos = end + 2
        return True

    def _class_range(self, class_start: int) -> None:
        start = self.pos
        low = self._class_char(class_start)
        rest = self.pattern[self.pos : self.pos + 2]
        if len(rest) == 2 and rest[0] == "-" and rest[1] != "]":
            self.pos += 1
            if self._class_char(class_start) < low:
                raise self._fail("invalid character class range", start)

    def _class_char(self, class_start: int) -> int:
        if self.pos >= len(self.pattern):
            raise self._fail("missing closing ]", class_start, len(self.pattern))
        if self.pattern[self.pos] == "\\":
            return self._escape()
        self.pos += 1
        return ord(self.pattern[self.pos - 1])


def _escaped_char(escape: re.Match[str]) -> int:
    if escape["punct"]:
        return ord(escape["punct"])
    if escape["hex"]:
        return int(escape["hex"], 16)
    text = escape[0][1:]
    if text[0] == "x":
        return int(text[1:], 16)
    if text[0].isdigit():
        return int(text, 8)
    return {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}[text]


def _repeats_valid(repeats: Repeats, budget: int) -> bool:
    for count, inner in repeats:
        if count > budget:
            return False
        if not _repeats_valid(inner, budget // count if count else budget):
            return False
    return True

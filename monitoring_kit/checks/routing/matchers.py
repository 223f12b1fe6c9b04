"""Matchers as Alertmanager reads them (``pkg/labels/parse.go``), and what can be proven of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from monitoring_kit.checks.routing.language import Automaton, automaton, satisfiable
from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.promql.re2 import RE2Error, analyse

_MATCHER = re.compile(r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*|"(?:\\.|[^"\\])*")\s*(=~|!=|!~|=)\s*(.*?)\s*', re.S)
_ESCAPE = re.compile(r'\\(["\\n])')


class MatcherError(ValueError):
    """Alertmanager refuses the matcher; ``start`` and ``end`` are offsets into its text."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start, self.end = start, end


@dataclass(frozen=True, slots=True)
class Matcher:
    """``label op value``; ``span`` is where it was written."""

    label: str
    op: str
    value: str
    span: Span

    def __str__(self) -> str:
        return f'{self.label}{self.op}"{self.value}"'

    @property
    def positive(self) -> bool:
        return self.op in ("=", "=~")

    def machine(self) -> Automaton | None:
        """The automaton of the value, to be accepted or (``!=``, ``!~``) refused."""
        return automaton(None, self.value) if self.op in ("=", "!=") else automaton(self.value)

    def holds(self, value: str) -> bool:
        """Whether a label with this value ("" for none) satisfies the matcher."""
        if self.op in ("=", "!="):
            return (value == self.value) is self.positive
        return (_pattern(self.value).fullmatch(value) is not None) is self.positive


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return re.compile(r"(?!)")


def readable(matcher: Matcher) -> bool:
    """Whether both RE2 and this module read the pattern alike; only then is ``holds`` to be believed."""
    return matcher.op in ("=", "!=") or automaton(matcher.value) is not None


def split(text: str) -> list[tuple[int, int]]:
    """The stretches of a comma separated list of matchers, braces around it left out."""
    start, end = (1 if text.startswith("{") else 0), len(text) - (1 if text.endswith("}") else 0)
    found, begin, quoted, at = [], start, False, start
    while at < end:
        if text[at] == "\\" and quoted:
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        elif text[at] == "," and not quoted:
            found.append((begin, at))
            begin = at + 1
        at += 1
    return [*found, (begin, end)] if text[begin:end].strip() or not found else found


def parse(text: str) -> tuple[str, str, str]:
    """(label, operator, value) of one matcher; MatcherError where Alertmanager refuses it."""
    match = _MATCHER.fullmatch(text)
    if match is None:
        raise MatcherError("this is no matcher: a label, one of = != =~ !~, and a value", 0, len(text))
    label, op, value = match.groups()
    start, end = match.span(3)
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"') or (value.endswith('\\"') and not value.endswith('\\\\"')):
            raise MatcherError("the quote is never closed", start, end)
        value = value[1:-1]
        if re.search(r'(?<!\\)(?:\\\\)*"', value):
            raise MatcherError('a `"` inside of quotes must be written `\\"`', start, end)
    elif '"' in value:
        raise MatcherError('a `"` must be at both ends of the value', start, end)
    value = _ESCAPE.sub(lambda m: "\n" if m[1] == "n" else m[1], value)
    if op in ("=~", "!~"):
        try:
            analyse(value)
        except RE2Error as error:
            raise MatcherError(f"not a regular expression: {error.message}", start, end) from None
    return label.strip('"'), op, value


def by_label(matchers: Iterable[Matcher]) -> dict[str, list[Matcher]]:
    """The matchers of each label."""
    found: dict[str, list[Matcher]] = {}
    for matcher in matchers:
        found.setdefault(matcher.label, []).append(matcher)
    return found


def contradiction(matchers: Sequence[Matcher]) -> list[Matcher] | None:
    """Matchers of one label that no value satisfies together; None when there are none or nothing is proven."""
    for own in by_label(matchers).values():
        if len(own) > 1 or own[0].op == "!~":
            machines = [(machine, m.positive) for m in own if (machine := m.machine()) is not None]
            if len(machines) == len(own) and satisfiable(machines) is False:
                return own
    return None


def implies(narrow: Sequence[Matcher], wide: Sequence[Matcher]) -> bool:
    """Whether it is proven that every label set which satisfies ``narrow`` satisfies ``wide``."""
    have = by_label(narrow)
    for matcher in wide:
        goal = matcher.machine()
        if goal is None:
            return False
        machines: list[tuple[Automaton, bool]] = []
        for own in have.get(matcher.label, ()):
            machine = own.machine()
            if machine is not None:  # leaving one out only makes the narrow side wider
                machines.append((machine, own.positive))
        if satisfiable([*machines, (goal, not matcher.positive)]) is not False:
            return False
    return True


def satisfied(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether a known label set satisfies all matchers; a label that is not there counts as empty."""
    return all(matcher.holds(labels.get(matcher.label, "")) for matcher in matchers)

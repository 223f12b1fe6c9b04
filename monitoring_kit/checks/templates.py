"""Reading the templates of labels and annotations as far as the checks need it: Go's text/template with Prometheus' functions.

Source: prometheus/prometheus ``template/template.go`` (funcMap) and Go's ``text/template`` documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql.errors import Span

# Functions by the version of Prometheus that brought them; "" for those of every version that mkit targets.
FUNCTIONS: dict[str, str] = {
    **dict.fromkeys(
        [
            "query",
            "first",
            "value",
            "label",
            "strvalue",
            "args",
            "reReplaceAll",
            "safeHtml",
            "match",
            "title",
            "toUpper",
            "toLower",
            "graphLink",
            "tableLink",
            "sortByLabel",
            "stripPort",
            "stripDomain",
            "humanize",
            "humanize1024",
            "humanizeDuration",
            "humanizePercentage",
            "humanizeTimestamp",
            "toTime",
            "pathPrefix",
            "externalURL",
            "parseDuration",
            "tmpl",
            "and",
            "or",
            "not",
            "len",
            "index",
            "slice",
            "print",
            "printf",
            "println",
            "html",
            "js",
            "urlquery",
            "call",
            "eq",
            "ne",
            "lt",
            "le",
            "gt",
            "ge",
        ],
        "",
    ),
    "now": "3.6",
    "toDuration": "3.6",
    "urlQueryEscape": "3.8",
}
_KEYWORDS = frozenset(
    ["if", "else", "end", "range", "with", "define", "template", "block", "break", "continue", "nil", "true", "false"]
)
_ACTION = re.compile(
    r"\{\{-?\s*(/\*.*?\*/|(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'|[^\"`'}]|\}(?!\}))*?)\s*-?\}\}", re.S
)
_TOKEN = re.compile(
    r"\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'|\$?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|\$?(?:\.[A-Za-z_]\w*)+|[$.]|[0-9][\w.]*|\S",
    re.S,
)
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an action, with its place in the template."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Use:
    """A label that a template prints: ``map`` is ``labels`` or ``externalLabels``."""

    map: str
    label: str
    span: Span


@lru_cache(64)  # one check after the other asks for the templates of one rule
def actions(template: str) -> tuple[tuple[Token, ...], ...]:
    """The words of each ``{{ … }}``; comments are left out."""
    return tuple(
        tuple(Token(m[0], (a.start(1) + m.start(), a.start(1) + m.end())) for m in _TOKEN.finditer(a[1]))
        for a in (_ACTION.finditer(template) if "{{" in template else ())
        if not a[1].startswith("/*")
    )


def _of_the_alert(template: str) -> Iterator[tuple[tuple[Token, ...], bool]]:
    """Each action, and whether ``.`` is the alert there: inside of ``range`` and ``with`` it is something else."""
    blocks: list[bool] = []
    for words in actions(template):
        first = words[0].text if words else ""
        if first == "else" and blocks:
            # Nothing was found: the dot is what it was. `else with` binds it anew.
            blocks[-1] = len(words) > 1 and words[1].text == "with"
        elif first == "end" and blocks:
            blocks.pop()
        yield words, not any(blocks)
        if first in ("if", "range", "with", "define", "block"):
            blocks.append(first != "if")


def label_uses(template: str) -> Iterator[Use]:
    """Every label of the alert that is read, inside of ``if`` and ``range`` too: ``$labels.x``, ``.Labels.x``,
    ``index $labels "x"``."""
    for words, own in _of_the_alert(template):
        for number, word in enumerate(words):
            path = word.text.split(".")
            if path[0] in ("$labels", "$externalLabels") and len(path) > 1:
                yield Use(
                    path[0][1:],
                    path[1],
                    (word.span[0] + len(path[0]) + 1, word.span[0] + len(path[0]) + 1 + len(path[1])),
                )
            elif not own and word.text.startswith("."):
                continue
            elif word.text.startswith(("$.Labels.", ".Labels.", "$.ExternalLabels.", ".ExternalLabels.")):
                map_, label = path[1], path[2]
                at = word.text.index(label, len(path[0]) + len(map_) + 1)
                yield Use(map_[0].lower() + map_[1:], label, (word.span[0] + at, word.span[0] + at + len(label)))
            elif word.text in ("$labels", "$externalLabels", ".Labels", ".ExternalLabels") and number + 1 < len(words):
                before, after = words[number - 1].text if number else "", words[number + 1]
                if before == "index" and after.text[0] in '"`':
                    yield Use(
                        word.text.strip("$.").replace("Labels", "labels", 1)
                        if word.text[0] == "$"
                        else word.text[1].lower() + word.text[2:],
                        after.text[1:-1],
                        after.span,
                    )


def value_uses(template: str) -> Iterator[Span]:
    """Every place where the alert's value is printed."""
    for words, own in _of_the_alert(template):
        yield from (w.span for w in words if w.text in ("$value", "$.Value") or (own and w.text == ".Value"))


def unknown_functions(template: str) -> Iterator[Token]:
    """Words that stand where a function or keyword must, and are neither."""
    for words in actions(template):
        defined = bool(words) and words[0].text in ("define", "template", "block")
        for word in words:
            if _NAME.fullmatch(word.text) and word.text not in FUNCTIONS and word.text not in _KEYWORDS and not defined:
                yield word


def functions(template: str) -> Iterator[Token]:
    """The known functions that a template calls."""
    for words in actions(template):
        yield from (word for word in words if word.text in FUNCTIONS)


def unclosed(template: str) -> Span | None:
    """An opening ``{{`` without its end."""
    at = _ACTION.sub(lambda m: " " * len(m[0]), template).find("{{") if "{{" in template else -1
    return (at, at + 2) if at >= 0 else None

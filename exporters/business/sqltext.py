"""SQL as tokens: enough to see that a query is one reading statement, to bind ``:name``, and to find its tables.

This lint gives early and clear errors. What keeps a query from writing is the session (see the drivers), not the lint.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from functools import cache

from ..runtime.records import dataclass

MAX_SQL = 100_000
FIRST_WORDS = ("SELECT", "WITH", "VALUES", "SHOW", "TABLE")
# Never needed to read, and reserved or meaningless elsewhere in a query; a column of that name must be quoted.
_WRITING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "INTO", "OUTFILE", "DUMPFILE", "CALL", "TRUNCATE"})
# Functions that change something, wait for others, or leave the database although the transaction is read-only.
_FUNCTIONS = re.compile(
    r"set_config|setval|nextval|dblink\w*|lo_(?:import|export|unlink|create|put|from_bytea)|pg_terminate_backend"
    r"|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile|pg_(?:try_)?advisory\w*|pg_read_\w*file|pg_ls_\w+|pg_notify"
    r"|pg_logical_emit_message|pg_switch_wal|pg_create_restore_point|query_to_xml\w*|get_lock|release_lock|release_all_locks"
    r"|load_file|load_extension|sys_exec|sys_eval",
    re.IGNORECASE,
)

_COMMON = [
    ("space", r"\s+"),
    ("number", r"\d[\w.]*|\.\d\w*"),
    ("word", r"[^\W\d][\w$]*"),
]
_STRINGS = {
    "mysql": [
        ("executable", r"/\*[!M]"),
        ("comment", r"/\*[\s\S]*?\*/|\#[^\n]*|--(?=\s|\Z)[^\n]*"),
        ("string", r"'(?:[^'\\]|''|\\[\s\S])*'|\"(?:[^\"\\]|\"\"|\\[\s\S])*\""),
        ("quoted", r"`(?:[^`]|``)*`"),
    ],
    "postgresql": [
        ("string", r"[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|(?P<tag>\$(?:[^\W\d]\w*)?\$)[\s\S]*?(?P=tag)"),
        ("quoted", r"\"(?:[^\"]|\"\")*\""),
        ("cast", r"::"),
        ("comment", r"--[^\n]*"),
    ],
    "sqlite": [
        ("comment", r"/\*[\s\S]*?(?:\*/|\Z)|--[^\n]*"),
        ("string", r"'(?:[^']|'')*'"),
        ("quoted", r"\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]"),
    ],
}
_TAIL = [("param", r":[^\W\d]\w*"), ("broken", r"['\"`]|/\*"), ("punct", r"[\s\S]")]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL: its kind, its text and where it starts."""

    kind: str
    text: str
    at: int


@cache
def _grammar(dialect: str) -> re.Pattern[str]:
    rules = [*_STRINGS[dialect], *_COMMON, *_TAIL]
    seen: dict[str, list[str]] = {}
    for kind, pattern in rules:
        seen.setdefault(kind, []).append(pattern)
    # The order of first appearance decides; a kind's patterns stand together.
    return re.compile("|".join(f"(?P<{kind}>{'|'.join(patterns)})" for kind, patterns in seen.items()))


def tokens(sql: str, dialect: str) -> Iterator[Token]:
    """The tokens of ``sql``, blanks and comments included; their texts make up ``sql`` again."""
    grammar = _grammar(dialect)
    at = 0
    while at < len(sql):
        if dialect == "postgresql" and sql.startswith("/*", at):
            end = _nested_comment(sql, at)
            yield Token("comment" if end else "broken", sql[at : end or len(sql)], at)
            at = end or len(sql)
            continue
        match = grammar.match(sql, at)
        if match is None:  # pragma: no cover - `punct` matches anything
            break
        kind = match.lastgroup or "punct"
        yield Token("string" if kind == "tag" else kind, match.group(), at)
        at = match.end()


def _nested_comment(sql: str, at: int) -> int | None:
    depth = 0
    for match in re.finditer(r"/\*|\*/", sql[at:]):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return at + match.end()
    return None


def _code(sql: str, dialect: str) -> list[Token]:
    return [token for token in tokens(sql, dialect) if token.kind not in ("space", "comment")]


def lint(sql: str, dialect: str, params: tuple[str, ...] = ()) -> list[str]:
    """Why ``sql`` is not accepted as one reading statement, most important first; empty when it is."""
    if len(sql) > MAX_SQL:
        return [f"is longer than {MAX_SQL} characters"]
    code = _code(sql, dialect)
    if not code:
        return ["is empty"]
    while len(code) > 1 and code[-1].text == ";":
        code.pop()
    found = [*_shape(code), *_words(code), *_calls(code), *_places(code, params)]
    return list(dict.fromkeys(found))


def _shape(code: list[Token]) -> Iterator[str]:
    first = next((token for token in code if token.text != "("), code[0])
    if first.kind != "word" or first.text.upper() not in FIRST_WORDS:
        yield f"must begin with {', '.join(FIRST_WORDS[:-1])} or {FIRST_WORDS[-1]}, not `{first.text[:20]}`"
    if any(token.text == ";" for token in code):
        yield "holds more than one statement"
    for token in code:
        if token.kind == "broken":
            yield f"has a string, name or comment without end (`{token.text[:10]}`)"
        if token.kind == "executable":
            yield "has a /*! comment that the server would execute"


def _words(code: list[Token]) -> Iterator[str]:
    for before, token in zip([None, *code], code, strict=False):
        word = token.text.upper()
        if token.kind == "word" and word in _WRITING and not (before and before.text == "."):
            yield f"has the word {word}: only reading is allowed (quote it if it is a column)"


def _calls(code: list[Token]) -> Iterator[str]:
    for token, following in itertools.pairwise(code):
        name = token.text.strip('"`')
        if token.kind in ("word", "quoted") and following.text == "(" and _FUNCTIONS.fullmatch(name):
            yield f"calls {name}(), which does more than read"


def _places(code: list[Token], params: tuple[str, ...]) -> Iterator[str]:
    used = {token.text[1:] for token in code if token.kind == "param"}
    for name in sorted(used - set(params)):
        known = f" (there is {', '.join(':' + p for p in params)})" if params else ""
        yield f"has :{name}, which nothing gives a value{known}"
    for name in params:
        if name not in used:
            yield f"must use :{name}"


def bind_percent(sql: str, dialect: str) -> str:
    """``sql`` with ``:name`` as ``%(name)s`` and every other percent sign doubled (DB-API ``pyformat``)."""
    return "".join(
        f"%({token.text[1:]})s" if token.kind == "param" else token.text.replace("%", "%%")
        for token in tokens(sql, dialect)
    )


def tables(sql: str, dialect: str) -> list[str]:
    """The tables and views that a query names after FROM and JOIN, unquoted, sorted; its own CTEs left out."""
    code = _folded(_code(sql, dialect), dialect)
    found: set[str] = set()
    ctes = {
        _name(code, i - 1)[0].lower()
        for i in range(1, len(code) - 1)
        if code[i].text.upper() == "AS" and _opens(code, i + 1) and code[i - 1].kind in ("word", "quoted")
    }
    for i, reads in enumerate(_reads(code)):
        at = i + 1
        while reads and at < len(code):
            name, at = _name(code, at)
            if name and name.lower() not in ctes and not (at < len(code) and code[at].text == "("):
                found.add(name)
            at = _past_alias(code, at)
            if not name or at >= len(code) or code[at].text != ",":
                break
            at += 1
    return sorted(found)


def _folded(code: list[Token], dialect: str) -> list[Token]:
    """PostgreSQL reads names without quotes in lower case."""
    if dialect != "postgresql":
        return code
    return [Token(token.kind, token.text.lower(), token.at) if token.kind == "word" else token for token in code]


def _opens(code: list[Token], i: int) -> bool:
    words = [token.text.upper() for token in code[i : i + 3]]
    while words and words[0] in ("NOT", "MATERIALIZED"):
        words = words[1:]
    return bool(words) and words[0] == "("


def _reads(code: list[Token]) -> list[bool]:
    """For each token whether it is a FROM or JOIN that a table follows (``EXTRACT(x FROM y)`` is none)."""
    selects = [False]
    out = []
    for i, token in enumerate(code):
        word = token.text.upper() if token.kind == "word" else token.text
        if word == "(":
            selects.append(False)
        elif word == ")" and len(selects) > 1:
            selects.pop()
        elif word == "SELECT":
            selects[-1] = True
        distinct = i > 1 and code[i - 1].text.upper() == "DISTINCT" and code[i - 2].text.upper() in ("IS", "NOT")
        out.append((word == "FROM" and selects[-1] and not distinct) or word in ("JOIN", "STRAIGHT_JOIN"))
    return out


def _name(code: list[Token], at: int) -> tuple[str, int]:
    parts: list[str] = []
    if at < len(code) and code[at].text.upper() in ("ONLY", "LATERAL"):
        at += 1
    while at < len(code) and code[at].kind in ("word", "quoted"):
        text = code[at].text
        parts.append(text[1:-1] if code[at].kind == "quoted" else text)
        at += 1
        if at >= len(code) or code[at].text != ".":
            break
        at += 1
    return ".".join(parts), at


_CLAUSES = frozenset(
    [
        "WHERE",
        "GROUP",
        "ORDER",
        "HAVING",
        "LIMIT",
        "JOIN",
        "LEFT",
        "RIGHT",
        "INNER",
        "CROSS",
        "FULL",
        "NATURAL",
        "ON",
        "USING",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "WINDOW",
    ]
)


def _past_alias(code: list[Token], at: int) -> int:
    after: Callable[[int], bool] = lambda i: i < len(code) and code[i].kind in ("word", "quoted")  # noqa: E731
    if after(at) and code[at].text.upper() == "AS":
        at += 1
    if after(at) and code[at].text.upper() not in _CLAUSES:
        at += 1
    return at

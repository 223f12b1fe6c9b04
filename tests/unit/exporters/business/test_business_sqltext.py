"""SQL as tokens: what the lint refuses, what binding touches, which tables a query names."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitoring_kit.exporters.business.sqltext import bind_percent, lint, tables, tokens

DIALECTS = ("mysql", "postgresql", "sqlite")
anything = st.text(st.sampled_from("ab'\"`$;-/*:#[]()\\ \n%x1.,E"), max_size=60) | st.text(max_size=60)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) AS value FROM t",
        "select 'DELETE; it''s' as value",
        "SELECT 1 AS value;",
        "WITH x AS (SELECT 1 AS value) SELECT value FROM x -- INSERT",
        "SELECT t.update AS value FROM t",
        "(SELECT 1 AS value)",
        "VALUES (1)",
    ],
)
def test_reading_statements_pass(sql: str, dialect: str) -> None:
    assert lint(sql, dialect) == []


@pytest.mark.parametrize(
    ("sql", "dialect", "expected"),
    [
        ("DELETE FROM t", "mysql", "must begin with SELECT"),
        ("", "mysql", "is empty"),
        ("-- only a comment", "sqlite", "is empty"),
        ("SELECT 1; SELECT 2", "postgresql", "more than one statement"),
        ("SELECT 1 /*!50000 INTO OUTFILE 'x' */", "mysql", "would execute"),
        ("SELECT 1 /*M! INTO OUTFILE 'x' */", "mysql", "would execute"),
        ("SELECT * FROM t FOR UPDATE", "postgresql", "UPDATE"),
        ("SELECT * INTO evil FROM t", "postgresql", "INTO"),
        ("WITH d AS (DELETE FROM t RETURNING 1) SELECT 1 FROM d", "postgresql", "DELETE"),
        ("SELECT set_config('a', 'b', false)", "postgresql", "set_config"),
        ("SELECT pg_terminate_backend(1)", "postgresql", "pg_terminate_backend"),
        ('SELECT "dblink"(1)', "postgresql", "dblink"),
        ("SELECT GET_LOCK('a', 1)", "mysql", "GET_LOCK"),
        ("SELECT 'open", "sqlite", "without end"),
        ("SELECT 1 /* open", "mysql", "without end"),
        ("SELECT /* /* */ 1", "postgresql", "without end"),
        ("SELECT 'a\\'; DELETE FROM t -- '", "postgresql", "more than one statement"),
        ("SELECT :x", "sqlite", ":x, which nothing gives"),
    ],
)
def test_what_is_refused(sql: str, dialect: str, expected: str) -> None:
    assert expected in "\n".join(lint(sql, dialect))


def test_strings_end_where_the_dialect_ends_them() -> None:
    """A backslash escapes in MySQL and E-strings, nowhere else."""
    assert lint(r"SELECT 'a\'; DELETE FROM t -- '", "mysql") == []
    assert lint(r"SELECT E'a\'; DELETE FROM t -- '", "postgresql") == []
    assert lint("SELECT $a$ ; DELETE $a$", "postgresql") == []
    assert lint("SELECT 5--3", "mysql") == []


def test_watermark_must_be_used_and_known() -> None:
    assert lint("SELECT 1 WHERE 1 > :watermark", "mysql", ("watermark",)) == []
    assert lint("SELECT 1", "mysql", ("watermark",)) == ["must use :watermark"]
    assert "(there is :watermark)" in lint("SELECT :watermrk, :watermark", "mysql", ("watermark",))[0]
    # Neither a cast nor a string nor a comment is a place for a value.
    sql = "SELECT a::text, ':watermark' /* :watermark */ FROM t WHERE a > :watermark"
    assert lint(sql, "postgresql", ("watermark",)) == []
    assert bind_percent(sql, "postgresql") == sql.replace("> :watermark", "> %(watermark)s")
    assert bind_percent("SELECT '5%' WHERE a LIKE '%x' AND b > :watermark", "mysql") == (
        "SELECT '5%%' WHERE a LIKE '%%x' AND b > %(watermark)s"
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", []),
        ("SELECT * FROM a, b AS x, s.c d JOIN e ON 1 LEFT JOIN f USING (i)", ["a", "b", "e", "f", "s.c"]),
        ("WITH a AS (SELECT * FROM b), c AS (SELECT 1) SELECT * FROM a JOIN c", ["b"]),
        ("SELECT EXTRACT(HOUR FROM t.x), TRIM(BOTH FROM y) FROM t", ["t"]),
        ("SELECT a IS DISTINCT FROM b FROM t", ["t"]),
        ("SELECT (SELECT MAX(i) FROM u) FROM (SELECT * FROM v) AS w", ["u", "v"]),
        ("SELECT * FROM generate_series(1, 2)", []),
        ('SELECT * FROM "Quoted Name"', ["Quoted Name"]),
    ],
)
def test_tables_of_a_query(sql: str, expected: list[str]) -> None:
    assert tables(sql, "postgresql") == expected


def test_names_fold_as_the_dialect_folds_them() -> None:
    assert tables('SELECT * FROM Tx JOIN "Tx" ON 1', "postgresql") == ["Tx", "tx"]
    assert tables("SELECT * FROM Tx JOIN `sh op`.`t`", "mysql") == ["Tx", "sh op.t"]


@given(anything, st.sampled_from(DIALECTS))
def test_tokens_lose_nothing(sql: str, dialect: str) -> None:
    assert "".join(token.text for token in tokens(sql, dialect)) == sql
    lint(sql, dialect)
    tables(sql, dialect)


@given(anything, st.sampled_from(DIALECTS))
def test_binding_gives_back_the_text(sql: str, dialect: str) -> None:
    """What a pyformat driver makes of it is the text again, with the value in each place."""
    bound = bind_percent(sql, dialect)
    names = {token.text[1:]: token.text for token in tokens(sql, dialect) if token.kind == "param"}
    assert bound % names == sql


@given(
    st.lists(st.sampled_from(["SELECT", "1", "'a;'", ";", "--x\n", "/*;*/", '"b;"', "x", "[;]", " ", "AS"]), max_size=8)
)
def test_what_sqlite_takes_as_several_statements_is_refused(parts: list[str]) -> None:
    """SQLite itself is the oracle: whatever it refuses for holding two statements, the lint refuses."""
    sql = " ".join(parts)
    try:
        sqlite3.connect(":memory:").execute(sql)
    except (sqlite3.ProgrammingError, sqlite3.Warning) as error:
        if "one statement" in str(error):
            assert lint(sql, "sqlite") != []
    except sqlite3.Error:
        pass

"""Findings as people read them: the exact text, because the text is the promise."""

from __future__ import annotations

from textwrap import dedent

import pytest

from monitoring_kit.diagnostics import Diagnostic, Note, Report, Severity, Source, Span
from monitoring_kit.diagnostics.render import Style, clean, render, render_report

TEXT = "version: mkit/v1\nservices:\n  web:\n    expresion: up == 0\n    expr: rate(x[5m])\n"


def finding(span: Span, **more: object) -> Diagnostic:
    return Diagnostic("spec/unknown-key", Severity.ERROR, "unknown key `expresion`", span, **more)  # type: ignore[arg-type]


def drawn(diagnostic: Diagnostic, text: str = TEXT, width: int = 120, color: bool = False) -> str:
    return render(diagnostic, {"mkit.yaml": Source("mkit.yaml", text)}, Style(color, width))


def test_a_caret_stands_under_the_exact_stretch_with_a_note_and_help() -> None:
    note = Note(Span("mkit.yaml", 2, 1, 2, 9), "in this mapping")
    got = drawn(finding(Span("mkit.yaml", 4, 5, 4, 14), help="did you mean `expr`?", notes=(note,)))
    assert got == dedent("""\
        error[spec/unknown-key]: unknown key `expresion`
         --> mkit.yaml:4:5
          |
        2 | services:
          | -------- in this mapping
          :
        4 |     expresion: up == 0
          |     ^^^^^^^^^
          = help: did you mean `expr`?""")


def test_a_note_in_another_file_gets_a_snippet_of_its_own() -> None:
    note = Note(Span("other.yaml", 1, 1, 1, 4), "first written here")
    sources = {"mkit.yaml": Source("mkit.yaml", TEXT), "other.yaml": Source("other.yaml", "web: 1\n")}
    got = render(finding(Span("mkit.yaml", 3, 3, 3, 6), notes=(note,)), sources, Style())
    assert got.splitlines()[4:] == [
        "  |   ^^^",
        " ::: other.yaml:1:1",
        "  |",
        "1 | web: 1",
        "  | --- first written here",
    ]


def test_tabs_wide_letters_and_combining_marks_keep_the_caret_in_place() -> None:
    text = "\tа: 日本 e\u0301x bad\n"
    column = text.index("bad") + 1
    got = drawn(finding(Span("mkit.yaml", 1, column, 1, column + 3)), text)
    caret = got.splitlines()[-1]
    assert caret.index("^") - len("  | ") == 4 + 3 + 4 + 1 + 2 + 1  # tab, `а: `, two wide, space, e+mark and x, space
    assert caret.count("^") == 3


def test_a_span_over_several_lines_is_drawn_to_the_end_of_its_first() -> None:
    got = drawn(finding(Span("mkit.yaml", 2, 1, 5, 3)))
    assert got.splitlines()[-1] == "  | ^^^^^^^^^"


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = "a" * 300 + "BAD" + "b" * 300
    got = drawn(finding(Span("mkit.yaml", 1, 301, 1, 304)), text, width=80)
    line, caret = got.splitlines()[-2:]
    assert len(line) <= 90
    assert line[caret.index("^") : caret.index("^") + 3] == "BAD"
    assert caret.count("^") == 3


@pytest.mark.parametrize(
    "span", [Span("mkit.yaml", 99, 9, 99, 12), Span("mkit.yaml", 4, 500, 4, 600), Span("gone.yaml", 1, 1, 1, 1)]
)
def test_a_place_outside_the_text_is_still_rendered(span: Span) -> None:
    assert str(span) in drawn(finding(span))


def test_nothing_a_terminal_would_obey_gets_through() -> None:
    evil = "\x1b[31mred\x07"
    got = drawn(finding(Span("mkit.yaml", 1, 1, 1, 3), help=evil), f"{evil}\n")
    assert "\x1b" not in got
    assert "\x07" not in got
    assert clean("a\tb\nc\x00") == "a b c\ufffd"


def test_colours_only_when_asked() -> None:
    span = Span("mkit.yaml", 4, 5, 4, 14)
    assert "\x1b" not in drawn(finding(span))
    colored = drawn(finding(span), color=True)
    assert "\x1b[1;31merror[spec/unknown-key]\x1b[0m" in colored


@pytest.mark.parametrize(
    "line",
    ["password: hunter2", "  - password: hunter2", "- https://bob:hunter2@host/x", "slack: {password: hunter2, chanel: x}",
     '"pass word": hunter2', "'p': hunter2", "  - - hunter2"],
)  # fmt: skip
def test_a_secret_is_never_shown_by_any_finding_on_its_line(line: str) -> None:
    report = Report(sources={"mkit.yaml": Source("mkit.yaml", f"{line}\n")})
    report.error("secrets/inline", "a secret", Span("mkit.yaml", 1, 1, 1, 9), secret=True)
    report.error("spec/unknown-key", "unknown key", Span("mkit.yaml", 1, 10, 1, 40))
    text = render_report(report, Style())
    assert "hunter2" not in text
    assert text.count("<hidden>") == 2


def test_a_secret_in_a_block_below_the_key_is_hidden_too() -> None:
    report = Report(sources={"mkit.yaml": Source("mkit.yaml", "a:\n  key: |\n    hunter2\n\n    hunter3\n  b: 1\n")})
    report.error("secrets/inline", "a secret", Span("mkit.yaml", 2, 3, 2, 6), secret=True)
    report.error("x/y", "other", Span("mkit.yaml", 3, 5, 3, 9))
    report.error("x/y", "other", Span("mkit.yaml", 5, 5, 5, 9))
    report.error("x/y", "other", Span("mkit.yaml", 6, 3, 6, 4))
    text = render_report(report, Style())
    assert "hunter" not in text
    assert "b: 1" in text


def test_a_report_is_ordered_counted_and_filtered() -> None:
    report = Report()
    report.info("c/c", "third", Span("b.yaml", 1))
    report.warning("b/b", "second", Span("a.yaml", 9))
    report.error("a/a", "first", Span("a.yaml", 2))
    report.error("a/a", "first", Span("a.yaml", 2))
    text = render_report(report, Style())
    assert [line.split(":")[0] for line in text.splitlines() if "[" in line] == [
        "error[a/a]",
        "warning[b/b]",
        "info[c/c]",
    ]
    assert text.endswith("1 error, 1 warning, 1 note\n")
    assert render_report(report, Style(), Severity.ERROR).endswith("1 error\n")
    assert render_report(Report(), Style()) == ""

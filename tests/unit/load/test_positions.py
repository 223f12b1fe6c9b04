"""A diagnostic must point at the character that the author wrote, however YAML folded it."""

from __future__ import annotations

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitoring_kit.diagnostics import Report, Source
from monitoring_kit.load.nodes import Mapping, Scalar
from monitoring_kit.load.reader import read_yaml


def scalar(text: str) -> tuple[Scalar, Source]:
    source = Source("f", text)
    root = read_yaml(source, Report())
    assert isinstance(root, Mapping)
    value = root.get("k")
    assert isinstance(value, Scalar)
    return value, source


def written_at(source: Source, line: int, column: int) -> str:
    return source.text.split("\n")[line - 1][column - 1]


def check(text: str) -> None:
    """Every visible character that is not an escape stands in the file where the node says."""
    value, source = scalar(text)
    for i, char in enumerate(value.text):
        span = value.at(i, i + 1)
        found = written_at(source, span.line, span.column) if not char.isspace() else char
        assert found == char or (value.style == '"' and found == "\\"), (i, char, span)


def test_styles_by_hand() -> None:
    for text in (
        "k: plain words\n",
        "k: plain\n  folded over\n  lines\n",
        "k: plain\n\n  with a blank line\n",
        "k: 'it''s ''quoted'''\n",
        "k: 'a\n\n  b'\n",
        'k: "tab\\t, snow \\u2603, cont\\\n  inued, new\\nline"\n',
        "k: |\n  sum(\n    up\n  )\n",
        "k: |2\n    leading\n  rest\n",
        "k: >\n  folded text\n  goes on\n\n  and on\n    more indented\n  back\n",
        "k: >-\n   a\n   b\n",
        "k: !!str 12\n",
        "k: &anchor some text\n",
        'k: &a\n  "quoted"\n',
    ):
        check(text)


def test_the_caret_in_a_folded_expression() -> None:
    text = "k: >-\n  sum by (job) (\n    rate(x[5m])\n  ) > 1\n"
    value, _ = scalar(text)
    start = value.text.index("rate")
    span = value.at(start, start + 4)
    assert (span.line, span.column, span.end_line, span.end_column) == (3, 5, 3, 9)


words = st.text(alphabet="ab'\" :#{}[]\\\n\t€😀-", min_size=1, max_size=40)


@settings(max_examples=300, deadline=None)
@given(words, st.sampled_from(["'", '"', "|", ">"]), st.integers(10, 40))
@example("a\n\nb\n", "'", 10)
@example(" a", "|", 10)
def test_any_text_in_any_style(value: str, style: str, width: int) -> None:
    text = yaml.dump({"k": value}, default_style=style, width=width, allow_unicode=True)
    node, _ = scalar(text)
    assert node.text == value
    check(text)

"""The YAML emitter against three readers: both of PyYAML's and, through promtool, Go's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitoring_kit.diagnostics import Span
from monitoring_kit.emit.yaml_scalars import UnwritableError
from monitoring_kit.emit.yaml_text import yaml_text
from monitoring_kit.lower.tree import Branch

READERS = [yaml.SafeLoader, yaml.CSafeLoader]

NASTY = [
    "", " ", "a ", " a", "on", "Off", "y", "N", "yes", "no", "true", "TRUE", "null", "Null", "~", "1", "-1", "+1", "0o7", "007", "0x1F",
    "0b1", "1e3", "1E3", ".5", "1.", "1_000", "190:20:30", "1:20.5", ".inf", "-.inf", ".NaN", "nan", "2001-01-01", "2001-12-14t21:59:43.10-05:00",
    "@a", "*a", "&a", "!a", "%a", "|", ">", "-", "- a", "?", "? a", ":", ": a", "a:", "a: b", "a #b", "#b", "a#b", "'", '"', "a'b", 'a"b',
    "a\\b", "`a", "{a", "[a", "a}", ",", "=", "<<", "---", "--- a", "...", "a\nb", "a\nb\n", "a\n\nb", "\na", "a\n\n", " a\nb", "a\n b", "a\n\tb",
    "a\n b\nc ", "a\r\nb", "\t", "a\tb", "\x01", "\x7f", "\x85", "\xa0", "\u2028", "\ufeff", "é", "日本", "😀", "\\", "\\n", "a\n#b", "a\n---\nb",
    "a\n  \nb", "sum(rate(x{a=\"b\"}[5m])) > 0.05", "{{ $labels.instance }} is down", "5m", "1h30m", "5%", "localhost:9090", "10.0.0.1:9090",
    "a" * 3000, "k: " * 400,
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
)
trees = st.recursive(
    st.one_of(texts, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.parametrize("reader", READERS)
@given(tree=trees)
@example(tree=1e-05)
@example(tree=[[[], {}], [["a\nb"]]])
@example(tree={"a" * 2000: {"b": 1}, "c\n" * 900: "x\ny"})
@settings(max_examples=300, deadline=None)
def test_every_reader_gets_the_data_back(reader: type, tree: object) -> None:
    text, _ = yaml_text(tree, ("a header",))
    back = yaml.load(text, Loader=reader)
    assert back == tree
    assert repr(back) == repr(tree)  # True is not 1, 1.0 is not 1


@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_text_stays_text(text: str) -> None:
    for reader in READERS:
        assert yaml.load(yaml_text({text: [text, {"a": text}]})[0], Loader=reader) == {text: [text, {"a": text}]}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_gos_reader_gets_the_annotations_back(tmp_path: Path) -> None:
    """promtool's rule test compares annotations exactly, so a text that Go reads differently fails it."""
    texts = [t for t in NASTY if len(t) < 500]
    rules = [
        {
            "alert": f"A{i}",
            "expr": "vector(1)",
            "labels": {"n": "on"},
            "annotations": {"text": t.replace("{{ $labels.instance }}", "x")},
        }
        for i, t in enumerate(texts)
    ]
    (tmp_path / "rules.yml").write_text(yaml_text({"groups": [{"name": "on", "rules": rules}]})[0])
    # JSON with every non-ASCII character escaped is an independent writer of the expected side.

    cases = [
        {
            "eval_time": "0m",
            "alertname": r["alert"],
            "exp_alerts": [{"exp_labels": {"n": "on"}, "exp_annotations": r["annotations"]}],
        }
        for r in rules
    ]
    body = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "alert_rule_test": cases}],
    }
    (tmp_path / "test.yml").write_text(json.dumps(body).replace(r"\ud83d\ude00", r"\U0001f600"))
    done = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "test.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_layout_is_block_style_with_a_header() -> None:
    tree = {
        "groups": [{"name": "a", "rules": [{"expr": "up == 0\n  or x", "for": "5m", "labels": {}}], "x": []}],
        "limit": 0.05,
    }
    assert yaml_text(tree, ("one", "two"))[0] == (
        "# one\n# two\ngroups:\n  - name: a\n    rules:\n      - expr: |-\n          up == 0\n            or x\n"
        "        for: 5m\n        labels: {}\n    x: []\nlimit: 0.05\n"
    )


@pytest.mark.parametrize("value", ["a\0b", "\ud800", float("inf"), float("nan"), object(), {1: 2}, {"a": {1, 2}}])
def test_what_no_file_can_hold_is_refused(value: object) -> None:
    with pytest.raises(UnwritableError):
        yaml_text({"a": [value]})


def test_the_source_map_finds_the_innermost_branch() -> None:
    outer, inner, last = Span("s", 1), Span("s", 2), Span("s", 3)
    tree = Branch(outer, a=1, rules=[Branch(inner, expr="x\ny", b=2), {"c": Branch(last, d="e")}], z=3)
    text, source_map = yaml_text(tree, ("h",))
    lines = text.splitlines()
    found = {line: source_map.at(n) for n, line in enumerate(lines, 1)}
    assert found["# h"] is None
    assert {line.strip(): mark.origin.line for line, mark in found.items() if mark} == {
        "a: 1": 1, "rules:": 1, "- expr: |-": 2, "x": 2, "y": 2, "b: 2": 2, "- c:": 1, "d: e": 3, "z: 3": 1,
    }  # fmt: skip

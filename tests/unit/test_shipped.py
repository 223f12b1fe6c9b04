"""Shipped data is read by an own builder: it must read what PyYAML reads, or leave it to PyYAML."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_kit.shipped import MAX_DEPTH, folder, plain_yaml, yaml_of

FILES = sorted(
    file
    for package in ("monitoring_kit.rules", "monitoring_kit.dashboards", "monitoring_kit.lower")
    for file in folder(package).rglob("*.yaml")
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_shipped_file_reads_as_pyyaml_reads_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    # The text of the data tells 1 from 1.0 and True.
    assert repr(plain_yaml(text)) == repr(yaml.load(text, Loader=yaml.CSafeLoader))


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "x", "1", "a:", "- 1\n- 1.5\n- 1e3\n- yes\n- ~\n- \"1\"\n- '~'\n- 0x1f\n- 0o7\n- 1_000\n- 1:30\n- .inf\n- -\n-",
        "a: &x [1]\nb: *x\n", "<<: {a: 1}\nb: 2", "? [a]\n: b", "- 2001-01-01\n- =", "!!str 1", "a: 1\na: 2", "a: |\n  x\n  y\nb: >-\n  x\n  y",
    ],
)  # fmt: skip
def test_corners_of_yaml_are_read_as_pyyaml_reads_them(text: str) -> None:
    try:
        wanted = repr(yaml.safe_load(text))
    except yaml.YAMLError as error:
        with pytest.raises(type(error)):
            plain_yaml(text)
    else:
        assert repr(plain_yaml(text)) == wanted


@pytest.mark.parametrize("text", ["{", "a: 1\n---\nb: 2", "a: !unknown 1", "a: *nowhere", "\tx: 1"])
def test_what_is_no_single_document_is_refused_as_pyyaml_refuses_it(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(text)
    with pytest.raises(yaml.YAMLError):
        plain_yaml(text)


scalars = st.one_of(st.text(max_size=8), st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
trees = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner)), max_leaves=12
)  # fmt: skip


@given(trees)
@settings(max_examples=150, deadline=None)
def test_what_pyyaml_writes_comes_back(tree: object) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)
    assert repr(plain_yaml(text)) == repr(yaml.safe_load(text))


def test_a_file_that_is_not_there_is_an_os_error() -> None:
    with pytest.raises(OSError, match="nowhere"):
        yaml_of("monitoring_kit.rules", "nowhere.yaml")


@pytest.mark.parametrize("anchor", ["", "&a "])
def test_what_nests_too_deeply_is_refused_and_ends(anchor: str) -> None:
    deep = MAX_DEPTH - 1
    text = f"{anchor}x: " + "[" * deep + "1" + "]" * deep
    assert plain_yaml(text) == yaml.safe_load(text)
    for levels in (MAX_DEPTH, 5_000):
        text = "x: " + "[" * levels + "]" * levels
        with pytest.raises(yaml.YAMLError, match="nesting"):
            plain_yaml(text)
    with pytest.raises(yaml.YAMLError):
        plain_yaml("&a [" * 5_000 + "]" * 5_000)

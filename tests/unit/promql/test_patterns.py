"""The regular expressions of the package run on every Python that it supports."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

import monitoring_kit
from monitoring_kit.promql import parse
from monitoring_kit.promql.errors import PromQLError
from monitoring_kit.promql.tokens import NUMBER_OR_DURATION, SKIP

# A quantifier with a `+` behind it, or an atomic group, in something that is a pattern.
_POSSESSIVE = re.compile(r"(?<!\\)(?:[)\]*+?}]|\\.)[*+?]\+|\(\?>")


def test_no_possessive_quantifiers_which_python_3_11_2_gets_wrong() -> None:
    """gh-101955: SystemError 'The span of capturing group is wrong' before 3.11.5; Debian 12 has 3.11.2."""
    for pattern in (SKIP, NUMBER_OR_DURATION):
        assert not _POSSESSIVE.search(pattern)
    assert _POSSESSIVE.search(r"[ \t]++")
    assert _POSSESSIVE.search(r"(?:a|b)*+")
    root = Path(monitoring_kit.__file__).parent
    found = []
    for path in root.rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for literal in re.findall(r"""r[f]?(["'])(.*?)\1|[f]r(["'])(.*?)\3""", line):
                if re.search(r"[\])}][*+?]\+|\(\?>", "".join(literal)):
                    found.append(f"{path.name}:{number}")
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "sum(rate(x[5m])) by (a) > 1e-3",
        "x{a='b', # why\n c=~\"d\"}[5m:1m] offset 1h",
        "# one\n# two\nx # three\n + 0x1F",
        "x[5m # five\n]",
        "\t x  #",
        "#a\r#b\r\nx",
    ],
)
def test_comments_and_numbers(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    "text", ["#" * 20_000, "x " + "# #" * 20_000 + "\n!", "1" * 20_000 + "!", " " * 20_000 + "!", "1e+" * 9_000]
)
def test_no_text_makes_the_tokeniser_slow(text: str) -> None:
    start = time.process_time()
    with pytest.raises(PromQLError):
        parse(text)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("text", ["1e+5x", "5mm", "0x1g", "1..2"])
def test_a_bad_number_is_named_whole(text: str) -> None:
    with pytest.raises(PromQLError, match=re.escape(text)):
        parse(f"x > {text}")

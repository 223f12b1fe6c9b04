from __future__ import annotations

import pytest

from monitoring_kit.promql.re2 import RE2Error, analyse


@pytest.mark.parametrize(
    ("pattern", "empty"),
    [
        ("", True),
        (".*", True),
        (".+", False),
        ("a|", True),
        ("a|b", False),
        ("(a|b)?", True),
        ("^$", True),
        ("\\b", False),
        ("\\B", True),
        ("a{0}", True),
        ("a{0,3}", True),
        ("a{2}", False),
        ("(a*)(b*)", True),
        ("(a*)(b+)", False),
        ("(?i)", True),
        ("(?:)+", True),
        ("[^a]", False),
        ("\\Q\\E", True),
        ("x\\Q\\E*", True),
        (".*|x", True),
        ("(?i:a)|(?P<n>b*)", True),
    ],
)
def test_matching_the_empty_label(pattern: str, empty: bool) -> None:
    assert analyse(pattern).matches_empty is empty


@pytest.mark.parametrize(
    ("pattern", "message", "part"),
    [
        ("a)b", "unexpected )", ")"),
        ("(a", "missing closing )", "(a"),
        ("[a", "missing closing ]", "[a"),
        ("x[z-a]", "invalid character class range", "z-a"),
        ("*a", "missing argument", "*"),
        ("a+*", "nested repetition", "+*"),
        ("a{2}{3}", "nested repetition", "{2}{3}"),
        ("a{1001}", "repeat count", "{1001}"),
        ("(a{100}){11}", "repeat count", "{11}"),
        ("\\8", "invalid escape", "\\8"),
        ("\\1", "invalid escape", "\\1"),
        ("\\pX", "unknown Unicode class", "\\pX"),
        ("[[:foo:]]", "character class range", "[:foo:]"),
        ("(?=a)", "Perl syntax", "(?="),
        ("(?P<a b>x)", "named capture", "(?P<a b>"),
        ("a\\", "trailing backslash", "\\"),
        ("\\x{110000}", "invalid escape", "\\x"),
    ],
)
def test_what_go_refuses(pattern: str, message: str, part: str) -> None:
    with pytest.raises(RE2Error) as caught:
        analyse(pattern)
    assert message in caught.value.message
    assert pattern[caught.value.start : caught.value.end] == part


@pytest.mark.parametrize(
    "pattern", ["\\p{Greek}", "\\PN", "[]a]", "[^]a]", "[a-]", "{", "a{,3}", "\\Qa(b", "\\_", "x{1000}"]
)
def test_what_go_takes(pattern: str) -> None:
    assert analyse(pattern).matches_empty is False


def test_what_versions_disagree_on() -> None:
    assert analyse("(?<n>a)").angle_groups
    assert not analyse("(?P<n>a)").angle_groups
    assert analyse("\\Qa").open_quote
    assert not analyse("\\Qa\\E").open_quote
    with pytest.raises(RE2Error, match="too large"):
        analyse("(" + "abcdefgh" * 500 + "){1000}")

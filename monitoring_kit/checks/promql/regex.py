"""A regular expression that is none, or has anchors that Prometheus adds itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitoring_kit.checks.finding import INFO, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/regex"
_PLAIN = re.compile(r"[^.*+?()\[\]{}|\\^$]+")


def run(node: ast.VectorSelector, subject: Subject) -> Iterable[Finding]:
    for matcher in node.matchers:
        value = matcher.value
        if matcher.op not in ("=~", "!~") or "$" in value[:-1] or matcher.name == ast.METRIC_NAME:
            continue
        start, end = matcher.value_span
        bare = end - start == len(value) + 2
        if value.startswith("^") or (value.endswith("$") and not value.endswith("\\$")):
            inner = value.removeprefix("^").removesuffix("$")
            if "|" in inner:
                continue  # the anchors bind only the outer alternatives: another meaning
            yield Finding(
                CODE, INFO, "the anchors are of no use: Prometheus anchors every pattern itself", matcher.value_span, f"write `{inner}`",
                fix=((start + 1, end - 1), inner) if bare else None,
            )  # fmt: skip
        elif value in (".*", "") and matcher.op == "=~":
            yield Finding(CODE, INFO, f'`{matcher.name}=~"{value}"` selects everything', matcher.span, "leave it out")
        elif value == ".*":
            yield Finding(
                CODE,
                WARNING,
                f'`{matcher.name}!~".*"` selects nothing at all',
                matcher.span,
                'leave it out, or write `!~".+"` for series without the label',
            )
        elif _PLAIN.fullmatch(value) and not subject.generated and "$" not in value:
            text = subject.text[matcher.span[0] : matcher.span[1]]
            fixed = text.replace("=~", "=", 1) if matcher.op == "=~" else text.replace("!~", "!=", 1)
            at = text.find(matcher.op) + matcher.span[0]
            yield Finding(
                CODE, INFO, "this is a plain text, not a pattern: a comparison is faster and says what is meant", matcher.span, f"write `{fixed}`",
                fix=((at, at + 2), "=" if matcher.op == "=~" else "!="),
            )  # fmt: skip


CHECK = Check(CODE, ast.VectorSelector, run)

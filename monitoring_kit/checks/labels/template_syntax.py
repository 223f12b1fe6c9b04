"""A template that calls an unknown function or does not close an action."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, Check, Finding, Subject
from monitoring_kit.checks.templates import FUNCTIONS, functions, unclosed, unknown_functions
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.promql import ast

CODE = "labels/template-syntax"


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    target = subject.world.prometheus
    for field, template in {**subject.annotations, **{f"labels.{n}": v for n, v in subject.labels.items()}}.items():
        broken = unclosed(template)
        if broken is not None:
            yield Finding(
                CODE,
                ERROR,
                "this action is never closed: the rule file would not load",
                broken,
                "close it with `}}`",
                field=field,
            )
            continue
        for word in unknown_functions(template):
            help_ = did_you_mean(word.text, FUNCTIONS, "functions")
            yield Finding(
                CODE,
                ERROR,
                f"templates have no function `{word.text}`: the rule file would not load",
                word.span,
                help_,
                field=field,
            )
        for word in functions(template):
            since = FUNCTIONS[word.text]
            if since and target and _version(target) < _version(since):
                yield Finding(
                    CODE,
                    ERROR,
                    f"`{word.text}` is there since Prometheus {since}, the target is {target}",
                    word.span,
                    "raise `compatibility.prometheus` or do without",
                    field=field,
                )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


CHECK = Check(CODE, None, run, uses=frozenset(("alert",)))

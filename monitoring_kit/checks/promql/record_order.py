"""A rule that reads a recorded series before it is recorded."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Finding, GroupCheck, Subject
from monitoring_kit.promql.walk import metric_name, selectors

CODE = "promql/record-order"


def run(subjects: list[Subject]) -> Iterable[tuple[Subject, Finding]]:
    recorded: dict[tuple[str, str], int] = {}
    for number, about in enumerate(subjects):
        if about.use == "record" and not about.generated:
            recorded.setdefault((about.group, about.name), number)
    for number, about in enumerate(subjects):
        if about.use == "panel" or about.generated:
            continue
        for selector in selectors(about.expr):
            at = recorded.get((about.group, metric_name(selector) or ""))
            if at is not None and at > number:
                yield about, Finding(
                    CODE, WARNING, f"`{subjects[at].name}` is recorded later in the same group: this reads the value of the evaluation before",
                    selector.span, "move the recording rule up",
                )  # fmt: skip


CHECK = GroupCheck(CODE, run)

"""Checking expressions that no spec holds: rule files and dashboards as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitoring_kit.checks.engine import findings
from monitoring_kit.checks.finding import Finding, Subject
from monitoring_kit.checks.registry import group_checks


def lint(subjects: Iterable[Subject]) -> Iterator[tuple[Subject, Finding]]:
    """Everything that is found in ``subjects`` (see `engine.subject`), each with the subject it is in.

    The rules of a group must come in the order of their file. Spans are stretches of ``Subject.text``, or of the text of
    the field that the finding names; the caller knows where those stand.
    """
    together = list(subjects)
    for about in together:
        for finding in findings(about):
            yield about, finding
    for check in group_checks():
        yield from check.run(together)

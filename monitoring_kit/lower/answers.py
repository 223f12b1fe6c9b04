"""Whether what a service stands for answers: one condition for its alerts and for what its dashboards show."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.promql.ast import Binary, Expr, Matcher, VectorSelector
from monitoring_kit.resolve.system import ServiceView


def answers(view: ServiceView, *which: Matcher) -> Expr:
    """1 for each target of ``view`` that answers, 0 for one that does not; ``which`` narrows them. Behind an exporter it is
    what the exporter looks at that counts: a dead database leaves its exporter's ``up`` at 1. When the scrape itself fails,
    its gauges are gone and ``up`` speaks.
    """
    return _first(_gauges([view], which), VectorSelector("up", (_of_jobs([view.job]), *which)))


def all_answers(views: Iterable[ServiceView], *which: Matcher) -> Expr:
    """The same for the targets of a whole system, each service by its own gauge where it has one."""
    return _first(_gauges(views, which), VectorSelector("up", which))


def _gauges(views: Iterable[ServiceView], which: tuple[Matcher, ...]) -> list[VectorSelector]:
    """The gauges of what stands behind exporters, each of the jobs that are judged by it: another job's may mean nothing."""
    jobs: dict[str, list[str]] = {}
    for view in views:
        if view.alive is not None:
            jobs.setdefault(view.alive, []).append(view.job)
    return [VectorSelector(name, (_of_jobs(jobs[name]), *which)) for name in sorted(jobs)]


def _of_jobs(jobs: list[str]) -> Matcher:
    if len(jobs) == 1:
        return Matcher("job", "=", jobs[0])
    # Names hold `.` and `-`; only the first means something in RE2.
    return Matcher("job", "=~", "|".join(job.replace(".", "\\.") for job in jobs))


def _first(gauges: list[VectorSelector], up: Expr) -> Expr:
    found: Expr | None = None
    for part in (*gauges, up):
        found = part if found is None else Binary("or", found, part)
    assert found is not None
    return found

"""What changes in prometheus.yml: scrape jobs and everything beside them."""

from __future__ import annotations

from typing import Any

from monitoring_kit.write.change import Change, compare, numbered
from monitoring_kit.write.deep import Detail, deep, same, without


def diff_prometheus(path: str, before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Compare two prometheus.yml."""
    jobs = [
        numbered([(str(job.get("job_name")), job) for job in c.get("scrape_configs") or ()]) for c in (before, after)
    ]
    remotes = [
        numbered([(str(r.get("name") or r.get("url")), r) for r in c.get("remote_write") or ()])
        for c in (before, after)
    ]
    rest = [without(c, "scrape_configs", "remote_write") for c in (before, after)]
    return [
        *compare("scrape job", path, jobs[0], jobs[1], _describe_job),
        *compare("remote write", path, remotes[0], remotes[1]),
        *compare("prometheus setting", path, rest[0], rest[1]),
    ]


def _describe_job(before: dict[str, Any], after: dict[str, Any]) -> list[Detail]:
    """Targets as members where they carry the same labels; the rest value by value."""
    one, two = (_targets(job) for job in (before, after))
    if one is None or two is None or not same(one[1], two[1]):
        return deep(before, after)
    rest = (without(before, "static_configs"), without(after, "static_configs"))
    return deep(one[0], two[0], "targets") + deep(rest[0], rest[1])


def _targets(job: dict[str, Any]) -> tuple[list[str], Any] | None:
    """The targets of a job with one static config, and that config without them."""
    configs = job.get("static_configs") or []
    if len(configs) != 1 or not isinstance(configs[0], dict):
        return None
    return list(configs[0].get("targets") or ()), without(configs[0], "targets")

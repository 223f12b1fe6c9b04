"""The histories: one series a case, sampled every five minutes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.unit.lower.history_help import PER_DAY

HEAD = """\
version: mkit/v1
system: shop
channels:
  mail: {kind: webhook, url: 'http://hook:1/'}
"""
Curve = Callable[[float], float | None]
Samples = list[float | None]


def sampled(days: float, curve: Curve) -> Samples:
    """``curve`` of the day, at every five minutes of ``days``."""
    return [curve(i / PER_DAY) for i in range(round(days * PER_DAY) + 1)]


@dataclass(frozen=True)
class History:
    """A spec, its alerts, and ``cases``: what happens -> the samples of ``record`` with that ``label``."""

    spec: str
    alerts: tuple[str, ...]
    record: str
    labels: str
    label: str
    days: float
    cases: dict[str, Samples]

    def series(self) -> dict[str, Samples]:
        """The series of all cases by their selectors."""
        return {f'{self.record}{{{self.labels},{self.label}="{case}"}}': one for case, one in self.cases.items()}


EVENT, ANOMALY_DAYS = 15.5, 16.6
CHANGES: dict[str, Callable[[float], float | None]] = {
    "quiet": lambda x: x,
    "growth": lambda x: x,
    "zero": lambda x: 0.0,
    "gone": lambda x: None,
    "spike": lambda x: 3 * x,
    "half": lambda x: x / 2,
    "less": lambda x: 0.7 * x,
}


def anomaly() -> History:
    """A daily sine with 5 % noise, one of them growing by 1 % a day; then something happens at noon."""

    def traffic(case: str) -> Samples:
        noise, growth = random.Random(case), 0.01 if case == "growth" else 0

        def at(day: float) -> float | None:
            usual = (100 + 50 * math.sin(2 * math.pi * day)) * (1 + growth * day) * (1 + 0.05 * noise.gauss(0, 1))
            return usual if day < EVENT else CHANGES[case](usual)

        return sampled(ANOMALY_DAYS, at)

    spec = (
        "prometheus: {retention: {time: 15d}}\nservices:\n  web: {kind: http, scrape: {targets: ['a:1']}}\n"
        "alerts:\n  odd: {anomaly: traffic, severity: warning}\n"
    )
    cases = {case: traffic(case) for case in CHANGES}
    return History(
        HEAD + spec, ("odd", "oddZero"), "service:traffic:rate5m", 'service="web"', "case", ANOMALY_DAYS, cases
    )


CAPACITY_DAYS, LIMIT = 16.0, 0.95
LEAKS: dict[str, Curve] = {
    "leak": lambda d: 0.2 + 0.8 * d / 24,
    "leak and season": lambda d: 0.3 + 0.1 * math.sin(2 * math.pi * d) + max(0.0, d - 8) * 0.04,
    "fast": lambda d: 0.3 + min(0.65, max(0.0, d - 8) * 0.1),
}


# The day on which each begins: an alert before it is false.
BEGINS = {"leak": 0.0, "leak and season": 8.0, "fast": 8.0}


def full_on(case: str) -> float:
    """The day on which a leak is first at the limit."""
    curve = LEAKS[case]
    return next(i / PER_DAY for i in range(100 * PER_DAY) if (curve(i / PER_DAY) or 0) > LIMIT - 1e-9)


def capacity() -> History:
    """Seasons, rotation and leaks on a disk with a hard limit of 95 %, looking 14 days ahead."""
    noise = random.Random(7)
    curves: dict[str, Curve] = {
        "seasonal": lambda d: 0.6 + 0.25 * math.sin(2 * math.pi * d),
        "rotated": lambda d: 0.3 + 0.6 * (d % 1),
        "rotated weekly": lambda d: 0.3 + 0.6 * (d / 7 % 1),
        "noise": lambda d: 0.7 + 0.08 * noise.gauss(0, 1),
        **LEAKS,
    }
    spec = (
        "services:\n  host: {kind: node, scrape: {targets: ['a:1']}}\n"
        "alerts:\n  full: {capacity: {signals: disk, horizon: 14d}, severity: warning}\n"
    )
    cases = {case: sampled(CAPACITY_DAYS, curve) for case, curve in curves.items()}
    return History(
        HEAD + spec, ("full",), "service:disk:ratio", 'service="host",instance="a"', "mountpoint", CAPACITY_DAYS, cases
    )

"""Leaving out what the author disabled, and telling when that has no effect any more."""

from __future__ import annotations

import datetime

from monitoring_kit.checks.finding import Subject
from monitoring_kit.checks.registry import all_codes
from monitoring_kit.diagnostics import Diagnostic, Report
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.checks import Disable


class Disabled:
    """Takes findings and reports those that no ``disable`` of the spec covers."""

    def __init__(self, system: System, report: Report, today: datetime.date | None = None) -> None:
        self.report = report
        self.items: list[Disable] = []
        self.used: set[int] = set()
        checks = system.spec.checks
        for item in checks.disable if checks is not None else ():
            if item.id not in all_codes():
                report.warning(
                    "checks/unknown", f"there is no check `{item.id}` to disable", item.at("id"),
                    help=did_you_mean(item.id, all_codes(), "checks"),
                )  # fmt: skip
            elif item.until is not None and _expired(item.until, today):
                report.warning(
                    "checks/expired", f"`{item.id}` was disabled until {item.until}: its findings are reported again", item.at("until"),
                    help="mend what it finds, or set a later date with a reason that still holds",
                )  # fmt: skip
            else:
                self.items.append(item)

    def add(self, about: Subject, diagnostic: Diagnostic) -> None:
        """Report ``diagnostic`` unless it is disabled for ``about``."""
        for item in self.items:
            if item.id == diagnostic.code and item.where in (None, about.name):
                self.used.add(id(item))
                return
        self.report.add(diagnostic)

    def finish(self) -> None:
        """Report every disable that covered nothing."""
        for item in self.items:
            if id(item) not in self.used:
                where = f" in `{item.where}`" if item.where else ""
                self.report.warning(
                    "checks/stale", f"`{item.id}` finds nothing{where}: it need not be disabled", item.at("id"),
                    help="remove the entry, so that the next finding is seen",
                )  # fmt: skip


def _expired(until: str, today: datetime.date | None) -> bool:
    try:
        return datetime.date.fromisoformat(until) < (today or datetime.date.today())
    except ValueError:
        return True

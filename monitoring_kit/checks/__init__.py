"""Stage 5, check: what is wrong with a system although each part of it is well formed."""

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.model import Model
from monitoring_kit.resolve.system import System


def run_checks(system: System, model: Model, report: Report) -> None:
    """Run every check; findings go to ``report``."""
    from monitoring_kit.checks.run import check_system

    check_system(system, model, report)

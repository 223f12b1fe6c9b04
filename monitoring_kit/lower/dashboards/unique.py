"""Two dashboards must never share a uid or a title: Grafana would take either, by chance."""

from __future__ import annotations

from monitoring_kit.diagnostics import Note, Report, Span
from monitoring_kit.lower.dashboards.context import Context
from monitoring_kit.lower.dashboards.provisioning import folder_title
from monitoring_kit.lower.tree import Branch

# Grafana's limit (pkg/services/dashboards: MaxUIDLength... uids are stored in 40 characters).
MAX_UID = 40


def check_unique(context: Context, boards: list[Branch]) -> None:
    """Report uids and titles that two dashboards share, uids that are too long, and folder names that Grafana refuses."""
    _check(context.report, boards, "uid", "uid", "give one of them another `uid`, or rename it")
    _check(
        context.report,
        boards,
        "title",
        "title in one folder",
        "rename one of them: Grafana refuses two dashboards of one title in a folder",
    )
    for board in boards:
        if len(board["uid"]) > MAX_UID:
            context.report.error(
                "dashboards/uid",
                f"the uid `{board['uid']}` has {len(board['uid'])} characters, {MAX_UID} are the most",
                _origin(board),
                help="shorten it",
            )
    folder = folder_title(context)
    if "%" in folder or "/" in folder:
        context.report.error(
            "dashboards/folder",
            f"Grafana cannot have a folder named `{folder}`",
            context.system.spec.grafana.at("folder"),
            help="leave out `/` and `%`",
        )


def _check(report: Report, boards: list[Branch], key: str, what: str, help_: str) -> None:
    seen: dict[str, Branch] = {}
    for board in boards:
        # Grafana compares titles and uids without regard to case on MySQL and SQLite.
        first = seen.setdefault(board[key].lower(), board)
        if first is not board:
            report.error(
                "dashboards/duplicate", f"two dashboards with one {what}: `{board[key]}`", _origin(board),
                help=help_, notes=(Note(_origin(first), f"the other one, `{first['title']}`"),),
            )  # fmt: skip


def _origin(board: Branch) -> Span:
    return board.origin or Span("")

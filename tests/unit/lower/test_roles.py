"""Roles become Grafana permissions, in the form that the Terraform provider documents."""

from __future__ import annotations

import json
from collections.abc import Callable

from monitoring_kit.pipeline import Compilation
from tests.conftest import CHANNEL, HEAD, marked

WEB = (
    "services:\n  web: {kind: http, scrape: {targets: ['w:1']}}\n"
    "dashboards:\n  board: {title: Board, panels: [{title: E, signal: errors}]}\n  own: {title: Own, uid: mine, panels: [{title: E, signal: errors}]}\n"
)
ROLES = (
    "access:\n  roles:\n    user: {view: [board]}\n    admin: {manage: all}\n    auditor: {view: all, read: audit}\n"
    "    machine: {write: metrics}\n    night-shift: {view: [board, own]}\n"
)


def test_permissions(compile_text: Callable[..., Compilation]) -> None:
    result = compile_text(HEAD + CHANNEL + WEB + ROLES)
    assert result.ok, list(result.report)
    data = json.loads(result.outputs["grafana/access/mkit.tf.json"].data)["resource"]
    assert {t["name"] for t in data["grafana_team"].values()} == {
        "shop user", "shop admin", "shop auditor", "shop machine", "shop night-shift"
    }  # fmt: skip

    def granted(resource: dict[str, object]) -> dict[str, str]:
        return {p["team_id"].split(".")[1]: p["permission"] for p in resource["permissions"]}  # type: ignore[attr-defined]

    assert granted(data["grafana_folder_permission"]["mkit"]) == {"role_admin": "Admin", "role_auditor": "View"}
    boards = data["grafana_dashboard_permission"]
    assert granted(boards["board"]) == {"role_user": "View", "role_night_shift": "View"}
    assert (boards["own"]["dashboard_uid"], granted(boards["own"])) == ("mine", {"role_night_shift": "View"})
    # Every uid is one that the provisioning gives: the folder's and the dashboards' own.
    folder = result.outputs["grafana/provisioning/dashboards/mkit.yml"].data.decode()
    assert data["grafana_folder_permission"]["mkit"]["folder_uid"] in folder
    uids = {
        json.loads(o.data)["uid"]
        for p, o in result.outputs.items()
        if p.startswith("grafana/dashboards/") and p.endswith(".json")
    }
    assert {b["dashboard_uid"] for b in boards.values()} <= uids
    page = result.outputs["docs/access.md"].data.decode()
    assert "| user | `board` |" in page
    assert "| auditor | everything |" in page


def test_mistakes(compile_text: Callable[..., Compilation]) -> None:
    for roles, code, help_ in (
        ("{view: [«bord»]}", "access/unknown", "did you mean `board`?"),
        ("{write: [«metric»]}", "access/unknown", "did you mean `metrics`?"),
        ("{}", "access/empty", "view: all"),
    ):
        text, place = marked(HEAD + CHANNEL + WEB + f"access:\n  roles:\n    r: {roles}\n")
        (found,) = compile_text(text).report
        assert (found.code, help_ in found.help) == (code, True)
        if place:
            assert (found.span.line, found.span.column) == place[:2]


def test_no_roles_no_files(compile_text: Callable[..., Compilation]) -> None:
    assert not [p for p in compile_text(HEAD + CHANNEL + WEB).outputs if "access" in p]

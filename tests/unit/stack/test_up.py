"""`mkit up` in this process: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from monitoring_kit.cli.up import command
from tests.unit.stack.quick_spec import SPEC, needs_servers


def test_a_wrong_spec_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "mkit.yaml").write_text(SPEC.replace("kind: http", "kind: htp"))
    done = CliRunner().invoke(command, [str(tmp_path / "mkit.yaml")])
    assert done.exit_code == 1
    assert "Prometheus" not in done.stdout


def test_a_wrong_duration_is_wrong_usage(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "mkit.yaml"), "--for", "5 minutes"])
    assert done.exit_code == 2
    assert "`5 minutes` is no duration" in done.output


@needs_servers
def test_the_servers_run_for_the_given_time_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "mkit.yaml").write_text(SPEC)
    done = CliRunner().invoke(command, [str(tmp_path / "mkit.yaml"), "--for", "2s"])
    assert done.exit_code == 0, done.output
    for part in ("Prometheus ", "Alertmanager ", "web ", "break one: curl -X POST", "Ctrl-C"):
        assert part in done.stdout

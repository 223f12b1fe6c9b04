"""The demo on a spec with short windows: every step is seen, and a step that is not seen fails it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring_kit.stack import demo
from tests.e2e.test_stack import SPEC

pytestmark = pytest.mark.e2e


def test_every_step_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(SPEC)
    monkeypatch.setattr(demo, "TRAFFIC_SECONDS", 15.0)
    monkeypatch.setattr("sys.argv", ["demo", str(path)])
    demo.main()
    out = capsys.readouterr().out
    for step in (
        "set up",
        "generate",
        "verify",
        "collect",
        "break web",
        "Errors fires",
        "notifications",
        "heal web",
        "resolve",
        "stop",
    ):
        assert step in out, out
    assert "mail, chat, page" in out


def test_a_notification_that_never_comes_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(SPEC)
    monkeypatch.setattr(demo, "TRAFFIC_SECONDS", 5.0)
    monkeypatch.setattr(demo, "NOTIFICATION_GOAL", 5.0)
    monkeypatch.setattr("monitoring_kit.stack.running.Stack.fault", lambda self, service, mode: 0.0)
    monkeypatch.setattr("sys.argv", ["demo", str(path)])
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == 1
    assert "NOT SEEN" in capsys.readouterr().err


def test_a_spec_without_a_fitting_alert_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(SPEC.split("alerts:")[0] + "channels:\n  m: {kind: webhook, url: 'http://h/'}\n")
    monkeypatch.setattr("sys.argv", ["demo", str(path)])
    with pytest.raises(SystemExit):
        demo.main()
    assert "no critical alert on an error ratio" in capsys.readouterr().err
